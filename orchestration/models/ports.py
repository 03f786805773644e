"""Signatures of the registered component models: what goes in and what comes out of each."""

from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.release.registration import Port

SESSION_MODEL = "streamrec-session-model"
RERANKER = "streamrec-reranker"
EXPLAINER = "streamrec-explainer"

Signature = tuple[tuple[Port, ...], tuple[Port, ...]]


def session_model() -> Signature:
    """History codes, lags and candidate codes in; one score per candidate out."""
    inputs = tuple(Port(name, "int32", (-1,)) for name in ("history", "lags", "candidates"))
    return inputs, (Port("score", "float64", (-1,)),)


def reranker(spec: FeatureSpec) -> Signature:
    """The features in spec order in; the raw score (log-odds) out."""
    return (Port("features", "float64", (-1, len(spec))),), (Port("raw_score", "float64", (-1,)),)


def explainer(spec: FeatureSpec) -> Signature:
    """The features in spec order in; one SHAP value per feature (log-odds) out."""
    return (Port("features", "float64", (-1, len(spec))),), (Port("shap", "float64", (-1, len(spec))),)
