"""Raw scores from codes: all splits of a tree at once, instead of one after the other down a path.

Each row keeps one bit per leaf, leaves numbered from left to right. A split whose code exceeds its limit sends the
row right and so rules out the leaves below its left child; whichever splits are on the row's path, the leftmost leaf
that is left is the one it reaches (QuickScorer, Lucchese et al. 2015). Splits do not wait for each other and there
are no branches to mispredict.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.compilation import Bytes, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.conditions import COLUMN_LIMITS, Axes, SplitRanks
from streamrec_explain.trees.ensemble import TreeEnsemble
from streamrec_explain.trees.leaf_games import offsets_of
from streamrec_explain.trees.vectors import (
    BYTES_PER_VECTOR,
    FLOATS_PER_VECTOR,
    all_bits,
    and_where_above,
    lowest_bit,
    store_floats,
)

MOST_LEAVES = 64


@dataclass(frozen=True, eq=False)
class LeafFinder:
    """T trees with S splits; a row with code > limit on the split's column keeps the leaves in `kept`."""

    split_offsets: Offsets  # [T + 1]
    column: Ints  # [S]
    limit: Bytes  # [S]
    kept: NDArray[np.uint64]  # [S]
    leaf_offsets: Offsets  # [T + 1]
    leaf_value: Floats  # from left to right

    @classmethod
    def of(cls, ensemble: TreeEnsemble, axes: Axes, splits: SplitRanks) -> "LeafFinder | None":
        """The finder of an ensemble, or None where a tree has more than MOST_LEAVES leaves."""
        found = [_walked(ensemble, root) for root in ensemble.root.tolist()]
        if any(len(leaves) > MOST_LEAVES for leaves, _ in found):
            return None
        order = np.array([split for _, ruled_out in found for split, _ in ruled_out], dtype=np.int64)
        gone = np.array([leaves for _, ruled_out in found for _, leaves in ruled_out], dtype=np.uint64)
        limit = splits.limit[order]
        return cls(
            split_offsets=offsets_of(len(ruled_out) for _, ruled_out in found),
            column=(axes.first_column[splits.axis[order]] + limit // COLUMN_LIMITS).astype(np.int32),
            limit=(limit % COLUMN_LIMITS).astype(np.uint8),
            kept=~gone,
            leaf_offsets=offsets_of(len(leaves) for leaves, _ in found),
            leaf_value=ensemble.leaf_value[np.array([leaf for leaves, _ in found for leaf in leaves], dtype=np.int64)],
        )

    def scores(self, codes: Bytes, n_rows: int) -> Floats:
        """Raw scores float64 [n_rows]: leaf values added in tree order, as LightGBM adds them."""
        scores = np.zeros(codes.shape[0] * BYTES_PER_VECTOR)
        _add_leaves(
            codes, n_rows, self.split_offsets, self.column, self.limit, self.kept, self.leaf_offsets, self.leaf_value,
            scores,
        )  # fmt: skip
        return scores[:n_rows]


def _walked(ensemble: TreeEnsemble, root: int) -> tuple[list[int], list[tuple[int, int]]]:
    """The leaves of a tree from left to right, and each split with the bits of the leaves below its left child."""
    leaves: list[int] = []
    ruled_out: list[tuple[int, int]] = []
    stack: list[tuple[int, int]] = [(root, -1)]  # a node to visit, or a split whose left side has been, with its start
    while stack:
        node, start = stack.pop()
        if start >= 0:
            ruled_out.append((node, (1 << len(leaves)) - (1 << start)))
        elif node < 0:
            leaves.append(~node)
        else:
            stack += [(int(ensemble.right[node]), -1), (node, len(leaves)), (int(ensemble.left[node]), -1)]
    return leaves, ruled_out


@kernel
def _add_leaves(
    codes: Bytes,
    n_rows: int,
    split_offsets: Offsets,
    column: Ints,
    limit: Bytes,
    kept: NDArray[np.uint64],
    leaf_offsets: Offsets,
    leaf_value: Floats,
    scores: Floats,
) -> None:
    left = np.empty(FLOATS_PER_VECTOR)
    for row in range(0, n_rows, FLOATS_PER_VECTOR):
        start = row // BYTES_PER_VECTOR * codes.shape[1] * BYTES_PER_VECTOR + row % BYTES_PER_VECTOR
        for tree in range(split_offsets.shape[0] - 1):
            bits = all_bits()
            for split in range(split_offsets[tree], split_offsets[tree + 1]):
                bits = and_where_above(bits, codes, start + column[split] * BYTES_PER_VECTOR, limit[split], kept[split])
            store_floats(left, 0, bits)
            for i in range(FLOATS_PER_VECTOR):
                scores[row + i] += leaf_value[leaf_offsets[tree] + lowest_bit(left, i)]
