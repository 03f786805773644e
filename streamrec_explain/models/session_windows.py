"""Cutting histories into windows of similar length for training the session model."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """Windows of one training step, padded on the right with item 0.

    items: int64 [B, T]; targets: bool [B, T], the positions to predict from those before them.
    """

    items: NDArray[np.int64]
    targets: NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """Every event of every sequence is the target of exactly one window, with its context before it.

    Window k covers item[start[k]:end[k]]; its targets begin at target[k] >= start[k].
    """

    item: NDArray[np.int32]
    start: NDArray[np.int64]
    target: NDArray[np.int64]
    end: NDArray[np.int64]

    def batches(self, positions: int, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: windows of similar length together, at most about `positions` padded places each."""
        length = self.end - self.start
        order = np.lexsort((rng.random(length.size), length))
        groups = _cut(length[order], positions)
        for group in rng.permutation(len(groups)):
            first, last = groups[group]
            yield self._batch(order[first:last])

    def count_batches(self, positions: int) -> int:
        """How many batches an epoch has (it depends on the lengths alone)."""
        return len(_cut(np.sort(self.end - self.start), positions))

    def _batch(self, windows: NDArray[np.int64]) -> Batch:
        place = self.start[windows, None] + np.arange((self.end - self.start)[windows].max())
        inside = place < self.end[windows, None]
        items = np.where(inside, self.item[np.minimum(place, self.item.size - 1)], 0)
        return Batch(items.astype(np.int64), inside & (place >= self.target[windows, None]))


def windows(item: NDArray[np.int32], offsets: NDArray[np.int64], context: int, stride: int) -> Windows:
    """Cut sequences item[offsets[u]:offsets[u + 1]] into runs of `stride` targets after up to `context` events."""
    counts = -(-np.diff(offsets) // stride)
    first = np.repeat(offsets[:-1], counts)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    target = first + number * stride
    end = np.minimum(target + stride, np.repeat(offsets[1:], counts))
    return Windows(item, np.maximum(first, target - context), target, end)


def _cut(length: NDArray[np.int64], positions: int) -> list[tuple[int, int]]:
    """Consecutive ranges of rising lengths whose padded size stays within `positions` (one window at least)."""
    ranges, first = [], 0
    for place in range(1, length.size + 1):
        if place == length.size or (place + 1 - first) * int(length[place]) > positions:
            ranges.append((first, place))
            first = place
    return ranges
