"""Trends: popularity, recent counts, growth and rank of items within a market, as of a tick.

Everything counts engaged impressions. With S and L the lengths of the short and the long window, at tick t:
`trend_count` lies in [t - S, t), `trend_baseline_count` in [t - L, t - S), and growth compares the count with
what the baseline's rate lets expect, both raised by a prior so that few events never look like a trend:

    growth = (count + PRIOR) / (baseline * S / E + PRIOR)

E is the part of [t - L, t - S) since the world's first event; where E is less than S there is nothing to
compare with and growth is 1. `trend_rank` orders a market by count * growth (1 is the best, ties share the
better rank). `popularity_percentile` is the percentage of the catalogue with fewer engaged impressions in
[t - L, t) than the item: 0 for an item without any.
"""

import numba
import numpy as np
import numpy.typing as npt

from streamrec_explain.features.ticks import Windows

FACT_NAMES = ("popularity_percentile", "trend_count", "trend_baseline_count", "trend_growth", "trend_rank")
GROWTH_PRIOR = 5.0

# An item nobody engaged with: as in a market without a single event. Rank 0 stands for "not ranked".
UNSEEN_FACTS = np.array([0.0, 0.0, 0.0, 1.0, 0.0])

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def trend_facts(
    event_item: npt.NDArray[np.int32],
    event_ms: Ints,
    query_item: npt.NDArray[np.int32],
    query_tick: Ints,
    windows: Windows,
    first_ms: int,
    n_items: int,
) -> Floats:
    """The facts of items at ticks in one market, float64 [n_queries, 5] in the order of `FACT_NAMES`.

    The engaged events of the market are given in time order, queries in any order. `first_ms` is the time of
    the world's first event. Cost: one pass over the events, and one sort of the catalogue per distinct tick.
    """
    order = np.argsort(query_tick, kind="stable")
    facts = np.empty((len(query_item), len(FACT_NAMES)))
    facts[order] = _sweep(
        event_item.astype(np.int64),
        event_ms.astype(np.int64),
        query_item[order].astype(np.int64),
        query_tick[order].astype(np.int64),
        windows.short_ms,
        windows.long_ms,
        first_ms,
        n_items,
    )
    facts[query_item < 0] = UNSEEN_FACTS
    return facts


@numba.njit(cache=True)
def _sweep(
    event_item: Ints,
    event_ms: Ints,
    query_item: Ints,
    query_tick: Ints,
    short_ms: int,
    long_ms: int,
    first_ms: int,
    n_items: int,
) -> Floats:
    """Answer queries sorted by tick while three cursors move over the events: entered, aged, left."""
    short = np.zeros(n_items)
    baseline = np.zeros(n_items)
    answer = np.zeros((len(query_item), 5))
    entered, aged, left, first = 0, 0, 0, 0
    while first < len(query_item):
        tick = query_tick[first]
        entered = _advance(event_item, event_ms, entered, tick, short, 1.0)
        aged_from = aged
        aged = _advance(event_item, event_ms, aged_from, tick - short_ms, short, -1.0)
        _advance(event_item, event_ms, aged_from, tick - short_ms, baseline, 1.0)
        left = _advance(event_item, event_ms, left, tick - long_ms, baseline, -1.0)
        exposure = tick - short_ms - max(tick - long_ms, first_ms)
        growth = _growth(short, baseline, short_ms, exposure)
        popularity = np.sort(short + baseline)
        scores = np.sort(short * growth)
        last = first
        while last < len(query_item) and query_tick[last] == tick:
            item = query_item[last]
            if item >= 0:
                fewer = np.searchsorted(popularity, short[item] + baseline[item])
                better = n_items - np.searchsorted(scores, short[item] * growth[item], side="right")
                answer[last, 0] = 100.0 * fewer / n_items
                answer[last, 1] = short[item]
                answer[last, 2] = baseline[item]
                answer[last, 3] = growth[item]
                answer[last, 4] = better + 1
            last += 1
        first = last
    return answer


@numba.njit(cache=True)
def _advance(event_item: Ints, event_ms: Ints, cursor: int, until: int, counts: Floats, step: float) -> int:
    """Add `step` for the events before `until`, from the cursor on; the new cursor."""
    while cursor < len(event_ms) and event_ms[cursor] < until:
        counts[event_item[cursor]] += step
        cursor += 1
    return cursor


@numba.njit(cache=True)
def _growth(short: Floats, baseline: Floats, short_ms: int, exposure: int) -> Floats:
    if exposure < short_ms:
        return np.ones(len(short))
    return (short + GROWTH_PRIOR) / (baseline * (short_ms / exposure) + GROWTH_PRIOR)
