"""A sum of decision trees as plain arrays: the normal form every algorithm here works on."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.hashing import digest

MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
ZERO_THRESHOLD = float(np.float32(1e-35))
NUMERIC = -1


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """T trees with N splits, L leaves and C category sets; a raw score is the sum of the reached leaf values.

    A child is a split index if >= 0, otherwise the leaf index ~child. A numeric split (`category_set`
    NUMERIC) sends x <= threshold left, where |x| <= ZERO_THRESHOLD counts as 0; a missing x follows
    `default_left`, where missing means: never for MISSING_NONE (NaN counts as 0), |x| <= ZERO_THRESHOLD or NaN
    for MISSING_ZERO, NaN for MISSING_NAN. A categorical split truncates x to an integer and sends the
    categories of its set left and everything else (NaN, negative, unknown) right. The words of set c are
    `set_words[set_offsets[c]:set_offsets[c + 1]]`; bit b of word w stands for category 32 * w + b.
    """

    feature_names: tuple[str, ...]
    root: NDArray[np.int32]  # [T] child code
    feature: NDArray[np.int32]  # [N]
    threshold: NDArray[np.float64]  # [N]; NaN at categorical splits
    missing: NDArray[np.int8]  # [N]
    default_left: NDArray[np.bool_]  # [N]
    category_set: NDArray[np.int32]  # [N]; NUMERIC or the index of a set
    left: NDArray[np.int32]  # [N] child code
    right: NDArray[np.int32]  # [N] child code
    split_count: NDArray[np.float64]  # [N] training rows that reached the split
    leaf_value: NDArray[np.float64]  # [L]
    leaf_count: NDArray[np.float64]  # [L] training rows that reached the leaf
    set_offsets: NDArray[np.int64]  # [C + 1]
    set_words: NDArray[np.uint32]

    @property
    def n_features(self) -> int:
        """Number of columns a row must have, used or not."""
        return len(self.feature_names)

    def child_count(self, child: int) -> float:
        """Training rows that reached a child, given by its code."""
        return float(self.split_count[child] if child >= 0 else self.leaf_count[~child])

    def digest(self) -> str:
        """SHA-256 over names, dtypes, shapes and bytes of every array: equal models have equal digests."""
        return digest(b"".join(_field_bytes(self, field.name) for field in fields(self)))


def _field_bytes(ensemble: TreeEnsemble, name: str) -> bytes:
    value = getattr(ensemble, name)
    if isinstance(value, tuple):
        return repr((name, value)).encode()
    return repr((name, value.dtype.str, value.shape)).encode() + bytes(value.tobytes())


def require_counts(ensemble: TreeEnsemble) -> TreeEnsemble:
    """Return the ensemble if every split and each of its children saw training rows.

    Raises:
        UnsupportedModelError: a count is zero; path-dependent Shapley values divide by it.
    """
    children = np.concatenate([ensemble.left, ensemble.right])
    splits, leaves = children[children >= 0], ~children[children < 0]
    empty = int((ensemble.split_count <= 0).sum() + (ensemble.leaf_count[leaves] <= 0).sum())
    if empty or (ensemble.split_count[splits] <= 0).any():
        raise UnsupportedModelError(
            f"zero counts: {empty} splits or leaves saw no training rows, so the background of path-dependent"
            " Shapley values is undefined; train with min_data_in_leaf >= 1"
        )
    return ensemble
