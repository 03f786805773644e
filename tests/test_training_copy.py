"""The home's copy of the events: a person goes, the others and the file format stay."""

import json
from pathlib import Path

import numpy as np
import pytest

from orchestration.value_store import ValueStore
from orchestration.values import CODECS
from streamrec_explain.errors import ConformanceError, EventDataError
from streamrec_explain.events.world import World
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.files_naming import files_naming
from streamrec_explain.models.reranker_dataset import RerankerDataset
from streamrec_explain.training_copy import erase_from_copy, rows_of_user
from tests.reference.small_world import random_world


@pytest.fixture
def world() -> World:
    """A random world."""
    return random_world(1, n=200)


@pytest.fixture
def store(world: World, tmp_path: Path) -> ValueStore:
    """What a training leaves: events, the rows made of them, thresholds."""
    store = ValueStore(tmp_path / "values", CODECS)
    store.write("events", world)
    rows = RerankerDataset(*(np.zeros((3, 1)) for _ in range(6)))
    store.write("reranker_rows", rows)
    store.write("thresholds", Thresholds())
    return store


def test_a_person_goes_from_the_copy(world: World, store: ValueStore, tmp_path: Path) -> None:
    """Their rows and what was made of rows; no file names them, and the others' events are read as before."""
    values, user = tmp_path / "values", world.impressions["user_id"][0].as_py()
    of_user = [row for row in world.impressions.to_pylist() if row["user_id"] == user]
    expected = len(of_user) + sum(each == user for each in world.users["user_id"].to_pylist())
    expected += sum(each == user for each in world.surveys["user_id"].to_pylist())
    found_rows = rows_of_user(values, user)
    assert of_user == found_rows["impressions"].to_pylist()
    assert expected == sum(table.num_rows for table in found_rows.values())
    assert expected == erase_from_copy(values, user)
    found = store.read("events")
    assert [row for row in world.impressions.to_pylist() if row["user_id"] != user] == found.impressions.to_pylist()
    assert (world.items, world.source) == (found.items, found.source)
    assert [] == [path for path in files_naming(values, [user]) if path.suffix == ".arrow"]
    assert Thresholds() == store.read("thresholds")
    with pytest.raises(ConformanceError, match="materialize it first"):
        store.read("reranker_rows")
    assert {"events", "thresholds"} == {path.name for path in values.iterdir()}
    assert (0, {}) == (erase_from_copy(values, user), rows_of_user(values, user))


def test_a_stranger_changes_nothing(store: ValueStore, tmp_path: Path) -> None:
    """Nor does a home where nothing was trained."""
    assert 0 == erase_from_copy(tmp_path / "values", "nobody")
    assert isinstance(store.read("reranker_rows"), RerankerDataset)
    assert 0 == erase_from_copy(tmp_path / "none", "nobody")


def test_a_copy_that_was_changed_is_refused(world: World, store: ValueStore, tmp_path: Path) -> None:
    """Nobody knows what it is then."""
    facts = tmp_path / "values" / "events" / "world.json"
    told = json.loads(facts.read_text(encoding="utf-8"))
    facts.write_text(json.dumps({**told, "digests": {**told["digests"], "users": "0" * 64}}), encoding="utf-8")
    with pytest.raises(EventDataError, match="was changed"):
        erase_from_copy(tmp_path / "values", "u1")
    assert world.impressions == load_impressions(tmp_path)


def load_impressions(tmp_path: Path) -> object:
    """The impressions of the copy as they lie there."""
    from pyarrow import feather

    return feather.read_table(tmp_path / "values" / "events" / "impressions.arrow")
