"""The explainer: exact, additive, independent of batches, and ready when it is made."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from streamrec_explain.errors import FeatureError
from streamrec_explain.trees import lookup
from streamrec_explain.trees.conformance import conformance_rows
from streamrec_explain.trees.ensemble import TreeEnsemble
from streamrec_explain.trees.predict import predict_raw
from streamrec_explain.trees.tree_shap import BLOCK, TreeShapExplainer
from tests.reference.tree_shap import brute_force, predict
from tests.reference.tree_shap_leaves import leaf_shap
from tests.trees.random_ensembles import ensembles
from tests.trees.small_models import N_FEATURES, Trained

BUDGETS = [pytest.param(512 << 20, id="tables"), pytest.param(200_000, id="mixed"), pytest.param(0, id="quadrature")]


def _rows(trained: Trained, ensemble: TreeEnsemble) -> np.ndarray:
    return np.vstack([trained.rows[:100], conformance_rows(ensemble)])


@pytest.mark.parametrize("budget", BUDGETS)
def test_values_are_pred_contrib(trained: Trained, budget: int) -> None:
    """Values and expected value are LightGBM's, rows exactly on thresholds included."""
    explainer = TreeShapExplainer.from_lightgbm(trained.booster, memory_budget=budget)
    rows = _rows(trained, explainer.ensemble)
    expected = trained.booster.predict(rows, pred_contrib=True)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(explainer.shap_values(rows), expected[:, :-1], rtol=0, atol=1e-12 * scale)
    assert expected[0, -1] == pytest.approx(explainer.expected_value, abs=1e-12 * scale)


@pytest.mark.parametrize("budget", BUDGETS)
def test_values_add_up_to_the_score(trained: Trained, budget: int) -> None:
    """Expected value plus values is the raw score to 1e-12."""
    explainer = TreeShapExplainer.from_lightgbm(trained.text, memory_budget=budget)
    rows = _rows(trained, explainer.ensemble)
    scores = explainer.predict_raw(rows)
    total = explainer.expected_value + explainer.shap_values(rows).sum(axis=1)
    np.testing.assert_allclose(total, scores, rtol=0, atol=1e-12 * max(1.0, np.abs(scores).max()))


@settings(max_examples=60, deadline=None)
@given(ensembles())
def test_values_are_the_definition(case: tuple[TreeEnsemble, np.ndarray]) -> None:
    """On random trees and rows the values are the sum over all coalitions."""
    ensemble, rows = case
    explainer = TreeShapExplainer(ensemble)
    expected = np.array([brute_force(ensemble, row) for row in rows])
    np.testing.assert_allclose(explainer.shap_values(rows), expected, rtol=0, atol=1e-12)
    assert [predict(ensemble, row) for row in rows] == pytest.approx(explainer.predict_raw(rows).tolist(), abs=1e-12)


def test_values_are_the_closed_form_leaf_by_leaf(trained: Trained) -> None:
    """The elementary symmetric form, which shares no code with the tables, gives the same values."""
    explainer = TreeShapExplainer.from_lightgbm(trained.text)
    rows = conformance_rows(explainer.ensemble)[:5]
    expected = np.array([leaf_shap(explainer.ensemble, row) for row in rows])
    np.testing.assert_allclose(explainer.shap_values(rows), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_batch_is_its_rows_bit_for_bit(trained: Trained, budget: int) -> None:
    """A batch of n gives exactly the values of n batches of one."""
    explainer = TreeShapExplainer.from_lightgbm(trained.text, memory_budget=budget)
    rows = _rows(trained, explainer.ensemble)
    alone = np.vstack([explainer.shap_values(row[None, :]) for row in rows])
    assert (alone == explainer.shap_values(rows)).all()
    assert (alone[:20] == explainer.shap_values(rows[:20])).all()


def test_batches_larger_than_a_block(small: Trained, explainer: TreeShapExplainer) -> None:
    """Rows beyond the first block get the values of the same rows in it."""
    rows = np.resize(small.rows, (BLOCK + 130, N_FEATURES))
    assert (explainer.shap_values(rows)[BLOCK:] == explainer.shap_values(rows[BLOCK:])).all()


def test_no_rows(explainer: TreeShapExplainer) -> None:
    """An empty batch has empty values."""
    assert explainer.shap_values(np.zeros((0, N_FEATURES))).shape == (0, N_FEATURES)


@pytest.mark.parametrize("order", ["F", "C"])
def test_any_layout_of_rows(small: Trained, explainer: TreeShapExplainer, order: str) -> None:
    """Column-major, float32 and read-only rows are explained without a new compilation."""
    expected = explainer.shap_values(small.rows[:30].astype(np.float32))
    compiled = len(lookup.add_few.signatures)
    rows = np.array(small.rows[:30], dtype=np.float32, order=order)
    rows.flags.writeable = False
    assert (explainer.shap_values(rows) == expected).all()
    assert len(lookup.add_few.signatures) == compiled == 1


def test_wrong_width_is_refused(explainer: TreeShapExplainer) -> None:
    """Rows with a column too many raise FeatureError."""
    with pytest.raises(FeatureError, match="expected"):
        explainer.shap_values(np.zeros((1, N_FEATURES + 1)))


def test_every_way_of_computing_is_used(trained: Trained) -> None:
    """With no budget every leaf is integrated; with the default one hardly any is."""
    none = TreeShapExplainer.from_lightgbm(trained.text, memory_budget=0)
    full = TreeShapExplainer.from_lightgbm(trained.text)
    assert none.table_bytes == 0
    assert full.table_bytes > 0


def test_the_budget_is_kept(small: Trained) -> None:
    """Tables take at most the budget."""
    assert 0 < TreeShapExplainer.from_lightgbm(small.text, memory_budget=200_000).table_bytes <= 200_000


def test_scores_are_those_of_walked_trees(trained: Trained) -> None:
    """Bit for bit, at every batch size, in trees of few leaves (found at once) and of many (walked)."""
    explainer = TreeShapExplainer.from_lightgbm(trained.text)
    rows = np.vstack([_rows(trained, explainer.ensemble), np.full((1, N_FEATURES), np.nan)])
    expected = predict_raw(explainer.ensemble, rows)
    assert (expected == explainer.predict_raw(rows)).all()
    assert expected[:9].tolist() == [float(explainer.predict_raw(row[None])[0]) for row in rows[:9]]


_NO_COMPILATION_LATER = """
import sys, numpy as np
from pathlib import Path
from numba.core import event
from streamrec_explain.trees.tree_shap import TreeShapExplainer
explainer = TreeShapExplainer.load(Path(sys.argv[1]))
with event.install_recorder("numba:compile") as later:
    for n in (1, 2, 20, 500, 3000):
        explainer.shap_values(np.zeros((n, 12)))
        explainer.predict_raw(np.zeros((n, 12)))
print(len(later.buffer))
"""


@pytest.mark.slow
def test_no_request_pays_for_compilation(explainer: TreeShapExplainer, tmp_path: Path) -> None:
    """In a process where nothing is cached, nothing is compiled after the explainer is loaded."""
    explainer.save(tmp_path / "explainer")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", _NO_COMPILATION_LATER, str(tmp_path / "explainer")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "0"
