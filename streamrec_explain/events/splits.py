"""Splits in time: which impressions train the session model, train the re-ranker, or test both."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import codes
from streamrec_explain.events.world import World

SESSION_PHASE: Final = 0  # the session model is trained on these
RERANKER_PHASE: Final = 1  # the re-ranker is trained and the thresholds are calibrated on these
TEST_PHASE: Final = 2  # nothing is trained on these


def split_phases(world: World, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)) -> NDArray[np.int8]:
    """The phase (int8: 0, 1, 2) of each impression row, earlier impressions in earlier phases.

    The cuts are quantiles of time over the world ("global_time") or within each user ("per_user_time").
    Impressions of the same time stay together, in the phase of the first of them. A user with so few
    impressions that a phase would be empty (five or fewer, by default) stays whole in phase 0.
    """
    time_ms = world.impressions["timestamp_ms"].to_numpy()
    if world.split == "global_time":
        return _phases(np.zeros(len(time_ms), dtype=np.int32), time_ms, fractions)
    return _phases(codes(world.impressions["user_id"], world.users["user_id"]), time_ms, fractions)


def _phases(
    group: NDArray[np.int32], time_ms: NDArray[np.int64], fractions: tuple[float, float, float]
) -> NDArray[np.int8]:
    """The phase of each row by the rank of its time within its group."""
    order = np.lexsort((time_ms, group))
    sorted_group, sorted_time = group[order], time_ms[order]
    size = np.bincount(group)
    start = np.cumsum(size) - size
    first_tied = _first_of_run(sorted_group, sorted_time)
    rank = first_tied - start[sorted_group]
    cuts = _cuts(size, fractions)[sorted_group]
    phases = np.empty(len(group), dtype=np.int8)
    phases[order] = (rank[:, None] >= cuts).sum(axis=1)
    return phases


def _first_of_run(group: NDArray[np.int32], time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each sorted row the index of the first row with the same group and time."""
    starts = np.ones(len(group), dtype=bool)
    starts[1:] = (group[1:] != group[:-1]) | (time_ms[1:] != time_ms[:-1])
    first: NDArray[np.int64] = np.flatnonzero(starts)
    return np.take(first, np.cumsum(starts) - 1)


def _cuts(size: NDArray[np.int64], fractions: tuple[float, float, float]) -> NDArray[np.int64]:
    """The first ranks of phases 1 and 2 per group, [n_groups, 2]; beyond the group where it is too small."""
    shares = np.cumsum(fractions)[:2] / np.sum(fractions)
    cuts = np.floor(np.outer(size, shares) + 1e-9).astype(np.int64)  # 0.9 * 10 must not become 8.999
    sizes = np.diff(np.column_stack((np.zeros_like(size), cuts, size)), axis=1)
    return np.where((sizes == 0).any(axis=1, keepdims=True), size[:, None], cuts)
