"""Raw scores of rows by walking the trees, with LightGBM's rules for missing and categorical values."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrec_explain.errors import FeatureError
from streamrec_explain.trees.compilation import Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.ensemble import MISSING_NONE, MISSING_ZERO, ZERO_THRESHOLD, TreeEnsemble

_BEYOND_CATEGORIES = 2.0**31


def predict_raw(ensemble: TreeEnsemble, rows: ArrayLike) -> NDArray[np.float64]:
    """The raw score of each row, float64 [n]: leaf values added in tree order, as LightGBM adds them.

    Raises:
        FeatureError: the rows are not [n, n_features] numbers.
    """
    x_nF = as_rows(rows, ensemble.n_features)
    scores = np.zeros(len(x_nF))
    _walk(
        x_nF, ensemble.root, ensemble.feature, ensemble.threshold, ensemble.missing, ensemble.default_left,
        ensemble.category_set, ensemble.left, ensemble.right, ensemble.leaf_value, ensemble.set_offsets,
        ensemble.set_words, scores,
    )  # fmt: skip
    return scores


def as_rows(rows: ArrayLike, n_features: int) -> NDArray[np.float64]:
    """Rows as a C-ordered, writable float64 [n, n_features]: the one type the kernels are compiled for.

    Raises:
        FeatureError: not two-dimensional numbers with n_features columns.
    """
    try:
        x_nF = np.require(rows, dtype=np.float64, requirements=["C", "W"])
    except (TypeError, ValueError) as error:
        raise FeatureError(f"rows must be numbers of shape [n, {n_features}]: {error}") from error
    if x_nF.ndim != 2 or x_nF.shape[1] != n_features:
        raise FeatureError(f"rows have shape {list(x_nF.shape)}, expected [n, {n_features}]")
    return x_nF


@kernel
def is_missing(x: float, missing: int) -> bool:
    """Whether a numeric split with this missing type sends x in its default direction."""
    if missing == MISSING_NONE:
        return False
    return bool(np.isnan(x)) or (missing == MISSING_ZERO and abs(x) <= ZERO_THRESHOLD)


@kernel
def numeric_value(x: float) -> float:
    """What a numeric split compares: LightGBM reads NaN and numbers as small as ZERO_THRESHOLD as 0."""
    return 0.0 if np.isnan(x) or abs(x) <= ZERO_THRESHOLD else x


@kernel
def in_set(x: float, category_set: int, set_offsets: Offsets, set_words: NDArray[np.uint32]) -> bool:
    """Whether x, truncated to an integer as LightGBM does, is a category of the set."""
    if not (x > -1.0 and x < _BEYOND_CATEGORIES):  # NaN fails both comparisons; -0.5 truncates to category 0
        return False
    category = np.int64(x)
    word = set_offsets[category_set] + (category >> 5)
    if word >= set_offsets[category_set + 1]:
        return False
    return bool((set_words[word] >> np.uint32(category & 31)) & np.uint32(1))


@kernel
def _walk(
    x_nF: Floats,
    root: Ints,
    feature: Ints,
    threshold: Floats,
    missing: NDArray[np.int8],
    default_left: Flags,
    category_set: Ints,
    left: Ints,
    right: Ints,
    leaf_value: Floats,
    set_offsets: Offsets,
    set_words: NDArray[np.uint32],
    scores: Floats,
) -> None:
    for row in range(x_nF.shape[0]):
        total = 0.0
        for tree in range(root.shape[0]):
            child = root[tree]
            while child >= 0:
                x = x_nF[row, feature[child]]
                if category_set[child] >= 0:
                    goes_left = in_set(x, category_set[child], set_offsets, set_words)
                elif is_missing(x, missing[child]):
                    goes_left = default_left[child]
                else:
                    goes_left = numeric_value(x) <= threshold[child]
                child = left[child] if goes_left else right[child]
            total += leaf_value[~child]
        scores[row] = total
