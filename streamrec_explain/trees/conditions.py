"""Rows as small integer codes, and leaves as conditions on those codes.

Every numeric split on the same feature with the same missing rule lies on one axis: the sorted distinct
thresholds. The rank of x on its axis is the number of thresholds below x, so `x <= threshold_i` is
`rank <= i`. A missing value has rank 0 where it goes left and the highest rank where it goes right. An axis
is cut into columns of at most 255 thresholds, so that a code is one byte whatever the model. Each distinct
category set of a feature is an axis of its own: rank 0 inside the set, 1 outside. From here on a split is
"code > limit" on one column, whatever it was in the model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.ensemble import MISSING_NONE, NUMERIC, TreeEnsemble
from streamrec_explain.trees.predict import in_set, is_missing, numeric_value
from streamrec_explain.trees.vectors import BYTES_PER_VECTOR

COLUMN_LIMITS = 255  # thresholds per column: codes 0..255


@dataclass(frozen=True, eq=False)
class Axes:
    """The A axes of an ensemble; the thresholds of axis a are `thresholds[offsets[a]:offsets[a + 1]]`."""

    feature: Ints  # [A]
    missing: NDArray[np.int8]  # [A]
    default_left: Flags  # [A]
    category_set: Ints  # [A]; NUMERIC or the index of a set of the ensemble
    offsets: Offsets  # [A + 1]
    thresholds: Floats
    first_column: Ints  # [A + 1]; columns of axis a are first_column[a]:first_column[a + 1]
    set_offsets: Offsets
    set_words: NDArray[np.uint32]

    @property
    def n_columns(self) -> int:
        """Number of one-byte codes per row."""
        return int(self.first_column[-1])


@dataclass(frozen=True, eq=False)
class SplitRanks:
    """Where each of the N splits lies: `rank > limit` on its axis goes right."""

    axis: Ints  # [N]
    limit: Ints  # [N]


AxisKey = tuple[int, int, bool, int]


def axes_of(ensemble: TreeEnsemble) -> tuple[Axes, SplitRanks]:
    """The axes of an ensemble and the place of each split on them."""
    keys = _axis_keys(ensemble)
    distinct = sorted(set(keys))
    index = {key: a for a, key in enumerate(distinct)}
    axis = np.array([index[key] for key in keys], dtype=np.int32)
    limits = []
    limit = np.zeros(len(axis), dtype=np.int32)
    for a, (_, _, _, category_set) in enumerate(distinct):
        thresholds = ensemble.threshold[axis == a] if category_set == NUMERIC else np.zeros(1)
        limits.append(np.unique(thresholds))
        limit[axis == a] = np.searchsorted(limits[a], thresholds)
    columns = [-(-len(values) // COLUMN_LIMITS) for values in limits]
    table = np.array(distinct, dtype=np.int64).reshape(-1, 4)
    axes = Axes(
        feature=table[:, 0].astype(np.int32),
        missing=table[:, 1].astype(np.int8),
        default_left=table[:, 2].astype(np.bool_),
        category_set=table[:, 3].astype(np.int32),
        offsets=np.cumsum([0, *map(len, limits)]).astype(np.int64),
        thresholds=np.concatenate([np.zeros(0), *limits]),
        first_column=np.cumsum([0, *columns]).astype(np.int32),
        set_offsets=ensemble.set_offsets,
        set_words=ensemble.set_words,
    )
    return axes, SplitRanks(axis, limit)


def _axis_keys(ensemble: TreeEnsemble) -> list[AxisKey]:
    first_equal = _first_equal_sets(ensemble)
    keys = []
    for feature, missing, default_left, category_set in zip(
        ensemble.feature.tolist(), ensemble.missing.tolist(), ensemble.default_left.tolist(),
        ensemble.category_set.tolist(), strict=True,
    ):  # fmt: skip
        if category_set != NUMERIC:
            keys.append((feature, MISSING_NONE, False, first_equal[category_set]))
        else:
            keys.append((feature, missing, missing != MISSING_NONE and default_left, NUMERIC))
    return keys


def _first_equal_sets(ensemble: TreeEnsemble) -> list[int]:
    """For each category set the index of the first set with the same members."""
    seen: dict[bytes, int] = {}
    words = [
        ensemble.set_words[start:stop].tobytes().rstrip(b"\0")
        for start, stop in zip(ensemble.set_offsets[:-1], ensemble.set_offsets[1:], strict=True)
    ]
    return [seen.setdefault(members, c) for c, members in enumerate(words)]


def encode(axes: Axes, x_nF: Floats) -> Bytes:
    """Codes of rows, uint8 [blocks, n_columns, BYTES_PER_VECTOR]: row i is byte i % 64 of block i // 64.

    Rows beyond n have code 0.
    """
    codes = np.zeros((-(-len(x_nF) // BYTES_PER_VECTOR), axes.n_columns, BYTES_PER_VECTOR), dtype=np.uint8)
    _encode(
        x_nF, axes.feature, axes.missing, axes.default_left, axes.category_set, axes.offsets, axes.thresholds,
        axes.first_column, axes.set_offsets, axes.set_words, codes,
    )  # fmt: skip
    return codes


@kernel
def _rank_rows(thresholds: Floats, values: Floats, ranks: Offsets) -> None:
    """Write the number of sorted thresholds below each value.

    All values take each step of the binary search together: the steps of one value wait for each other, and
    branches would be unpredictable.
    """
    ranks[:] = 0
    length = thresholds.shape[0]
    while length > 1:
        half = length // 2
        for i in range(values.shape[0]):
            ranks[i] += half * np.int64(thresholds[np.uint64(ranks[i] + half - 1)] < values[i])
        length -= half
    for i in range(values.shape[0]):
        ranks[i] += np.int64(thresholds[np.uint64(ranks[i])] < values[i])


@kernel
def _encode(
    x_nF: Floats,
    feature: Ints,
    missing: NDArray[np.int8],
    default_left: Flags,
    category_set: Ints,
    offsets: Offsets,
    thresholds: Floats,
    first_column: Ints,
    set_offsets: Offsets,
    set_words: NDArray[np.uint32],
    codes: Bytes,
) -> None:
    values, ranks = np.zeros(BYTES_PER_VECTOR), np.zeros(BYTES_PER_VECTOR, np.int64)
    for place in range(codes.shape[0] * feature.shape[0]):
        block, axis = place // feature.shape[0], place % feature.shape[0]
        first = block * BYTES_PER_VECTOR
        n_rows = min(x_nF.shape[0] - first, BYTES_PER_VECTOR)
        own = thresholds[offsets[axis] : offsets[axis + 1]]
        for i in range(n_rows):
            values[i] = numeric_value(x_nF[first + i, feature[axis]])
        if category_set[axis] < 0:
            _rank_rows(own, values[:n_rows], ranks)
        for i in range(n_rows):
            x = x_nF[first + i, feature[axis]]
            if category_set[axis] >= 0:
                ranks[i] = 0 if in_set(x, category_set[axis], set_offsets, set_words) else 1
            elif is_missing(x, missing[axis]):
                ranks[i] = 0 if default_left[axis] else own.shape[0]
        for column in range(first_column[axis], first_column[axis + 1]):
            base = (column - first_column[axis]) * COLUMN_LIMITS
            for i in range(n_rows):
                codes[block, column, i] = min(max(ranks[i] - base, 0), COLUMN_LIMITS)
