"""Repeats: a request id is worked on once at a time, on whichever worker, and its first answer is found again."""

import asyncio
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from streamrec_explain.audit_log.journal.file import connect_read_only, journal_errors
from streamrec_explain.audit_log.journal.reader import journal_paths, record_of
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.errors import JournalError

CLAIMS = "request_ids.lock"
_RETRY_S = 0.001
_OFFSETS = 2**62


class Repeats:
    """What the workers that share a journal folder have answered, and which request ids they are busy with.

    A claim is a lock on one byte of a shared file, at an offset that the request id hashes to: no bytes are
    stored, two workers never answer the same id at once, and a worker that dies lets go of its claims.
    """

    def __init__(self, folder: Path, *, timeout_s: float = 5.0) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._held: set[int] = set()
        self._claims = os.open(folder / CLAIMS, os.O_RDWR | os.O_CREAT, 0o600)
        self._journals: dict[Path, sqlite3.Connection] = {}
        self._listed_ns = -1

    @asynccontextmanager
    async def claimed(self, request_id: str) -> AsyncIterator[None]:
        """Hold the claim on a request id; JournalError if another request holds it for too long."""
        offset = int.from_bytes(hashlib.blake2b(request_id.encode(), digest_size=8).digest()) % _OFFSETS
        if not self._take(offset):  # hardly ever: a retry while the first is being answered
            await self._wait_for(offset, request_id)
        try:
            yield
        finally:
            self._held.discard(offset)
            fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, offset)

    def record_of(self, request_id: str) -> StoredRecord | None:
        """The record of a request in any worker's journal, or None."""
        for path, journal in self._open_journals():
            with journal_errors(path):
                record = record_of(journal, request_id)
            if record is not None:
                return record
        return None

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._claims)
        for journal in self._journals.values():
            journal.close()

    async def _wait_for(self, offset: int, request_id: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                while not self._take(offset):
                    await asyncio.sleep(_RETRY_S)
        except TimeoutError:
            raise JournalError(f"request {request_id!r} is being answered elsewhere; ask again later") from None

    def _take(self, offset: int) -> bool:
        # The lock belongs to the process: a second request of this worker would be let in, and would then unlock.
        if offset in self._held:
            return False
        try:
            fcntl.lockf(self._claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError:
            return False
        self._held.add(offset)
        return True

    def _open_journals(self) -> Iterator[tuple[Path, sqlite3.Connection]]:
        """Every journal of the folder, opened once; a worker that joins changes the folder."""
        changed_ns = self._folder.stat().st_mtime_ns
        if changed_ns != self._listed_ns:
            for path in journal_paths(self._folder):
                if path not in self._journals:
                    self._journals[path] = connect_read_only(path)
            self._listed_ns = changed_ns
        yield from self._journals.items()
