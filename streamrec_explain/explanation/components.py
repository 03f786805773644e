"""The components an engine explains with: what a release holds, loaded."""

from dataclasses import dataclass
from typing import Literal

from streamrec_explain.errors import ConformanceError
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.trees.tree_shap import TreeShapExplainer

PolicyName = Literal["honest", "case_study"]

ENGINE_VERSION = 1
"""What the same files mean, by number: a release says which engine it speaks with, and every later one replays it.

A change that would alter an explanation of an existing release (another claim, another evidence field, another
order) either hangs on a threshold whose default is the old behaviour, or takes the next number here and asks
`EngineBundle.engine_version` where it differs. `tests/test_older_engines.py` holds every number to its bytes.
"""


@dataclass(frozen=True)
class EngineBundle:
    """Catalogue, models, explainer, thresholds, templates, policy and engine version of one release.

    ConformanceError if the session model was trained on another catalogue, or if the release speaks with an engine
    that this program does not have.
    """

    catalogue: Catalogue
    spec: FeatureSpec
    session_model: SessionScorer
    explainer: TreeShapExplainer
    thresholds: Thresholds
    templates: Templates
    policy: PolicyName = "honest"
    engine_version: int = ENGINE_VERSION

    def __post_init__(self) -> None:
        if not 1 <= self.engine_version <= ENGINE_VERSION:
            raise ConformanceError(
                f"the release speaks with engine {self.engine_version}, this program knows 1 to {ENGINE_VERSION}; "
                "install the version that made the release, or a later one"
            )
        items, known = self.session_model.n_items, len(self.catalogue)
        if items != known:
            raise ConformanceError(
                f"the session model knows {items} items, the catalogue {known}; release them together"
            )
