"""A world on disk: its four tables as Arrow files and its facts as JSON, digests checked when read back."""

import json
from pathlib import Path

import pyarrow as pa
from pyarrow import feather

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.schema import TABLES
from streamrec_explain.events.world import World

_FACTS = ("name", "split", "negatives", "refresh_ms", "source")


def save_world(world: World, folder: Path) -> None:
    """Write the world into `folder` (created if absent), the facts last."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        feather.write_feather(getattr(world, table), folder / f"{table}.arrow", compression="zstd")
    facts = {fact: getattr(world, fact) for fact in _FACTS} | {"digests": world.digests}
    (folder / "world.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")


def load_world(folder: Path) -> World:
    """Read a saved world; EventDataError if a table's content is not the one that was saved."""
    facts = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    tables = {table: _read(folder / f"{table}.arrow") for table in TABLES}
    world = World(**tables, **{fact: facts[fact] for fact in _FACTS})
    for table, digest in facts["digests"].items():
        if world.digests[table] != digest:
            raise EventDataError(
                f"{folder / table}.arrow: content digest {world.digests[table][:8]} is not the saved "
                f"{digest[:8]}; the file was changed, read the world from its source again"
            )
    return world


def saved_source(folder: Path) -> str:
    """Where the saved world was read from; empty where none was saved."""
    facts = folder / "world.json"
    return str(json.loads(facts.read_text(encoding="utf-8"))["source"]) if facts.exists() else ""


def _read(path: Path) -> pa.Table:
    return feather.read_table(path, memory_map=True).combine_chunks()
