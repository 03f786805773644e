"""Erase one person from journals and tables, by plan, then apply; and export what is held about them.

A person is given by the pseudonyms under every key of the ring. After an erasure no file of the journals or
tables holds one of them: journal pages are overwritten, table files are rewritten without the person and the
old ones deleted, and the transaction logs, whose statistics name pseudonyms too, are cut back to a checkpoint.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from streamrec_explain.audit_log import conditions
from streamrec_explain.audit_log.content import pieces, row_count, user_ranges
from streamrec_explain.audit_log.encoding import requests_of
from streamrec_explain.audit_log.journal_file import connect, connect_read_only, journal_errors, transaction
from streamrec_explain.audit_log.journal_reader import journal_paths, records_of_users
from streamrec_explain.audit_log.lookup import AuditLog, FoundRequest
from streamrec_explain.audit_log.table import AuditTable, Partition
from streamrec_explain.errors import RetentionError, WriteConflictError


class ErasureStep(msgspec.Struct, frozen=True):
    """One place that holds entries of the person: a journal's path, or a table and one of its partitions."""

    place: str
    entries: int
    partition: Partition | None = None


class ErasurePlan(msgspec.Struct, frozen=True):
    """Everywhere that any of the pseudonyms is named; journal steps count requests, table steps rows."""

    pseudonyms: tuple[str, ...]
    steps: tuple[ErasureStep, ...]

    def __str__(self) -> str:
        lines = [f"erase one person ({len(self.pseudonyms)} pseudonyms) in {len(self.steps)} places"]
        for step in self.steps:
            day = "" if step.partition is None else f" {step.partition.date} {step.partition.region}"
            lines.append(f"  {step.place}{day}: {step.entries}")
        return "\n".join(lines)


def plan_erasure(log: AuditLog, pseudonyms: Sequence[str]) -> ErasurePlan:
    """Count what each journal and each partition of each tier holds of the person; nothing is changed."""
    steps = [ErasureStep(str(path), _held_by_journal(path, pseudonyms)) for path in journal_paths(log.journals)]
    for table in _tables(log):
        steps += _held_by_table(table, pseudonyms)
    return ErasurePlan(tuple(pseudonyms), tuple(step for step in steps if step.entries))


def apply_erasure(plan: ErasurePlan, log: AuditLog) -> int:
    """Erase the person everywhere and return the number of steps that removed something.

    Journals come first, so that nothing of the person is shipped afterwards. All journals and logs are purged
    even where the plan names none of their entries, for an earlier, killed attempt may have left traces. This
    deletes every replaced file and older table version at once: readers of an older version must start again.
    RetentionError if entries of the person are found afterwards (they arrived meanwhile): plan again.
    """
    for path in journal_paths(log.journals):
        _erase_from_journal(path, plan.pseudonyms)
    for table in _tables(log):
        for step in _held_by_table(table, plan.pseudonyms):
            _erase_from_partition(table, step, plan.pseudonyms)
        table.forget_history()
    left = plan_erasure(log, plan.pseudonyms)
    if left.steps:
        raise RetentionError(f"entries of the person arrived during the erasure: plan again\n{left}")
    return len(plan.steps)


def export_person(log: AuditLog, pseudonyms: Sequence[str]) -> Iterator[FoundRequest]:
    """Every request of the person, each once, from the journals, then hot, then cold."""
    exported: set[str] = set()
    for found in _requests_of_person(log, pseudonyms):
        if found.request.request_id not in exported:
            exported.add(found.request.request_id)
            yield found


def _requests_of_person(log: AuditLog, pseudonyms: Sequence[str]) -> Iterator[FoundRequest]:
    for path in journal_paths(log.journals):
        with journal_errors(path), closing(connect_read_only(path)) as connection:
            records = records_of_users(connection, pseudonyms)
        yield from (FoundRequest(record.request, "journal") for record in records)
    for table in _tables(log):
        rows = table.rows(conditions.one_of("user_id_hash", pseudonyms))
        yield from (FoundRequest(request, table.tier) for request in requests_of(rows))


def _tables(log: AuditLog) -> list[AuditTable]:
    return [table for table in (log.hot, log.cold) if table.exists()]


def _held_by_journal(path: Path, pseudonyms: Sequence[str]) -> int:
    with journal_errors(path), closing(connect_read_only(path)) as connection:
        return len(records_of_users(connection, pseudonyms))


def _held_by_table(table: AuditTable, pseudonyms: Sequence[str]) -> list[ErasureStep]:
    counted = table.query(
        "SELECT CAST(date AS VARCHAR) AS day, region, count(*) AS n FROM entries "
        f"WHERE {conditions.one_of('user_id_hash', pseudonyms)} GROUP BY day, region ORDER BY day, region"
    )
    return [ErasureStep(table.uri, row["n"], Partition(row["day"], row["region"])) for row in counted.to_pylist()]


def _erase_from_journal(path: Path, pseudonyms: Sequence[str]) -> None:
    """Delete the person's records, then rewrite the file and empty its write-ahead log."""
    with journal_errors(path), closing(connect(path)) as connection:
        with transaction(connection):
            connection.executemany("DELETE FROM records WHERE user_id_hash = ?", [(name,) for name in pseudonyms])
        connection.execute("VACUUM")
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RetentionError(f"readers of {path} keep its write-ahead log in use: apply again")


def _erase_from_partition(table: AuditTable, step: ErasureStep, pseudonyms: Sequence[str]) -> None:
    """Rewrite one partition without the person; the commit itself must not name a pseudonym."""
    if step.partition is None:
        return
    seen = table.open()
    ranges = user_ranges(row_count(table, step.partition, seen))
    others = f"NOT ({conditions.one_of('user_id_hash', pseudonyms)})"
    kept = pieces(table, step.partition, seen, [f"{users} AND {others}" for users in ranges])
    try:
        table.replace_partition(step.partition, kept, seen=seen)
    except WriteConflictError as error:
        raise RetentionError(f"{step.partition} was written during the erasure: apply again") from error
