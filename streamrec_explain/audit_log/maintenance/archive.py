"""Archive: copy partitions to the cold tier, verify row count and content there, only then remove them here."""

from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.coded_rows import joined
from streamrec_explain.audit_log.table.content import Content, ContentHash, content_of, partition_content, row_count
from streamrec_explain.audit_log.table.ordered_rows import ordered, side_by_side
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import of_requests, request_names, sorted_rows
from streamrec_explain.errors import RetentionError, WriteConflictError


class ArchiveStep(msgspec.Struct, frozen=True):
    """One partition to move and what it holds."""

    partition: Partition
    content: Content


class ArchivePlan(msgspec.Struct, frozen=True):
    """The partitions that leave the hot tier for the cold one."""

    hot_uri: str
    cold_uri: str
    steps: tuple[ArchiveStep, ...]

    def __str__(self) -> str:
        lines = [f"move {len(self.steps)} partitions from {self.hot_uri} to {self.cold_uri}"]
        lines += [
            f"  {step.partition.date} {step.partition.region}: {step.content.rows} rows, "
            f"content {step.content.digest[:16]}"
            for step in self.steps
        ]
        return "\n".join(lines)


def plan_archive(hot: AuditTable, cold: AuditTable, *, policy: RetentionPolicy, now_ms: int) -> ArchivePlan:
    """Every hot partition older than the hot retention, with its row count and content digest."""
    steps = tuple(archive_step(hot, partition) for partition in due_partitions(hot, policy=policy, now_ms=now_ms))
    return ArchivePlan(hot.uri, cold.uri, steps)


def due_partitions(hot: AuditTable, *, policy: RetentionPolicy, now_ms: int) -> list[Partition]:
    """The hot partitions older than the hot retention, in order."""
    before = policy.archive_before(now_ms)
    return [partition for partition in hot.partitions() if partition.date < before]


def archive_step(hot: AuditTable, partition: Partition) -> ArchiveStep:
    """What one hot partition holds now: all of it is read."""
    return ArchiveStep(partition, partition_content(hot, partition, hot.open()))


def apply_archive(plan: ArchivePlan, hot: AuditTable, cold: AuditTable) -> int:
    """Move the planned partitions and return the rows moved.

    Killed anywhere and applied again (or planned anew) it ends in the same state: the copy replaces what an
    earlier attempt left, entries that came late join what is archived already. RetentionError, and nothing
    removed, if a partition changed since the plan or its copy differs.
    """
    return sum(_move(step, hot, cold) for step in plan.steps)


def _move(step: ArchiveStep, hot: AuditTable, cold: AuditTable) -> int:
    seen = hot.open()
    if step.partition not in hot.partitions(seen):
        return 0  # an earlier, killed attempt had finished this one
    _copy(step, hot, seen, cold)
    _verify(step, hot, seen, cold)
    try:
        hot.delete_partition(step.partition, seen=seen)
    except WriteConflictError as error:
        raise RetentionError(f"{step.partition} got new entries while it was archived: plan again") from error
    return step.content.rows


def _copy(step: ArchiveStep, hot: AuditTable, seen: DeltaTable, cold: AuditTable) -> None:
    """Replace the cold partition by its own other requests and the hot partition's."""
    archived = cold.open()
    if cold.files(step.partition, archived):
        both = side_by_side((hot, cold), step.partition, (seen, archived))
    else:
        both = ((here, None) for here in ordered(hot, step.partition, seen))
    cold.replace_partition(step.partition, _merged(both, step), seen=archived)


def _merged(both: Iterable[tuple[pa.Table, pa.Table | None]], step: ArchiveStep) -> Iterator[pa.Table]:
    """The hot rows and the cold ones of other requests, in order.

    RetentionError at their end, before a commit, unless the hot ones hold what was planned.
    """
    found = ContentHash()
    for here, there in both:
        found.add(here)
        yield here if there is None else _joined(here, there)
    if found.content() != step.content:
        raise RetentionError(f"{step.partition} changed since the archive was planned: plan again")


def _verify(step: ArchiveStep, hot: AuditTable, seen: DeltaTable, cold: AuditTable) -> None:
    """Read the copy back; RetentionError unless it holds exactly the planned rows of these requests."""
    archived = cold.open()
    if row_count(cold, step.partition, archived) == step.content.rows:
        copied = partition_content(cold, step.partition, archived)  # nothing else is there to be told apart
    else:
        both = side_by_side((hot, cold), step.partition, (seen, archived))
        copied = content_of(there.filter(of_requests(there, request_names(here))) for here, there in both)
    if copied != step.content:
        raise RetentionError(
            f"the copy of {step.partition} in {cold.uri} holds {copied}, not {step.content}; nothing was removed"
        )


def _joined(here: pa.Table, there: pa.Table) -> pa.Table:
    others = there.filter(pc.invert(of_requests(there, request_names(here))))
    return sorted_rows(joined([here, others]))

