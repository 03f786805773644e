"""The promotion ledger: who moved the champion, when, from what, to what, why, on which gate values."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from streamrec_explain.errors import PromotionConflictError
from streamrec_explain.release.gates import GateResult

LEASE_MS = 120_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL,
    to_version INTEGER NOT NULL,
    entry BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    fence INTEGER NOT NULL,
    holder TEXT NOT NULL,
    expires_ms INTEGER NOT NULL);
INSERT OR IGNORE INTO lease VALUES (1, 0, '', 0);
"""
_TAKE = """
UPDATE lease SET fence = fence + 1, holder = :holder, expires_ms = :now + :duration
WHERE expires_ms <= :now RETURNING fence
"""
_BEGIN = "INSERT INTO entries (state, to_version, entry) VALUES ('begun', ?, ?)"
_MOVED = "UPDATE entries SET state = 'done' WHERE state = 'begun' AND to_version IS ?"

Clock = Callable[[], int]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One move of the champion; `overridden` says that gates refused and `why` names the reason to go on."""

    at_ms: int
    who: str
    action: Literal["promote", "rollback"]
    from_version: int | None
    to_version: int
    model_version: str
    why: str
    overridden: bool = False
    gates: tuple[GateResult, ...] = ()


class Lease:
    """The right to move the champion, until it expires; a number that grows tells holders apart."""

    def __init__(self, ledger: "Ledger", fence: int) -> None:
        self._ledger = ledger
        self.fence = fence

    def check(self, now_ms: int) -> None:
        """PromotionConflictError if the lease expired or another promotion took it since."""
        with self._ledger.connection() as db:
            fence, expires_ms = db.execute("SELECT fence, expires_ms FROM lease").fetchone()
        if fence != self.fence or expires_ms <= now_ms:
            raise PromotionConflictError("the promotion outlasted its lease; nothing was moved, try again")


class Ledger:
    """An sqlite file shared by every process that promotes; entries are only ever added.

    An entry is begun before the alias moves and done after it. One left begun by a crash is settled by the
    next promotion: done if the alias did move, abandoned if it did not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.connection() as db:
            db.executescript(_SCHEMA)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for each use, so that threads and processes may share the ledger."""
        db = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def lease(self, holder: str, clock: Clock, duration_ms: int = LEASE_MS) -> Iterator[Lease]:
        """Hold the only right to promote; PromotionConflictError if another promotion holds it."""
        values = {"holder": holder, "now": clock(), "duration": duration_ms}
        with self.connection() as db:
            taken = db.execute(_TAKE, values).fetchone()
            other = db.execute("SELECT holder FROM lease").fetchone()[0]
        if taken is None:
            raise PromotionConflictError(f"another promotion is under way ({other}); wait for it")
        try:
            yield Lease(self, taken[0])
        finally:
            self._write("UPDATE lease SET expires_ms = 0 WHERE fence = ?", taken[0])

    def begin(self, entry: LedgerEntry) -> int:
        """Write an entry before the alias moves; returns its id."""
        with self.connection() as db:
            cursor = db.execute(_BEGIN, (entry.to_version, msgspec.json.encode(entry)))
            return int(cursor.lastrowid or 0)

    def finish(self, identifier: int) -> None:
        """Mark an entry done: the alias has moved."""
        self._write("UPDATE entries SET state = 'done' WHERE id = ?", identifier)

    def settle(self, champion: int | None) -> None:
        """Decide entries that a crash left begun, by where the champion is now; call it under the lease."""
        self._write(_MOVED, champion)
        self._write("UPDATE entries SET state = 'abandoned' WHERE state = ?", "begun")

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Every finished move, the newest first."""
        with self.connection() as db:
            rows = db.execute("SELECT entry FROM entries WHERE state = 'done' ORDER BY id DESC").fetchall()
        return tuple(msgspec.json.decode(row[0], type=LedgerEntry) for row in rows)

    def latest(self, version: int) -> LedgerEntry | None:
        """The newest finished move to a version, None if it never was champion."""
        return next((entry for entry in self.entries() if entry.to_version == version), None)

    def _write(self, statement: str, value: int | str | None) -> None:
        with self.connection() as db:
            db.execute(statement, (value,))
