"""Compiled loops that score and take apart additive attention over an event history.

They are compiled (or read from numba's cache) when this module is imported, so no request pays for it.
Everything is summed in float64 in a fixed order without fused or reordered operations, so a candidate's
number depends neither on the other candidates of the list nor on the machine's vector width.

Shapes: L events, n candidates, I items, H heads, R rank (a multiple of 4), K links of an item.
"""

import numpy as np
from numba import float32, float64, int32, int64, njit, types
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
LinkArrays = tuple[Int32, Float32, Float32]  # items, weights, curve
Model = tuple[Float32, Float32, Float32, Float32, LinkArrays]  # event_table, candidate_table, bias, lag_curve, links


def _read(dtype: types.Type, ndim: int) -> types.Array:
    return types.Array(dtype, ndim, "C", readonly=True)


_TABLE, _CURVE, _BIAS = _read(float32, 3), _read(float32, 2), _read(float32, 1)
_CODES, _RANGES = _read(int32, 1), _read(int64, 2)
_LINKS = types.Tuple((_read(int32, 2), _CURVE, _BIAS))
_MODEL = types.Tuple((_TABLE, _TABLE, _BIAS, _CURVE, _LINKS))


@njit(types.boolean(int64, int64, int64, int64), cache=True, inline="always")
def _counts(code: int, lag: int, n_items: int, n_lags: int) -> bool:
    """Whether an event of this item at this lag takes part in the score at all."""
    return 0 <= code < n_items and 1 <= lag < n_lags


@njit(cache=True)
def _add_products(vector: Float32, columns: Float64, sums: Float64) -> None:
    """Add the inner product of `vector` [R] with each column of [R, L] to `sums` [L], four rows at a time.

    The innermost loop runs over independent sums, so it is vectorised without reordering any of them.
    """
    for r in range(0, vector.size, 4):
        v0, v1 = np.float64(vector[r]), np.float64(vector[r + 1])
        v2, v3 = np.float64(vector[r + 2]), np.float64(vector[r + 3])
        row0, row1, row2, row3 = columns[r], columns[r + 1], columns[r + 2], columns[r + 3]
        for place in range(sums.size):
            partial = (sums[place] + v0 * row0[place]) + v1 * row1[place]
            sums[place] = (partial + v2 * row2[place]) + v3 * row3[place]


@njit(cache=True)
def _linked(links: LinkArrays, item: int, lag: int, candidate: int) -> float:
    """What an event that counts adds through a link: a binary search in its item's row."""
    items, weights, curve = links
    if item >= items.shape[0]:
        return 0.0
    row = items[item]
    low, width = 0, row.size
    while width > 0:
        half = width // 2
        below = row[low + half] < candidate
        low = low + half + 1 if below else low
        width = width - half - 1 if below else half
    if low == row.size or row[low] != candidate:
        return 0.0
    return np.float64(curve[lag]) * np.float64(weights[item, low])


@njit(cache=True)
def _add_linked(
    links: LinkArrays, history: Int32, lags: Int32, kept: Int64, candidates: Int32, result: Float64
) -> None:
    """Add what the kept events say through links to `result` [n, L]: their few links, looked up among the candidates.

    The candidates lie in slots by the low bits of their item, the next free one where that is taken.
    """
    items, weights, curve = links
    size = 64
    while size < 4 * candidates.size:
        size *= 2
    slots = np.full(size, -1, np.int32)
    for row in range(candidates.size):
        slot = candidates[row] & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = row
    for event in kept:
        if history[event] < items.shape[0]:
            linked, weight, amplitude = items[history[event]], weights[history[event]], np.float64(curve[lags[event]])
            for k in range(linked.size):
                slot = linked[k] & (size - 1)
                while slots[slot] >= 0:
                    if candidates[slots[slot]] == linked[k]:
                        result[slots[slot], event] += amplitude * np.float64(weight[k])
                    slot = (slot + 1) & (size - 1)


@njit(float64[:, ::1](_MODEL, _CODES, _CODES, _CODES), cache=True)
def contributions(model: Model, history: Int32, lags: Int32, candidates: Int32) -> Float64:
    """What each event adds to each candidate's score: float64 [n, L]; unknown items add 0."""
    event_table, candidate_table, _, lag_curve, links = model
    n_items, heads, rank = event_table.shape
    n_lags = lag_curve.shape[1]
    kept = np.empty(history.size, np.int64)
    n_kept = 0
    for event in range(history.size):
        if _counts(history[event], lags[event], n_items, n_lags):
            kept[n_kept] = event
            n_kept += 1
    weighted = np.empty((rank, n_kept), np.float64)
    result = np.zeros((candidates.size, history.size), np.float64)
    sums = np.zeros((candidates.size, n_kept), np.float64)
    for head in range(heads):  # one head's events fit the first-level cache
        for place in range(n_kept):
            amplitude = np.float64(lag_curve[head, lags[kept[place]]])
            said = event_table[history[kept[place]], head]
            for r in range(rank):
                weighted[r, place] = amplitude * said[r]
        for row in range(candidates.size):
            if 0 <= candidates[row] < n_items:
                _add_products(candidate_table[candidates[row], head], weighted, sums[row])
    for row in range(candidates.size):
        for place in range(n_kept):
            result[row, kept[place]] = sums[row, place]
    _add_linked(links, history, lags, kept[:n_kept], candidates, result)
    return result


@njit(cache=True)
def _summarise(event_table: Float32, lag_curve: Float32, history: Int32, lags: Int32, summary: Float64) -> None:
    """Write into `summary` [H, R] the sum over events of their amplitude times their vector."""
    n_items, heads, rank = event_table.shape
    summary[:] = 0.0
    for event in range(history.size):
        item, lag = history[event], lags[event]
        if _counts(item, lag, n_items, lag_curve.shape[1]):
            for head in range(heads):
                amplitude = np.float64(lag_curve[head, lag])
                for r in range(rank):
                    summary[head, r] += amplitude * event_table[item, head, r]


@njit(cache=True)
def _score(candidate_table: Float32, bias: Float32, summary: Float64, item: int) -> float:
    """Bias plus the inner product of a history summary and the item's vector; 0 for an unknown item."""
    if not 0 <= item < bias.size:
        return 0.0
    heads, rank = summary.shape
    lane0, lane1, lane2, lane3 = 0.0, 0.0, 0.0, 0.0
    for head in range(heads):
        for r in range(0, rank, 4):
            lane0 += summary[head, r] * candidate_table[item, head, r]
            lane1 += summary[head, r + 1] * candidate_table[item, head, r + 1]
            lane2 += summary[head, r + 2] * candidate_table[item, head, r + 2]
            lane3 += summary[head, r + 3] * candidate_table[item, head, r + 3]
    return np.float64(bias[item]) + ((lane0 + lane1) + (lane2 + lane3))


@njit(cache=True)
def _all_linked(model: Model, history: Int32, lags: Int32, candidate: int) -> float:
    """What the whole history adds to a candidate through links."""
    n_items, n_lags = model[2].size, model[3].shape[1]
    total = 0.0
    for event in range(history.size):
        if _counts(history[event], lags[event], n_items, n_lags):
            total += _linked(model[4], history[event], lags[event], candidate)
    return total


@njit(float64[::1](_MODEL, _CODES, _CODES, _CODES), cache=True)
def scores(model: Model, history: Int32, lags: Int32, candidates: Int32) -> Float64:
    """Score of each candidate after one history: float64 [n]."""
    event_table, candidate_table, bias, lag_curve, _ = model
    summary = np.empty(event_table.shape[1:], np.float64)
    _summarise(event_table, lag_curve, history, lags, summary)
    result = np.empty(candidates.size, np.float64)
    for row in range(candidates.size):
        dense = _score(candidate_table, bias, summary, candidates[row])
        result[row] = dense + _all_linked(model, history, lags, candidates[row])
    return result


@njit(float64[::1](_MODEL, _CODES, _CODES, _RANGES, _CODES), cache=True)
def paired_scores(model: Model, events: Int32, lags: Int32, ranges: Int64, candidates: Int32) -> Float64:
    """Score of candidate m after the history [ranges[m, 0]:ranges[m, 1]] of events and lags: float64 [M]."""
    event_table, candidate_table, bias, lag_curve, _ = model
    summary = np.empty(event_table.shape[1:], np.float64)
    result = np.empty(candidates.size, np.float64)
    for row in range(candidates.size):
        history, places = events[ranges[row, 0] : ranges[row, 1]], lags[ranges[row, 0] : ranges[row, 1]]
        if row == 0 or (ranges[row] != ranges[row - 1]).any():
            _summarise(event_table, lag_curve, history, places, summary)
        dense = _score(candidate_table, bias, summary, candidates[row])
        result[row] = dense + _all_linked(model, history, places, candidates[row])
    return result


@njit(cache=True)
def _recent(events: Int32, sequence: Int32, span: Int64, n_lags: int) -> tuple[Int32, Int32]:
    """Items and lags of the history events[span[0]:span[1]] as seen right after its last event."""
    start, end = span
    recent = max(start, end - (n_lags - 1))  # sequence numbers rise: older events are too far
    following = sequence[end - 1] + 1 if end > start else 0
    return events[recent:end], (following - sequence[recent:end]).astype(np.int32)


@njit(float64[:, :, ::1](_MODEL, _CODES, _CODES, _RANGES), cache=True)
def summaries(model: Model, events: Int32, sequence: Int32, ranges: Int64) -> Float64:
    """What each history events[ranges[m, 0]:ranges[m, 1]] says: float64 [M, H, R], to meet candidates' vectors."""
    event_table, _, _, lag_curve, _ = model
    _, heads, rank = event_table.shape
    result = np.empty((ranges.shape[0], heads, rank), np.float64)
    for row in range(ranges.shape[0]):
        history, lags = _recent(events, sequence, ranges[row], lag_curve.shape[1])
        _summarise(event_table, lag_curve, history, lags, result[row])
    return result


@njit(types.void(_MODEL, _CODES, _CODES, _RANGES, float32[:, ::1]), cache=True)
def add_links(model: Model, events: Int32, sequence: Int32, ranges: Int64, scores: Float32) -> None:
    """Add to `scores` [M, I] what each history says to the whole catalogue through links."""
    n_items, n_lags = model[2].size, model[3].shape[1]
    items, weights, curve = model[4]
    for row in range(ranges.shape[0]):
        history, lags = _recent(events, sequence, ranges[row], n_lags)
        for event in range(history.size):
            item, lag = history[event], lags[event]
            if item < items.shape[0] and _counts(item, lag, n_items, n_lags):
                for place in range(items.shape[1]):
                    scores[row, items[item, place]] += curve[lag] * weights[item, place]


@njit(float64[::1](_MODEL, _CODES, _CODES, _RANGES, _CODES), cache=True)
def scores_after(model: Model, events: Int32, sequence: Int32, ranges: Int64, candidates: Int32) -> Float64:
    """Score of candidate m after the history events[ranges[m, 0]:ranges[m, 1]]: float64 [M]."""
    event_table, candidate_table, bias, lag_curve, _ = model
    summary = np.zeros(event_table.shape[1:], np.float64)
    result = np.empty(candidates.size, np.float64)
    history, lags = events[:0], np.empty(0, np.int32)
    for row in range(candidates.size):
        if row == 0 or (ranges[row] != ranges[row - 1]).any():
            history, lags = _recent(events, sequence, ranges[row], lag_curve.shape[1])
            _summarise(event_table, lag_curve, history, lags, summary)
        dense = _score(candidate_table, bias, summary, candidates[row])
        result[row] = dense + _all_linked(model, history, lags, candidates[row])
    return result
