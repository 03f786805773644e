"""Rows made from a model's own thresholds, and the values an explainer must reproduce on them."""

from dataclasses import dataclass

import numpy as np

from streamrec_explain.errors import ConformanceError
from streamrec_explain.trees.compilation import Floats
from streamrec_explain.trees.ensemble import TreeEnsemble

TOLERANCE = 1e-12
N_ROWS = 96  # more than the few rows that have a kernel of their own


@dataclass(frozen=True, eq=False)
class ConformanceVectors:
    """Rows float64 [n, F] with the Shapley values [n, F] and raw scores [n] recorded for them."""

    rows: Floats
    shap_values: Floats
    raw_scores: Floats

    def check(self, shap_values: Floats, raw_scores: Floats) -> None:
        """Compare recomputed with recorded values.

        Raises:
            ConformanceError: a value differs by more than TOLERANCE, relative to the largest score if > 1.
        """
        _require_close("Shapley values", shap_values, self.shap_values, self.raw_scores)
        _require_close("raw scores", raw_scores, self.raw_scores, self.raw_scores)


def _require_close(name: str, recomputed: Floats, recorded: Floats, scale_of: Floats) -> None:
    if recomputed.shape != recorded.shape:
        raise ConformanceError(f"{name}: recorded shape {recorded.shape}, recomputed {recomputed.shape}")
    scale = max(1.0, float(np.abs(scale_of).max(initial=0.0)))
    deviation = float(np.abs(recomputed - recorded).max(initial=0.0)) / scale
    if not deviation <= TOLERANCE:
        raise ConformanceError(
            f"{name} differ by {deviation:.3g} from the recorded ones (tolerance {TOLERANCE:g}):"
            " this build of the explainer does not compute what the release recorded; do not serve it"
        )


def conformance_rows(ensemble: TreeEnsemble) -> Floats:
    """N_ROWS rows, float64 [N_ROWS, F]: thresholds exactly and just above, categories, zero and NaN."""
    rng = np.random.default_rng(0)
    rows = np.empty((N_ROWS, ensemble.n_features))
    for feature in range(ensemble.n_features):
        rows[:, feature] = rng.choice(_telling_values(ensemble, feature), N_ROWS)
    return rows


def _telling_values(ensemble: TreeEnsemble, feature: int) -> Floats:
    """The values at which some split on the feature changes its decision."""
    mine = ensemble.feature == feature
    thresholds = np.unique(ensemble.threshold[mine & (ensemble.category_set < 0)])
    sets = np.unique(ensemble.category_set[mine & (ensemble.category_set >= 0)])
    categories = [_members(ensemble, c) for c in sets.tolist()]
    above = np.nextafter(thresholds, np.inf)
    return np.concatenate([thresholds, above, *categories, [0.0, -1.0, np.nan]])


def _members(ensemble: TreeEnsemble, category_set: int) -> Floats:
    words = ensemble.set_words[ensemble.set_offsets[category_set] : ensemble.set_offsets[category_set + 1]]
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.float64)
