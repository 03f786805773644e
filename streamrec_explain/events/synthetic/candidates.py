"""Where the candidates of a list come from: popularity, taste, linked lines, next episodes, chance, sponsors."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.histories import Histories
from streamrec_explain.events.synthetic.influence import Influence
from streamrec_explain.events.synthetic.items import SyntheticItems
from streamrec_explain.events.synthetic.sampling import GroupSampler, gumbel
from streamrec_explain.events.synthetic.trends import Trends

POPULAR, TASTE, LINKED, NEXT, RANDOM = 3, 3, 11, 5, 2  # candidates of each kind in a pool
RECENT: Final = 16  # next episodes of this many latest events are candidates
SPONSORED_RATE: Final = 0.35  # share of pools with a sponsored candidate
POPULARITY_SHARPNESS: Final = 1.4
LINE_SHARPNESS: Final = 4.0
LINK_SHARPNESS: Final = 2.5


@dataclass(frozen=True)
class Visit:
    """One list each of n users; `number` counts lists over the world, `row` counts users in `histories`.

    `taste` is [n, n_categories], `window` [n, 50] and `on_lines` [n, n_lines].
    """

    user: NDArray[np.int64]
    number: NDArray[np.int64]
    market: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    taste: NDArray[np.float32]
    window: NDArray[np.int32]
    on_lines: NDArray[np.float32]
    row: NDArray[np.int64]
    histories: Histories

    def has_seen(self, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of the items [n, k] the users engaged with before."""
        return self.histories.has_seen(self.row, items)

    def __len__(self) -> int:
        return len(self.market)


@dataclass(frozen=True)
class CandidateSource:
    """Draws pools of candidates; it knows the catalogue and the trends, not what was chosen before."""

    influence: Influence
    trends: Trends
    n_items: int
    popular: GroupSampler
    in_category: GroupSampler
    members: NDArray[np.int32]
    appeal: NDArray[np.float32]
    sponsored: NDArray[np.int32]

    @classmethod
    def of(cls, items: SyntheticItems, influence: Influence, trends: Trends) -> "CandidateSource":
        """The source of a catalogue and its trends."""
        appeal = np.exp(POPULARITY_SHARPNESS * items.quality.mean(axis=0))
        return cls(
            influence=influence,
            trends=trends,
            n_items=len(items),
            popular=_popular(items, trends),
            in_category=GroupSampler.of(items.category, appeal),
            members=_members(items),
            appeal=LINE_SHARPNESS * items.quality,
            sponsored=np.flatnonzero(items.sponsor >= 0).astype(np.int32),
        )

    def pool(self, visit: Visit, rng: np.random.Generator) -> NDArray[np.int32]:
        """A pool per visit, [n, 25]; -1 where a source had nothing to offer; an item may appear twice."""
        parts = (
            self._popular(visit, rng),
            self._tasteful(visit, rng),
            self._linked(visit, rng),
            self._next(visit, rng),
            rng.integers(0, self.n_items, (len(visit), RANDOM), dtype=np.int32),
            self._sponsored(visit, rng),
        )
        return np.concatenate(parts, axis=1)

    def _popular(self, visit: Visit, rng: np.random.Generator) -> NDArray[np.int32]:
        row = visit.market * self.trends.value.shape[1] + self.trends.bins(visit.time_ms)
        return self.popular.draw(rng, np.repeat(row[:, None], POPULAR, axis=1)) % np.int32(self.n_items)

    def _tasteful(self, visit: Visit, rng: np.random.Generator) -> NDArray[np.int32]:
        noisy = 1.2 * visit.taste[:, None, :] + gumbel(rng, (len(visit), TASTE, visit.taste.shape[1]))
        return self.in_category.draw(rng, noisy.argmax(axis=2))

    def _linked(self, visit: Visit, rng: np.random.Generator) -> NDArray[np.int32]:
        noisy = LINK_SHARPNESS * visit.on_lines + gumbel(rng, visit.on_lines.shape)
        kept = min(LINKED, noisy.shape[1])
        members = self.members[np.argpartition(-noisy, kept - 1, axis=1)[:, :kept]]
        seen = visit.has_seen(members.reshape(len(visit), -1)).reshape(members.shape) | (members < 0)
        appeal = self.appeal[visit.market[:, None, None], members] + gumbel(rng, members.shape)
        best = np.where(seen, np.float32(-np.inf), appeal).argmax(axis=2)
        return np.take_along_axis(members, best[:, :, None], axis=2)[:, :, 0]

    def _next(self, visit: Visit, rng: np.random.Generator) -> NDArray[np.int32]:
        column = rng.integers(0, RECENT, (len(visit), NEXT))
        return self.influence.next_item[np.take_along_axis(visit.window, column, axis=1)]

    def _sponsored(self, visit: Visit, rng: np.random.Generator) -> NDArray[np.int32]:
        if not len(self.sponsored):
            return np.full((len(visit), 1), -1, dtype=np.int32)
        drawn = self.sponsored[rng.integers(0, len(self.sponsored), (len(visit), 1))]
        return np.where(rng.random((len(visit), 1)) < SPONSORED_RATE, drawn, np.int32(-1))


def _members(items: SyntheticItems) -> NDArray[np.int32]:
    """The items of each line, [n_lines, size of the largest], filled up with -1."""
    size = items.lines.size
    start = np.cumsum(size) - size
    place = np.arange(size.max())
    return np.where(place < size[:, None], start[:, None] + place, -1).astype(np.int32)


def _popular(items: SyntheticItems, trends: Trends) -> GroupSampler:
    """A sampler of items for every (market, bin), by quality and trend; unpublished items are never drawn."""
    n_markets, n_bins, n_items = trends.value.shape
    first_bin = trends.bins(items.publish_ms)
    weight = np.exp(POPULARITY_SHARPNESS * items.quality[:, None, :] + trends.value)
    weight *= np.arange(n_bins)[:, None] >= first_bin
    row = np.repeat(np.arange(n_markets * n_bins, dtype=np.int32), n_items)
    return GroupSampler.of(row, weight.ravel())
