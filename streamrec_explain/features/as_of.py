"""As-of sums: what was known of a key strictly before a time, point in time by construction.

Events are grouped by key and sorted by time within the group. A query finds, by binary search, how many
events of its key lie strictly before its time, and reads running totals there. A running total starts anew in
every group, hence no later event and no other key can change a single bit of an answer.
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cut:
    """For each query the events [start, stop) of its key that lie strictly before its time, int64 [n]."""

    start: Ints
    stop: Ints

    @property
    def count(self) -> Floats:
        """How many events lie before, float64 [n]."""
        return (self.stop - self.start).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Timeline:
    """The times of events grouped by key: group k is [offsets[k], offsets[k + 1]) of `time_ms`."""

    offsets: Ints
    time_ms: Ints

    def before(self, keys: npt.NDArray[np.integer], times: npt.NDArray[np.int64]) -> Cut:
        """The events of each key strictly before each time; a negative key has none."""
        start, stop = _positions(self.offsets, self.time_ms, keys.astype(np.int64), times.astype(np.int64))
        return Cut(start, stop)

    def sum(self, values: npt.NDArray[np.generic], cut: Cut) -> Floats:
        """The sum of an event value (one per event, timeline order) before each query, float64 [n]."""
        return self._read(_running_sums(values.astype(np.float64), self.offsets), cut, 0.0)

    def last(self, values: npt.NDArray[np.generic], cut: Cut) -> Floats:
        """The value of the latest event before each query, NaN where there is none, float64 [n]."""
        return self._read(values.astype(np.float64), cut, np.nan)

    def greatest(self, values: npt.NDArray[np.generic], cut: Cut) -> Floats:
        """The greatest value before each query, NaN where there is no event, float64 [n]."""
        return self._read(_running_maxima(values.astype(np.float64), self.offsets), cut, np.nan)

    def starts(self) -> npt.NDArray[np.bool_]:
        """Which events are the first of their group."""
        first = np.zeros(len(self.time_ms), np.bool_)
        first[self.offsets[:-1][np.diff(self.offsets) > 0]] = True
        return first

    def _read(self, values: Floats, cut: Cut, nothing: float) -> Floats:
        answer = np.full(len(cut.stop), nothing)
        seen = cut.stop > cut.start
        answer[seen] = values[cut.stop[seen] - 1]
        return answer


def timeline(keys: npt.NDArray[np.integer], time_ms: npt.NDArray[np.int64], n_keys: int) -> tuple[Timeline, Ints]:
    """Group time-sorted events by key; the timeline and the order that sorts event values into it.

    Events with a negative key are left out.
    """
    order = np.argsort(keys, kind="stable")
    order = order[np.searchsorted(keys[order], 0) :]
    offsets = np.searchsorted(keys[order], np.arange(n_keys + 1)).astype(np.int64)
    return Timeline(offsets, time_ms[order]), order


def occurrence(group: npt.NDArray[np.integer]) -> Ints:
    """How many earlier entries have the same group: 0 for the first of each, int64 [n]."""
    order = np.argsort(group, kind="stable")
    starts = np.r_[True, group[order][1:] != group[order][:-1]][: len(group)]
    first = np.flatnonzero(starts)
    answer = np.empty(len(group), np.int64)
    answer[order] = np.arange(len(group)) - first[np.cumsum(starts) - 1]
    return answer


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """numerator / denominator, NaN where the denominator is 0."""
    answer = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=answer, where=denominator != 0)
    return answer


@numba.njit(cache=True)
def _positions(offsets: Ints, time_ms: Ints, keys: Ints, times: Ints) -> tuple[Ints, Ints]:
    start = np.zeros(len(keys), np.int64)
    stop = np.zeros(len(keys), np.int64)
    for query in range(len(keys)):
        if keys[query] < 0:
            continue
        low = start[query] = offsets[keys[query]]
        high = offsets[keys[query] + 1]
        while low < high:
            middle = (low + high) // 2
            if time_ms[middle] < times[query]:
                low = middle + 1
            else:
                high = middle
        stop[query] = low
    return start, stop


@numba.njit(cache=True)
def _running_sums(values: Floats, offsets: Ints) -> Floats:
    sums = np.empty(len(values))
    for key in range(len(offsets) - 1):
        total = 0.0
        for event in range(offsets[key], offsets[key + 1]):
            total += values[event]
            sums[event] = total
    return sums


@numba.njit(cache=True)
def _running_maxima(values: Floats, offsets: Ints) -> Floats:
    maxima = np.empty(len(values))
    for key in range(len(offsets) - 1):
        greatest = -np.inf
        for event in range(offsets[key], offsets[key + 1]):
            greatest = max(greatest, values[event])
            maxima[event] = greatest
    return maxima
