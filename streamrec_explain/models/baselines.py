"""What a session model must beat: popularity, a first-order Markov chain, transitions over five events.

All rank the whole catalogue after a history, like `SessionModel.catalogue_scores`, and are fitted on the same
events. Popularity, scaled below any count, breaks ties and answers where no transition was ever seen.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


class CatalogueRanker(Protocol):
    """Anything that scores every item after each of M histories events[ranges[m, 0]:ranges[m, 1]]."""

    def catalogue_scores(self, events: Int32, sequence: Int32, ranges: Int64) -> Float32:
        """Scores, float32 [M, n_items]; higher is better."""
        ...


@dataclass(frozen=True)
class PopularityRanker:
    """The same order for everyone: how often each item was engaged with, scaled to [0, 1)."""

    popularity: Float32

    def catalogue_scores(self, events: Int32, sequence: Int32, ranges: Int64) -> Float32:
        """The popularity of each item, once per history: [M, n_items]."""
        return np.tile(self.popularity, (len(ranges), 1))


@dataclass(frozen=True)
class TransitionRanker:
    """Counts how often a candidate followed one of the latest events, nearer ones weighing more.

    `transitions` [n_items, n_items] sums weights[d - 1] over all pairs (i, j) with j d events after i. The score
    is the sum over the last len(weights) events, the d-th last with weights[d - 1], plus popularity in [0, 1).
    """

    transitions: csr_array
    weights: tuple[float, ...]
    popularity: Float32

    def catalogue_scores(self, events: Int32, sequence: Int32, ranges: Int64) -> Float32:
        """Weighted transition counts plus popularity: [M, n_items]."""
        scores = np.tile(self.popularity * min(self.weights) ** 2, (len(ranges), 1))
        for distance, weight in enumerate(self.weights, start=1):
            place = ranges[:, 1] - distance
            known = np.flatnonzero(place >= ranges[:, 0])
            scores[known] += (self.transitions[events[place[known]]] * weight).toarray()
        return scores


def popularity_ranker(item: Int32, n_items: int) -> PopularityRanker:
    """Fit popularity on the events `item`."""
    counts = np.bincount(item, minlength=n_items)
    return PopularityRanker((counts / (counts.max() + 1)).astype(np.float32))


def transition_ranker(item: Int32, offsets: Int64, n_items: int, weights: tuple[float, ...]) -> TransitionRanker:
    """Fit transition counts on sequences item[offsets[u]:offsets[u + 1]]; weights (1.0,) is a Markov chain."""
    user = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    pairs = [np.flatnonzero(user[:-d] == user[d:]) for d in range(1, len(weights) + 1)]
    before = np.concatenate([item[first] for first in pairs])
    after = np.concatenate([item[first + d] for d, first in enumerate(pairs, start=1)])
    weight = np.repeat(np.asarray(weights, dtype=np.float32), [first.size for first in pairs])
    counts = csr_array((weight, (before, after)), shape=(n_items, n_items))
    return TransitionRanker(counts, weights, popularity_ranker(item, n_items).popularity)


def markov_ranker(item: Int32, offsets: Int64, n_items: int) -> TransitionRanker:
    """First-order Markov chain: how often the candidate came right after the last event."""
    return transition_ranker(item, offsets, n_items, (1.0,))


def last_five_ranker(item: Int32, offsets: Int64, n_items: int) -> TransitionRanker:
    """Transitions over the last five events, each weighing the inverse of its distance."""
    return transition_ranker(item, offsets, n_items, (1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5))
