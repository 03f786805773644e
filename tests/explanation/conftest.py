"""A tiny but real release: 30 items, a session model from arrays, a re-ranker trained on random lists."""

from dataclasses import replace

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from streamrec_explain.events.schema import ITEMS
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.assemble import list_matrix
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.trees.tree_shap import TreeShapExplainer

N_ITEMS = 30
SENSITIVE, UNTITLED, TWIN, TWIN_OF = 7, 11, 13, 12
CATEGORIES = ("Drama", "Comedy", "Sci-Fi")


def item_rows() -> list[dict[str, object]]:
    """Thirty items: one sensitive, one untitled, two with the same title, one without category."""
    return [
        {
            "item_id": f"i{code}",
            "title": None if code == UNTITLED else f"Title {TWIN_OF if code == TWIN else code}",
            "categories": [] if code == 29 else [CATEGORIES[code % 3], CATEGORIES[(code + 1) % 3]][: 1 + code % 2],
            "creator": None if code == 28 else f"creator {code % 5}",
            "creator_subscribers": 100 * code,
            "duration_s": 600.0 + code,
            "publish_time_ms": 1_000 * code,
            "sponsored": code == 3,
            "sensitive": code == SENSITIVE,
        }
        for code in range(N_ITEMS)
    ]


def tiny_session_model(rng: np.random.Generator) -> SessionModel:
    """Random centred tables whose contributions are often above and often below the margins."""
    event, candidate = (rng.normal(size=(N_ITEMS, 2, 4)).astype(np.float32) for _ in range(2))
    curve = np.exp(-np.arange(61) / 15).astype(np.float32) * np.float32(0.6)
    bias = rng.normal(size=N_ITEMS).astype(np.float32)
    centred = candidate - candidate.mean(axis=0, keepdims=True)
    return SessionModel(event, np.ascontiguousarray(centred), bias - bias.mean(), np.stack([curve, curve / 2]))


def training_list(
    rng: np.random.Generator, catalogue: Catalogue, model: SessionModel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of a random list and labels that follow session score, category affinity and noise."""
    history = rng.integers(0, N_ITEMS, size=rng.integers(0, 20)).astype(np.int32)
    candidates = rng.permutation(N_ITEMS)[:10].astype(np.int32)
    scores = model.scores(history, np.arange(len(history), 0, -1), candidates)
    user, item = rng.normal(size=20), rng.normal(size=(10, 20))
    features = list_matrix(DEFAULT_SPEC, catalogue, history, candidates, user, item, scores)
    affinity = features[:, DEFAULT_SPEC.index("user_category_affinity_score")]
    logit = scores + 6 * affinity + item[:, 0] - 2 + 0.5 * rng.normal(size=10)
    return features, (rng.random(10) < 1 / (1 + np.exp(-logit))).astype(np.float64)


def tiny_reranker(rng: np.random.Generator, catalogue: Catalogue, model: SessionModel) -> str:
    """The LightGBM text of a small re-ranker."""
    lists = [training_list(rng, catalogue, model) for _ in range(150)]
    features, labels = np.concatenate([x for x, _ in lists]), np.concatenate([y for _, y in lists])
    data = lightgbm.Dataset(features, labels, feature_name=list(DEFAULT_SPEC.names))
    settings = {"objective": "binary", "num_leaves": 8, "verbose": -1, "num_threads": 1, "deterministic": True}
    return lightgbm.train(settings, data, num_boost_round=20).model_to_string()


def tiny_bundle() -> EngineBundle:
    """The tiny release with margins of ln 1.25 and the honest policy."""
    rng = np.random.default_rng(11)
    catalogue = Catalogue.from_items(pa.Table.from_pylist(item_rows(), schema=ITEMS))
    model = tiny_session_model(rng)
    explainer = TreeShapExplainer.from_lightgbm(tiny_reranker(rng, catalogue, model))
    return EngineBundle(catalogue, DEFAULT_SPEC, model, explainer, Thresholds(), Templates.packaged())


@pytest.fixture(scope="session")
def bundle() -> EngineBundle:
    """The tiny release, made once."""
    return tiny_bundle()


@pytest.fixture(scope="session")
def engine(bundle: EngineBundle) -> ExplanationEngine:
    """The engine of the tiny release."""
    return ExplanationEngine(bundle)


@pytest.fixture(scope="session")
def case_study_engine(bundle: EngineBundle) -> ExplanationEngine:
    """The same release under the case study's policy."""
    return ExplanationEngine(replace(bundle, policy="case_study"))
