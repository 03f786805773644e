"""What assets are handed: the home folder, the source of events, training settings, the model registry."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from streamrec_explain.home import Home
from streamrec_explain.release.ledger import Ledger
from streamrec_explain.release.mlflow_registry import MlflowRegistry, RunLog
from streamrec_explain.release.model_version import RELEASE
from streamrec_explain.release.promotion import Promoter
from streamrec_explain.release.registration import RunKey


class HomeFolder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where everything is stored; see `streamrec_explain.home`. Keys may lie elsewhere."""

    path: str = ".streamrec"
    keys_path: str | None = None
    signing_key_path: str | None = None

    @property
    def home(self) -> Home:
        """The paths below the folder."""
        return Home(Path(self.path))

    @property
    def key_ring(self) -> Path | None:
        """The pseudonym key ring, None for the home's own."""
        return Path(self.keys_path) if self.keys_path else None

    @property
    def signing_key(self) -> Path | None:
        """The key that signs the audit ledger, None for the home's own."""
        return Path(self.signing_key_path) if self.signing_key_path else None


class EventSource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Which world is read, and from where; `users` and `seed` scale the synthetic one, bad rows go to `quarantine`."""

    world: str = "synthetic"
    data: str | None = None
    quarantine: str | None = None
    users: int = 3000
    seed: int = 0


class TrainingSettings(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What a launch may choose; gate bounds are not among them, they are released data."""

    seed: int = 0
    progress: bool = False
    audited_explanations: int = 10_000
    policy: str = "honest"
    session_model: str = "additive"
    who: str = ""
    why: str = "scheduled training"


class Registry(dg.ConfigurableResource):  # type: ignore[type-arg]
    """MLflow: one run per (root Dagster run, asset, partition), found again on a retry, closed if it fails."""

    home: HomeFolder
    uri: str | None = None
    ui: str = "http://127.0.0.1:5000"

    def open(self) -> MlflowRegistry:
        """The registry at the configured URI, or the embedded sqlite file."""
        home = self.home.home
        return MlflowRegistry.open(self.uri or home.registry_uri, None if self.uri else home.artifacts)

    @contextmanager
    def run(self, context: dg.AssetExecutionContext) -> Iterator[tuple[MlflowRegistry, RunLog]]:
        """The run of this asset, linked both ways with Dagster."""
        registry = self.open()
        root = context.run.root_run_id or context.run.run_id
        partition = context.partition_key if context.has_partition_key else ""
        key = RunKey(root, context.asset_key.to_user_string(), partition)
        with registry.run(key, {"dagster.run_id": context.run.run_id}) as log:
            context.add_output_metadata({"MLflow run": dg.MetadataValue.url(self.run_url(log.run_id))})
            yield registry, log

    def run_url(self, run_id: str) -> str:
        """Where the MLflow UI shows a run."""
        return f"{self.ui}/#/runs/{run_id}"

    def artifacts_url(self, run_id: str, path: str) -> str:
        """Where the MLflow UI shows a file that is kept with a run."""
        return f"{self.run_url(run_id)}/artifacts/{path}"

    def release_url(self, version: int) -> str:
        """Where the MLflow UI shows a release."""
        return f"{self.ui}/#/models/{RELEASE}/versions/{version}"

    def promoter(self) -> Promoter:
        """Moves the champion of this registry."""
        return Promoter(self.open(), Ledger(self.home.home.ledger), now_ms)


def now_ms() -> int:
    """The wall clock in Unix milliseconds: drivers own the clock, the library is handed it."""
    return time.time_ns() // 1_000_000
