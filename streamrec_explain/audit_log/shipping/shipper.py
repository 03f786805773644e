"""The shipper: moves what the journals hold into the audit table, each request exactly once.

1. A batch's bounds are fixed durably in the journal, so that every attempt carries the same records.
2. The table is opened, and on that one handle the shipper asks which batch of this journal it recorded last
   and which requests it holds already; then it commits on that same handle. The commit records the batch
   under the journal's id and one more step of a counter that all shippers share, so a commit by any other
   shipper in between refuses this one, which then decides anew.
3. The journal notes that the batch is in the table. Dying anywhere repeats a step that changes nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from deltalake import DeltaTable

from streamrec_explain.audit_log.journal.journal import DEFAULT_MAX_BYTES
from streamrec_explain.audit_log.journal.reader import held_elsewhere, journal_paths
from streamrec_explain.audit_log.shipping.outbox import Batch, BatchBounds, Outbox
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.errors import AuditLogError, ShipError, WriteConflictError
from streamrec_explain.records import AuditRequest

ALL_SHIPPERS = "streamrec-audit-log-ship"
_ATTEMPTS = 20


class ShipReport(msgspec.Struct, frozen=True):
    """What one run did for one journal: batches committed, requests and rows in them, requests left out."""

    journal_id: str
    batches: int = 0
    requests: int = 0
    rows: int = 0
    duplicates: int = 0
    damaged: tuple[str, ...] = ()
    pruned: int = 0

    def plus(self, other: "ShipReport") -> "ShipReport":
        """Both reports as one; the journal id is kept."""
        return ShipReport(
            self.journal_id,
            self.batches + other.batches,
            self.requests + other.requests,
            self.rows + other.rows,
            self.duplicates + other.duplicates,
            self.damaged + other.damaged,
            self.pruned + other.pruned,
        )


class Keeping(msgspec.Struct, frozen=True):
    """How long shipped records stay in a journal, where a retried request finds its first answer.

    For `ms`, but the oldest go earlier from a journal of more than `stored_bytes`: a full one refuses requests.
    """

    ms: int = 24 * 3_600_000
    stored_bytes: int = DEFAULT_MAX_BYTES // 2  # a day at 230 lists a second would be 170 GB


class ShippedFolder(msgspec.Struct, frozen=True):
    """What one run did for the journals of a folder: a report of each, and why others could not be shipped."""

    reports: tuple[ShipReport, ...]
    failures: tuple[str, ...] = ()


def ship_folder(
    folder: Path,
    table: AuditTable,
    *,
    clock: Callable[[], int],
    bounds: BatchBounds = BatchBounds(),  # noqa: B008 a frozen value
    keep: Keeping = Keeping(),  # noqa: B008 a frozen value
) -> tuple[ShipReport, ...]:
    """Ship every journal of a folder; one that fails does not keep the others back.

    Raises ShipError naming the journals that failed, after the others were shipped.
    """
    shipped = ship_each(folder, table, clock=clock, bounds=bounds, keep=keep)
    if shipped.failures:
        raise ShipError("not shipped, and kept in the journal: " + "; ".join(shipped.failures))
    return shipped.reports


def ship_each(
    folder: Path,
    table: AuditTable,
    *,
    clock: Callable[[], int],
    bounds: BatchBounds = BatchBounds(),  # noqa: B008 a frozen value
    keep: Keeping = Keeping(),  # noqa: B008 a frozen value
    stopping: Callable[[], bool] = lambda: False,
) -> ShippedFolder:
    """Ship every journal of a folder and tell what went well and what did not; `stopping` as `ship_journal` has it."""
    paths = journal_paths(folder)
    reports, failures = [], []
    for path in paths:
        if stopping():
            break
        try:
            shipped = ship_journal(
                path, table, clock=clock, bounds=bounds, keep=keep, siblings=paths, stopping=stopping
            )
        except AuditLogError as error:
            failures.append(f"{path}: {error}")
        else:
            reports.append(shipped)
    return ShippedFolder(tuple(reports), tuple(failures))


def ship_journal(
    path: Path,
    table: AuditTable,
    *,
    clock: Callable[[], int],
    bounds: BatchBounds = BatchBounds(),  # noqa: B008 a frozen value
    keep: Keeping = Keeping(),  # noqa: B008 a frozen value
    siblings: Sequence[Path] = (),
    stopping: Callable[[], bool] = lambda: False,
) -> ShipReport:
    """Ship what a journal holds now, batch by batch, then prune what was shipped long enough ago.

    What comes meanwhile waits for the next call: under traffic there is always something, and one that went on until
    nothing is left would commit a handful of requests at a time for ever, and never prune.
    `siblings` are the journals in which the same request id may stand too (a retry that another worker took).
    Once `stopping` says so, the batch under way is the last one.
    ShipError if the table cannot be written; what is not shipped stays in the journal.
    """
    others = [sibling for sibling in siblings if sibling != path]
    with Outbox(path) as outbox:
        report, newest = ShipReport(outbox.journal_id), outbox.newest()
        while (batch := outbox.next_batch(table.recorded_version(outbox.journal_id), bounds)) is not None:
            report = report.plus(_ship_batch(outbox, batch, table, others))
            outbox.mark_shipped(batch.number, clock())
            if stopping():
                return report
            if batch.last_sequence >= newest:
                break
        recorded = table.recorded_version(outbox.journal_id)
        pruned = outbox.prune(recorded, clock() - keep.ms, keep.stored_bytes)
        return report.plus(ShipReport(outbox.journal_id, pruned=pruned))


def _ship_batch(outbox: Outbox, batch: Batch, table: AuditTable, others: Sequence[Path]) -> ShipReport:
    """Commit one batch unless it is in the table already."""
    for _ in range(_ATTEMPTS):
        seen = table.open()
        if table.recorded_version(outbox.journal_id, seen) >= batch.number:
            return ShipReport(outbox.journal_id)
        # Read after the table was opened: what an erasure took out since must not come back.
        content = outbox.read(batch)
        fresh = _not_in_table(content.requests, table, seen, None if batch.check_table else others)
        shared = table.recorded_version(ALL_SHIPPERS, seen) + 1
        try:
            fences = {outbox.journal_id: batch.number, ALL_SHIPPERS: shared}
            rows = table.append(fresh, seen=seen, fences=fences)
        except WriteConflictError:
            continue
        left_out = len(content.requests) - len(fresh)
        return ShipReport(outbox.journal_id, 1, len(fresh), rows, left_out, content.damaged)
    raise ShipError(f"batch {batch.number} of {outbox.path} lost {_ATTEMPTS} races to other writers")


def _not_in_table(
    requests: Sequence[AuditRequest], table: AuditTable, seen: DeltaTable, others: Sequence[Path] | None
) -> list[AuditRequest]:
    """The requests whose ids the table does not hold.

    Only ids that another journal holds too can be there already, so that the table is hardly ever asked; with
    `others` None every id is suspect.
    """
    names = [request.request_id for request in requests]
    suspects = set(names) if others is None else held_elsewhere(others, names)
    if not suspects:
        return list(requests)
    # A retry may fall on the other side of midnight.
    days = sorted({utc_day(r.timestamp_ms + shift) for r in requests for shift in (-_DAY_MS, 0, _DAY_MS)})
    condition = f"{conditions.one_of('date', days)} AND {conditions.one_of('request_id', sorted(suspects))}"
    found = table.query(f"SELECT DISTINCT request_id FROM entries WHERE {condition}", seen)
    held = set(found["request_id"].to_pylist())
    return [request for request in requests if request.request_id not in held]


_DAY_MS = 86_400_000
