"""Erasure of a person from event files: which files hold rows of theirs, and the same files without those rows.

It needs to know nothing of the world: every CSV and Parquet file with a column of users is looked into, and
MovieLens' files by their names. What is left is kept byte for byte (lines) or value for value (Parquet).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streamrec_explain.durable import sync
from streamrec_explain.errors import EventDataError
from streamrec_explain.events.folder import file_names
from streamrec_explain.events.movielens import TEXT_FILES
from streamrec_explain.events.parquet_file import read_parquet
from streamrec_explain.events.sheet import Mask, Sheet, as_mask
from streamrec_explain.events.text_file import CSV, read_text

USER_COLUMNS: Final = ("user_id", "userId")
_STAGING: Final = ".erasing-"


@dataclass(frozen=True)
class FileOfEvents:
    """One file that was looked into: its rows, and those of the person.

    `torn` counts lines that cannot be split into fields and hold the person's id somewhere: they are never removed.
    """

    path: Path
    rows: int
    of_person: int
    torn: int = 0


@dataclass(frozen=True)
class EventErasure:
    """What a folder holds of a person: the files that name them, and those that could not be looked into."""

    folder: Path
    files: tuple[FileOfEvents, ...]
    unread: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of the person in all files."""
        return sum(each.of_person for each in self.files)

    @property
    def torn(self) -> int:
        """Lines that may be theirs and must be repaired or removed by hand."""
        return sum(each.torn for each in self.files)

    def __str__(self) -> str:
        lines = [f"remove {self.rows} rows of one person from files in {self.folder}"]
        for each in self.files:
            torn = f"; {each.torn} torn lines hold the id too: remove them by hand" if each.torn else ""
            lines.append(f"  {each.path.relative_to(self.folder)}: {each.of_person} of {each.rows} rows{torn}")
        lines += [f"  {name}: not looked into, for it is no table of a known kind" for name in self.unread]
        return "\n".join(lines)


def plan_event_erasure(folder: Path, user_id: str) -> EventErasure:
    """Look into every file of a folder, and of its `data`; nothing is changed. EventDataError if there is no folder."""
    folders = [folder, folder / "data"] if (folder / "data").is_dir() else [folder]
    paths = [each / name for each in folders for name in sorted(file_names(each))]
    looked = [(path, _looked_into(path, user_id)) for path in paths]
    naming = tuple(found for _, found in looked if found is not None and (found.of_person or found.torn))
    return EventErasure(folder, naming, tuple(str(path.relative_to(folder)) for path, found in looked if found is None))


def apply_event_erasure(plan: EventErasure, user_id: str) -> int:
    """Rewrite each planned file without the person, one after the other, each wholly or not at all; the rows removed.

    The new file is read back before it takes the old one's place. EventDataError, and that file is as it was, if it
    does not hold exactly the other rows, cannot be written, or the old one changed meanwhile. Killed in between, it is
    completed by running it again.
    """
    return sum(_rewritten(each.path, user_id) for each in plan.files if each.of_person)


def _looked_into(path: Path, user_id: str) -> FileOfEvents | None:
    """None for a file of an unknown kind, or one that cannot be read as what its name says."""
    try:
        sheet = _sheet(path)
    except EventDataError:
        return None
    if sheet is None:
        return None
    return FileOfEvents(path, sheet.rows_read, int(_of(sheet, user_id).sum()), sum(1 for _ in _torn(sheet, user_id)))


def _sheet(path: Path) -> Sheet | None:
    if path.suffix == ".parquet":
        return read_parquet(path, may_be_empty=True)
    form = CSV if path.suffix == ".csv" else TEXT_FILES.get(path.name)
    return None if form is None else read_text(path, form)


def _of(sheet: Sheet, user_id: str) -> Mask:
    """Which rows are the person's."""
    mask = np.zeros(len(sheet), bool)
    for name in set(USER_COLUMNS) & set(sheet.columns.column_names):
        texts = pc.utf8_trim_whitespace(sheet.column(name).cast(pa.string()))
        mask |= as_mask(pc.equal(texts, user_id))
    return mask


def _torn(sheet: Sheet, user_id: str) -> Iterator[str]:
    for finding in sheet.findings:
        if finding.column is None:
            yield from (line for line in sheet.originals(finding.places) if user_id in line)


def _rewritten(path: Path, user_id: str) -> int:
    """Put the file without the person in its place; how many rows went."""
    before, sheet = path.stat(), _sheet(path)
    if sheet is None:
        return 0
    going = _of(sheet, user_id)
    for left in path.parent.glob(f"{_STAGING}*"):  # of a run that was killed
        shutil.rmtree(left)
    try:
        with tempfile.TemporaryDirectory(prefix=_STAGING, dir=path.parent) as staging:
            fresh = Path(staging) / path.name  # the name tells how it is written
            _write_without(going, sheet, path, fresh)
            _check(fresh, sheet.rows_read - int(going.sum()), user_id)
            _put_in_place(fresh, path, before)
    except OSError as error:
        raise EventDataError(f"{path} cannot be written without the person: {error}") from error
    return int(going.sum())


def _write_without(going: Mask, sheet: Sheet, path: Path, fresh: Path) -> None:
    if path.suffix == ".parquet":
        _write_rows(path, fresh, ~going)
    else:
        numbers = set(sheet.places[going].tolist())
        with path.open("rb") as old, fresh.open("wb") as new:
            new.writelines(line for number, line in enumerate(old, start=1) if number not in numbers)
    shutil.copymode(path, fresh)


def _write_rows(path: Path, fresh: Path, keep: Mask) -> None:
    """The kept rows with the file's own schema, metadata and compression."""
    with pq.ParquetFile(path) as file:
        groups, rows = file.metadata.num_row_groups, file.read().filter(pa.array(keep))
        compression = file.metadata.row_group(0).column(0).compression if groups else "UNCOMPRESSED"
    pq.write_table(rows, fresh, compression="NONE" if compression == "UNCOMPRESSED" else compression)


def _check(fresh: Path, rows: int, user_id: str) -> None:
    """EventDataError unless a file holds so many rows and none of the person; one without rows holds nobody."""
    sheet = _sheet(fresh) if rows else None
    if sheet is not None and (sheet.rows_read != rows or _of(sheet, user_id).any()):
        raise EventDataError(f"{fresh.name} without the person holds {sheet.rows_read} rows instead of {rows}")


def _put_in_place(fresh: Path, path: Path, before: os.stat_result) -> None:
    """Rename durably; EventDataError if the file is not the one that was read any more."""
    sync(fresh)
    now = path.stat()
    if (now.st_ino, now.st_mtime_ns, now.st_size) != (before.st_ino, before.st_mtime_ns, before.st_size):
        raise EventDataError(f"{path} was written meanwhile: nothing was changed, run it again")
    fresh.replace(path)
    sync(path.parent)
