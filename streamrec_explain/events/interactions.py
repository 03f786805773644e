"""Histories: each user's engaged impressions in time order, as flat arrays."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.world import World

ENGAGED_WATCH_FRACTION = 0.5


@dataclass(frozen=True)
class History:
    """One user's engaged events, oldest first; all arrays have the same length."""

    item: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    sequence: NDArray[np.int32]
    row: NDArray[np.int64]


@dataclass(frozen=True)
class Interactions:
    """The engaged events of all users, sorted by (user code, time, impression row).

    A user's code is its row in `world.users`, an item's code its row in `world.items`. The events of user u
    are [offsets[u], offsets[u + 1]). `sequence` counts a user's events from 1 and never changes afterwards:
    recency is an event's own attribute, not its place in what is left of the history. `row` is the
    event's row in `world.impressions`.
    """

    user_ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    item: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    sequence: NDArray[np.int32]
    row: NDArray[np.int64]

    @property
    def n_users(self) -> int:
        """How many users the world has, those without events included."""
        return len(self.user_ids)

    @property
    def user(self) -> NDArray[np.int32]:
        """The user code of every event."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.offsets))

    def of(self, user: int) -> History:
        """The history of one user code, oldest first, as views."""
        part = slice(int(self.offsets[user]), int(self.offsets[user + 1]))
        return History(self.item[part], self.time_ms[part], self.sequence[part], self.row[part])


def engaged(impressions: pa.Table) -> NDArray[np.bool_]:
    """Which impressions were engaged with: shown, clicked and not known to be watched less than half."""
    watched = pc.fill_null(impressions["watch_fraction"], np.inf).to_numpy() >= ENGAGED_WATCH_FRACTION
    return np.asarray(impressions["shown"].to_numpy() & impressions["clicked"].to_numpy() & watched)


def codes(column: pa.ChunkedArray, ids: pa.ChunkedArray) -> NDArray[np.int32]:
    """The row of each value of `column` in `ids`; EventDataError names the first value that is not there."""
    found = pc.index_in(column, value_set=ids.combine_chunks())
    if found.null_count:
        row = pc.index(pc.is_null(found), True).as_py()
        raise EventDataError(
            f"row {row}: {column[row].as_py()!r} is not in its table; add it or drop the row"
        )
    return np.asarray(found.to_numpy(), dtype=np.int32)


def interactions(world: World) -> Interactions:
    """The histories of a world's users; EventDataError if an impression names an unknown user or item."""
    rows = np.flatnonzero(engaged(world.impressions))
    events = world.impressions.select(["user_id", "item_id", "timestamp_ms"]).take(pa.array(rows))
    user = codes(events["user_id"], world.users["user_id"])
    time_ms = events["timestamp_ms"].to_numpy()
    order = np.lexsort((rows, time_ms, user))
    counts = np.bincount(user, minlength=world.users.num_rows)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    return Interactions(
        user_ids=tuple(world.users["user_id"].to_pylist()),
        offsets=offsets,
        item=codes(events["item_id"], world.items["item_id"])[order],
        time_ms=time_ms[order],
        sequence=(np.arange(len(rows)) - np.repeat(offsets[:-1], counts) + 1).astype(np.int32),
        row=rows[order],
    )
