"""The copy of the events that the last training left in a home, and a person in it.

Dagster's steps hand the events on as files in the values of the home (`values/events`); commands read them there too.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.events.world import World
from streamrec_explain.events.world_store import load_world, save_world

_EVENTS, _KIND = "events", "type.json"
_ROWS_OF_EVENTS = b'"RerankerDataset"'  # it numbers the users and rows of the events
_OF_USERS = ("impressions", "users", "surveys")


def rows_of_user(values: Path, user_id: str) -> dict[str, pa.Table]:
    """A user's rows in each table of the copy that names users, those with none left out; none without a copy.

    EventDataError if the copy was changed.
    """
    world = _copy(values)
    found = {} if world is None else _filtered(world, pc.equal, user_id)
    return {name: table for name, table in found.items() if table.num_rows}


def erase_from_copy(values: Path, user_id: str) -> int:
    """Remove a user from the copy, and delete the training rows that were made from it; the rows of events removed.

    The next training makes both again. Killed in between, the next run completes it.
    """
    world = _copy(values)
    rows = 0 if world is None else sum(table.num_rows for table in _filtered(world, pc.equal, user_id).values())
    if world is None or not rows:
        return 0
    for kind in values.glob(f"*/{_KIND}"):
        if kind.read_bytes() == _ROWS_OF_EVENTS:
            shutil.rmtree(kind.parent)
    _put(replace(world, **_filtered(world, pc.not_equal, user_id)), values / _EVENTS)
    return rows


def _copy(values: Path) -> World | None:
    return load_world(values / _EVENTS) if (values / _EVENTS / "world.json").exists() else None


def _filtered(world: World, compare: Callable[[Any, str], Any], user_id: str) -> dict[str, pa.Table]:
    """The rows, of each table that names users, whose user compares so with this one."""
    tables = {name: getattr(world, name) for name in _OF_USERS}
    return {name: table.filter(compare(table["user_id"], user_id)) for name, table in tables.items()}


def _put(world: World, folder: Path) -> None:
    """Replace the copy as a whole, as a step of training does."""
    staging = Path(tempfile.mkdtemp(prefix=f".{_EVENTS}-", dir=folder.parent))
    save_world(world, staging)
    shutil.copy(folder / _KIND, staging / _KIND)
    old = staging.with_name(f"{staging.name}-old")
    folder.rename(old)
    staging.rename(folder)
    shutil.rmtree(old)
