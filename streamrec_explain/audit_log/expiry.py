"""Expiry: remove what is past its retention from every tier, by plan, then apply."""

import msgspec

from streamrec_explain.audit_log.content import row_count
from streamrec_explain.audit_log.retention import RetentionPolicy
from streamrec_explain.audit_log.table import AuditTable, Partition
from streamrec_explain.errors import RetentionError, WriteConflictError


class ExpiryStep(msgspec.Struct, frozen=True):
    """One partition to remove from one table."""

    table_uri: str
    partition: Partition
    rows: int


class ExpiryPlan(msgspec.Struct, frozen=True):
    """The partitions of days before `before` (YYYY-MM-DD), in all tiers."""

    before: str
    steps: tuple[ExpiryStep, ...]

    def __str__(self) -> str:
        lines = [f"remove {len(self.steps)} partitions of days before {self.before}"]
        lines += [
            f"  {step.partition.date} {step.partition.region}: {step.rows} rows of {step.table_uri}"
            for step in self.steps
        ]
        return "\n".join(lines)


def plan_expiry(*tables: AuditTable, policy: RetentionPolicy, now_ms: int) -> ExpiryPlan:
    """Every partition past its whole retention in any of the tables."""
    before = policy.expire_before(now_ms)
    steps = []
    for table in tables:
        seen = table.open()
        due = [partition for partition in table.partitions(seen) if partition.date < before]
        steps += [ExpiryStep(table.uri, partition, row_count(table, partition, seen)) for partition in due]
    return ExpiryPlan(before, tuple(steps))


def apply_expiry(plan: ExpiryPlan, *tables: AuditTable) -> int:
    """Remove the planned partitions and return the rows removed; applying again removes nothing more.

    The files stay until they are vacuumed. RetentionError if a partition changed since the plan.
    """
    by_uri = {table.uri: table for table in tables}
    return sum(_remove(step, by_uri[step.table_uri]) for step in plan.steps)


def _remove(step: ExpiryStep, table: AuditTable) -> int:
    seen = table.open()
    rows = row_count(table, step.partition, seen)
    if rows == 0:
        return 0
    if rows != step.rows:
        raise RetentionError(f"{step.partition} holds {rows} rows, {step.rows} were planned: plan again")
    try:
        table.delete_partition(step.partition, seen=seen)
    except WriteConflictError as error:
        raise RetentionError(f"{step.partition} got new entries while it expired: plan again") from error
    return rows
