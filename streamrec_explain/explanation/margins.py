"""Margins: the smallest bound that is exceeded rarely enough, judged by an upper confidence bound."""

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.statistics.intervals import wilson

Floats = NDArray[np.float64]


def margin(values: Floats, target: float, already: int = 0) -> float:
    """The smallest value exceeded so rarely that the rate's upper 95% bound is at most `target`.

    `already` of the values (infinite ones) exceed any margin. With too few values it is their maximum.
    """
    ordered = np.sort(values[values < np.inf])[::-1]
    allowed = max(most_allowed(len(values), target) - already, 0)
    return float(ordered[allowed]) if allowed < len(ordered) else -np.inf


def most_allowed(n: int, target: float) -> int:
    """The largest numerator whose Wilson upper bound is at most `target`, found by bisection; 0 if none is."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if wilson(middle, n).high <= target else (low, middle - 1)
    return low
