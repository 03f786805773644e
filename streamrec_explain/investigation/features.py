"""The full SHAP vector of one item: what each feature adds to the re-ranker's raw score, and what is left over."""

from collections.abc import Mapping
from math import isnan

import msgspec

from streamrec_explain.attribution.axioms import completeness_residual
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.scoring import ScoredList
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import Feature


class FeatureReason(msgspec.Struct, frozen=True):
    """One feature: its value (None: missing; `label` names a category) and its SHAP value in log-odds."""

    name: str
    group: str
    display: Mapping[str, str]
    value: float | None
    label: str | None
    shap: float


class FeatureAttribution(msgspec.Struct, frozen=True):
    """Exact path-dependent TreeSHAP values (Lundberg et al. 2020, algorithm 2) of one row, in log-odds.

    base_value + sum of all `reasons` = raw_score, but for `residual`. Reasons are in the order of the spec.
    """

    base_value: float
    raw_score: float
    residual: float
    reasons: tuple[FeatureReason, ...]

    @property
    def ranked(self) -> tuple[FeatureReason, ...]:
        """The reasons with the largest |SHAP| first; ties in the order of the spec."""
        return tuple(sorted(self.reasons, key=lambda reason: -abs(reason.shap)))

    def shap(self, name: str) -> float:
        """The SHAP value of a feature by its name; StopIteration if the spec has no such name."""
        return next(reason.shap for reason in self.reasons if reason.name == name)


def attribute_features(bundle: EngineBundle, scored: ScoredList) -> FeatureAttribution:
    """The full SHAP vector of a list of one."""
    shap = bundle.explainer.shap_values(scored.features)
    base = bundle.explainer.expected_value
    residual = completeness_residual(shap, scored.raw_scores, scored.raw_scores * 0.0 + base)
    rows = zip(bundle.spec.features, scored.features[0].tolist(), shap[0].tolist(), strict=True)
    return FeatureAttribution(
        base_value=float(base),
        raw_score=float(scored.raw_scores[0]),
        residual=float(residual[0]),
        reasons=tuple(_reason(feature, value, added, bundle.catalogue) for feature, value, added in rows),
    )


def _reason(feature: Feature, value: float, shap: float, catalogue: Catalogue) -> FeatureReason:
    known = not isnan(value)
    label = catalogue.category_names[int(value)] if known and feature.dtype == "category" else None
    return FeatureReason(feature.name, feature.group, feature.display, value if known else None, label, shap)
