"""The registry on a real MLflow store: runs found again, versions with facts, gates on exactly one version."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow.models import Model

from streamrec_explain.errors import CorruptReleaseError, RegistryUnavailableError, ReleaseError, ReleaseNotFoundError
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.gates import refusals
from streamrec_explain.release.manifest import RERANKER
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import Component, DataInput, Port, RunKey
from streamrec_explain.release.registry_reader import StoredData, open_reader
from tests.release.small_releases import BOUNDS, add_release, gate_results, register_small_release, write_small_bundle

KEY = RunKey("dagster-root", "reranker", "2026-01-01")


@pytest.fixture
def client(registry_uri: str) -> mlflow.MlflowClient:
    """MLflow's own view of the store."""
    return mlflow.MlflowClient(registry_uri, registry_uri)


@pytest.fixture
def reranker(tmp_path: Path) -> Component:
    """A component with two inputs, one output and a metric that could not be computed."""
    folder = tmp_path / "reranker"
    folder.mkdir()
    (folder / "reranker.txt").write_text("tree")
    inputs, outputs = (Port("a", "double"), Port("b", "double")), (Port("raw_score", "double"),)
    metrics = {"auc": 0.75, "undefined": float("nan")}
    return Component(RERANKER, folder, inputs, outputs, {"num_leaves": 31}, metrics, {"feature_spec": "f" * 64})


def status(client: mlflow.MlflowClient, run_id: str) -> str:
    """The status of a run."""
    return str(client.get_run(run_id).info.status)


def test_run_is_found_again_on_a_retry(registry: MlflowRegistry, client: mlflow.MlflowClient) -> None:
    """A step that failed and is retried has one run, closed as FAILED first and FINISHED then."""
    with pytest.raises(ZeroDivisionError), registry.run(KEY) as first:
        raise ZeroDivisionError
    assert "FAILED" == status(client, first.run_id)
    with registry.run(KEY) as second:
        assert "RUNNING" == status(client, second.run_id)
    assert (first.run_id, "FINISHED") == (second.run_id, status(client, second.run_id))


@pytest.mark.parametrize(
    "other",
    [RunKey("root 2", KEY.step, KEY.partition), RunKey(KEY.root, "x", KEY.partition), RunKey(KEY.root, KEY.step)],
)
def test_other_step_root_or_partition_is_another_run(registry: MlflowRegistry, other: RunKey) -> None:
    """Only the same step and partition under the same root share a run."""
    with registry.run(KEY) as first, registry.run(other) as second:
        assert first.run_id != second.run_id


def test_run_left_running_by_a_killed_process_is_closed(registry: MlflowRegistry, client: mlflow.MlflowClient) -> None:
    """Only the runs of the given root are closed, and only those still running."""
    left, other = registry.run(KEY), registry.run(RunKey("other root", "step"))
    left_id, other_id = left.__enter__().run_id, other.__enter__().run_id
    with registry.run(RunKey(KEY.root, "done")) as done:
        pass
    assert (left_id,) == registry.close_left_running(KEY.root)
    assert ["FAILED", "RUNNING", "FINISHED"] == [status(client, run) for run in (left_id, other_id, done.run_id)]
    assert () == registry.close_left_running(KEY.root)


def test_run_keeps_params_metrics_tags_and_data(registry: MlflowRegistry, registry_uri: str) -> None:
    """What was logged is read back by the reader that does not import MLflow, the digest whole."""
    with registry.run(KEY, {"dagster.run_id": "d1"}) as run:
        run.log({"leaves": 31, "rate": 0.1}, {"auc": 0.75, "undefined": float("nan")}, {"git": "abc"})
        run.log_curve("loss", [3.0, 2.0, 1.0])
        run.log_data(DataInput("synthetic", "d" * 64, "file:///world", "training", 1_000))
    found = open_reader(registry_uri).run(run.run_id)
    assert {"leaves": "31", "rate": "0.1"} == found.params
    assert {"auc": 0.75, "loss": 1.0} == found.metrics
    assert ("d1", "abc") == (found.tags["dagster.run_id"], found.tags["git"])
    assert (StoredData("synthetic", "d" * 64, '{"uri":"file:///world"}', 1_000),) == found.data


def test_param_cannot_change_under_a_run(registry: MlflowRegistry) -> None:
    """A retry with other settings is told so instead of leaving a run that lies."""
    with registry.run(KEY) as run:
        run.log({"leaves": 31})
        run.log({"leaves": 31})
        with pytest.raises(ReleaseError, match="leaves"):
            run.log({"leaves": 63})


def test_report_folder_is_kept_with_the_run(
    registry: MlflowRegistry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    """Files of a folder become artifacts of the run."""
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "curve.png").write_bytes(b"png")
    with registry.run(KEY) as run:
        run.log_folder(tmp_path / "plots", "plots")
    assert ["plots/curve.png"] == [each.path for each in client.list_artifacts(run.run_id, "plots")]


def test_component_is_registered_with_its_facts(
    registry: MlflowRegistry, client: mlflow.MlflowClient, reranker: Component
) -> None:
    """Signature, params, metrics and tags lie with the version and its model."""
    with registry.run(KEY) as run:
        version = registry.register_component(reranker, run.run_id)
    stored = client.get_model_version(RERANKER, str(version))
    model = client.get_logged_model(stored.source.removeprefix("models:/"))
    described = Model.load(model.artifact_location.removeprefix("file://"))
    assert ["a", "b"] == described.signature.inputs.input_names()
    assert ({"num_leaves": "31"}, {"auc": 0.75}) == (model.params, {each.key: each.value for each in model.metrics})
    assert ("f" * 64, run.run_id) == (stored.tags["feature_spec"], registry.version(version, RERANKER).run_id)


def test_tensor_ports_make_a_tensor_signature(
    registry: MlflowRegistry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    """A model of arrays states dtype and shape of each."""
    (tmp_path / "model").mkdir()
    ports = (Port("history", "int32", (-1,)), Port("candidates", "int32", (-1,)))
    component = Component("streamrec-session-model", tmp_path / "model", ports, (Port("scores", "float64", (-1,)),))
    with registry.run(KEY) as run:
        registry.register_component(component, run.run_id)
    model = client.get_logged_model(client.get_model_version(component.name, "1").source.removeprefix("models:/"))
    inputs = Model.load(model.artifact_location.removeprefix("file://")).signature.inputs
    assert [("history", "int32", (-1,)), ("candidates", "int32", (-1,))] == [
        (each.name, each.type.name, each.shape) for each in inputs
    ]


def test_retry_does_not_duplicate_a_version(registry: MlflowRegistry, reranker: Component) -> None:
    """The same files from the same run are one version; other files are another."""
    with registry.run(KEY) as run:
        first = [registry.register_component(reranker, run.run_id) for _ in range(2)]
        (reranker.folder / "reranker.txt").write_text("another tree")
        assert [1, 1, 2] == [*first, registry.register_component(reranker, run.run_id)]


def test_release_comes_back_as_it_was(registry: MlflowRegistry, tmp_path: Path) -> None:
    """A downloaded release verifies against the digest recorded at registration."""
    version = register_small_release(registry, tmp_path, "first")
    registry.download(version, tmp_path / "downloaded")
    assert "first" == (tmp_path / "downloaded" / "model.txt").read_text()
    assert registry.digest(version) == verify_bundle(tmp_path / "downloaded").digest()


def test_damaged_bundle_is_not_registered(registry: MlflowRegistry, tmp_path: Path) -> None:
    """A bundle changed since it was written is refused by file name before MLflow sees it."""
    write_small_bundle(tmp_path / "bundle")
    (tmp_path / "bundle" / "model.txt").write_text("changed")
    with registry.run(KEY) as run, pytest.raises(CorruptReleaseError, match=r"model\.txt"):
        registry.register_release(tmp_path / "bundle", run.run_id)
    assert () == registry.releases()


def test_releases_are_listed_newest_first_with_aliases(registry: MlflowRegistry, tmp_path: Path) -> None:
    """Every release with its aliases."""
    for name in ("first", "second"):
        register_small_release(registry, tmp_path, name)
    registry.set_alias("champion", 1)
    assert [(2, ()), (1, ("champion",))] == [(each.version, each.aliases) for each in registry.releases()]


def test_alias_that_points_nowhere(registry: MlflowRegistry, tmp_path: Path) -> None:
    """No release at all, or no such alias: None, not an error."""
    assert None is registry.alias("champion")
    register_small_release(registry, tmp_path, "first")
    assert None is registry.alias("champion")


def test_unknown_version_is_named(registry: MlflowRegistry) -> None:
    """Asking for a version that does not exist says which."""
    with pytest.raises(ReleaseNotFoundError, match="streamrec-release has no version 7"):
        registry.digest(7)


def test_gates_are_kept_on_exactly_one_version(
    registry: MlflowRegistry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    """Tags, JSON and metrics of one version; the other has none."""
    judged = add_release(registry, tmp_path, "judged", champion=4, faithfulness=-0.1)
    other = register_small_release(registry, tmp_path, "other")
    assert (gate_results(faithfulness=-0.1), 4) == (registry.gates(judged).results, registry.gates(judged).champion)
    assert () == registry.gates(other).results
    stored = registry.version(judged)
    assert -0.1 == client.get_run(stored.run_id).data.metrics["gate.faithfulness"]
    assert ("failed", "passed") == (stored.tags["gate.faithfulness"], stored.tags["gate.leakage"])


def test_gates_can_be_judged_again(registry: MlflowRegistry, tmp_path: Path) -> None:
    """Later results replace earlier ones."""
    version = add_release(registry, tmp_path, "first", leakage=3.0)
    registry.record_gates(version, gate_results(), champion=2)
    assert ([], 2) == (refusals(BOUNDS, registry.gates(version).results), registry.gates(version).champion)


def test_store_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    """A file that is no database is told as an unavailable registry."""
    (tmp_path / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(RegistryUnavailableError):
        MlflowRegistry.open(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path)


OPEN = """
import pathlib, sys
from streamrec_explain.release.mlflow_registry import MlflowRegistry
MlflowRegistry.open(sys.argv[1], pathlib.Path("artifacts"))
"""


@pytest.mark.slow
def test_three_processes_initialise_one_fresh_store(tmp_path: Path) -> None:
    """MLflow's migrations race on a fresh sqlite file; under the lock all three processes succeed."""
    command = [sys.executable, "-c", OPEN, f"sqlite:///{tmp_path / 'fresh.db'}"]
    running = [subprocess.Popen(command, cwd=tmp_path) for _ in range(3)]
    assert [0, 0, 0] == [each.wait(120) for each in running]


def test_registry_process_is_private_and_unpickles_nothing() -> None:
    """Importing the registry switched telemetry and pickle off in this process."""
    names = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION")
    assert ("true", "false") == tuple(os.environ[name] for name in names)


def test_reports_lie_beside_the_release_they_are_about(
    registry: MlflowRegistry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    """In the run that registered the version, whoever writes them and when; a later one replaces an earlier."""
    version = add_release(registry, tmp_path, "bundle")
    for content in (b"first", b"second"):
        registry.beside(version).log_files({"report.html": content}, "faithfulness")
    run_id = registry.version(version).run_id
    kept = Path(client.download_artifacts(run_id, "faithfulness/report.html", str(tmp_path)))
    assert b"second" == kept.read_bytes()
    with pytest.raises(ReleaseNotFoundError):
        registry.beside(version + 1)
