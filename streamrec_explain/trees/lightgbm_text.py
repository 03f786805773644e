"""Reads a LightGBM text model into the normal form, and refuses by name what it cannot represent."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import ModelError, UnsupportedModelError
from streamrec_explain.trees.ensemble import NUMERIC, TreeEnsemble, require_counts

_CATEGORICAL_BIT, _DEFAULT_LEFT_BIT, _MISSING_SHIFT = 1, 2, 2

Section = Mapping[str, str]


def parse_lightgbm_text(text: str) -> TreeEnsemble:
    """Parse what `Booster.model_to_string()` returns or `save_model` writes.

    Shrinkage, `boost_from_average` and DART weights are already inside LightGBM's leaf values.

    Raises:
        UnsupportedModelError: linear trees, several classes, random-forest averaging, zero counts.
        ModelError: the text is not a whole LightGBM model.
    """
    header, *trees = _sections(text)
    _refuse_unsupported(header, trees)
    try:
        names = tuple(header["feature_names"].split())
        return require_counts(_joined(names, [_Tree(tree) for tree in trees]))
    except (KeyError, ValueError) as error:
        raise ModelError(f"the LightGBM text model is damaged: {error!r}; save the model again") from error


def _sections(text: str) -> Iterator[Section]:
    body, end, _ = text.partition("end of trees")
    if not body.startswith("tree\n") or not end:
        raise ModelError("not a LightGBM text model: it must start with 'tree' and contain 'end of trees'")
    for block in ("\n" + body).split("\nTree="):
        yield dict(line.partition("=")[::2] if "=" in line else (line, "") for line in block.splitlines())


def _refuse_unsupported(header: Section, trees: list[Section]) -> None:
    if int(header.get("num_class", "1")) > 1 or int(header.get("num_tree_per_iteration", "1")) > 1:
        raise UnsupportedModelError("multiclass: several scores per row; train one model per score")
    if "average_output" in header:
        raise UnsupportedModelError("random forest averaging (boosting=rf): train with boosting=gbdt or dart")
    if any(int(tree.get("is_linear", "0")) for tree in trees):
        raise UnsupportedModelError("linear_tree: leaves hold linear models; train with linear_tree=false")


class _Tree:
    """One tree of the text with local indices."""

    def __init__(self, section: Section) -> None:
        self.n_leaves = int(section["num_leaves"])
        self.n_splits = self.n_leaves - 1
        self.leaf_value = _numbers(section, "leaf_value", np.float64, self.n_leaves)
        self.leaf_count = np.ones(1)
        self.words = np.zeros(0, np.uint32)
        self.set_lengths = np.zeros(0, np.int64)
        if self.n_splits:
            self._read_splits(section)

    def _read_splits(self, section: Section) -> None:
        n = self.n_splits
        decision = _numbers(section, "decision_type", np.int64, n)
        threshold = _numbers(section, "threshold", np.float64, n)
        categorical = (decision & _CATEGORICAL_BIT) > 0
        self.leaf_count = _numbers(section, "leaf_count", np.float64, self.n_leaves)
        self.feature = _numbers(section, "split_feature", np.int32, n)
        self.missing = ((decision >> _MISSING_SHIFT) & 3).astype(np.int8)
        self.default_left = (decision & _DEFAULT_LEFT_BIT) > 0
        self.threshold = np.where(categorical, np.nan, threshold)
        self.category_set = np.where(categorical, np.nan_to_num(threshold), NUMERIC).astype(np.int32)
        self.left = _numbers(section, "left_child", np.int32, n)
        self.right = _numbers(section, "right_child", np.int32, n)
        self.split_count = _numbers(section, "internal_count", np.float64, n)
        if n_sets := int(section["num_cat"]):
            self.set_lengths = np.diff(_numbers(section, "cat_boundaries", np.int64, n_sets + 1))
            self.words = _numbers(section, "cat_threshold", np.uint32, int(self.set_lengths.sum()))


def _numbers(section: Section, key: str, dtype: type[np.generic], size: int) -> NDArray[Any]:
    values = np.array(section[key].split(), dtype=np.float64 if dtype is np.float64 else np.int64)
    if len(values) != size:
        raise ValueError(f"{key} holds {len(values)} numbers, expected {size}")
    return values.astype(dtype)


def _joined(names: tuple[str, ...], trees: list[_Tree]) -> TreeEnsemble:
    split_base = np.cumsum([0, *(tree.n_splits for tree in trees)])[:-1]
    leaf_base = np.cumsum([0, *(tree.n_leaves for tree in trees)])[:-1]
    set_base = np.cumsum([0, *(len(tree.set_lengths) for tree in trees)])[:-1]
    places = zip(trees, split_base, leaf_base, strict=True)
    roots = [split if tree.n_splits else ~leaf for tree, split, leaf in places]
    grown = [place for place in zip(trees, split_base, leaf_base, set_base, strict=True) if place[0].n_splits]
    return TreeEnsemble(
        feature_names=names,
        root=np.array(roots, dtype=np.int32),
        feature=_concatenated([tree.feature for tree, *_ in grown], np.int32),
        threshold=_concatenated([tree.threshold for tree, *_ in grown], np.float64),
        missing=_concatenated([tree.missing for tree, *_ in grown], np.int8),
        default_left=_concatenated([tree.default_left for tree, *_ in grown], np.bool_),
        category_set=_concatenated([_shifted(t.category_set, base) for t, _, _, base in grown], np.int32),
        left=_concatenated([_rebased(t.left, split, leaf) for t, split, leaf, _ in grown], np.int32),
        right=_concatenated([_rebased(t.right, split, leaf) for t, split, leaf, _ in grown], np.int32),
        split_count=_concatenated([tree.split_count for tree, *_ in grown], np.float64),
        leaf_value=_concatenated([tree.leaf_value for tree in trees], np.float64),
        leaf_count=_concatenated([tree.leaf_count for tree in trees], np.float64),
        set_offsets=np.cumsum([0, *(n for tree in trees for n in tree.set_lengths)]).astype(np.int64),
        set_words=_concatenated([tree.words for tree in trees], np.uint32),
    )


def _rebased(child: NDArray[np.int32], split_base: int, leaf_base: int) -> NDArray[np.int32]:
    return np.where(child >= 0, child + split_base, child - leaf_base).astype(np.int32)


def _shifted(category_set: NDArray[np.int32], set_base: int) -> NDArray[np.int32]:
    return np.where(category_set == NUMERIC, NUMERIC, category_set + set_base).astype(np.int32)


def _concatenated(pieces: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(pieces).astype(dtype) if pieces else np.zeros(0, dtype)
