"""Explanations for a recommender: true of the model, replayable byte for byte, microseconds each."""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "ExplanationEngine": "streamrec_explain.explanation.engine",
    "ListContext": "streamrec_explain.records",
    "RecommendationContext": "streamrec_explain.records",
    "StreamRecError": "streamrec_explain.errors",
    "TreeShapExplainer": "streamrec_explain.trees.tree_shap",
}
__all__ = sorted(_PUBLIC)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Resolve a public name on first use, so that importing the package loads nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
