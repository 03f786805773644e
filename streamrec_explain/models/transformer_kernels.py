"""Compiled loops of a causal transformer over an event history: one state per history, and one without each group.

Everything is summed in float64 in a fixed order, one place after the other, without fused or reordered operations.
An event that is removed is skipped wherever it was read, so a pass with events removed gives the same bits as a pass
over a history that never had them, and no number depends on other histories, candidates or the vector width.

Shapes: T events, D width (a multiple of 4, as each head's part of it), H heads, F inner width, Y layers, K longest lag,
G groups. `kept` bool [T] says which events are there.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Weights = tuple[Float64, Float64, Float64, Float64, Float64, Float64]
"""projections [Y, 4, D + 1, D] (query, key, value, out), expand [Y, D + 1, F], shrink [Y, F + 1, D], the last row of
each the bias; norms [Y, 2, 2, D] (before attention, before the inner layer) and final_norm [2, D] (scale, shift);
distance_bias [Y, H, K]."""
State = tuple[Float64, Float64, Float64]
"""x [Y + 1, T, D], what enters each layer and leaves the last; keys [Y, D, T]; values [Y, T, D]."""

WEIGHTS = ("projections", "expand", "shrink", "norms", "final_norm", "distance_bias")
EPSILON = 1e-5  # of the layer norms, as in torch


@njit(cache=True)
def _linear(weights: Float64, x: Float64, out: Float64) -> None:
    """out = x W + b: the innermost loop runs over independent sums, so it is vectorised without reordering any."""
    out[:] = weights[x.size]
    for row in range(0, x.size, 4):
        x0, x1, x2, x3 = x[row], x[row + 1], x[row + 2], x[row + 3]
        w0, w1, w2, w3 = weights[row], weights[row + 1], weights[row + 2], weights[row + 3]
        for column in range(out.size):
            partial = (out[column] + x0 * w0[column]) + x1 * w1[column]
            out[column] = (partial + x2 * w2[column]) + x3 * w3[column]


@njit(cache=True)
def _mean(x: Float64) -> float:
    lane0, lane1, lane2, lane3 = 0.0, 0.0, 0.0, 0.0
    for place in range(0, x.size, 4):
        lane0 += x[place]
        lane1 += x[place + 1]
        lane2 += x[place + 2]
        lane3 += x[place + 3]
    return ((lane0 + lane1) + (lane2 + lane3)) / x.size


@njit(cache=True)
def _normalise(norm: Float64, x: Float64, out: Float64) -> None:
    """Layer norm (Ba et al. 2016) with scale norm[0] and shift norm[1]."""
    out[:] = x - _mean(x)
    deviation = np.sqrt(_mean(out * out) + EPSILON)
    out[:] = out / deviation * norm[0] + norm[1]


@njit(cache=True)
def _attend(
    query: Float64, keys: Float64, values: Float64, bias: Float64, lags: Int32, kept: Bools, place: int,
    shares: Float64, out: Float64,
) -> None:
    """What `place` reads from the kept events up to itself, into `out` [D]; `shares` [H, T] are the attention."""
    heads, furthest = bias.shape[0], bias.shape[1] - 1
    size = query.size // heads
    scale = 1.0 / np.sqrt(np.float64(size))
    out[:] = 0.0
    for head in range(heads):
        share = shares[head]
        share[:] = 0.0
        for row in range(head * size, (head + 1) * size, 4):
            q0, q1, q2, q3 = query[row], query[row + 1], query[row + 2], query[row + 3]
            k0, k1, k2, k3 = keys[row], keys[row + 1], keys[row + 2], keys[row + 3]
            for event in range(place + 1):
                partial = (share[event] + q0 * k0[event]) + q1 * k1[event]
                share[event] = (partial + q2 * k2[event]) + q3 * k3[event]
        largest = -np.inf
        for event in range(place + 1):
            distance = min(max(lags[event] - lags[place], 0), furthest)
            share[event] = share[event] * scale + bias[head, distance] if kept[event] else -np.inf
            largest = max(largest, share[event])
        total = 0.0
        for event in range(place + 1):
            share[event] = np.exp(share[event] - largest) if kept[event] else 0.0
            total += share[event]
        for event in range(place + 1):
            if kept[event]:
                share[event] /= total
                value = values[event]
                for column in range(head * size, (head + 1) * size):
                    out[column] += share[event] * value[column]


@njit(cache=True)
def _read(weights: Weights, layer: int, place: int, state: State, vector: Float64) -> None:
    """Write the key and the value of `place` in `layer` into the state; `vector` [D] is scratch."""
    projections, _, _, norms, _, _ = weights
    x, keys, values = state
    _normalise(norms[layer, 0], x[layer, place], vector)
    _linear(projections[layer, 2], vector, values[layer, place])
    key = np.empty(vector.size, np.float64)
    _linear(projections[layer, 1], vector, key)
    keys[layer, :, place] = key


@njit(cache=True)
def _update(
    weights: Weights, layer: int, place: int, lags: Int32, kept: Bools, state: State, scratch: Float64, shares: Float64
) -> None:
    """Write what leaves `layer` at `place` into the state; `scratch` [3, D], `shares` [H, T]."""
    projections, expand, shrink, norms, _, distance_bias = weights
    x, keys, values = state
    vector, query, read = scratch[0], scratch[1], scratch[2]
    before, after = x[layer, place], x[layer + 1, place]
    _normalise(norms[layer, 0], before, vector)
    _linear(projections[layer, 0], vector, query)
    _attend(query, keys[layer], values[layer], distance_bias[layer], lags, kept, place, shares, read)
    _linear(projections[layer, 3], read, after)
    after += before
    _normalise(norms[layer, 1], after, vector)
    inner = np.empty(expand.shape[2], np.float64)
    _linear(expand[layer], vector, inner)
    inner[:] = np.maximum(inner, 0.0)
    _linear(shrink[layer], inner, vector)
    after += vector


@njit(cache=True)
def _run(
    weights: Weights, lags: Int32, kept: Bools, first: int, state: State, attention: Float64, summary: Float64
) -> None:
    """Fill the state from the place `first` on and write what the history says into `summary` [D].

    The state must hold the places before `first`. Of the last layer only the latest kept place is computed, since
    nothing else is read. `attention` [Y, T, T] is filled with the mean over heads, where it has rows.
    """
    n_layers, heads, _ = weights[5].shape
    n_events, width = state[0].shape[1:]
    scratch, shares = np.empty((3, width)), np.empty((heads, n_events))
    last = n_events - 1
    while last >= 0 and not kept[last]:
        last -= 1
    if last < 0:
        summary[:] = 0.0
        return
    for layer in range(n_layers):
        for place in range(first, last + 1):
            if kept[place]:
                _read(weights, layer, place, state, scratch[0])
        for place in range(first if layer < n_layers - 1 else last, last + 1):
            if kept[place]:
                _update(weights, layer, place, lags, kept, state, scratch, shares)
                if attention.shape[0]:
                    attention[layer, place] = shares.sum(axis=0) / heads
    _normalise(weights[4], state[0][n_layers, last], summary)


@njit(cache=True)
def _new_state(weights: Weights, event_table: Float64, history: Int32) -> State:
    """A state whose first layer's input are the events' vectors."""
    n_layers, width = weights[5].shape[0], event_table.shape[1]
    x = np.zeros((n_layers + 1, history.size, width))
    for place in range(history.size):
        x[0, place] = event_table[history[place]]
    return x, np.zeros((n_layers, width, history.size)), np.zeros((n_layers, history.size, width))


@njit(cache=True)
def summarise(weights: Weights, event_table: Float64, history: Int32, lags: Int32) -> tuple[Float64, Float64]:
    """What a history of known items says, [D] (0 without events), and the attention of every layer [Y, T, T]."""
    attention = np.zeros((weights[5].shape[0], history.size, history.size))
    summary = np.empty(event_table.shape[1])
    kept = np.ones(history.size, np.bool_)
    _run(weights, lags, kept, 0, _new_state(weights, event_table, history), attention, summary)
    return summary, attention


@njit(cache=True)
def summaries_without(
    weights: Weights, event_table: Float64, history: Int32, lags: Int32, group_of: Int64, n_groups: int
) -> Float64:
    """What a history says whole and without each group of its events: [1 + G, D].

    The places before the first event of a group are those of the whole history: nothing looks ahead.
    """
    silent = np.empty((0, 0, 0))
    result = np.empty((n_groups + 1, event_table.shape[1]))
    whole = _new_state(weights, event_table, history)
    _run(weights, lags, np.ones(history.size, np.bool_), 0, whole, silent, result[0])
    for group in range(n_groups):
        kept = group_of != group
        state = whole[0].copy(), whole[1].copy(), whole[2].copy()
        first = 0
        while first < history.size and kept[first]:
            first += 1
        _run(weights, lags, kept, first, state, silent, result[group + 1])
    return result


@njit(cache=True)
def summaries_after(
    weights: Weights, event_table: Float64, events: Int32, sequence: Int32, ranges: Int64
) -> Float64:
    """What each history events[ranges[m, 0]:ranges[m, 1]] says right after its last event: [M, D]."""
    silent = np.empty((0, 0, 0))
    longest = weights[5].shape[2]
    result = np.empty((ranges.shape[0], event_table.shape[1]))
    for row in range(ranges.shape[0]):
        start, end = ranges[row]
        if row and start == ranges[row - 1, 0] and end == ranges[row - 1, 1]:
            result[row] = result[row - 1]
            continue
        start = max(start, end - longest)  # sequence numbers rise: older events are too far
        lags = (sequence[end - 1] + 1 if end > start else 0) - sequence[start:end]
        near = (events[start:end] >= 0) & (events[start:end] < event_table.shape[0]) & (lags <= longest)
        history, lags = events[start:end][near], lags[near].astype(np.int32)
        kept = np.ones(history.size, np.bool_)
        _run(weights, lags, kept, 0, _new_state(weights, event_table, history), silent, result[row])
    return result


@njit(cache=True)
def scores(candidate_table: Float64, bias: Float64, summaries: Float64, row_of: Int64, candidates: Int32) -> Float64:
    """Bias plus the inner product of summaries[row_of[i]] and candidate i's vector, [n]; 0 for unknown items."""
    result = np.zeros(candidates.size)
    for row in range(candidates.size):
        item, summary = candidates[row], summaries[row_of[row]]
        if not 0 <= item < bias.size:
            continue
        vector = candidate_table[item]
        lane0, lane1, lane2, lane3 = 0.0, 0.0, 0.0, 0.0
        for place in range(0, summary.size, 4):
            lane0 += summary[place] * vector[place]
            lane1 += summary[place + 1] * vector[place + 1]
            lane2 += summary[place + 2] * vector[place + 2]
            lane3 += summary[place + 3] * vector[place + 3]
        result[row] = bias[item] + ((lane0 + lane1) + (lane2 + lane3))
    return result
