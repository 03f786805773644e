"""The shipper's side of a journal: fix a batch's bounds durably, read it, mark it shipped, prune it."""

from pathlib import Path
from types import TracebackType

import msgspec

from streamrec_explain.audit_log.journal.file import connect, journal_errors, transaction
from streamrec_explain.audit_log.journal.journal import used_bytes
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.errors import CorruptRecordError, JournalError
from streamrec_explain.records import AuditRequest


class BatchBounds(msgspec.Struct, frozen=True):
    """How much one commit may carry; what bounds the shipper's memory. A batch holds at least one request."""

    requests: int = 1_000
    stored_bytes: int = 32 << 20


class Batch(msgspec.Struct, frozen=True):
    """A range of journal records that is shipped as one commit, the same ones at every attempt.

    `check_table` is true where the journal may be an older copy of itself, so that the table may already hold
    some of the records under an earlier batch.
    """

    number: int
    first_sequence: int
    last_sequence: int
    check_table: bool


class BatchContent(msgspec.Struct, frozen=True):
    """The readable requests of a batch and the ids of those whose bytes are damaged."""

    requests: tuple[AuditRequest, ...]
    damaged: tuple[str, ...]


class Outbox:
    """A journal as its shipper sees it; used beside the serving process that writes the journal."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise JournalError(f"no journal at {path}")
        self.path = path
        self._connection = connect(path)
        with journal_errors(path):
            named = self._connection.execute("SELECT journal_id FROM identity").fetchone()
        if named is None:
            raise JournalError(f"the journal {path} was never opened for writing")
        self.journal_id: str = named[0]

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def next_batch(self, recorded: int, bounds: BatchBounds) -> Batch | None:
        """The first batch that the table has not recorded, fixed now if need be; None if all is shipped.

        `recorded` is the number of the last batch of this journal in the table, which is the authority: a
        batch that a restored table has lost again is shipped again.
        """
        with journal_errors(self.path), transaction(self._connection):
            return self._fixed_batch(recorded) or self._fix_batch(recorded, bounds)

    def newest(self) -> int:
        """The sequence number of the record that came last; 0 if there is none."""
        with journal_errors(self.path):
            row = self._connection.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()
        return int(row[0])

    def read(self, batch: Batch) -> BatchContent:
        """The content of a batch; damaged records are marked, kept for ever and left out."""
        requests, damaged = [], []
        for record in self._records(batch):
            try:
                requests.append(record.request)
            except CorruptRecordError:
                damaged.append(record.request_id)
        self._mark_damaged(damaged)
        return BatchContent(tuple(requests), tuple(damaged))

    def mark_shipped(self, number: int, now_ms: int) -> None:
        """Note when a batch was seen in the table: its records may be pruned some time later."""
        with journal_errors(self.path), transaction(self._connection):
            self._connection.execute("UPDATE batches SET shipped_ms = ? WHERE number = ?", (now_ms, number))

    def prune(self, recorded: int, shipped_before_ms: int, keep_bytes: int) -> int:
        """Delete records in the table that were shipped before a time, and older ones while the journal holds more.

        Batch by batch, so that the service is never kept from writing for long; returns how many.
        """
        deleted = 0
        while (oldest := self._oldest_kept(recorded)) is not None:
            batch, shipped_ms = oldest
            if shipped_ms >= shipped_before_ms and used_bytes(self._connection) <= keep_bytes:
                break
            deleted += self._delete(batch)
        return deleted

    def _oldest_kept(self, recorded: int) -> tuple[int, int] | None:
        """Number of the first batch in the table that was seen there and still has records, and when (Unix ms)."""
        with journal_errors(self.path):
            row = self._connection.execute(
                "SELECT number, shipped_ms FROM batches WHERE number <= ? AND shipped_ms IS NOT NULL AND EXISTS "
                "(SELECT 1 FROM records WHERE sequence BETWEEN first_sequence AND last_sequence AND NOT damaged) "
                "ORDER BY number LIMIT 1",
                (recorded,),
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def _delete(self, number: int) -> int:
        """Delete the records up to the end of a batch, but damaged ones; how many."""
        with journal_errors(self.path), transaction(self._connection):
            deleted = self._connection.execute(
                "DELETE FROM records WHERE NOT damaged AND sequence <= "
                "(SELECT last_sequence FROM batches WHERE number = ?)",
                (number,),
            ).rowcount
            # The last batch stays: its number and bounds say where the next one starts.
            self._connection.execute(
                "DELETE FROM batches WHERE number <= ? AND number < (SELECT max(number) FROM batches)", (number,)
            )
        return deleted

    def unshipped(self) -> int:
        """How many requests no batch marked as shipped covers."""
        with journal_errors(self.path):
            row = self._connection.execute(
                "SELECT count(*) FROM records WHERE sequence > "
                "(SELECT coalesce(max(last_sequence), 0) FROM batches WHERE shipped_ms IS NOT NULL)"
            ).fetchone()
        return int(row[0])

    def _fixed_batch(self, recorded: int) -> Batch | None:
        row = self._connection.execute(
            "SELECT number, first_sequence, last_sequence, first_sequence <= check_until "
            "FROM batches, identity WHERE number > ? ORDER BY number LIMIT 1",
            (recorded,),
        ).fetchone()
        return None if row is None else Batch(row[0], row[1], row[2], bool(row[3]))

    def _fix_batch(self, recorded: int, bounds: BatchBounds) -> Batch | None:
        """Bound the next batch; its number is above everything that the journal and the table ever used."""
        last_number, after = self._connection.execute(
            "SELECT coalesce(max(number), 0), coalesce(max(last_sequence), 0) FROM batches"
        ).fetchone()
        if recorded > last_number:
            # The table knows batches that this file does not: it is an older copy. Distrust all it holds now.
            self._connection.execute(
                "UPDATE identity SET check_until = (SELECT coalesce(max(sequence), 0) FROM records)"
            )
        bounded = self._bounds_after(after, bounds)
        if bounded is None:
            return None
        self._connection.execute(
            "INSERT INTO batches (number, first_sequence, last_sequence) VALUES (?, ?, ?)",
            (max(last_number, recorded) + 1, *bounded),
        )
        return self._fixed_batch(recorded)

    def _bounds_after(self, after: int, bounds: BatchBounds) -> tuple[int, int] | None:
        """First and last sequence of the records after `after` that the bounds allow; None without any."""
        rows = self._connection.execute(
            "SELECT sequence, length(body) FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, bounds.requests),
        )
        first = last = size = 0
        for sequence, length in rows:
            size += length
            if first and size > bounds.stored_bytes:
                break
            first, last = first or sequence, sequence
        return (first, last) if first else None

    def _records(self, batch: Batch) -> list[StoredRecord]:
        with journal_errors(self.path):
            rows = self._connection.execute(
                "SELECT request_id, user_id_hash, body, checksum FROM records "
                "WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
                (batch.first_sequence, batch.last_sequence),
            ).fetchall()
        return [StoredRecord(*row) for row in rows]

    def _mark_damaged(self, request_ids: list[str]) -> None:
        with journal_errors(self.path), transaction(self._connection):
            self._connection.executemany(
                "UPDATE records SET damaged = 1 WHERE request_id = ?", [(name,) for name in request_ids]
            )
