"""Where events came from: every folder that training recorded, and what it still holds of a person."""

from dataclasses import replace
from pathlib import Path

import pytest

from streamrec_explain.event_sources import SourceOfPerson, recorded_sources, sources_of_person
from streamrec_explain.events.world_store import save_world
from streamrec_explain.home import Home
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import DataInput, RunKey
from tests.reference.small_world import random_world


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that was trained from three folders and a synthetic world; the last training read `third`."""
    home = Home(tmp_path / "home")
    registry = MlflowRegistry.open(home.registry_uri, home.artifacts)
    for number, source in enumerate(["first", "second", "first", "synthetic users=3 seed=0 days=9"]):
        uri = source if source.startswith("synthetic") else str(tmp_path / source)
        with registry.run(RunKey(f"run-{number}", "session_model")) as run:
            run.log_data(DataInput("movielens/impressions", f"{number}" * 64, uri, "training", 5))
    save_world(replace(random_world(1, n=20), source=str(tmp_path / "third")), home.values / "events")
    return home


def _folder(path: Path, lines: str) -> str:
    path.mkdir()
    (path / "ratings.csv").write_text("userId,movieId\n" + lines, encoding="utf-8")
    return str(path)


def test_every_recorded_folder_is_known(home: Home, tmp_path: Path) -> None:
    """Each once, that of the last training first; synthetic worlds have none."""
    assert tuple(str(tmp_path / name) for name in ("third", "first", "second")) == recorded_sources(home)
    assert () == recorded_sources(Home(tmp_path / "fresh"))


def test_folders_are_looked_into_and_never_changed(tmp_path: Path) -> None:
    """Which rows of which file, what could not be looked into, and what to do."""
    holds = _folder(tmp_path / "holds", '5,1\n6,1\n5,2\n"5,3\n')
    (tmp_path / "holds" / "notes.txt").write_text("5", encoding="utf-8")
    clean, gone = _folder(tmp_path / "clean", "6,1\n"), str(tmp_path / "gone")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = sources_of_person([holds, clean, gone, "s3://bucket/events", holds], "5")
    assert [holds, clean, gone, "s3://bucket/events"] == [each.uri for each in found]
    assert SourceOfPerson(holds, 2, 1, ("ratings.csv",), ("notes.txt",)) == found[0]
    assert SourceOfPerson(clean) == found[1]
    told = [line for each in found for line in each.advice]
    assert f"{holds} holds 2 rows of the person (ratings.csv): streamrec events erase USER" in told[0]
    assert ("1 torn lines" in told[1], "notes.txt" in told[2]) == (True, True)
    assert f"{gone} cannot be looked into" in told[3]
    assert "no folder of this machine" in told[4]
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
