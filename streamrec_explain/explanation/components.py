"""The components an engine explains with: what a release holds, loaded."""

from dataclasses import dataclass
from typing import Literal

from streamrec_explain.errors import ConformanceError
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.trees.tree_shap import TreeShapExplainer

PolicyName = Literal["honest", "case_study"]


@dataclass(frozen=True)
class EngineBundle:
    """Catalogue, models, explainer, thresholds, templates and policy of one release.

    ConformanceError if the session model was trained on another catalogue.
    """

    catalogue: Catalogue
    spec: FeatureSpec
    session_model: SessionModel
    explainer: TreeShapExplainer
    thresholds: Thresholds
    templates: Templates
    policy: PolicyName = "honest"

    def __post_init__(self) -> None:
        items, known = self.session_model.n_items, len(self.catalogue)
        if items != known:
            raise ConformanceError(
                f"the session model knows {items} items, the catalogue {known}; release them together"
            )
