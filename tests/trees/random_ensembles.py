"""Random small ensembles with every kind of split, for properties."""

import numpy as np
from hypothesis import strategies as st

from streamrec_explain.trees.ensemble import NUMERIC, TreeEnsemble

_VALUES = (-1.5, -0.5, 0.0, 0.5, 1.0, 2.0)  # thresholds and row values alike, so that rows lie on thresholds


@st.composite
def ensembles(draw: st.DrawFn) -> tuple[TreeEnsemble, np.ndarray]:
    """Up to four trees of up to ten leaves over up to six features, with three rows."""
    n_features = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ensemble = random_ensemble(rng, n_features, draw(st.integers(1, 4)), draw(st.integers(1, 10)))
    rows = rng.choice([*_VALUES, np.nan, 33.0], size=(3, n_features))
    return ensemble, rows


def random_ensemble(rng: np.random.Generator, n_features: int, n_trees: int, n_leaves: int) -> TreeEnsemble:
    """Grow trees by splitting random leaves; a feature is categorical or has one missing type, as in LightGBM."""
    missing_of, categorical = rng.integers(0, 3, n_features), rng.random(n_features) < 0.25
    roots, splits, values, counts = [], [], [], []
    for _ in range(n_trees):
        first_split, first_leaf = len(splits), len(values)
        values.append(rng.normal())
        counts.append(float(rng.integers(500, 1000)))
        for leaf in range(1, n_leaves):
            _split_leaf(splits, counts, rng, first_leaf, first_leaf + leaf, n_features, first_split)
            values.append(rng.normal())
        roots.append(first_split if n_leaves > 1 else ~first_leaf)
    feature = np.array([split["feature"] for split in splits], dtype=np.int32)
    is_category = categorical[feature]
    return TreeEnsemble(
        feature_names=tuple(f"f{i}" for i in range(n_features)),
        root=np.array(roots, dtype=np.int32),
        feature=feature,
        threshold=np.where(is_category, np.nan, rng.choice(_VALUES, len(splits))),
        missing=np.where(is_category, 0, missing_of[feature]).astype(np.int8),
        default_left=rng.random(len(splits)) < 0.5,
        category_set=np.where(is_category, rng.integers(0, 3, len(splits)), NUMERIC).astype(np.int32),
        left=np.array([split["left"] for split in splits], dtype=np.int32),
        right=np.array([split["right"] for split in splits], dtype=np.int32),
        split_count=np.array([split["count"] for split in splits], dtype=np.float64),
        leaf_value=np.array(values),
        leaf_count=np.array(counts),
        set_offsets=np.array([0, 1, 3, 4]),
        set_words=np.array([0b101, 0b10, 0b10, 0b101], dtype=np.uint32),  # {0, 2}, {1, 33}, {0, 2}
    )


def _split_leaf(
    splits: list[dict[str, int | float]],
    counts: list[float],
    rng: np.random.Generator,
    first_leaf: int,
    new_leaf: int,
    n_features: int,
    first_split: int,
) -> None:
    """Turn a random leaf of the tree into a split of it and a new leaf, sharing its training rows."""
    leaf, split = int(rng.integers(first_leaf, new_leaf)), len(splits)
    for parent in splits[first_split:]:
        for side in ("left", "right"):
            parent[side] = split if parent[side] == ~leaf else parent[side]
    share = float(rng.uniform(0.1, 0.9))
    children = {"left": ~leaf, "right": ~new_leaf}
    splits.append({"feature": int(rng.integers(n_features)), "count": counts[leaf], **children})
    counts.append(counts[leaf] * (1 - share))
    counts[leaf] *= share
