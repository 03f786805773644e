"""The saved explainer: the same values after loading, and nothing damaged is ever served."""

import json
from pathlib import Path

import numpy as np
import pytest

from streamrec_explain.errors import ConformanceError
from streamrec_explain.trees.artefact import MANIFEST, MODEL, VECTORS, read_artefact, write_artefact
from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.trees.small_models import Trained


@pytest.fixture
def folder(explainer: TreeShapExplainer, tmp_path: Path) -> Path:
    """A saved explainer."""
    explainer.save(tmp_path / "explainer")
    return tmp_path / "explainer"


def test_loaded_values_are_the_saved_ones(small: Trained, explainer: TreeShapExplainer, folder: Path) -> None:
    """Values, expected value, scores and digest survive, bit for bit."""
    loaded = TreeShapExplainer.load(folder)
    rows = small.rows[:50]
    assert (explainer.shap_values(rows) == loaded.shap_values(rows)).all()
    assert (explainer.predict_raw(rows) == loaded.predict_raw(rows)).all()
    assert (explainer.expected_value, explainer.digest) == (loaded.expected_value, loaded.digest)


def test_manifest_names_the_model_and_the_libraries(explainer: TreeShapExplainer, folder: Path) -> None:
    """The manifest is JSON that tells what the arrays are."""
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["model_digest"] == explainer.digest
    assert {"numpy", "numba", "llvmlite"} == set(manifest["libraries"])


@pytest.mark.parametrize("name", [MODEL, VECTORS])
def test_a_flipped_byte_is_refused(folder: Path, name: str) -> None:
    """A damaged file is named."""
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ConformanceError, match=name):
        TreeShapExplainer.load(folder)


@pytest.mark.parametrize("name", [MANIFEST, MODEL, VECTORS])
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    """An incomplete folder raises ConformanceError."""
    (folder / name).unlink()
    with pytest.raises(ConformanceError):
        TreeShapExplainer.load(folder)


def test_an_unknown_schema_is_refused(folder: Path) -> None:
    """A folder written by a later version is not guessed at."""
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(ConformanceError, match="schema version 2"):
        TreeShapExplainer.load(folder)


def test_other_values_than_recorded_are_refused(folder: Path) -> None:
    """An artefact whose digests are right but whose recorded values are not those of its model is refused."""
    artefact = read_artefact(folder)
    artefact.vectors.shap_values[0, 0] += 1e-6
    write_artefact(folder, artefact)
    with pytest.raises(ConformanceError, match="Shapley values differ"):
        TreeShapExplainer.load(folder)


def test_nothing_is_pickled(folder: Path) -> None:
    """Every array loads with pickle forbidden."""
    for name in (MODEL, VECTORS):
        with np.load(folder / name, allow_pickle=False) as arrays:
            assert all(arrays[key].dtype != object for key in arrays)
