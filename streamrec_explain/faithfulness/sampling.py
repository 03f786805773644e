"""Sampling: lists as the service would have shown them to users at one moment, for calibration and audit."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.world import World
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.explanation.ranking import candidates_in, rank_list
from streamrec_explain.explanation.retrieval import retrieve, sponsored_boosts
from streamrec_explain.features.snapshots import TrendSnapshot, UserSnapshot
from streamrec_explain.hashing import digest
from streamrec_explain.records import HistoryEvent, ListContext

LIST_SIZE = 20
CANDIDATES = 60
SPONSORED_BOOST = 0.4  # log-odds, about +50% odds
MOST_EVENTS = 1000


@dataclass(frozen=True)
class Moment:
    """A world at one moment: histories and snapshots as they stood then."""

    world: World
    events: Interactions
    users: UserSnapshot
    trends: TrendSnapshot

    @property
    def timestamp_ms(self) -> int:
        """The moment: nothing that happened at or after it is used."""
        return self.trends.as_of_ms

    def history(self, user: int) -> tuple[HistoryEvent, ...]:
        """A user's latest events before the moment, oldest first, with their own sequence numbers."""
        past, item_ids = self.events.of(user), self.trends.item_ids
        end = int(np.searchsorted(past.time_ms, self.timestamp_ms))
        return tuple(
            HistoryEvent(item_ids[past.item[row]], int(past.sequence[row]), int(past.time_ms[row]))
            for row in range(max(0, end - MOST_EVENTS), end)
        )


def folds(events: Interactions, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two disjoint random halves of the users with a history: one calibrates, the other is audited."""
    active = np.flatnonzero(np.diff(events.offsets) > 0)
    shuffled = np.random.default_rng(seed).permutation(active)
    return shuffled[::2], shuffled[1::2]


def sample_lists(
    bundle: EngineBundle,
    moment: Moment,
    users: NDArray[np.int64],
    seed: int,
    locale: str = "en",
    size: int = LIST_SIZE,
) -> Iterator[ListContext]:
    """One list for each user code, in the order of `users`: the first `size` of about 60 ranked candidates.

    Equal seeds give equal lists, a longer one begins with the shorter.
    """
    trends = moment.trends.aligned_to(bundle.catalogue)
    markets = moment.world.users["market"].to_pylist()
    for user, child in zip(users.tolist(), np.random.SeedSequence(seed).spawn(len(users)), strict=True):
        context = _list_for(bundle, moment, trends, user, markets[user], np.random.default_rng(child), locale)
        yield msgspec.structs.replace(context, items=context.items[:size])


def _list_for(
    bundle: EngineBundle,
    moment: Moment,
    trends: TrendSnapshot,
    user: int,
    region: str,
    rng: np.random.Generator,
    locale: str,
) -> ListContext:
    history = moment.history(user)
    user_id = moment.events.user_ids[user]
    values = moment.users.lookup(user_id)
    features = {} if values is None else dict(zip(moment.users.names, values.tolist(), strict=True))
    resolved = resolve_history(history, bundle.catalogue, moment.timestamp_ms)
    proposed = retrieve(bundle, trends, resolved, region, rng, CANDIDATES)
    boosts = sponsored_boosts(bundle.catalogue, proposed, SPONSORED_BOOST)
    candidates = candidates_in(trends, bundle, proposed, region, boosts)
    ranked = rank_list(bundle, history, features, candidates, moment.timestamp_ms)
    return ListContext(
        request_id=f"sample-{user}",
        user_id_hash=digest(user_id.encode())[:16],  # never leaves the process that samples
        region=region,
        locale=locale,
        timestamp_ms=moment.timestamp_ms,
        session_history=history,
        user_features=features,
        items=ranked,
    )
