"""The synthetic service's own recommender: which candidates are shown, in which order, boosts included."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.sampling import gumbel

QUALITY, TASTE, HISTORY, TREND, NOISE = 0.8, 0.6, 1.4, 0.6, 0.5
MIN_LIST, MAX_LIST = 8, 10
UNAVAILABLE: Final = np.float32(-np.inf)


@dataclass(frozen=True)
class Pool:
    """Candidates of n visits, all arrays [n, n_candidates]; `parts` are what moves a choice, in log-odds."""

    item: NDArray[np.int32]
    available: NDArray[np.bool_]
    quality: NDArray[np.float32]
    taste: NDArray[np.float32]
    history: NDArray[np.float32]
    trend: NDArray[np.float32]
    boost: NDArray[np.float32]


@dataclass(frozen=True)
class Ranking:
    """The lists cut from a pool: `order` [n, 10] indexes candidates from the top, `shown` says which count."""

    order: NDArray[np.int64]
    shown: NDArray[np.bool_]
    rank_without_boost: NDArray[np.int16]


def rank(pool: Pool, rng: np.random.Generator) -> Ranking:
    """Lists of 8 to 10 of the available candidates by a noisy reading of their utility plus the boost."""
    score = QUALITY * pool.quality + TASTE * pool.taste + HISTORY * pool.history + TREND * pool.trend
    score = np.where(pool.available, score + NOISE * gumbel(rng, score.shape), UNAVAILABLE)
    order = np.argsort(-(score + pool.boost), axis=1, kind="stable")[:, :MAX_LIST]
    length = rng.integers(MIN_LIST, MAX_LIST + 1, (len(score), 1))
    shown = np.take_along_axis(pool.available, order, axis=1) & (np.arange(MAX_LIST) < length)
    unboosted = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1, kind="stable")
    return Ranking(order, shown, np.take_along_axis(unboosted, order, axis=1).astype(np.int16))


def is_first(item: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which candidates are the first of their item in their pool."""
    equal = item[:, :, None] == item[:, None, :]
    return np.asarray(~np.tril(equal, k=-1).any(axis=2))
