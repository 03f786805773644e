"""Chance levels: how often items named at random would pass a criterion at the same history lengths."""

from math import comb

import numpy as np
from numpy.typing import NDArray


def top_k_chance(distinct_items: int, named: int, k: int = 5) -> float:
    """Probability that `named` items drawn at random from a history all lie in a fixed top k of it."""
    if distinct_items <= k:
        return 1.0
    return comb(k, named) / comb(distinct_items, named) if named <= k else 0.0


def exact_set_chance(distinct_items: int, named: int) -> float:
    """Probability that `named` items drawn at random are exactly a given set of that size."""
    return 1.0 / comb(distinct_items, named) if named <= distinct_items else 0.0


def chance_corrected(rate: float, chance: float) -> float:
    """How far a rate lies between chance (0) and certainty (1), as Cohen's kappa does; NaN at chance 1."""
    return (rate - chance) / (1.0 - chance) if chance < 1.0 else float("nan")


def random_named(distinct_items: int, named: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`named` places of a history drawn without replacement: the random control."""
    return rng.permutation(distinct_items)[:named]
