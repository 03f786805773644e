"""Saved worlds: what comes back is what was saved, and a changed file is refused by name."""

import json
import shutil
from pathlib import Path

import pytest

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.schema import TABLES
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.world import World
from streamrec_explain.events.world_store import load_world, save_world
from tests.reference.small_world import random_world


@pytest.fixture
def world() -> World:
    """A random world whose facts are not the defaults."""
    return random_world(1, n=50, refresh_ms=7_000, split="per_user_time", negatives="sampled", source="a file")


def test_a_world_comes_back_as_it_was(world: World, tmp_path: Path) -> None:
    """Tables, schemas, facts and digests; a folder below one that does not exist is made."""
    save_world(world, tmp_path / "worlds" / "small")
    loaded = load_world(tmp_path / "worlds" / "small")
    for table, schema in TABLES.items():
        assert getattr(world, table).equals(getattr(loaded, table))
        assert schema.equals(getattr(loaded, table).schema)
    assert world.digests == loaded.digests
    for fact in ("name", "split", "negatives", "refresh_ms", "source"):
        assert getattr(world, fact) == getattr(loaded, fact)


def test_a_synthetic_world_keeps_its_digests(tmp_path: Path) -> None:
    """Also with surveys, promotions and explanations in it, and in one chunk each."""
    world, _ = generate(SyntheticConfig(users=150))
    save_world(world, tmp_path)
    loaded = load_world(tmp_path)
    assert world.digests == loaded.digests
    assert {1} == {getattr(loaded, table)["user_id"].num_chunks for table in ("impressions", "users", "surveys")}


@pytest.mark.parametrize("table", ["impressions", "items", "users"])
def test_a_changed_table_is_refused_by_file(world: World, tmp_path: Path, table: str) -> None:
    """The table of another world in the place of one."""
    save_world(world, tmp_path / "one")
    save_world(random_world(2, n=60, n_users=7), tmp_path / "other")
    shutil.copy(tmp_path / "other" / f"{table}.arrow", tmp_path / "one" / f"{table}.arrow")
    with pytest.raises(EventDataError, match=f"{table}.arrow: content digest"):
        load_world(tmp_path / "one")


def test_saving_over_a_world_replaces_it(world: World, tmp_path: Path) -> None:
    """The folder holds the latest, facts and all."""
    save_world(random_world(2, n=60), tmp_path)
    save_world(world, tmp_path)
    assert world.digests == load_world(tmp_path).digests
    assert world.digests == json.loads((tmp_path / "world.json").read_text())["digests"]
