"""A release whose session model is the transformer: written, loaded, and its sentences checked by real removal."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.events.schema import ITEMS
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.transformer_model import TransformerModel
from streamrec_explain.records import ListContext
from streamrec_explain.release.bundle import write_bundle
from streamrec_explain.release.components import load_components, release_contents
from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.explanation.conftest import N_ITEMS, item_rows, tiny_reranker
from tests.explanation.ranked_lists import random_list
from tests.reference.transformer import random_transformer
from tests.release.small_releases import BOUNDS, PINS, WORLD

MARGIN = 0.1


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineBundle, Path]:
    """The components of a small release with a transformer, and the bundle they were written into."""
    rng = np.random.default_rng(5)
    catalogue = Catalogue.from_items(pa.Table.from_pylist(item_rows(), schema=ITEMS))
    model = random_transformer(rng, N_ITEMS, max_lag=60)
    text = tiny_reranker(rng, catalogue, model)  # type: ignore[arg-type]
    thresholds = Thresholds(
        version="calibrated", history_margin=MARGIN, history_single_margin=MARGIN, personalized_margin=MARGIN
    )
    explainer = TreeShapExplainer.from_lightgbm(text)
    parts = EngineBundle(catalogue, DEFAULT_SPEC, model, explainer, thresholds, Templates.packaged())
    folder = tmp_path_factory.mktemp("transformer") / "bundle"
    write_bundle(folder, release_contents(parts, text, BOUNDS), created_ms=1, world=WORLD, pins=PINS)
    return parts, folder


def session_scores_without(bundle: EngineBundle, context: ListContext, removed: list[int]) -> np.ndarray:
    """Session scores of the list when every event of some catalogue rows is really taken away."""
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    kept = history.within(bundle.session_model.max_lag).without(removed)
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    return bundle.session_model.scores(kept.codes, kept.lags, codes)


def test_loaded_release_explains_alike(written: tuple[EngineBundle, Path]) -> None:
    """The stored format brings the transformer back, and its explanations to the bit."""
    parts, folder = written
    loaded = load_components(folder)
    assert isinstance(loaded.session_model, TransformerModel)
    context = random_list(parts, 1)
    before, after = ExplanationEngine(parts), ExplanationEngine(loaded)
    assert before.explain_list(context) == after.explain_list(context)
    assert before.signals(context) == after.signals(context)


def test_sentences_are_true_by_real_removal(written: tuple[EngineBundle, Path]) -> None:
    """The same claims as for any model: named items cost most when removed, personalized needs the whole history."""
    bundle, _ = written
    engine = ExplanationEngine(bundle)
    said = {"watch_history": 0, "personalized": 0}
    for seed in range(12):
        context = random_list(bundle, seed, length=(1, 2, 5, 20)[seed % 4])
        watched = {bundle.catalogue.code(event.item_id) for event in context.session_history}
        full = session_scores_without(bundle, context, [])
        drops = {code: full - session_scores_without(bundle, context, [code]) for code in watched}
        for row, found in enumerate(engine.explain_list(context).explanations):
            if found.explanation_type == "watch_history":
                named = [bundle.catalogue.code(item_id) for item_id in found.claims[0].evidence["items"]]
                assert sorted(watched, key=lambda code: -drops[code][row])[: len(named)] == named
                assert min(drops[code][row] for code in named) > MARGIN
            if found.explanation_type == "personalized":
                assert (full - session_scores_without(bundle, context, list(watched)))[row] > MARGIN
            if found.explanation_type in said:
                said[found.explanation_type] += 1
    assert min(said.values()) > 0, said
