"""Holds an explainer against shap's C extension and LightGBM's own values, and draws shap's plots of its values."""

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import shap
from numpy.typing import NDArray
from shap import _cext

from streamrec_explain.errors import ConformanceError

mpl.use("Agg")  # no display where models are trained

TOLERANCE = 1e-12
_PATH_DEPENDENT, _RAW_SCORE, _NO_INTERACTIONS = 1, 0, False
_PLOT_DPI = 110
_PYPLOT = threading.Lock()

Floats = NDArray[np.float64]


class Explainer(Protocol):
    """What is held against shap and LightGBM."""

    @property
    def expected_value(self) -> float:
        """Mean raw score over the background."""
        ...

    def shap_values(self, rows: Any) -> Floats:
        """Shapley values [n, F]."""
        ...

    def predict_raw(self, rows: Any) -> Floats:
        """Raw scores [n]."""
        ...


@dataclass(frozen=True)
class ConformanceReport:
    """Largest deviations on n rows, relative to the largest raw score where that exceeds 1.

    `from_shap` is None where shap cannot represent the model (missing values or categories).
    """

    n_rows: int
    from_shap: float | None
    from_pred_contrib: float
    additivity: float

    def require(self, tolerance: float = TOLERANCE) -> "ConformanceReport":
        """Return the report.

        Raises:
            ConformanceError: a deviation exceeds the tolerance.
        """
        for name, value in vars(self).items():
            if name != "n_rows" and value is not None and not value <= tolerance:
                raise ConformanceError(f"{name}: deviation {value:.3g} exceeds {tolerance:g} on {self.n_rows} rows")
        return self


def conformance(explainer: Explainer, booster: Any, rows: Floats) -> ConformanceReport:
    """Compare an explainer's values of rows [n, F] with those of shap and of LightGBM.

    Args:
        explainer: what is to be checked.
        booster: the `lightgbm.Booster` that the explainer was made from.
        rows: float64 [n, F]; may hold NaN.
    """
    values, scores = explainer.shap_values(rows), explainer.predict_raw(rows)
    scale = max(1.0, float(np.abs(scores).max(initial=0.0)))
    reference = np.asarray(booster.predict(rows, pred_contrib=True))
    shap_reference = c_extension(booster)(rows) if is_numeric(booster, rows) else None
    return ConformanceReport(
        n_rows=len(rows),
        from_shap=None if shap_reference is None else float(np.abs(values - shap_reference).max()) / scale,
        from_pred_contrib=float(np.abs(values - reference[:, :-1]).max()) / scale,
        additivity=float(np.abs(explainer.expected_value + values.sum(axis=1) - scores).max()) / scale,
    )


def is_numeric(booster: Any, rows: Floats) -> bool:
    """Whether shap's C extension knows what the model does: numeric splits, no missing values in model or rows."""
    text = booster.model_to_string()
    decisions = {
        int(code)
        for line in text.splitlines()
        if line.startswith("decision_type=")
        for code in line.partition("=")[2].split()
    }
    has_categories = any(code & 1 for code in decisions)
    has_missing = any(code >> 2 & 3 for code in decisions)
    return not has_categories and not has_missing and not bool(np.isnan(rows).any())


def c_extension(booster: Any) -> Callable[[Floats], Floats]:
    """Shapley values [n, F] of rows [n, F] by shap's C extension; `shap_values()` would hand the work to LightGBM."""
    trees = shap.TreeExplainer(booster).model

    def explain(rows: Floats) -> Floats:
        values = np.zeros((len(rows), rows.shape[1] + 1, trees.num_outputs))
        _cext.dense_tree_shap(
            trees.children_left, trees.children_right, trees.children_default, trees.features, trees.thresholds,
            trees.threshold_types, trees.values, trees.node_sample_weight, trees.max_depth, rows, np.isnan(rows),
            None, None, None, len(trees.values), trees.base_offset, values, _PATH_DEPENDENT, _RAW_SCORE,
            _NO_INTERACTIONS,
        )  # fmt: skip
        return np.asarray(values[:, :-1, 0])

    return explain


def summary_plot(values: Floats, rows: Floats, names: list[str], max_display: int = 15) -> bytes:
    """PNG of the distribution of Shapley values [n, F] over rows [n, F], most important features first."""
    shades = np.random.default_rng(0)

    def draw() -> None:
        shap.summary_plot(values, rows, feature_names=names, max_display=max_display, show=False, rng=shades)

    return _png(draw)


def waterfall_plot(values: Floats, base: float, row: Floats, names: list[str], max_display: int = 12) -> bytes:
    """PNG of one row's way from the expected value to its raw score, largest contributions first."""
    explanation = shap.Explanation(values=values, base_values=base, data=row, feature_names=names)
    return _png(lambda: shap.plots.waterfall(explanation, max_display=max_display, show=False))


def _png(draw: Callable[[], object]) -> bytes:
    """What `draw` puts on a new figure; shap draws on pyplot's current one, so one thread at a time."""
    with _PYPLOT:
        figure = plt.figure()
        try:
            draw()
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=_PLOT_DPI, bbox_inches="tight", metadata={"Software": None})
            return buffer.getvalue()
        finally:
            plt.close(figure)
