"""What a release consists of: the files of its bundle, made from an engine's components and loaded back."""

from pathlib import Path
from typing import get_args

import msgspec

from streamrec_explain.errors import ConformanceError, CorruptReleaseError
from streamrec_explain.explanation.components import EngineBundle, PolicyName
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.hashing import canonical_json
from streamrec_explain.models.session_file import load_session_model
from streamrec_explain.release.bundle import Contents
from streamrec_explain.release.gates import GATES_FILE, GateBounds
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from streamrec_explain.trees.tree_shap import TreeShapExplainer

CATALOGUE_FILE = "catalogue.arrow"
SPEC_FILE = "feature_spec.json"
SESSION_MODEL_FILE = "session_model.npz"
RERANKER_FILE = "reranker.txt"
EXPLAINER_FOLDER = "explainer"
THRESHOLDS_FILE = "thresholds.json"
TEMPLATES_FOLDER = "templates"
POLICY_FILE = "policy.json"


def release_contents(engine: EngineBundle, reranker_text: str, bounds: GateBounds) -> Contents:
    """The files of a release, for `write_bundle`.

    ConformanceError if the explainer was not made from this re-ranker.
    """
    if parse_lightgbm_text(reranker_text).digest() != engine.explainer.digest:
        raise ConformanceError("the explainer was made from another re-ranker; make it from this one's text")
    return {
        CATALOGUE_FILE: engine.catalogue.save,
        SPEC_FILE: engine.spec.to_json().encode(),
        SESSION_MODEL_FILE: engine.session_model.save,
        RERANKER_FILE: reranker_text.encode(),
        EXPLAINER_FOLDER: engine.explainer.save,
        THRESHOLDS_FILE: engine.thresholds.to_json(),
        TEMPLATES_FOLDER: engine.templates.save,
        POLICY_FILE: canonical_json(msgspec.to_builtins(_Speaking(engine.policy, engine.engine_version))),
        GATES_FILE: bounds.to_json(),
    }


def load_components(folder: Path) -> EngineBundle:
    """The engine's components from a bundle; call `verify_bundle` first (or take the folder from the cache).

    Raises the reader's own error (ConformanceError, FeatureError...) for a file this program cannot read.
    """
    speaking = _speaking(folder / POLICY_FILE)
    return EngineBundle(
        catalogue=Catalogue.load(folder / CATALOGUE_FILE),
        spec=FeatureSpec.from_json((folder / SPEC_FILE).read_bytes()),
        session_model=load_session_model(folder / SESSION_MODEL_FILE),
        explainer=TreeShapExplainer.load(folder / EXPLAINER_FOLDER),
        thresholds=Thresholds.from_json((folder / THRESHOLDS_FILE).read_bytes()),
        templates=Templates.load(folder / TEMPLATES_FOLDER),
        policy=speaking.policy,
        engine_version=speaking.engine,
    )


class _Speaking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """policy.json: which policy of which engine speaks; releases of the first engine do not name it."""

    policy: PolicyName
    engine: int = 1


def _speaking(path: Path) -> _Speaking:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Speaking)
    except msgspec.MsgspecError as error:
        known = f"this program knows the policies {get_args(PolicyName)}"
        raise CorruptReleaseError(f"{path.name}: {error}; {known}", path.name) from error
