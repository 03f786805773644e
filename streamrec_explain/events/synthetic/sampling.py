"""Weighted draws of a member of a group, vectorised over draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GroupSampler:
    """Members sorted by group, with each group's cumulative weights rising from group to group + 1."""

    members: NDArray[np.int32]
    cumulative: NDArray[np.float64]

    @classmethod
    def of(cls, group: NDArray[np.int32], weight: NDArray[np.floating]) -> "GroupSampler":
        """A sampler of positions 0..n-1; every group 0..max(group) needs a member of positive weight."""
        order = np.argsort(group, kind="stable")
        sorted_group = group[order]
        running = np.cumsum(weight[order], dtype=np.float64)
        last = np.append(np.flatnonzero(np.diff(sorted_group)), len(order) - 1)
        ends = running[last]
        base = np.concatenate(([0.0], ends[:-1]))
        within = (running - base[sorted_group]) / (ends - base)[sorted_group]
        return cls(order.astype(np.int32), sorted_group + np.minimum(within, 1.0))

    def draw(self, rng: np.random.Generator, groups: NDArray[np.integer]) -> NDArray[np.int32]:
        """One member of each of `groups` (any shape), drawn with probability in proportion to its weight."""
        place = np.searchsorted(self.cumulative, groups + rng.random(groups.shape), side="right")
        return np.take(self.members, np.minimum(place, len(self.members) - 1))


def gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard Gumbel noise: adding it to log-weights and sorting draws without replacement."""
    spread = rng.standard_exponential(shape, dtype=np.float32)
    return np.asarray(-np.log(spread + np.float32(1e-12)))
