"""Calibration: margins at which a model with random attention has (almost) nothing to say.

Margins are chosen on held-out lists that nothing was trained on and that no audit uses. The random model is the
released one with its item tables permuted: the same sizes and the same decay with lag, but no knowledge of which
event speaks for which candidate. A margin is the smallest that keeps the upper 95% bound of its trigger rate
below the target, at every history length; the bound allows for items of one user and of one permutation being alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history_pull import HistoryPull, history_pull, random_pulls
from streamrec_explain.explanation.margins import margin, upper_bound
from streamrec_explain.explanation.signals import fact
from streamrec_explain.explanation.thresholds import LEAST_MARGIN, Thresholds
from streamrec_explain.records import ListContext

LENGTHS = (1, 2, 5, 10, 50)
LEAST_GROWTH = 1.5
LEAST_COUNT = 3.0
LEAST_RAW_DROP = 0.0  # the score that ranked the item falls without the named ones, however little
LARGEST_RANK = 100

Floats = NDArray[np.float64]


class LengthRate(msgspec.Struct, frozen=True):
    """How often watch_history is triggered at one history length, of `n` items each.

    `random_high` is the upper 95% bound of the random model's rate.
    """

    length: int
    random_triggered: int
    random_n: int
    random_high: float
    triggered: int
    n: int


class CalibrationReport(msgspec.Struct, frozen=True):
    """What the thresholds were chosen from: numerators and denominators, in items of held-out lists.

    `history` are the trigger rates of the random and of the released model, before any title is looked at.
    """

    lists: int
    permutations: int
    target: float
    history: tuple[LengthRate, ...]
    personalized_random_triggered: int
    personalized_random_n: int
    trending_fired: int
    trending_n: int


@dataclass(frozen=True)
class Calibration:
    """Calibrated thresholds and the report they come with."""

    thresholds: Thresholds
    report: CalibrationReport


def calibrate(
    bundle: EngineBundle,
    contexts: Sequence[ListContext],
    rng: np.random.Generator,
    *,
    version: str = "calibrated",
    permutations: int = 3,
    target: float = 0.01,
    rarity: float = 0.10,
) -> Calibration:
    """Choose thresholds on held-out lists; those of `bundle` are not looked at.

    `target` bounds how often the random model triggers watch_history; `rarity` how often it triggers personalized,
    and how often an item is trending. InvalidInputError if there is no list.
    """
    if not contexts:
        raise InvalidInputError("calibration needs held-out lists; none was given")
    random = random_pulls(bundle, contexts, (*LENGTHS, None), rng, permutations)
    thresholds = Thresholds(
        version=version,
        **_history_margins([random[length] for length in LENGTHS], target),
        history_raw_margin=LEAST_RAW_DROP,
        personalized_margin=max(LEAST_MARGIN, margin(random[None].total, random[None].clusters, rarity)),
        **_trending_bounds(contexts, rarity),
    )
    released = {length: history_pull([bundle], contexts, length) for length in LENGTHS}
    rates = tuple(_length_rate(length, random[length], released[length], thresholds) for length in LENGTHS)
    report = CalibrationReport(
        lists=len(contexts),
        permutations=permutations,
        target=target,
        history=rates,
        personalized_random_triggered=int((random[None].total > thresholds.personalized_margin).sum()),
        personalized_random_n=len(random[None].total),
        trending_fired=int(_trending(_trend_facts(contexts), thresholds).sum()),
        trending_n=len(_trend_facts(contexts)),
    )
    return Calibration(thresholds, report)


def _history_margins(pulls: Sequence[HistoryPull], target: float) -> dict[str, float]:
    """Half of the allowed triggers may come from pairs, what they leave over from items named alone."""
    pair = max(LEAST_MARGIN, *(margin(pull.second, pull.clusters, target / 2) for pull in pulls))
    alone = max(_single_margin(pull, pair, target) for pull in pulls)
    return {"history_margin": pair, "history_single_margin": max(pair, alone)}


def _single_margin(pull: HistoryPull, pair_margin: float, target: float) -> float:
    paired = pull.second > pair_margin
    return margin(np.where(paired, np.inf, pull.first), pull.clusters, target)


def _trend_facts(contexts: Sequence[ListContext]) -> Floats:
    """Count, growth and rank of every listed item, [n, 3]."""
    names = ("trend_count", "trend_growth", "trend_rank")
    items = (item for context in contexts for item in context.items)
    return np.array([[fact(item, name, 0.0) for name in names] for item in items]).reshape(-1, 3)


def _trending_bounds(contexts: Sequence[ListContext], rarity: float) -> dict[str, float]:
    """A count no lower than the median seen, and the widest rank at which trending stays rare."""
    facts = _trend_facts(contexts)
    counts = facts[facts[:, 0] > 0, 0]
    least = max(LEAST_COUNT, float(np.median(counts))) if len(counts) else LEAST_COUNT
    loud = facts[(facts[:, 0] >= least) & (facts[:, 1] >= LEAST_GROWTH) & (facts[:, 2] >= 1), 2]
    ranks = [rank for rank in range(1, LARGEST_RANK + 1) if (loud <= rank).sum() <= rarity * len(facts)]
    return {
        "trending_min_count": least,
        "trending_min_growth": LEAST_GROWTH,
        "trending_max_rank": float(max(ranks, default=1)),
    }


def _trending(facts: Floats, thresholds: Thresholds) -> NDArray[np.bool_]:
    count, growth, rank = facts.T
    often = (count >= thresholds.trending_min_count) & (growth >= thresholds.trending_min_growth)
    loud: NDArray[np.bool_] = often & (rank >= 1) & (rank <= thresholds.trending_max_rank)
    return loud


def _length_rate(length: int, random: HistoryPull, released: HistoryPull, thresholds: Thresholds) -> LengthRate:
    fired, own = random.triggers(thresholds), released.triggers(thresholds)
    high = upper_bound(fired, random.clusters)
    return LengthRate(length, int(fired.sum()), len(fired), high, int(own.sum()), len(own))
