"""Exact path-dependent Shapley values of a LightGBM model, additive to 1e-12, for serving."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from streamrec_explain.trees.artefact import ExplainerArtefact, read_artefact, write_artefact
from streamrec_explain.trees.compilation import Floats
from streamrec_explain.trees.conditions import axes_of, encode
from streamrec_explain.trees.conformance import ConformanceVectors, conformance_rows
from streamrec_explain.trees.ensemble import TreeEnsemble
from streamrec_explain.trees.leaf_finding import LeafFinder
from streamrec_explain.trees.leaf_games import leaf_games
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from streamrec_explain.trees.predict import as_rows, predict_raw
from streamrec_explain.trees.tables import build_tables
from streamrec_explain.trees.vectors import BYTES_PER_VECTOR, FLOATS_PER_VECTOR, zero_lines

DEFAULT_MEMORY_BUDGET = 512 << 20
TABLE_SHARE = 0.3125  # of the budget; the compiler, the libraries and building take the rest at their peak
LINES_PER_BLOCK = BYTES_PER_VECTOR // FLOATS_PER_VECTOR
BLOCK = 2048  # rows whose values stay in the L2 cache while the tables stream past


class HasModelText(Protocol):
    """Anything that gives its LightGBM text model, such as `lightgbm.Booster`."""

    def model_to_string(self) -> str:
        """The text model."""
        ...


class TreeShapExplainer:
    """Shapley values of the raw score, with the training rows at each split as background.

    For every row `expected_value + shap_values(row).sum() == predict_raw(row)` up to 1e-12, and the values
    of a row do not depend on the other rows of its batch, bit for bit. Making an explainer runs every kernel
    once, so all compilation happens then and no later call pays for it. Immutable; safe to share by threads.

    Attributes:
        ensemble: the model in normal form.
        expected_value: mean raw score over the background.
        vectors: rows with the values recorded for them.
    """

    def __init__(self, ensemble: TreeEnsemble, memory_budget: int = DEFAULT_MEMORY_BUDGET) -> None:
        self.ensemble = ensemble
        self.memory_budget = memory_budget
        self._axes, splits = axes_of(ensemble)
        self._finder = LeafFinder.of(ensemble, self._axes, splits)
        games = leaf_games(ensemble, self._axes, splits)
        self._tables = build_tables(games, self._axes.n_columns, ensemble.n_features, int(TABLE_SHARE * memory_budget))
        stumps = ensemble.root[ensemble.root < 0]
        self.expected_value = games.expected_value() + float(ensemble.leaf_value[~stumps].sum())
        rows = conformance_rows(ensemble)
        self.vectors = ConformanceVectors(rows, self.shap_values(rows), self.predict_raw(rows))
        for few in (1, 2):  # have kernels of their own, to be compiled now
            self.shap_values(rows[:few])

    @classmethod
    def from_lightgbm(
        cls, booster_or_text: HasModelText | str, memory_budget: int = DEFAULT_MEMORY_BUDGET
    ) -> "TreeShapExplainer":
        """Explain a LightGBM booster or its text model.

        Args:
            booster_or_text: a text model, or an object whose `model_to_string()` returns one.
            memory_budget: bytes that a process with this explainer may take; see `TABLE_SHARE`. Leaves whose
                tables do not fit are integrated per row.

        Raises:
            UnsupportedModelError: linear trees, several classes, random-forest averaging, zero counts.
        """
        text = booster_or_text if isinstance(booster_or_text, str) else booster_or_text.model_to_string()
        return cls(parse_lightgbm_text(text), memory_budget)

    @property
    def digest(self) -> str:
        """SHA-256 of the model in normal form."""
        return self.ensemble.digest()

    @property
    def table_bytes(self) -> int:
        """Memory that the tables take."""
        return self._tables.n_bytes

    def shap_values(self, rows: ArrayLike) -> Floats:
        """Shapley values float64 [n, F] of rows [n, F] in the model's feature order.

        Raises:
            FeatureError: the rows are not [n, F] numbers.
        """
        x_nF = as_rows(rows, self.ensemble.n_features)
        phi_nF = np.empty_like(x_nF)
        for start in range(0, len(x_nF), BLOCK):
            phi_nF[start : start + BLOCK] = self._explain_block(x_nF[start : start + BLOCK])
        return phi_nF

    def _explain_block(self, x_nF: Floats) -> Floats:
        n_rows, n_features = x_nF.shape
        codes = encode(self._axes, x_nF)
        phi_Fn = zero_lines((n_features + 1) * (len(codes) * LINES_PER_BLOCK + 1)).reshape(n_features + 1, -1)
        self._tables.add_shap(codes, n_rows, phi_Fn)
        return phi_Fn[:n_features, :n_rows].T

    def predict_raw(self, rows: ArrayLike) -> Floats:
        """Raw scores float64 [n], equal to LightGBM's."""
        x_nF = as_rows(rows, self.ensemble.n_features)
        if self._finder is None:
            return predict_raw(self.ensemble, x_nF)
        return self._finder.scores(encode(self._axes, x_nF), len(x_nF))

    def save(self, folder: Path) -> None:
        """Write the explainer as plain arrays with a manifest and conformance vectors."""
        write_artefact(folder, ExplainerArtefact(self.ensemble, self.vectors, self.memory_budget))

    @classmethod
    def load(cls, folder: Path) -> "TreeShapExplainer":
        """Read a saved explainer and recompute its conformance vectors.

        Raises:
            ConformanceError: a file is damaged, or recomputed values differ from the recorded ones.
        """
        artefact = read_artefact(folder)
        explainer = cls(artefact.ensemble, artefact.memory_budget)
        rows = artefact.vectors.rows
        artefact.vectors.check(explainer.shap_values(rows), explainer.predict_raw(rows))
        return explainer
