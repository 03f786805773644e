"""Margins: the smallest bound that is exceeded rarely enough, judged by an upper confidence bound."""

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.statistics.clustered import ClusteredSample, clustered_rate

Floats = NDArray[np.float64]


def margin(values: Floats, clusters: NDArray[np.int64], target: float) -> float:
    """The smallest value exceeded so rarely that the rate's upper 95% bound is at most `target`, found by bisection.

    `clusters` [n] tells which values are not independent of each other. An infinite value exceeds any margin. With too
    few values to tell, the margin is the largest finite one.
    """
    ordered = np.unique(values[values < np.inf])
    low, high = 0, len(ordered) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if upper_bound(values > ordered[middle], clusters) <= target else (middle + 1, high)
    return float(ordered[low]) if len(ordered) else -np.inf


def upper_bound(exceeded: NDArray[np.bool_], clusters: NDArray[np.int64]) -> float:
    """The upper 95% bound of a rate whose observations come in clusters."""
    return clustered_rate(exceeded, ClusteredSample.of(np.ones(len(exceeded)), clusters)).high
