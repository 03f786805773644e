"""Sampled candidates: negatives for worlds of which only the positives are known."""

import numpy as np
import numpy.typing as npt

from streamrec_explain.events.interactions import codes, engaged
from streamrec_explain.events.world import World

POPULAR_SHARE = 0.5
ROUNDS = 20

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


def sampled_candidates(
    world: World, rows: Ints, per_positive: int, rng: np.random.Generator
) -> tuple[Ints, Codes, npt.NDArray[np.bool_]]:
    """Candidates of the engaged impressions among `rows`: (row int64, item code int32, label bool), sorted.

    Each engaged impression is one positive; beside it stand up to `per_positive` distinct items that the user
    had no impression of before or at that time and that were published by then: half of them drawn
    uniformly, half as popular items are (the item of a random earlier engaged event of anyone). A slot
    that finds no such item in 20 draws, or the same one as another slot of its row, stays empty.
    """
    positives = rows[engaged(world.impressions)[rows]]
    slots = np.repeat(positives, per_positive)
    drawn = np.full(len(slots), -1, np.int32)
    pool = _Pool(world)
    open_slots = np.arange(len(slots))
    for _ in range(ROUNDS):
        items = pool.draw(slots[open_slots], rng)
        fits = pool.unseen(slots[open_slots], items)
        drawn[open_slots[fits]] = items[fits]
        open_slots = open_slots[~fits]
    found = drawn >= 0
    negatives = np.unique(np.stack([slots[found], drawn[found].astype(np.int64)]), axis=1)
    row = np.concatenate([positives, negatives[0]])
    item = np.concatenate([pool.item[positives], negatives[1]]).astype(np.int32)
    label = np.arange(len(row)) < len(positives)
    order = np.lexsort((item, ~label, row))
    return row[order], item[order], label[order]


class _Pool:
    """The items of a world, drawn for an impression as of its time."""

    def __init__(self, world: World) -> None:
        impressions = world.impressions
        self.time_ms = impressions["timestamp_ms"].to_numpy()
        self.user = codes(impressions["user_id"], world.users["user_id"]).astype(np.int64)
        self.item = codes(impressions["item_id"], world.items["item_id"])
        self.n_items = world.items.num_rows
        self._published_ms = world.items["publish_time_ms"].fill_null(-1).to_numpy()
        rows = np.flatnonzero(engaged(impressions))
        rows = rows[np.argsort(self.time_ms[rows], kind="stable")]
        self._engaged_ms, self._engaged_item = self.time_ms[rows], self.item[rows]
        self._pairs, self._first_ms = self._first_meetings()

    def _first_meetings(self) -> tuple[Ints, Ints]:
        """Each (user, item) pair that ever met, sorted, and the time of their first impression."""
        pair = self.user * self.n_items + self.item
        order = np.lexsort((self.time_ms, pair))
        pairs, first = np.unique(pair[order], return_index=True)
        return pairs, self.time_ms[order][first]

    def draw(self, rows: Ints, rng: np.random.Generator) -> Codes:
        """An item for each impression row: uniform, or popular as of its time."""
        uniform = rng.integers(0, self.n_items, len(rows), dtype=np.int32)
        earlier = np.searchsorted(self._engaged_ms, self.time_ms[rows])
        popular = rng.random(len(rows)) < POPULAR_SHARE
        place = (rng.random(len(rows)) * earlier).astype(np.int64)
        return np.where(popular & (earlier > 0), self._engaged_item[place], uniform).astype(np.int32)

    def unseen(self, rows: Ints, items: Codes) -> npt.NDArray[np.bool_]:
        """Whether each item was published by the row's time and had not met the row's user by then."""
        pair = self.user[rows] * self.n_items + items
        place = np.minimum(np.searchsorted(self._pairs, pair), len(self._pairs) - 1)
        met = (self._pairs[place] == pair) & (self._first_ms[place] <= self.time_ms[rows])
        return np.asarray(~met & (self._published_ms[items] <= self.time_ms[rows]))
