"""The audit journal of one serving worker: durable before the answer leaves, in one sqlite file.

Write-ahead log with synchronous=FULL: what was acknowledged survives kill -9 and power loss; a torn tail
of the log fails sqlite's own frame checksums and is dropped, and it was never acknowledged. A second
checksum per record covers the bytes once they lie in the file.
"""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType

from streamrec_explain.audit_log.journal.backlog import Backlog, backlog_of
from streamrec_explain.audit_log.journal.file import connect, connect_read_only, journal_errors, transaction
from streamrec_explain.audit_log.journal.group_commit import GroupCommitter
from streamrec_explain.audit_log.journal.reader import record_of
from streamrec_explain.audit_log.journal.record import StoredRecord, stored_record
from streamrec_explain.errors import CorruptRecordError, JournalFullError
from streamrec_explain.records import AuditRequest

DEFAULT_MAX_BYTES = 4 << 30
DEFAULT_RESERVE_BYTES = 256 << 20


class Journal:
    """Append-only journal of answered requests: one writer process per file, readers and a shipper beside it.

    `max_bytes` bounds the live bytes of the file (to a few pages); `reserve_bytes` of the disk stay free.
    `clock` gives Unix ms: it names a new journal and notes when records came. Nothing is decided by it.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int],
        max_bytes: int = DEFAULT_MAX_BYTES,
        reserve_bytes: int = DEFAULT_RESERVE_BYTES,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._clock = clock
        self._reserve_bytes = reserve_bytes
        self._writer = connect(path)
        self._reader = connect_read_only(path)
        self._reader_lock = threading.Lock()
        self._used_bytes = self._free_bytes = 0
        with journal_errors(path):
            name_journal(self._writer, path, clock(), random_bytes)
            self._measure()
        self._committer = GroupCommitter(self._write)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append_nowait(self, request: AuditRequest, answer: bytes) -> Future[bytes]:
        """Queue a request and its answer; the future resolves once they are durable.

        It resolves to the answer that stands for this request id: `answer`, or for a repeated id the first
        one (the repeat is not stored). An event loop awaits it with `asyncio.wrap_future`. Raises
        JournalFullError at the bound and JournalError for a request that the audit table could not hold; the
        future raises what the write raised, and then nothing of its group was stored.
        """
        record = stored_record(request, answer)
        self._refuse_if_full(len(record.body))
        return self._committer.submit(record, answer)

    def append(self, request: AuditRequest, answer: bytes) -> bytes:
        """Store a request and its answer durably and return the answer that stands for its id."""
        return self.append_nowait(request, answer).result()

    def answer_of(self, request_id: str) -> bytes | None:
        """The answer that was given to a request, or None."""
        record = self._record(request_id)
        return None if record is None else record.answer

    def find(self, request_id: str) -> AuditRequest | None:
        """The audit request of that id, or None if the journal does not hold it (any more)."""
        record = self._record(request_id)
        return None if record is None else record.request

    @property
    def used_bytes(self) -> int:
        """Live bytes of the file and of what waits to be written."""
        return self._used_bytes + self._committer.waiting_bytes

    @property
    def fill(self) -> float:
        """Used share of what may be used, from 0 to 1: the number to alarm on.

        That is `max_bytes`, or less where the disk has less left above its reserve.
        """
        used = self.used_bytes
        bound = min(self.max_bytes, used + self._free_bytes - self._reserve_bytes)
        return min(1.0, used / bound) if bound > used else 1.0

    def measured_fill(self) -> float:
        """`fill` after a look at the file and the disk: what others did since the last append counts too."""
        with self._reader_lock, journal_errors(self.path):
            self._used_bytes = used_bytes(self._reader)
            self._free_bytes = shutil.disk_usage(self.path.parent).free
        return self.fill

    def backlog(self) -> Backlog:
        """What waits in this journal to be shipped."""
        with self._reader_lock:
            return backlog_of(self._reader, self.path)

    def close(self) -> None:
        """Make everything queued durable and close the file."""
        self._committer.close()
        self._reader.close()
        self._writer.close()

    def _record(self, request_id: str) -> StoredRecord | None:
        with self._reader_lock, journal_errors(self.path):
            return record_of(self._reader, request_id)

    def _refuse_if_full(self, size: int) -> None:
        if self.used_bytes + size > self.max_bytes:
            # Shipping may have freed space since the last commit.
            with self._reader_lock, journal_errors(self.path):
                self._used_bytes = used_bytes(self._reader)
        if self.used_bytes + size > self.max_bytes:
            raise JournalFullError(
                f"the journal {self.path} holds {self.used_bytes} of {self.max_bytes} bytes: "
                "shed load until the shipper has caught up"
            )
        if self._free_bytes - size < self._reserve_bytes:
            self._free_bytes = shutil.disk_usage(self.path.parent).free
        if self._free_bytes - size < self._reserve_bytes:
            raise JournalFullError(
                f"{self._free_bytes} bytes are free under {self.path.parent}, {self._reserve_bytes} of them "
                "reserved: free disk space or ship"
            )

    def _write(self, records: Sequence[StoredRecord], answers: Sequence[bytes]) -> list[bytes | CorruptRecordError]:
        """One durable transaction for a group; the committer thread's work."""
        with journal_errors(self.path):
            arrived_ms = self._clock()
            with transaction(self._writer):
                standing = [self._insert(*pair, arrived_ms) for pair in zip(records, answers, strict=True)]
            self._measure()
            return standing

    def _insert(self, record: StoredRecord, answer: bytes, arrived_ms: int) -> bytes | CorruptRecordError:
        """Insert a record; for a repeat, the answer that already stands, or why it cannot be read."""
        inserted = self._writer.execute(
            "INSERT INTO records (request_id, user_id_hash, checksum, body, arrived_ms) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (request_id) DO NOTHING",
            (record.request_id, record.user_id_hash, record.checksum, record.body, arrived_ms),
        ).rowcount
        first = None if inserted else record_of(self._writer, record.request_id)
        try:
            return answer if first is None else first.answer
        except CorruptRecordError as error:
            return error

    def _measure(self) -> None:
        self._used_bytes = used_bytes(self._writer)
        self._free_bytes = shutil.disk_usage(self.path.parent).free


def name_journal(connection: sqlite3.Connection, path: Path, now_ms: int, random_bytes: Callable[[int], bytes]) -> None:
    """Give a new journal its id, the fence under which the table counts its batches.

    A file that is deleted and made again, or made on another machine, must get another id, or its first batches
    would pass for shipped. The clock alone does not tell them apart: it may be set back.
    """
    with transaction(connection):
        connection.execute(
            "INSERT INTO identity (journal_id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)",
            (f"{path.stem}-{now_ms:x}-{random_bytes(4).hex()}",),
        )


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the file's pages that hold something."""
    page_size, pages, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return page_size * (pages - free)
