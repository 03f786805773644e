"""Point in time: the values of every feature group at any moment of a world's past.

Training rows and snapshots are both answers of this one object; a snapshot is the same question asked of all
users or items at one tick.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.interactions import Interactions, interactions
from streamrec_explain.events.world import World
from streamrec_explain.features.as_of import Cut, Timeline
from streamrec_explain.features.catalogue import UNKNOWN, Catalogue
from streamrec_explain.features.item_features import ItemHistory
from streamrec_explain.features.observations import Observations, market_names, observations
from streamrec_explain.features.spec import FeatureSpec, Group
from streamrec_explain.features.ticks import Windows, ticks
from streamrec_explain.features.user_features import UserHistory

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class PointInTime:
    """A world's past, to be asked what was known of users and items strictly before a refresh tick."""

    def __init__(self, world: World, spec: FeatureSpec, catalogue: Catalogue) -> None:
        """FeatureError if the catalogue's items are not the world's, in its order."""
        self._world, self._spec, self._catalogue = world, spec, catalogue
        self._windows = Windows.of(world.refresh_ms)
        self.markets = market_names(world)
        self._seen: Observations = observations(world, catalogue)

    def user_values(self, users: Codes, times: Ints) -> Floats:
        """User features as of the last tick at or before each time, float64 [n, n_user]; -1: unknown user."""
        return self._stack("user", self._users.columns(users, ticks(times, self._world.refresh_ms)))

    def user_values_without(self, users: Codes, removed: Sequence[Codes], times: Ints) -> Floats:
        """User features as they would be had user k never engaged with the items `removed[k]`: [n, n_user].

        The impressions in which they did are gone, all others stand; everybody else did what they did.
        """
        shorter = self._users.without(users, removed)
        at = ticks(times, self._world.refresh_ms)
        return self._stack("user", shorter.columns(np.arange(len(users), dtype=np.int32), at))

    def item_values(self, items: Codes, markets: Codes, times: Ints) -> tuple[Floats, Floats]:
        """Item features float64 [n, n_item] and trend facts [n, 5] as of the last tick at or before each.

        `markets` are indices into `self.markets`; item -1 is unknown.
        """
        at = ticks(times, self._world.refresh_ms)
        facts = self._items.facts(items, markets, at)
        return self._stack("item", self._items.columns(items, markets, at, facts)), facts

    def histories(self, users: Codes, times: Ints) -> Cut:
        """Where in `self.interactions` the engaged events of each user strictly before each time are."""
        return Timeline(self.interactions.offsets, self.interactions.time_ms).before(users, times)

    @cached_property
    def interactions(self) -> Interactions:
        """The engaged events of all users in time order."""
        return interactions(self._world)

    @cached_property
    def _users(self) -> UserHistory:
        signup = pc.fill_null(self._world.users["signup_time_ms"], UNKNOWN).to_numpy()
        return UserHistory.of(self._seen, self._catalogue, signup, self._windows)

    @cached_property
    def _items(self) -> ItemHistory:
        return ItemHistory(self._seen, self._catalogue, len(self.markets), self._windows)

    def _stack(self, group: Group, columns: dict[str, Floats]) -> Floats:
        """The columns in spec order, each with its missing rule applied."""
        names, missing = self._spec.names_of(group), self._spec.missing(group)
        unknown = [name for name in names if name not in columns]
        if unknown:
            raise FeatureError(f"feature spec: {unknown[0]} is not a {group} feature that can be computed")
        values = np.empty((len(next(iter(columns.values()))), len(names)))
        for place, name in enumerate(names):
            values[:, place] = np.where(np.isnan(columns[name]), missing[place], columns[name])
        return values
