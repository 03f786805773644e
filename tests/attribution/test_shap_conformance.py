"""The explainer against shap's C extension and LightGBM, and the plots of its values."""

import io

import matplotlib.image as mpl_image
import numpy as np
import pytest

from streamrec_explain.attribution.shap_conformance import conformance, summary_plot, waterfall_plot
from streamrec_explain.errors import ConformanceError
from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.trees.small_models import Trained, train


@pytest.fixture(scope="module")
def numeric() -> Trained:
    """A model that shap's C extension can represent."""
    return train()


@pytest.fixture(scope="module")
def explainer(numeric: Trained) -> TreeShapExplainer:
    """Its explainer."""
    return TreeShapExplainer.from_lightgbm(numeric.text)


def test_explainer_agrees_with_shap_and_lightgbm(numeric: Trained, explainer: TreeShapExplainer) -> None:
    """Numeric models are compared with both, on rows exactly on thresholds too."""
    rows = np.nan_to_num(np.vstack([numeric.rows[:200], explainer.vectors.rows]))
    report = conformance(explainer, numeric.booster, rows).require()
    assert report.from_shap is not None


def test_models_that_shap_cannot_represent_are_held_against_lightgbm_alone() -> None:
    """With missing values and categories shap is left out and says so by None."""
    model = train(nan=True, categories=True)
    report = conformance(TreeShapExplainer.from_lightgbm(model.text), model.booster, model.rows[:200]).require()
    assert report.from_shap is None


def test_another_model_is_found_out(explainer: TreeShapExplainer) -> None:
    """An explainer of one model does not conform to another."""
    other = train(learning_rate=0.2)
    with pytest.raises(ConformanceError, match="exceeds"):
        conformance(explainer, other.booster, other.rows[:50]).require()


def _has_colours(png: bytes) -> bool:
    pixels = mpl_image.imread(io.BytesIO(png), format="png")[..., :3]
    return bool((np.ptp(pixels, axis=2) > 0.2).mean() > 0.005)


def test_summary_plot_is_drawn(numeric: Trained, explainer: TreeShapExplainer) -> None:
    """A PNG with coloured dots, the same bytes each time."""
    rows, names = numeric.rows[:100], list(explainer.ensemble.feature_names)
    png = summary_plot(explainer.shap_values(rows), rows, names)
    assert _has_colours(png)
    assert png == summary_plot(explainer.shap_values(rows), rows, names)


def test_waterfall_plot_is_drawn(numeric: Trained, explainer: TreeShapExplainer) -> None:
    """A PNG with coloured bars."""
    row, names = numeric.rows[0], list(explainer.ensemble.feature_names)
    assert _has_colours(waterfall_plot(explainer.shap_values(row[None])[0], explainer.expected_value, row, names))
