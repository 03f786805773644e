"""Erase one person from journals and tables, by plan, then apply; and export what is held about them.

A person is given by the pseudonyms under every key of the ring. After an erasure no file of the journals or
tables holds one of them: journal pages are overwritten, table files are rewritten without the person and the
old ones deleted, and the transaction logs, whose statistics name pseudonyms too, are cut back to a checkpoint.
Requests under a legal hold stay until a later run after its release.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.audit_log.custody.holds import ActiveHold, held_requests, removing
from streamrec_explain.audit_log.evidence.hashed_requests import hashed_requests
from streamrec_explain.audit_log.evidence.ledger_records import Erased, ErasureState
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.evidence.withdrawal import reinstate, withdraw
from streamrec_explain.audit_log.journal.file import connect, connect_read_only, journal_errors, transaction
from streamrec_explain.audit_log.journal.reader import journal_paths, records_of_users
from streamrec_explain.audit_log.questions.lookup import AuditLog, FoundRequest
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import requests_of
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import of_requests
from streamrec_explain.errors import CorruptRecordError, RetentionError, WriteConflictError


class Person(msgspec.Struct, frozen=True):
    """Who is to be erased: pseudonyms under every key, and the keyed digests that the ledger may keep."""

    pseudonyms: tuple[str, ...]
    subjects: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The SQL condition of their entries."""
        return conditions.one_of("user_id_hash", self.pseudonyms)


class ErasureStep(msgspec.Struct, frozen=True):
    """One place that holds entries of the person: a journal's path, or a table and one of its partitions.

    `entries` go; `kept` stay, for legal holds cover their requests.
    """

    place: str
    entries: int
    partition: Partition | None = None
    kept: int = 0


class ErasurePlan(msgspec.Struct, frozen=True):
    """Everywhere that any of the pseudonyms is named; journal steps count requests, table steps rows."""

    person: Person
    steps: tuple[ErasureStep, ...]
    holds: tuple[ActiveHold, ...] = ()

    @property
    def entries(self) -> int:
        """How much is to go."""
        return sum(step.entries for step in self.steps)

    @property
    def kept(self) -> int:
        """How much holds keep back."""
        return sum(step.kept for step in self.steps)

    def __str__(self) -> str:
        lines = [f"erase one person ({len(self.person.pseudonyms)} pseudonyms) in {len(self.steps)} places"]
        for step in self.steps:
            day = "" if step.partition is None else f" {step.partition.date} {step.partition.region}"
            kept = f"; {step.kept} kept back by legal holds" if step.kept else ""
            lines.append(f"  {step.place}{day}: {step.entries}{kept}")
        return "\n".join(lines)


def plan_erasure(log: AuditLog, person: Person, holds: Sequence[ActiveHold] = ()) -> ErasurePlan:
    """Count what each journal and each partition of each tier holds of the person; nothing is changed."""
    steps = [_held_by_journal(path, person, holds) for path in journal_paths(log.journals)]
    for table in log.tables():
        steps += _held_by_table(table, person, holds)
    return ErasurePlan(person, tuple(step for step in steps if step.entries or step.kept), tuple(holds))


def apply_erasure(plan: ErasurePlan, log: AuditLog, *, seals: Seals, act: Act) -> int:
    """Erase the person everywhere and return the number of steps that removed something; recorded in the ledger.

    Journals come first, so that nothing of the person is shipped afterwards. All journals and logs are purged
    even where the plan names none of their entries, for an earlier, killed attempt may have left traces. This
    deletes every replaced file and older table version at once: readers of an older version must start again.
    HoldError if a hold was placed since the plan, RetentionError if entries of the person are found afterwards (they
    arrived meanwhile): plan again.
    """
    if plan.entries:
        _record("begun", plan, seals, act)
    for path in journal_paths(log.journals):
        with removing(seals.ledger, plan.holds):
            _erase_from_journal(path, plan.person, plan.holds)
    for table in log.tables():
        for step in _held_by_table(table, plan.person, plan.holds):
            with removing(seals.ledger, plan.holds):
                _reinstate(table, step, plan, seals, act)
                _erase_from_partition(table, step, plan, seals, act)
        table.forget_history()
    left = plan_erasure(log, plan.person, plan.holds)
    if left.entries:
        raise RetentionError(f"entries of the person arrived during the erasure: plan again\n{left}")
    _record("partial" if left.kept else "done", plan, seals, act)
    return sum(step.entries > 0 for step in plan.steps)


def reinstate_kept(plan: ErasurePlan, log: AuditLog, *, seals: Seals, act: Act) -> None:
    """Record in the ledger that what holds keep back stays, where an erasure that was cut short had withdrawn it."""
    for table in log.tables():
        for step in _held_by_table(table, plan.person, plan.holds):
            with removing(seals.ledger, plan.holds):
                _reinstate(table, step, plan, seals, act)


def export_person(log: AuditLog, person: Person) -> Iterator[FoundRequest]:
    """Every request of the person, each once, from the journals, then hot, then cold."""
    exported: set[str] = set()
    for found in _requests_of_person(log, person):
        if found.request.request_id not in exported:
            exported.add(found.request.request_id)
            yield found


def _record(state: ErasureState, plan: ErasurePlan, seals: Seals, act: Act) -> None:
    """Note the erasure without the identity; a run that finds nothing to do repeats no note."""
    earlier = [each for each in seals.ledger.records() if isinstance(each, Erased)]
    of_person = [each for each in earlier if set(each.subjects) & set(plan.person.subjects)]
    if not plan.entries and of_person and (of_person[-1].state, of_person[-1].kept) == (state, plan.kept):
        return
    erased = Erased(
        subjects=plan.person.subjects,
        state=state,
        entries=plan.entries,
        kept=plan.kept,
        holds=tuple(hold.hold_id for hold in plan.holds) if plan.kept else (),
        **msgspec.structs.asdict(act),
    )
    seals.ledger.append(erased, seals.signer)


def _requests_of_person(log: AuditLog, person: Person) -> Iterator[FoundRequest]:
    for path in journal_paths(log.journals):
        with journal_errors(path), closing(connect_read_only(path)) as connection:
            records = records_of_users(connection, person.pseudonyms)
        yield from (FoundRequest(record.request, "journal") for record in records)
    for table in log.tables():
        rows = table.rows(person.condition)
        yield from (FoundRequest(request, table.tier) for request in requests_of(rows))


def _held_by_journal(path: Path, person: Person, holds: Sequence[ActiveHold]) -> ErasureStep:
    going, kept = _sorted_records(path, person, holds)
    return ErasureStep(str(path), len(going), kept=len(kept))


def _sorted_records(path: Path, person: Person, holds: Sequence[ActiveHold]) -> tuple[list[str], list[str]]:
    """The ids of the person's requests in a journal: those to go, and those that holds cover."""
    ids: tuple[list[str], list[str]] = ([], [])
    with journal_errors(path), closing(connect_read_only(path)) as connection:
        for record in records_of_users(connection, person.pseudonyms):
            try:
                held = any(hold.covers(record.request) for hold in holds)
            except CorruptRecordError:  # what it was about cannot be told, but whose it is
                held = any(person.pseudonyms == hold.pseudonyms for hold in holds)
            ids[held].append(record.request_id)
    return ids


def _held_by_table(table: AuditTable, person: Person, holds: Sequence[ActiveHold]) -> list[ErasureStep]:
    entries = _rows_by_partition(table, person.condition)
    held = f"{person.condition} AND {held_requests(holds, person.condition)}"
    kept = _rows_by_partition(table, held) if holds else {}
    return [
        ErasureStep(table.uri, rows - kept.get(partition, 0), partition, kept.get(partition, 0))
        for partition, rows in sorted(entries.items())
    ]


def _rows_by_partition(table: AuditTable, condition: str) -> dict[Partition, int]:
    counted = table.query(
        "SELECT CAST(date AS VARCHAR) AS day, region, count(*) AS n FROM entries "
        f"WHERE {condition} GROUP BY day, region"
    )
    return {Partition(row["day"], row["region"]): row["n"] for row in counted.to_pylist()}


def _erase_from_journal(path: Path, person: Person, holds: Sequence[ActiveHold]) -> None:
    """Delete the person's records, then rewrite the file and empty its write-ahead log."""
    going, _ = _sorted_records(path, person, holds)
    with journal_errors(path), closing(connect(path)) as connection:
        with transaction(connection):
            connection.executemany("DELETE FROM records WHERE request_id = ?", [(name,) for name in going])
        connection.execute("VACUUM")
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RetentionError(f"readers of {path} keep its write-ahead log in use: apply again")


def _reinstate(table: AuditTable, step: ErasureStep, plan: ErasurePlan, seals: Seals, act: Act) -> None:
    if step.partition is not None and step.kept:
        held = table.rows(f"{step.partition.condition} AND {_held_of(plan, step.partition)}")
        names = [hold.hold_id for hold in plan.holds]
        reinstate(hashed_requests(held), step.partition, seals, holds=names, act=act)


def _held_of(plan: ErasurePlan, partition: Partition) -> str:
    """The condition of the person's rows in a partition that stay."""
    of_person = plan.person.condition
    return f"({of_person} AND {held_requests(plan.holds, f'{partition.condition} AND {of_person}')})"


def _erase_from_partition(table: AuditTable, step: ErasureStep, plan: ErasurePlan, seals: Seals, act: Act) -> None:
    """Withdraw, then rewrite one partition without the person; the commit itself must not name a pseudonym."""
    if step.partition is None or not step.entries:
        return
    seen = table.open()
    going = f"{plan.person.condition} AND NOT {_held_of(plan, step.partition)}"
    rows = table.rows(f"{step.partition.condition} AND {going}", seen)
    withdraw(hashed_requests(rows), step.partition, seals, reason="erasure", act=act)
    files = [file for file in table.files(step.partition, seen) if any(map(file.may_have, plan.person.pseudonyms))]
    kept = _without(ordered(table, step.partition, seen, files), pc.unique(rows["request_id"]))
    try:
        table.replace_partition(step.partition, kept, seen=seen, of_files=files)
    except WriteConflictError as error:
        raise RetentionError(f"{step.partition} was written during the erasure: apply again") from error


def _without(pieces: Iterator[pa.Table], names: pa.Array) -> Iterator[pa.Table]:
    """Coded rows but for those of the requests of these ids."""
    return (piece.filter(pc.invert(of_requests(piece, names))) for piece in pieces)
