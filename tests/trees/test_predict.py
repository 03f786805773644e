"""Raw scores equal LightGBM's on every kind of model, also where decisions flip."""

from typing import Any

import numpy as np
import pytest

from streamrec_explain.errors import FeatureError
from streamrec_explain.trees.conformance import conformance_rows
from streamrec_explain.trees.ensemble import ZERO_THRESHOLD
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from streamrec_explain.trees.predict import predict_raw
from tests.trees.small_models import N_FEATURES, Trained


def test_scores_are_lightgbms(trained: Trained) -> None:
    """Training rows and rows exactly on thresholds score the same."""
    ensemble = parse_lightgbm_text(trained.text)
    rows = np.vstack([trained.rows[:300], conformance_rows(ensemble)])
    np.testing.assert_allclose(
        predict_raw(ensemble, rows), trained.booster.predict(rows, raw_score=True), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1e-35, ZERO_THRESHOLD, -ZERO_THRESHOLD, -1.1e-35, -0.5, 1e10, 3e9, np.inf, -np.inf, np.nan]
)
def test_odd_values_follow_lightgbm(trained: Trained, value: float) -> None:
    """Zeros, tiny, huge, infinite and missing values take LightGBM's branches in every column."""
    if np.isinf(value) and "categorical_feature: 4,5" in trained.text:
        pytest.skip("LightGBM casts infinity to an integer, which C++ leaves undefined")
    rows = np.full((1, N_FEATURES), value)
    ensemble = parse_lightgbm_text(trained.text)
    expected = trained.booster.predict(rows, raw_score=True)[0]
    assert expected == pytest.approx(predict_raw(ensemble, rows)[0], abs=1e-12)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(np.zeros(N_FEATURES), id="one-dimensional"),
        pytest.param(np.zeros((2, N_FEATURES - 1)), id="a column too few"),
        pytest.param(np.zeros((1, 1, N_FEATURES)), id="three-dimensional"),
        pytest.param([["a"] * N_FEATURES], id="text"),
        pytest.param([[None] * N_FEATURES, [1.0]], id="ragged"),
    ],
)
def test_wrong_rows_are_refused(small: Trained, rows: Any) -> None:
    """Rows of another shape or type raise FeatureError."""
    with pytest.raises(FeatureError, match="rows"):
        predict_raw(parse_lightgbm_text(small.text), rows)
