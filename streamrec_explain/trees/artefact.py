"""The explainer on disk: model arrays, conformance vectors and a manifest; plain arrays, no pickle."""

import json
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from streamrec_explain.errors import ConformanceError
from streamrec_explain.hashing import file_digest
from streamrec_explain.trees.conformance import ConformanceVectors
from streamrec_explain.trees.ensemble import TreeEnsemble

SCHEMA_VERSION = 1
MANIFEST, MODEL, VECTORS = "manifest.json", "model.npz", "conformance.npz"
_LIBRARIES = ("numpy", "numba", "llvmlite")


@dataclass(frozen=True, eq=False)
class ExplainerArtefact:
    """What a saved explainer consists of; the tables are not kept, since they are a function of it."""

    ensemble: TreeEnsemble
    vectors: ConformanceVectors
    memory_budget: int


def write_artefact(folder: Path, artefact: ExplainerArtefact) -> None:
    """Write manifest.json, model.npz and conformance.npz; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    ensemble = artefact.ensemble
    names = [field.name for field in fields(ensemble) if field.name != "feature_names"]
    arrays = {name: getattr(ensemble, name) for name in names}
    np.savez_compressed(folder / MODEL, allow_pickle=False, **arrays)
    np.savez_compressed(folder / VECTORS, allow_pickle=False, **vars(artefact.vectors))
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "model_digest": ensemble.digest(),
        "feature_names": list(ensemble.feature_names),
        "memory_budget": artefact.memory_budget,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "files": {name: file_digest(folder / name) for name in (MODEL, VECTORS)},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_artefact(folder: Path) -> ExplainerArtefact:
    """Read what `write_artefact` wrote.

    Raises:
        ConformanceError: a file is missing or not the one in the manifest, or the schema version is unknown.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _require_intact(folder, manifest)
        with np.load(folder / MODEL, allow_pickle=False) as model:
            ensemble = TreeEnsemble(feature_names=tuple(manifest["feature_names"]), **model)
        with np.load(folder / VECTORS, allow_pickle=False) as vectors:
            recorded = ConformanceVectors(**vectors)
        _require_digest(ensemble, manifest["model_digest"])
        return ExplainerArtefact(ensemble, recorded, int(manifest["memory_budget"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConformanceError(f"no readable explainer in {folder}: {error!r}; save it again") from error


def _require_intact(folder: Path, manifest: dict[str, Any]) -> None:
    if manifest["schema_version"] != SCHEMA_VERSION:
        raise ConformanceError(
            f"the explainer in {folder} has schema version {manifest['schema_version']}, this build reads"
            f" {SCHEMA_VERSION}; save it again with this build"
        )
    for name in (MODEL, VECTORS):
        if file_digest(folder / name) != manifest["files"][name]:
            raise ConformanceError(f"{folder / name} does not match its digest in {MANIFEST}; save it again")


def _require_digest(ensemble: TreeEnsemble, expected: str) -> None:
    if ensemble.digest() != expected:
        raise ConformanceError(f"the model has digest {ensemble.digest()}, its manifest says {expected}")
