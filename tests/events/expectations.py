"""What a reader says about a folder, in the form tests compare."""

from pathlib import Path

import pytest

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.readers import read_world

Found = tuple[str, int | None, str | None, str]


def problems(world: str, folder: Path) -> list[Found]:
    """File, row, column and code of every problem that the refusal of a folder lists."""
    with pytest.raises(EventDataError) as refusal:
        read_world(world, folder)
    return [(found.file, found.row, found.column, found.code) for found in refusal.value.problems]


def spoil(path: Path, old: str, new: str, encoding: str = "utf-8") -> None:
    """Replace one piece of a text file's bytes, which must be there."""
    before = path.read_bytes()
    after = before.replace(old.encode(encoding), new.encode(encoding), 1)
    if before == after:
        raise ValueError(f"{old!r} is not in {path.name}")
    path.write_bytes(after)
