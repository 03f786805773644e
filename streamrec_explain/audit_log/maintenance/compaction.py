"""Hot maintenance: rewrite a partition of many small files as few sorted ones, under readers and writers."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec
import pyarrow as pa
from deltalake import DeltaTable

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.content import row_count
from streamrec_explain.audit_log.table.layout import TARGET_FILE_BYTES
from streamrec_explain.audit_log.table.named_files import named_files
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.errors import RetentionError, WriteConflictError

_ATTEMPTS = 5


class FilesOfPartition(msgspec.Struct, frozen=True):
    """How many files of how many bytes one partition has."""

    partition: Partition
    files: int
    stored_bytes: int


class CompactionPlan(msgspec.Struct, frozen=True):
    """The partitions to rewrite."""

    table_uri: str
    partitions: tuple[FilesOfPartition, ...]

    def __str__(self) -> str:
        lines = [f"rewrite {len(self.partitions)} partitions of {self.table_uri}"]
        lines += [
            f"  {found.partition.date} {found.partition.region}: {found.files} files, {found.stored_bytes} bytes"
            for found in self.partitions
        ]
        return "\n".join(lines)


def plan_compaction(table: AuditTable, *, before: str | None = None) -> CompactionPlan:
    """Partitions that have more files than their bytes need, of days before `before` (YYYY-MM-DD) or of all."""
    found = (FilesOfPartition(partition, *sizes) for partition, sizes in _file_sizes(table.open()).items())
    due = [
        each
        for each in found
        if each.files > 1 + each.stored_bytes // TARGET_FILE_BYTES and (before is None or each.partition.date < before)
    ]
    return CompactionPlan(table.uri, tuple(sorted(due, key=lambda each: each.partition)))


def apply_compaction(plan: CompactionPlan, table: AuditTable) -> int:
    """Rewrite the planned partitions one commit each and return how many; content stays the same.

    What is appended meanwhile stays beside the rewritten files; a partition that somebody else rewrites or shrinks
    is tried again. Killed anywhere, a partition is rewritten wholly or not at all.
    """
    for found in plan.partitions:
        _rewrite(table, found.partition)
    return len(plan.partitions)


def counted(rows: Iterator[pa.Table], expected: int, partition: Partition) -> Iterator[pa.Table]:
    """The same tables; RetentionError at their end, before a commit, unless they had the expected rows."""
    count = 0
    for piece in rows:
        count += piece.num_rows
        yield piece
    if count != expected:
        raise RetentionError(f"{partition} gave {count} rows instead of {expected}; nothing was changed")


def _rewrite(table: AuditTable, partition: Partition) -> None:
    for _ in range(_ATTEMPTS):
        seen = table.open()
        rows = row_count(table, partition, seen)
        try:
            table.replace_partition(partition, counted(ordered(table, partition, seen), rows, partition), seen=seen)
        except WriteConflictError:
            continue
        return
    raise RetentionError(f"{partition} of {table.uri} was rewritten by others each time; try again when they are done")


def _file_sizes(seen: DeltaTable) -> dict[Partition, tuple[int, int]]:
    """Files and bytes of each partition."""
    sizes: dict[Partition, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for file in named_files(seen):
        files, stored = sizes[file.partition]
        sizes[file.partition] = (files + 1, stored + file.size)
    return dict(sizes)
