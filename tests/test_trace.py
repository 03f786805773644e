"""Trace: every link from a logged sentence to release, runs, data and code, on a real registry and journal."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import EntryNotFoundError, InvalidInputError, ReleaseNotFoundError
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.records import AuditRequest
from streamrec_explain.release.bundle import write_bundle
from streamrec_explain.release.manifest import RERANKER, Pins
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registration import Component, DataInput, Port, RunKey
from streamrec_explain.release.registry_reader import open_reader
from streamrec_explain.trace import Trace, trace
from tests.explanation.conftest import tiny_bundle
from tests.explanation.ranked_lists import random_list
from tests.release.small_releases import WORLD


@dataclass(frozen=True)
class Deployment:
    """A folder with a registry, a released bundle and a journal that holds an answered list."""

    root: Path
    registry_uri: str
    run_id: str
    digest: str
    request: AuditRequest

    @property
    def log(self) -> AuditLog:
        """The audit log: nothing was shipped yet."""
        return AuditLog(self.root / "journal", AuditTable(str(self.root / "hot")), AuditTable(str(self.root / "cold")))

    def trace(self, explanation_id: str = "r2.1", bundle: Path | None = None, uri: str | None = None) -> Trace:
        """Trace an explanation, with another bundle or registry if given."""
        reader = open_reader(uri or self.registry_uri)
        return trace(explanation_id, self.log, lambda release: bundle or self.root / "bundle", reader)


def trained(registry: MlflowRegistry, folder: Path) -> tuple[str, int]:
    """The run of a training step and the version of the component it registered."""
    (folder / "reranker").mkdir()
    (folder / "reranker" / "model.txt").write_text("tree")
    port = Port("x", "double")
    with registry.run(RunKey("root", "reranker"), {"dagster.run_id": "d-1"}) as run:
        run.log_data(DataInput("synthetic", "d" * 64, "file:///world", "training", 10))
        component = Component(RERANKER, folder / "reranker", (port,), (port,))
        return run.run_id, registry.register_component(component, run.run_id)


def answered(model_version: str) -> AuditRequest:
    """The record of a list that the tiny release explained."""
    bundle = tiny_bundle()
    context = random_list(bundle, 2)
    return audit_request(
        context,
        ExplanationEngine(bundle).explain_list(context),
        model_version=model_version,
        key_id="k7",
        policy="honest",
        trend_digest="t" * 64,
        user_snapshot_digest="u" * 64,
        computation_time_ms=0.5,
    )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """One release with one component, and one answered list."""
    root = tmp_path_factory.mktemp("deployment")
    uri = f"sqlite:///{root / 'mlflow.db'}"
    run_id, version = trained(MlflowRegistry.open(uri, root / "artifacts"), root)
    pins = Pins(
        components={RERANKER: version}, runs={"reranker": run_id}, feature_spec="b" * 64, libraries={"numpy": "2.4"},
        dagster_run="d-2", git_commit="c0ffee",
    )  # fmt: skip
    digest = write_bundle(root / "bundle", {"model.txt": b"tree"}, created_ms=1, world=WORLD, pins=pins)
    request = answered(str(ModelVersion.of(5, digest)))
    with Journal(root / "journal" / "worker-0.sqlite", clock=lambda: 1) as journal:
        journal.append(request, b"")
    return Deployment(root, uri, run_id, digest, request)


def test_a_trace_holds_what_was_said_and_from_what(deployed: Deployment) -> None:
    """The entry's and the request's own fields, and the history the sentence was made from."""
    found, entry = deployed.trace(), deployed.request.entries[1]
    assert ("r2.1", "journal", "r2", 1) == (found.explanation_id, found.found_in, found.request_id, found.position)
    assert ("k7", "honest", "t" * 64, "u" * 64) == (
        found.key_id,
        found.policy,
        found.trend_digest,
        found.user_snapshot_digest,
    )
    for name in ("item_id", "explanation_type", "explanation_text_hash", "template", "claims", "flags", "shap_top_3"):
        assert getattr(entry, name) == getattr(found, name)
    history = random_list(tiny_bundle(), 2).session_history
    assert tuple(event.item_id for event in history) == found.history


def test_a_trace_follows_every_link_of_the_release(deployed: Deployment) -> None:
    """Digest, files, component, run with its data, both Dagster runs, world, code, features and libraries."""
    found = deployed.trace()
    release = found.release
    assert release is not None
    assert () == found.unresolved
    assert (deployed.request.model_version, deployed.digest) == (release.model_version, release.digest)
    assert ["model.txt"] == list(release.files)
    assert [(RERANKER, 1, deployed.run_id)] == [(part.name, part.version, part.run_id) for part in release.components]
    run = release.runs[0]
    assert ("reranker", deployed.run_id, "FINISHED", "d-1") == (run.step, run.run_id, run.status, run.dagster_run)
    assert {"synthetic": "d" * 64} == run.data
    assert ("d-2", "c0ffee", "b" * 64) == (release.dagster_run, release.git_commit, release.feature_spec)
    assert (WORLD.name, WORLD.digests, {"numpy": "2.4"}) == (release.world, release.data, release.libraries)


def test_a_registry_that_is_gone_leaves_the_release(deployed: Deployment) -> None:
    """The bundle proves itself; the component and the run are named as links that could not be followed."""
    found = deployed.trace(uri=f"sqlite:///{deployed.root / 'none.db'}")
    assert found.release is not None
    assert ((), ()) == (found.release.components, found.release.runs)
    assert [f"component {RERANKER}/1", f"run {deployed.run_id} of reranker"] == [
        link.split(":")[0] for link in found.unresolved
    ]


def test_a_changed_release_is_not_passed_off_as_the_one_that_spoke(deployed: Deployment, tmp_path: Path) -> None:
    """The trace goes on without it and names the file."""
    shutil.copytree(deployed.root / "bundle", tmp_path / "bundle")
    (tmp_path / "bundle" / "model.txt").write_text("another tree")
    found = deployed.trace(bundle=tmp_path / "bundle")
    assert found.release is None
    assert "model.txt was changed" in found.unresolved[0]
    assert deployed.request.entries[1].item_id == found.item_id


def test_another_release_does_not_stand_in(deployed: Deployment, tmp_path: Path) -> None:
    """A bundle that is whole but has another digest."""
    pins = Pins(components={}, runs={}, feature_spec="", libraries={})
    write_bundle(tmp_path / "bundle", {"model.txt": b"tree"}, created_ms=2, world=WORLD, pins=pins)
    found = deployed.trace(bundle=tmp_path / "bundle")
    assert found.release is None
    assert f"release {deployed.request.model_version}" in found.unresolved[0]


def test_a_release_that_cannot_be_had_is_told(deployed: Deployment) -> None:
    """The error of whoever keeps the bundles becomes a link that could not be followed."""

    def nowhere(release: ModelVersion) -> Path:
        raise ReleaseNotFoundError(f"no version {release.version}")

    found = trace("r2.0", deployed.log, nowhere, open_reader(deployed.registry_uri))
    expected = f"release {deployed.request.model_version}: no version 5"
    assert (None, (expected,)) == (found.release, found.unresolved)


@pytest.mark.parametrize("unknown", ["r2.99", "r9.0", "r2", ""])
def test_an_unknown_explanation_is_an_error(deployed: Deployment, unknown: str) -> None:
    """There is nothing to trace."""
    with pytest.raises(EntryNotFoundError):
        deployed.trace(unknown)


def test_a_trace_can_be_printed(deployed: Deployment) -> None:
    """As JSON and back, for the tools that read it."""
    found = deployed.trace()
    assert found == msgspec.json.decode(msgspec.json.encode(found), type=Trace)


def test_an_entry_of_no_release_is_refused(deployed: Deployment, tmp_path: Path) -> None:
    """A model version that names no release."""
    with Journal(tmp_path / "worker-0.sqlite", clock=lambda: 1) as journal:
        journal.append(msgspec.structs.replace(deployed.request, model_version="mine"), b"")
    log = AuditLog(tmp_path, AuditTable(str(tmp_path / "hot")), AuditTable(str(tmp_path / "cold")))
    with pytest.raises(InvalidInputError, match="'mine' is not a model version"):
        trace("r2.0", log, lambda release: tmp_path, open_reader(deployed.registry_uri))
