"""Reading a registry without MLflow: the sqlite store and a real server give the same rows."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamrec_explain.errors import RegistryUnavailableError, ReleaseNotFoundError, SettingsError
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.fetch import fetch_release
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import DataInput, RunKey
from streamrec_explain.release.registry_reader import open_reader
from tests.release.small_releases import add_release, write_small_bundle


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_champion_of_an_sqlite_store(registry: MlflowRegistry, registry_uri: str, tmp_path: Path) -> None:
    """Version, digest, run and tags are those that MLflow tells."""
    version = add_release(registry, tmp_path, "first")
    registry.set_alias("champion", version)
    champion, told = open_reader(registry_uri).aliased("champion"), registry.version(version)
    assert (told.version, told.digest, told.run_id) == (champion.version, champion.digest, champion.run_id)
    assert told.tags == champion.tags
    assert champion == open_reader(registry_uri).version(version)


def test_absent_rows_are_told_apart_from_an_absent_store(
    registry: MlflowRegistry, registry_uri: str, tmp_path: Path
) -> None:
    """No alias, version or run: not found. No file: unavailable, and no file is made."""
    reader = open_reader(registry_uri)
    for ask in (lambda: reader.aliased("champion"), lambda: reader.version(3), lambda: reader.run("x")):
        with pytest.raises(ReleaseNotFoundError):
            ask()
    with pytest.raises(RegistryUnavailableError):
        open_reader(f"sqlite:///{tmp_path / 'none.db'}").aliased("champion")
    assert not (tmp_path / "none.db").exists()


def test_reading_sees_a_new_champion_at_once(registry: MlflowRegistry, registry_uri: str, tmp_path: Path) -> None:
    """One reader, asked again after a promotion, tells the new champion."""
    reader = open_reader(registry_uri)
    for name in ("first", "second"):
        version = add_release(registry, tmp_path, name)
        registry.set_alias("champion", version)
        assert version == reader.aliased("champion").version


def test_server_that_is_down_is_unavailable() -> None:
    """Nobody listening is told as an unavailable registry, by its address."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(RegistryUnavailableError, match=url):
        open_reader(url).aliased("champion")


def test_other_kinds_of_registry_are_refused() -> None:
    """A database without a server in front cannot be polled; the message says what to give instead."""
    with pytest.raises(SettingsError, match="'postgresql'; give sqlite:///FILE or a server's URL"):
        open_reader("postgresql://db/mlflow")


def test_reading_and_fetching_load_no_mlflow() -> None:
    """A fresh process that reads and fetches stays small."""
    modules = "streamrec_explain.release." + ", streamrec_explain.release.".join(("registry_reader", "fetch", "cache"))
    code = f"import sys, {modules}; print(sorted({{'mlflow', 'pandas', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_fetching_copies_local_files(registry: MlflowRegistry, registry_uri: str, tmp_path: Path) -> None:
    """A release in a local store is copied and verifies."""
    stored = open_reader(registry_uri).version(add_release(registry, tmp_path, "first"))
    fetch_release(registry_uri, stored, tmp_path / "fetched")
    assert stored.digest == verify_bundle(tmp_path / "fetched", stored.digest).digest()


def test_files_that_are_gone_are_unavailable(registry: MlflowRegistry, registry_uri: str, tmp_path: Path) -> None:
    """Files missing from the store are told as an unavailable registry, not as a corrupt release."""
    stored = open_reader(registry_uri).version(add_release(registry, tmp_path, "first"))
    with pytest.raises(RegistryUnavailableError):
        fetch_release(registry_uri, replace(stored, location=(tmp_path / "gone").as_uri()), tmp_path / "fetched")


@pytest.fixture
def server(registry_uri: str, tmp_path: Path) -> Iterator[str]:
    """A real MLflow server on the test's store, keeping new files itself."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", registry_uri, "--artifacts-destination", str(tmp_path / "served")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen([*command, *stores], env=os.environ | quiet, stderr=subprocess.DEVNULL)
    try:
        wait_until_open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_until_open(port: int) -> None:
    """Wait until somebody listens; fails after 90 seconds."""
    for _ in range(900):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server did not start")


@pytest.mark.slow
def test_server_and_sqlite_file_tell_the_same(server: str, registry_uri: str, tmp_path: Path) -> None:
    """Written through a server, read through it and from its file; a child process downloads the release."""
    registry = MlflowRegistry.open(server)
    with registry.run(RunKey("root", "step")) as run:
        run.log({"leaves": 3}, {"auc": 0.5})
        run.log_data(DataInput("synthetic", "d" * 64, "file:///world", "training", 10))
    write_small_bundle(tmp_path / "bundle")
    version = registry.register_release(tmp_path / "bundle", run.run_id)
    registry.set_alias("champion", version)
    by_server, by_file = open_reader(server), open_reader(registry_uri)
    assert replace(by_file.aliased("champion"), location=None) == by_server.aliased("champion")
    assert by_file.run(run.run_id) == by_server.run(run.run_id)
    with pytest.raises(ReleaseNotFoundError):
        by_server.version(9)
    with pytest.raises(ReleaseNotFoundError):
        by_server.aliased("nobody")
    fetch_release(server, by_server.aliased("champion"), tmp_path / "fetched")
    verify_bundle(tmp_path / "fetched", by_server.version(version).digest)
