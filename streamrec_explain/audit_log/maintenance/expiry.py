"""Expiry: remove what is past its retention from every tier, by plan, then apply; what is held stays."""

from collections.abc import Iterator, Sequence

import msgspec
from deltalake import DeltaTable

from streamrec_explain.audit_log.custody.holds import ActiveHold, held_requests, removing
from streamrec_explain.audit_log.evidence.hashed_requests import HashedRequest, requests_in
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.evidence.withdrawal import reinstate, withdraw_all_but
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.content import row_count
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import of_requests
from streamrec_explain.errors import RetentionError, WriteConflictError


class ExpiryStep(msgspec.Struct, frozen=True):
    """One partition of one table: `rows` to remove, and `kept` rows of requests that `holds` keep back."""

    table_uri: str
    partition: Partition
    rows: int
    kept: int = 0
    holds: tuple[str, ...] = ()


class ExpiryPlan(msgspec.Struct, frozen=True):
    """The partitions of days before `before` (YYYY-MM-DD), in all tiers."""

    before: str
    steps: tuple[ExpiryStep, ...]

    def __str__(self) -> str:
        due = [step for step in self.steps if step.rows]
        lines = [f"remove {len(due)} partitions of days before {self.before}"]
        lines += [_told(step) for step in self.steps]
        return "\n".join(lines)


def plan_expiry(
    *tables: AuditTable, policy: RetentionPolicy, now_ms: int, holds: Sequence[ActiveHold] = ()
) -> ExpiryPlan:
    """Every partition past its whole retention in any of the tables, and what holds keep back there."""
    before = policy.expire_before(now_ms)
    steps = []
    for table in tables:
        seen = table.open()
        due = [partition for partition in table.partitions(seen) if partition.date < before]
        steps += [_step(table, seen, partition, holds) for partition in due]
    return ExpiryPlan(before, tuple(steps))


def apply_expiry(
    plan: ExpiryPlan, *tables: AuditTable, seals: Seals, act: Act, holds: Sequence[ActiveHold] = ()
) -> int:
    """Remove the planned rows and return their number; applying again removes nothing more.

    What was sealed is withdrawn in the ledger first. The files stay until they are vacuumed. Partition by partition
    nobody places a hold meanwhile. RetentionError if a partition changed since the plan, or a hold was placed.
    """
    removed = 0
    for partition in sorted({step.partition for step in plan.steps}):
        with removing(seals.ledger, holds):
            opened = [(table, table.open()) for table in tables]
            _check(plan, partition, opened, holds)
            _reinstate(opened, partition, holds, seals, act)
            if any(step.rows for step in plan.steps if step.partition == partition):
                withdraw_all_but(_held(opened, partition, holds), partition, seals, reason="expiry", act=act)
                removed += sum(_remove(table, seen, partition, holds) for table, seen in opened)
    return removed


def _reinstate(
    opened: Sequence[tuple[AuditTable, DeltaTable]],
    partition: Partition,
    holds: Sequence[ActiveHold],
    seals: Seals,
    act: Act,
) -> None:
    names = [each.hold_id for each in holds]
    reinstate(_held(opened, partition, holds), partition, seals, holds=names, act=act)


def _held(
    opened: Sequence[tuple[AuditTable, DeltaTable]], partition: Partition, holds: Sequence[ActiveHold]
) -> Iterator[HashedRequest]:
    """The requests of a partition that are held, those in two tiers twice."""
    held = held_requests(holds, partition.condition)
    return (each for table, seen in opened if holds for each in requests_in(table, partition, seen, held))


def _step(table: AuditTable, seen: DeltaTable, partition: Partition, holds: Sequence[ActiveHold]) -> ExpiryStep:
    rows, where = row_count(table, partition, seen), partition.condition
    kept = _count(table, seen, f"{where} AND {held_requests(holds, where)}") if holds else 0
    names = [each.hold_id for each in holds if kept and _count(table, seen, f"{where} AND {each.condition}")]
    return ExpiryStep(table.uri, partition, rows - kept, kept, tuple(names))


def _count(table: AuditTable, seen: DeltaTable, condition: str) -> int:
    return int(table.query(f"SELECT count(*) AS n FROM entries WHERE {condition}", seen)["n"][0].as_py())


def _check(
    plan: ExpiryPlan,
    partition: Partition,
    opened: Sequence[tuple[AuditTable, DeltaTable]],
    holds: Sequence[ActiveHold],
) -> None:
    """RetentionError if a table holds neither what was planned nor what is left once that is removed."""
    planned = {step.table_uri: step for step in plan.steps if step.partition == partition}
    for table, seen in opened:
        now = _step(table, seen, partition, holds)
        step = planned.get(table.uri, ExpiryStep(table.uri, partition, 0))
        if now.rows not in (step.rows, 0) or now.kept != step.kept:
            raise RetentionError(
                f"{partition} holds {now.rows + now.kept} rows, {now.kept} of them under a hold; planned were "
                f"{step.rows + step.kept} and {step.kept}: plan again"
            )


def _remove(table: AuditTable, seen: DeltaTable, partition: Partition, holds: Sequence[ActiveHold]) -> int:
    step = _step(table, seen, partition, holds)
    try:
        if step.rows and not step.kept:
            table.delete_partition(partition, seen=seen)
        elif step.rows:
            held = held_requests(holds, partition.condition)
            names = table.request_names(f"{partition.condition} AND {held}", seen)
            kept = (rows.filter(of_requests(rows, names)) for rows in ordered(table, partition, seen))
            table.replace_partition(partition, kept, seen=seen)
    except WriteConflictError as error:
        raise RetentionError(f"{partition} got new entries while it expired: plan again") from error
    return step.rows


def _told(step: ExpiryStep) -> str:
    kept = f"; {step.kept} rows kept back by {', '.join(step.holds)}" if step.kept else ""
    return f"  {step.partition.date} {step.partition.region}: {step.rows} rows of {step.table_uri}{kept}"
