"""`streamrec replay --sample` over three releases, one of the first engine: other processes, threads and titles."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.sample import draw
from streamrec_explain.cli.replay import replay
from streamrec_explain.cli.stored import audit_log_of
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.release.bundle import verify_bundle, write_bundle
from streamrec_explain.release.components import load_components, release_contents
from streamrec_explain.release.gates import GateBounds
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import CHAMPION
from streamrec_explain.replay import replay as replay_entry
from tests.reference.three_releases import build, register

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_NUM_THREADS")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three releases; their entries are cold, hot and waiting."""
    return build(tmp_path_factory.mktemp("three") / "home").root


def run(home: Path, *words: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(replay, [*words, f"--home={home}"], catch_exceptions=False)


def in_a_fresh_process(home: Path, *words: str, threads: int) -> Any:
    """The JSON of the command, run by a process of its own with so many threads in every library."""
    command = [sys.executable, "-W", "ignore", "-m", "streamrec_explain.cli.main", "replay", *words, "--json"]
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    done = subprocess.run([*command, f"--home={home}"], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_drawn_entry_gives_the_same_bytes(home: Path, count: int) -> None:
    """Of every tier and release, in a fresh process with another number of threads."""
    found = in_a_fresh_process(home, f"--sample={count}", threads=3)
    strata = found["replay"]["strata"]
    assert (count, count, []) == (found["identical"], found["entries"], found["replay"]["different"])
    assert {"cold", "hot", "journal"} == {each["tier"] for each in strata}
    assert 3 == len({each["model_version"] for each in strata})
    assert 0 < found["seconds"]


def test_one_release_can_be_asked_for(home: Path) -> None:
    """And people read what was drawn where."""
    named = next(each.name for each in Home(home).releases.glob("1@*"))
    release = f"streamrec-release/{named}"
    done = run(home, "--sample=10", f"--release={release}")
    assert 0 == done.exit_code
    assert ["the same bytes: 10 of 10 entries, 100.0% [72.2, 100.0]", f"cold     {release}: 10 of 10"] == (
        done.stdout.splitlines()[:2]
    )


def test_changed_titles_do_not_matter(home: Path, tmp_path: Path) -> None:
    """Every item was renamed since, in the champion's catalogue: old entries keep saying the old titles."""
    copied = Home(tmp_path / "home")
    shutil.copytree(home, copied.root)
    folder, renamed = home / "bundle-3", tmp_path / "bundle-4"
    contents = release_contents(
        with_renamed_items(load_components(folder)), (folder / "reranker.txt").read_text(), GateBounds.packaged()
    )
    manifest = verify_bundle(folder)
    write_bundle(renamed, contents, created_ms=1, world=manifest.world, pins=manifest.pins)
    registry = MlflowRegistry.open(copied.registry_uri, copied.artifacts)
    registry.set_alias(CHAMPION, register(registry, renamed))
    done = run(copied.root, "--sample=60", "--seed=5", "--json")
    assert (60, 60) == ((found := json.loads(done.stdout))["identical"], found["entries"])
    named = next(e for e in draw(audit_log_of(copied.root), 500, 0, EntryFilter(explanation_type="watch_history")))
    logged = audit_log_of(copied.root).find_request(named.request_id).request
    other = with_renamed_items(load_components(copied.releases / named.model_version.rpartition("/")[2]))
    trends = TrendArchive(copied.trends)
    assert ("explanation_text_hash",) == replay_entry(logged, named.position, other, trends).differences


def test_a_lost_snapshot_is_told(home: Path, tmp_path: Path) -> None:
    """Lists that refer to it are not replayed and not counted as the same; those of the first engine need none."""
    copied = Home(tmp_path / "home")
    shutil.copytree(home, copied.root)
    shutil.rmtree(copied.trends)
    done = run(copied.root, "--sample=40", "--json")
    found = json.loads(done.stdout)
    assert (1, 10, 40) == (done.exit_code, found["identical"], found["entries"])
    assert all("trend snapshot" in why for why in found["replay"]["refused"].values())


def with_renamed_items(bundle: EngineBundle) -> EngineBundle:
    """The same release with another title for every item."""
    titles = tuple(title and f"{title}, renamed" for title in bundle.catalogue.titles)
    return replace(bundle, catalogue=replace(bundle.catalogue, titles=titles))


def test_one_changed_byte_of_a_model_is_refused_by_its_file(home: Path, tmp_path: Path) -> None:
    """Where the registry's copy is changed too, nothing is replayed with that release; the others are."""
    copied = tmp_path / "home"
    shutil.copytree(home, copied)
    shutil.rmtree(Home(copied).releases, ignore_errors=True)
    model = registered_file(home, version=2, name="session_model.npz")
    sound = model.read_bytes()
    model.write_bytes(sound[:-100] + bytes([sound[-100] ^ 1]) + sound[-99:])
    try:
        done = run(copied, "--sample=40", "--json")
    finally:
        model.write_bytes(sound)
    found = json.loads(done.stdout)
    (refused,) = found["replay"]["refused"].items()
    assert (1, True, True) == (
        done.exit_code,
        "release/2@" in refused[0],
        "session_model.npz was changed" in refused[1],
    )
    told = Counter({each["model_version"]: each["identical"] for each in found["replay"]["strata"]})
    assert (0, True) == (told[refused[0]], 0 < found["identical"] < found["entries"] == 40)


def test_one_or_a_sample(home: Path, tmp_path: Path) -> None:
    """Neither and both are bad input; an empty log is told."""
    assert 2 == run(home).exit_code
    assert 2 == run(home, "a.0", "--sample=3").exit_code
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "empty", "--sample=3")
    assert (1, True) == (done.exit_code, "no entry to draw" in done.stderr)


def registered_file(home: Path, version: int, name: str) -> Path:
    """A file of a release among the registry's own files."""
    expected = (home / f"bundle-{version}" / name).read_bytes()
    return next(path for path in Home(home).artifacts.rglob(name) if path.read_bytes() == expected)
