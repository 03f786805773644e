"""The files of a release: real models written into a bundle and loaded back as the same engine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.errors import ConformanceError, CorruptReleaseError
from streamrec_explain.events.schema import ITEMS
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.release.bundle import verify_bundle, write_bundle
from streamrec_explain.release.components import load_components, release_contents
from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.explanation.conftest import item_rows, tiny_reranker, tiny_session_model
from tests.explanation.ranked_lists import random_list
from tests.release.small_releases import BOUNDS, PINS, WORLD


@pytest.fixture(scope="module")
def text_and_engine() -> tuple[str, EngineBundle]:
    """A tiny trained re-ranker and the engine components made with it."""
    rng = np.random.default_rng(5)
    catalogue = Catalogue.from_items(pa.Table.from_pylist(item_rows(), schema=ITEMS))
    model = tiny_session_model(rng)
    text = tiny_reranker(rng, catalogue, model)
    explainer = TreeShapExplainer.from_lightgbm(text)
    thresholds = Thresholds(version="calibrated", history_margin=0.3, history_single_margin=0.4)
    parts = EngineBundle(catalogue, DEFAULT_SPEC, model, explainer, thresholds, Templates.packaged(), "case_study")
    return text, parts


@pytest.fixture
def folder(text_and_engine: tuple[str, EngineBundle], tmp_path: Path) -> Path:
    """The bundle of that engine."""
    text, parts = text_and_engine
    contents = release_contents(parts, text, BOUNDS)
    write_bundle(tmp_path / "bundle", contents, created_ms=1, world=WORLD, pins=PINS)
    return tmp_path / "bundle"


def test_bundle_holds_every_file_of_the_release(folder: Path) -> None:
    """The layout of a release, no pickle in it."""
    names = ["catalogue.arrow", "explainer/conformance.npz", "explainer/manifest.json", "explainer/model.npz"]
    names += ["feature_spec.json", "gates.json", "policy.json", "reranker.txt", "session_model.npz"]
    names += [f"templates/{locale}.json" for locale in ("de", "en", "ja")] + ["thresholds.json"]
    assert names == sorted(verify_bundle(folder).files)


def test_loaded_release_explains_alike(folder: Path, text_and_engine: tuple[str, EngineBundle]) -> None:
    """The loaded components give the same explanations, to the bit, as the ones written."""
    parts = text_and_engine[1]
    loaded = load_components(folder)
    assert (parts.thresholds, parts.policy, parts.spec) == (loaded.thresholds, loaded.policy, loaded.spec)
    context = random_list(parts, seed=3)
    before, after = (ExplanationEngine(each).explain_list(context) for each in (parts, loaded))
    assert before.explanations == after.explanations


def test_same_models_make_the_same_bundle(text_and_engine: tuple[str, EngineBundle], tmp_path: Path) -> None:
    """Writing twice gives the same digest: no file carries a time or an order of its own."""
    text, parts = text_and_engine
    digests = {
        write_bundle(tmp_path / name, release_contents(parts, text, BOUNDS), created_ms=1, world=WORLD, pins=PINS)
        for name in "ab"
    }
    assert 1 == len(digests)


def test_explainer_of_another_reranker_is_refused(text_and_engine: tuple[str, EngineBundle]) -> None:
    """A bundle never holds an explainer that explains something else than its re-ranker."""
    text, parts = text_and_engine
    other = tiny_reranker(np.random.default_rng(6), parts.catalogue, parts.session_model)
    with pytest.raises(ConformanceError, match="another re-ranker"):
        release_contents(replace(parts, explainer=TreeShapExplainer.from_lightgbm(other)), text, BOUNDS)


def test_unknown_policy_is_refused_by_file(folder: Path) -> None:
    """A policy this program does not know is told, not replaced by the default."""
    (folder / "policy.json").write_text('{"policy":"kind"}')
    with pytest.raises(CorruptReleaseError) as refused:
        load_components(folder)
    assert "policy.json" == refused.value.file


def test_a_release_of_a_later_engine_is_refused(folder: Path) -> None:
    """What another engine means by the same files is told, not guessed."""
    (folder / "policy.json").write_text('{"engine":99,"policy":"honest"}')
    with pytest.raises(ConformanceError, match="speaks with engine 99, this program knows 1 to "):
        load_components(folder)
    (folder / "policy.json").write_text('{"policy":"honest"}')
    assert 1 == load_components(folder).engine_version
