"""The slot: a new champion is swapped in whole and warm, a bad one is refused, an outage changes nothing."""

import asyncio
import gc
import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import msgspec
import numpy as np
import pytest
from numba.core import event

from serving.champion import RETRY_REFUSED_S
from serving.release_slot import combined
from serving.service import Service
from streamrec_explain.errors import FeatureError, ReleaseNotFoundError
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.snapshots import write_snapshot
from streamrec_explain.release.model_version import RELEASE
from streamrec_explain.release.registration import CHAMPION
from streamrec_explain.release.registry_reader import open_reader
from tests.serving.deployments import NOW_MS, Deployment, register, trend_values, user_values


@pytest.fixture
def fresh(deployment: Deployment) -> Iterator[Service]:
    """A service that has loaded nothing yet."""
    made = deployment.service()
    yield made
    made.close()


def served(service: Service) -> int:
    """The number of the release that is served after a poll."""
    service.slot.poll()
    return service.slot.current().release.version.version


def damage(folder: Path) -> None:
    """Change one byte of the re-ranker in every copy of a release below a folder."""
    for path in folder.rglob("reranker.txt"):
        path.write_bytes(path.read_bytes().replace(b"tree", b"tred", 1))


def register_third(deployment: Deployment, tmp_path: Path) -> Path:
    """Register another release; the folder where the registry keeps its files."""
    bundle = replace(deployment.bundle, thresholds=Thresholds(version="third"))
    text = next(deployment.home.releases.rglob("reranker.txt")).read_text()
    version = register(deployment.registry, tmp_path / "bundle-3", bundle, text)
    location = open_reader(deployment.home.registry_uri).version(version).location
    assert location is not None
    return Path(location.removeprefix("file://"))


def test_champion_is_loaded_and_followed(service: Service, deployment: Deployment) -> None:
    """One poll after the alias moved the other release is served, also when it moves back."""
    first = service.slot.current()
    deployment.registry.set_alias(CHAMPION, 2)
    assert (1, 2) == (first.release.version.version, served(service))
    deployment.registry.set_alias(CHAMPION, 1)
    assert 1 == served(service)
    assert first.model_version == service.slot.current().model_version


def test_nothing_new_swaps_nothing(service: Service) -> None:
    """Polling again keeps the very same values."""
    before = service.slot.current()
    service.slot.poll()
    assert before is service.slot.current()


def test_no_request_compiles(service: Service, deployment: Deployment) -> None:
    """After warming no kernel is compiled, whatever the length of list and history."""
    bodies = [deployment.asked(n, size=n, length=length) for n, length in ((1, 0), (20, 50), (30, 300))]
    with event.install_recorder("numba:compile") as recorder:
        for body in bodies:
            asyncio.run(service.explain.answer(msgspec.json.encode(body)))
    assert [] == recorder.buffer


def test_corrupt_release_is_refused_by_file(
    service: Service, deployment: Deployment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The old release serves on; log, readiness and metrics name the file; the log says it once."""
    damage(register_third(deployment, tmp_path))
    deployment.registry.set_alias(CHAMPION, 3)
    with caplog.at_level(logging.ERROR):
        assert [1, 1] == [served(service), served(service)]
    assert ["reranker.txt" in record.message for record in caplog.records] == [True]
    found = service.readiness()
    assert found.ready and "reranker.txt" in found.warnings[0]
    assert 'file="reranker.txt"' in service.metrics.exposition("w")


def test_repaired_release_is_served_after_a_while(
    service: Service, deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused release is tried again: somebody restored its files in the registry."""
    located = register_third(deployment, tmp_path)
    shutil.copytree(located, tmp_path / "sound")
    damage(located)
    deployment.registry.set_alias(CHAMPION, 3)
    assert 1 == served(service)
    shutil.copytree(tmp_path / "sound", located, dirs_exist_ok=True)
    assert 1 == served(service)
    later = time.monotonic() + RETRY_REFUSED_S + 1
    monkeypatch.setattr(service.slot._champion, "_timer", lambda: later)
    assert 3 == served(service)
    assert () == service.readiness().warnings


def test_registry_down_keeps_the_release(service: Service, deployment: Deployment) -> None:
    """An outage is told, and answers go on."""
    Path(deployment.root / "mlflow.db").rename(deployment.root / "away.db")
    assert 1 == served(service)
    assert (True, 1) == (service.readiness().ready, len(service.readiness().warnings))
    assert 0.0 == service.metrics.registry_up.values[()]
    Path(deployment.root / "away.db").rename(deployment.root / "mlflow.db")
    assert (1, ()) == (served(service), service.readiness().warnings)
    assert 1.0 == service.metrics.registry_up.values[()]


def test_registry_down_at_start(service: Service, deployment: Deployment) -> None:
    """A new process begins with the release that was served last, verified, from the local cache."""
    Path(deployment.root / "mlflow.db").unlink()
    again = deployment.service()
    found = served(again)
    again.close()
    assert 1 == found


def test_corrupt_cache_is_not_served(service: Service, deployment: Deployment) -> None:
    """Without registry a damaged cached copy is refused by name: better no answer than a wrong one."""
    damage(deployment.home.releases)
    Path(deployment.root / "mlflow.db").unlink()
    again = deployment.service()
    again.slot.poll()
    reasons = again.readiness().reasons
    with pytest.raises(ReleaseNotFoundError, match=r"reranker\.txt"):
        again.slot.current()
    again.close()
    assert any("reranker.txt" in reason for reason in reasons)


def test_corrupt_champion_at_start_leaves_the_release_served_last(
    service: Service, deployment: Deployment, tmp_path: Path
) -> None:
    """A restart while the champion is corrupt goes on with what was served before."""
    damage(register_third(deployment, tmp_path))
    deployment.registry.set_alias(CHAMPION, 3)
    again = deployment.service()
    found = served(again)
    again.close()
    assert 1 == found


def test_no_champion_is_said(fresh: Service, deployment: Deployment) -> None:
    """Before the first promotion the service is alive and says what it waits for."""
    mlflow.MlflowClient(registry_uri=deployment.home.registry_uri).delete_registered_model_alias(RELEASE, CHAMPION)
    fresh.slot.poll()
    assert "no alias champion" in fresh.readiness().reasons[0]


def test_newer_snapshot_is_taken_up(service: Service, deployment: Deployment) -> None:
    """A newer trend snapshot replaces the old one under the same release."""
    before = service.slot.current()
    newer = replace(trend_values(np.random.default_rng(5), deployment.bundle.catalogue), as_of_ms=NOW_MS + 1, digest="")
    write_snapshot(deployment.home.trends, newer)
    service.slot.poll()
    now = service.slot.current()
    assert (newer.digest, before.release) == (now.trends.digest, now.release)
    assert newer.digest != before.trends.digest


def test_bad_snapshot_leaves_the_old_one(service: Service, deployment: Deployment) -> None:
    """A snapshot whose bytes were changed is refused by name."""
    before = service.slot.current()
    newer = replace(user_values(np.random.default_rng(5)), as_of_ms=NOW_MS + 1, digest="")
    path = write_snapshot(deployment.home.users, newer)
    path.write_bytes(path.read_bytes()[:-100])
    service.slot.poll()
    assert before is service.slot.current()
    assert path.name in service.readiness().warnings[0]


def test_missing_snapshot_is_said(fresh: Service, deployment: Deployment) -> None:
    """Without trends the service is not ready and names the folder."""
    shutil.rmtree(deployment.home.trends)
    fresh.slot.poll()
    found = fresh.readiness()
    assert (False, True) == (found.ready, str(deployment.home.trends) in found.reasons[0])


def test_snapshot_of_other_features_is_refused(service: Service) -> None:
    """Features that the release does not have would fail every request, so they never get into the slot."""
    serving = service.slot.current()
    odd = replace(serving.users, names=("user_shoe_size", *serving.users.names[1:]), digest="")
    with pytest.raises(FeatureError, match="user_shoe_size"):
        combined(serving.release, odd, serving.trends)


@pytest.mark.slow
def test_a_hundred_swaps_do_not_grow_the_process(service: Service, deployment: Deployment) -> None:
    """What a swap replaces is freed."""

    def resident_mb() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 2**20

    def swap(times: int) -> None:
        for number in range(times):
            deployment.registry.set_alias(CHAMPION, 1 + number % 2)
            service.slot.poll()

    swap(20)
    gc.collect()
    before = resident_mb()
    swap(100)
    assert resident_mb() - before < 20
