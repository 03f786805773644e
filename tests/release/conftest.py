"""Real MLflow stores on sqlite, one per test, copied from a fresh one (creating it takes MLflow three seconds)."""

import itertools
import shutil
from pathlib import Path

import pytest

from streamrec_explain.release.ledger import Ledger
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.promotion import Promoter
from tests.release.small_releases import add_release, promote


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an initialised, empty store."""
    folder = tmp_path_factory.mktemp("store")
    MlflowRegistry.open(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder


@pytest.fixture(scope="session")
def two_promoted(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a ledger in which release 2 replaced release 1 as champion."""
    folder = tmp_path_factory.mktemp("promoted")
    shutil.copy(empty_store / "mlflow.db", folder / "mlflow.db")
    registry = MlflowRegistry.open(f"sqlite:///{folder / 'mlflow.db'}")
    promoter = Promoter(registry, Ledger(folder / "ledger.sqlite"), lambda: 500)
    promote(promoter, add_release(registry, folder, "first"))
    promote(promoter, add_release(registry, folder, "second", champion=1))
    return folder


@pytest.fixture
def registry_uri(empty_store: Path, tmp_path: Path) -> str:
    """The URI of an empty store of the test's own."""
    shutil.copy(empty_store / "mlflow.db", tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def registry(registry_uri: str) -> MlflowRegistry:
    """An empty registry."""
    return MlflowRegistry.open(registry_uri)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty promotion ledger."""
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def promoter(registry: MlflowRegistry, ledger: Ledger) -> Promoter:
    """A promoter whose clock moves on by a millisecond at each reading."""
    ticks = itertools.count(1_000)
    return Promoter(registry, ledger, lambda: next(ticks))
