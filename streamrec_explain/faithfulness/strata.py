"""Strata: which explanations of a frame are judged, and how many of the frame each of them stands for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_OF_A_STRATUM = 30
LENGTHS = ((0, 0), (1, 4), (5, 9), (10, 19), (20, 49), (50, None))


@dataclass(frozen=True, order=True)
class Stratum:
    """Type of sentence, market, and band of history length (events the catalogue knows)."""

    explanation_type: str
    market: str
    length: str


def length_band(events: int) -> str:
    """The band a history length lies in, such as "10-19"."""
    low, high = next((low, high) for low, high in LENGTHS if high is None or events <= high)
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"


def allocate(sizes: Mapping[Stratum, int], wanted: int) -> dict[Stratum, int]:
    """How many of each stratum to judge, `wanted` in all or everything.

    In proportion to size, but at least 30 (or all) of each, so that rare sentences are seen too; where there are so
    many strata that this is too much, as many of each as fit.
    """
    total = sum(sizes.values())
    least = min(LEAST_OF_A_STRATUM, wanted // max(len(sizes), 1))
    floor = {stratum: min(size, least) for stratum, size in sizes.items()}
    spare, left = min(wanted, total) - sum(floor.values()), total - sum(floor.values())
    exact = {stratum: spare * (size - floor[stratum]) / max(left, 1) for stratum, size in sizes.items()}
    chosen = {stratum: floor[stratum] + int(exact[stratum]) for stratum in sizes}
    by_remainder = sorted(sizes, key=lambda stratum: (int(exact[stratum]) - exact[stratum], stratum))
    for stratum in by_remainder[: min(wanted, total) - sum(chosen.values())]:
        chosen[stratum] += 1
    return chosen


@dataclass(frozen=True)
class StratifiedSample:
    """Rows int64 [m] of the frame, ascending; weights float64 [m]: how many of the frame each stands for."""

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


def draw(frame: Sequence[Stratum], wanted: int, rng: np.random.Generator) -> StratifiedSample:
    """Draw rows of a frame without replacement within each stratum; weights add up to the size of the frame."""
    sizes = Counter(frame)
    members: dict[Stratum, list[int]] = {stratum: [] for stratum in sorted(sizes)}
    for row, stratum in enumerate(frame):
        members[stratum].append(row)
    chosen = allocate(sizes, wanted)
    weight_of: dict[int, float] = {}
    for stratum, own in members.items():
        for row in rng.permutation(own)[: chosen[stratum]].tolist():
            weight_of[row] = sizes[stratum] / chosen[stratum]
    rows = sorted(weight_of)
    weights = [weight_of[row] for row in rows]
    return StratifiedSample(np.array(rows, dtype=np.int64), np.array(weights, dtype=np.float64))
