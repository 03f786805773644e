"""Codes: a code exceeds a limit exactly where the row goes right at the split."""

import numpy as np

from streamrec_explain.trees.conditions import COLUMN_LIMITS, axes_of, encode
from streamrec_explain.trees.conformance import conformance_rows
from streamrec_explain.trees.ensemble import TreeEnsemble
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from tests.reference.tree_shap import goes_left
from tests.trees.random_ensembles import random_ensemble
from tests.trees.small_models import Trained


def test_codes_decide_as_the_splits_do(trained: Trained) -> None:
    """At every split, for rows on thresholds, missing and categorical values."""
    ensemble = parse_lightgbm_text(trained.text)
    axes, splits = axes_of(ensemble)
    rows = conformance_rows(ensemble)[:7]
    codes = encode(axes, rows)[0]
    for split, (axis, limit) in enumerate(zip(splits.axis.tolist(), splits.limit.tolist(), strict=True)):
        column = axes.first_column[axis] + limit // COLUMN_LIMITS
        expected = [not goes_left(ensemble, split, float(x)) for x in rows[:, ensemble.feature[split]]]
        assert expected == (codes[column, : len(rows)] > limit % COLUMN_LIMITS).tolist()


def test_many_thresholds_take_several_columns() -> None:
    """An axis with more thresholds than a byte can count is cut, and codes stay within each column."""
    rng = np.random.default_rng(0)
    ensemble = _stumps(np.sort(rng.normal(size=600)))
    axes, _ = axes_of(ensemble)
    codes = encode(axes, ensemble.threshold[[0, 254, 255, 599], None])[0, :, :4]
    assert axes.n_columns == 3
    assert [[0, 254, 255, 255], [0, 0, 0, 255], [0, 0, 0, 89]] == codes.tolist()


def _stumps(thresholds: np.ndarray) -> TreeEnsemble:
    """One stump per threshold, on a single numeric feature."""
    n = len(thresholds)
    ensemble = random_ensemble(np.random.default_rng(1), 1, n, 2)
    ensemble.threshold[:] = thresholds
    ensemble.category_set[:] = -1
    ensemble.missing[:] = 0
    return ensemble
