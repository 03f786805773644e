"""Looking requests up in the journals of a folder without disturbing their writers."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from streamrec_explain.audit_log.journal.file import connect_read_only, journal_errors
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.errors import JournalError
from streamrec_explain.records import AuditRequest

JOURNAL_SUFFIX = ".sqlite"
_COLUMNS = "request_id, user_id_hash, body, checksum"


def record_of(connection: sqlite3.Connection, request_id: str) -> StoredRecord | None:
    """The record of that request id in an open journal, or None."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM records WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else StoredRecord(*row)


def records_of_users(connection: sqlite3.Connection, user_id_hashes: Sequence[str]) -> list[StoredRecord]:
    """The records of these pseudonyms in an open journal, in the order in which they were appended."""
    marks = ", ".join("?" for _ in user_id_hashes)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM records WHERE user_id_hash IN ({marks}) ORDER BY sequence", tuple(user_id_hashes)
    )
    return [StoredRecord(*row) for row in rows]


def journal_paths(folder: Path) -> list[Path]:
    """The journals of every worker that ever served from this folder, by name."""
    return sorted(folder.glob(f"*{JOURNAL_SUFFIX}"))


def find_in_folder(folder: Path, request_id: str) -> AuditRequest | None:
    """The audit request of that id in any worker's journal, or None."""
    record = next(_records_in_folder(folder, request_id), None)
    return None if record is None else record.request


def answer_in_folder(folder: Path, request_id: str) -> bytes | None:
    """The answer given to a request by any worker, or None."""
    record = next(_records_in_folder(folder, request_id), None)
    return None if record is None else record.answer


def held_elsewhere(paths: Sequence[Path], request_ids: Sequence[str]) -> set[str]:
    """Those of the request ids that any of these journals may hold; all of them where one cannot be read."""
    held: set[str] = set()
    for path in paths:
        try:
            held |= _held_by(path, request_ids)
        except JournalError:
            return set(request_ids)
    return held


def _held_by(path: Path, request_ids: Sequence[str]) -> set[str]:
    known = "SELECT 1 FROM records WHERE request_id = ?"
    with journal_errors(path), closing(connect_read_only(path)) as connection:
        return {name for name in request_ids if connection.execute(known, (name,)).fetchone()}


def _records_in_folder(folder: Path, request_id: str) -> Iterator[StoredRecord]:
    for path in journal_paths(folder):
        with journal_errors(path), closing(connect_read_only(path)) as connection:
            record = record_of(connection, request_id)
        if record is not None:
            yield record
