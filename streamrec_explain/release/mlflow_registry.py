"""The model registry in MLflow: runs, component models, releases with their gate results, aliases.

The only module that imports MLflow, in processes that train and promote; a server uses `registry_reader`.
Importing it switches MLflow's telemetry off and forbids it to unpickle models (MLFLOW_DISABLE_TELEMETRY,
MLFLOW_ALLOW_PICKLE_DESERIALIZATION), unless the environment says otherwise.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import mlflow.artifacts
import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from sqlalchemy.exc import SQLAlchemyError

from streamrec_explain.errors import RegistryUnavailableError, ReleaseError, ReleaseNotFoundError
from streamrec_explain.hashing import canonical_json, file_digest, json_digest
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.gates import GateRecord, GateResult, gate_record, gate_tags
from streamrec_explain.release.model_version import RELEASE, ModelVersion
from streamrec_explain.release.registration import DIGEST_TAG, Component, DataInput, Port, Registered, RunKey

EXPERIMENT = "streamrec"
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


class RunLog:
    """What may be written to one run while it is open."""

    def __init__(self, client: mlflow.MlflowClient, run_id: str) -> None:
        self._client = client
        self.run_id = run_id

    def log(
        self,
        params: Mapping[str, str | int | float] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log params, finite metrics and tags; ReleaseError if a retry changes a param it already logged."""
        with _answering():
            self._client.log_batch(
                self.run_id,
                params=[Param(key, str(value)) for key, value in (params or {}).items()],
                tags=[RunTag(key, value) for key, value in (tags or {}).items()],
            )
        for key, value in (metrics or {}).items():
            self.log_curve(key, [value])

    def log_curve(self, metric: str, values: Sequence[float]) -> None:
        """Log the finite values of a metric, one per step from 0; a retry adds the same points again."""
        with _answering():
            for step, value in enumerate(values):
                if isfinite(value):
                    self._client.log_metric(self.run_id, metric, value, step=step)

    def log_data(self, data: DataInput) -> None:
        """Tie a data set to the run; MLflow keeps 36 characters of the digest, the profile has all of it."""
        profile = canonical_json({"rows": data.rows, "sha256": data.digest}).decode()
        source = canonical_json({"uri": data.source}).decode()
        dataset = Dataset(data.name, data.digest[:36], "local", source, profile=profile)
        context = InputTag("mlflow.data.context", data.context)
        with _answering():
            self._client.log_inputs(self.run_id, [DatasetInput(dataset, [context])])

    def log_folder(self, folder: Path, to: str) -> None:
        """Keep a folder of reports or plots as artifacts of the run."""
        with _answering():
            self._client.log_artifacts(self.run_id, str(folder), to)

    def log_files(self, files: Mapping[str, bytes], to: str) -> None:
        """Keep files by name, such as a report and its plots, as artifacts of the run below the folder `to`."""
        with tempfile.TemporaryDirectory(prefix="streamrec-files-") as name:
            for file, content in files.items():
                (Path(name) / file).write_bytes(content)
            self.log_folder(Path(name), to)


class MlflowRegistry:
    """One MLflow tracking and registry store; `open` prepares it once, safely from several processes."""

    def __init__(self, client: mlflow.MlflowClient, uri: str, experiment: str) -> None:
        self._client = client
        self._uri = uri
        self._experiment = experiment

    @classmethod
    def open(cls, uri: str, artifacts: Path | None = None) -> "MlflowRegistry":
        """Open a store by URI (sqlite:///..., http://..., postgresql://...), creating what is missing.

        `artifacts` is where files go if the store has no server of its own to keep them; without it MLflow
        would write into the working directory. RegistryUnavailableError if the store does not answer.
        """
        with _one_at_a_time(uri), _answering():
            client = mlflow.MlflowClient(uri, uri)
            found = client.get_experiment_by_name(EXPERIMENT)
            location = artifacts.resolve().as_uri() if artifacts else None
            identifier = found.experiment_id if found else client.create_experiment(EXPERIMENT, location)
        return cls(client, uri, identifier)

    # runs

    @contextmanager
    def run(self, key: RunKey, tags: Mapping[str, str] | None = None) -> Iterator[RunLog]:
        """The run of a step: found again on a retry, closed as FINISHED or, if the block raises, FAILED."""
        with _answering():
            run_id = self._find_run(key) or self._create_run(key)
            self._client.update_run(run_id, status="RUNNING")
        try:
            log = RunLog(self._client, run_id)
            log.log(tags=tags)
            yield log
        except BaseException:
            self._client.set_terminated(run_id, "FAILED")
            raise
        self._client.set_terminated(run_id, "FINISHED")

    def close_left_running(self, root: str) -> tuple[str, ...]:
        """Close as FAILED what a killed process left running under a root; returns the run ids."""
        with _answering():
            found = self._search_runs({"streamrec.root": root}, " and attributes.status = 'RUNNING'")
            for run_id in found:
                self._client.set_terminated(run_id, "FAILED")
        return found

    def _find_run(self, key: RunKey) -> str | None:
        return next(iter(self._search_runs(key.tags)), None)

    def _create_run(self, key: RunKey) -> str:
        return str(self._client.create_run(self._experiment, run_name=key.name, tags=key.tags).info.run_id)

    def _search_runs(self, tags: Mapping[str, str], more: str = "") -> tuple[str, ...]:
        query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items()) + more
        return tuple(run.info.run_id for run in self._client.search_runs([self._experiment], query))

    # versions

    def register_component(self, component: Component, run_id: str) -> int:
        """Register a component model with its signature; the same files from the same run are one version."""
        digest = _folder_digest(component.folder)
        with _answering(), tempfile.TemporaryDirectory(prefix="streamrec-component-") as name:
            folder = Path(shutil.copytree(component.folder, Path(name) / "model"))
            _describe(component, run_id).save(str(folder / "MLmodel"))
            return self._register(component.name, folder, run_id, digest, component)

    def register_release(self, bundle: Path, run_id: str) -> int:
        """Register a verified bundle as a version of the release; the same bundle is one version."""
        digest = verify_bundle(bundle).digest()
        with _answering():
            version = self._register(RELEASE, bundle, run_id, digest, None)
            name = str(ModelVersion.of(version, digest))
            self._client.update_model_version(RELEASE, str(version), description=name)
        return version

    def _register(self, name: str, folder: Path, run_id: str, digest: str, facts: Component | None) -> int:
        for known in self._client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'"):
            if known.tags.get(DIGEST_TAG) == digest:
                return int(known.version)
        self._ensure_model(name)
        model_id = self._log_model(name, folder, run_id, facts)
        tags = {DIGEST_TAG: digest, **(facts.tags if facts else {})}
        mlflow.set_tracking_uri(self._uri)  # an sqlite store looks the model up in the process's store, not its own
        source = f"models:/{model_id}"
        created = self._client.create_model_version(name, source, run_id=run_id, model_id=model_id, tags=tags)
        return int(created.version)

    def _log_model(self, name: str, folder: Path, run_id: str, facts: Component | None) -> str:
        params = {key: str(value) for key, value in facts.params.items()} if facts else None
        model = self._client.create_logged_model(
            self._experiment, name=name, source_run_id=run_id, params=params, model_type="streamrec"
        )
        self._client.log_model_artifacts(model.model_id, str(folder))
        for key, value in (facts.metrics if facts else {}).items():
            if isfinite(value):
                self._client.log_metric(run_id, key, value, model_id=model.model_id)
        self._client.finalize_logged_model(model.model_id, "READY")
        return str(model.model_id)

    def _ensure_model(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def version(self, version: int, name: str = RELEASE) -> Registered:
        """A registered version; ReleaseNotFoundError if there is none."""
        with _answering(f"{name} has no version {version}"):
            return _registered(self._client.get_model_version(name, str(version)))

    def beside(self, version: int) -> RunLog:
        """Where reports about a release are kept: the run that registered it, which its version links to."""
        return RunLog(self._client, self.version(version).run_id)

    def releases(self) -> tuple[Registered, ...]:
        """Every registered release, the newest first, each with its aliases."""
        with _answering():
            found = self._client.search_model_versions(f"name = '{RELEASE}'")
        numbers = sorted((int(version.version) for version in found), reverse=True)
        return tuple(self.version(number) for number in numbers)

    def digest(self, version: int) -> str:
        """The digest recorded for a release when it was registered."""
        return self.version(version).digest

    def download(self, version: int, folder: Path) -> None:
        """Copy a release's bundle into `folder`, which must not exist yet; nothing is verified here."""
        with _answering(f"{RELEASE} has no version {version}"):
            uri = self._client.get_model_version_download_uri(RELEASE, str(version))
            with tempfile.TemporaryDirectory(prefix=".download-", dir=folder.parent) as name:
                found = mlflow.artifacts.download_artifacts(uri, dst_path=name, tracking_uri=self._uri)
                Path(found).rename(folder)

    # aliases

    def alias(self, alias: str) -> int | None:
        """The release an alias points at, None if it points nowhere."""
        try:
            with _answering(f"{RELEASE} has no alias {alias}"):
                return int(self._client.get_model_version_by_alias(RELEASE, alias).version)
        except ReleaseNotFoundError:
            return None

    def set_alias(self, alias: str, version: int) -> None:
        """Point an alias at a release, in one transaction of the store."""
        with _answering(f"{RELEASE} has no version {version}"):
            self._client.set_registered_model_alias(RELEASE, alias, str(version))

    # gates

    def record_gates(self, version: int, results: Sequence[GateResult], champion: int | None) -> None:
        """Keep gate results on a release, and the champion it was compared with, replacing earlier ones."""
        with _answering(f"{RELEASE} has no version {version}"):
            stored = self._client.get_model_version(RELEASE, str(version))
            for key, value in gate_tags(results, champion).items():
                self._client.set_model_version_tag(RELEASE, str(version), key, value)
            for result in results:
                if result.value is not None and isfinite(result.value):
                    key, model_id = f"gate.{result.gate}", stored.source.removeprefix("models:/")
                    self._client.log_metric(stored.run_id, key, result.value, model_id=model_id)

    def gates(self, version: int) -> GateRecord:
        """The gate results kept on exactly this release."""
        return gate_record(self.version(version).tags)


@contextmanager
def _answering(absent: str | None = None) -> Iterator[None]:
    """Raise MLflow's errors as this product's own; `absent` says what does not exist if that is the reason."""
    try:
        yield
    except SQLAlchemyError as error:
        raise RegistryUnavailableError(f"the model registry does not answer: {error}") from error
    except MlflowException as error:
        if error.error_code not in _ABSENT:
            raise RegistryUnavailableError(f"the model registry does not answer: {error.message}") from error
        if absent is None:
            raise ReleaseError(f"the model registry refuses: {error.message}") from error
        raise ReleaseNotFoundError(f"{absent} in the model registry") from error


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """Let one process after another create an sqlite store: MLflow's migrations race on a fresh file."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    database = Path(uri.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(database.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _describe(component: Component, run_id: str) -> Model:
    """MLflow's description of a component: its signature, and a flavour that only names it (no pickle, no pip)."""
    signature = ModelSignature(_schema(component.inputs), _schema(component.outputs))
    return Model(run_id=run_id, flavors={"streamrec": {"model": component.name}}, signature=signature)


def _schema(ports: tuple[Port, ...]) -> Schema:
    return Schema([_spec(port) for port in ports])


def _spec(port: Port) -> ColSpec | TensorSpec:
    if port.shape is None:
        return ColSpec(DataType[port.dtype], port.name)
    return TensorSpec(np.dtype(port.dtype), port.shape, port.name)


def _folder_digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return json_digest({path.relative_to(folder).as_posix(): file_digest(path) for path in files})


def _registered(version: MlflowVersion) -> Registered:
    return Registered(
        name=version.name,
        version=int(version.version),
        digest=version.tags.get(DIGEST_TAG, ""),
        run_id=version.run_id or "",
        created_ms=int(version.creation_timestamp),
        aliases=tuple(version.aliases),
        tags=dict(version.tags),
    )
