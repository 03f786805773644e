"""Small LightGBM models of every kind the reader accepts, with rows to try them on."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

N_FEATURES = 12


@dataclass(frozen=True)
class Trained:
    """A booster, its text and rows [n, N_FEATURES] like those it was trained on."""

    booster: lgb.Booster
    text: str
    rows: NDArray[np.float64]


def train(
    *, nan: bool = False, zero: bool = False, categories: bool = False, n_trees: int = 20, **params: Any
) -> Trained:
    """Train a small model; `zero` makes LightGBM treat zeros as missing."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(3000, N_FEATURES))
    rows[rng.random(rows.shape) < (0.2 if zero else 0.0)] = 0.0
    rows[rng.random(rows.shape) < (0.1 if nan else 0.0)] = np.nan
    categorical = [4, 5] if categories else []
    for feature in categorical:
        rows[:, feature] = rng.integers(-1, 70, len(rows))
    known = np.nan_to_num(rows)
    target = known @ rng.normal(size=N_FEATURES) + np.sin(known[:, 0] * known[:, 1]) + (known[:, 4] % 3 == 1)
    settings = {"objective": "regression", "num_leaves": 31, "verbose": -1, "num_threads": 1, "seed": 1}
    settings |= {"zero_as_missing": zero, "min_data_per_group": 5, **params}
    booster = lgb.train(settings, lgb.Dataset(rows, target, categorical_feature=categorical), n_trees)
    return Trained(booster, booster.model_to_string(), rows)


KINDS: dict[str, dict[str, Any]] = {
    "numeric": {},
    "nan": {"nan": True},
    "zero": {"zero": True},
    "zero and nan": {"zero": True, "nan": True},
    "categories": {"categories": True},
    "dart with everything": {"nan": True, "categories": True, "boosting": "dart"},
    "many thresholds": {"max_bin": 1000, "n_trees": 60},
    "deep": {"num_leaves": 127, "n_trees": 5, "min_data_in_leaf": 3},
    "stumps": {"num_leaves": 2},
    "not from the average": {"boost_from_average": False},
}
