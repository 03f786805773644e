"""Conformance with the field's own tools: SHAP values beside LightGBM's and shap's, and shap's plots of them."""

import io

import lightgbm as lgb
import matplotlib
import numpy as np
import shap
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from streamrec_explain.trees.tree_shap import TreeShapExplainer

matplotlib.use("Agg")
Floats = NDArray[np.float64]


def largest_deviation(explainer: TreeShapExplainer, text: str, rows: Floats) -> float:
    """The largest difference (log-odds) to `pred_contrib` and the raw score of LightGBM, and to shap, on rows [n, F].

    shap's TreeExplainer hands a LightGBM model to `pred_contrib`, so its own algorithm is compared too, through
    its C extension, where the model has no categorical split and the rows no NaN, which that one cannot read.
    """
    booster = lgb.Booster(model_str=text)
    contributions = np.asarray(booster.predict(rows, pred_contrib=True))
    own = explainer.shap_values(rows)
    raw = np.asarray(booster.predict(rows, raw_score=True))
    peer = shap.TreeExplainer(booster).shap_values(rows)
    differences = (
        own - contributions[:, :-1],
        own - np.asarray(peer),
        np.atleast_1d(explainer.expected_value - contributions[:1, -1]),
        explainer.predict_raw(rows) - raw,
    )
    return max(float(np.abs(each).max(initial=0.0)) for each in differences)


def draw_summary(values: Floats, rows: Floats, names: tuple[str, ...], most: int = 15) -> bytes:
    """shap's summary plot of SHAP values [n, F] (log-odds) of rows [n, F], as PNG."""
    shap.summary_plot(values, rows, feature_names=list(names), max_display=most, show=False, rng=0)
    return _png()


def draw_waterfall(values: Floats, row: Floats, expected_value: float, names: tuple[str, ...], most: int = 12) -> bytes:
    """shap's waterfall plot of one row [F]: from the expected value to the raw score (log-odds), as PNG."""
    explanation = shap.Explanation(values, expected_value, row, feature_names=list(names))
    shap.plots.waterfall(explanation, max_display=most, show=False)
    return _png()


def _png() -> bytes:
    buffer = io.BytesIO()
    plt.gcf().savefig(buffer, format="png", dpi=100, bbox_inches="tight")
    plt.close("all")
    return buffer.getvalue()
