"""A partition's rows in their one order, piece by piece: memory is bounded by a piece, whatever the partition's size.

Files that were compacted are in order already and are read as they lie. Others are spooled by ranges of users and
sorted range by range (a distribution sort: Knuth, The Art of Computer Programming 3, section 5.4).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.coded_rows import joined
from streamrec_explain.audit_log.table.data_files import is_in_order, read_groups
from streamrec_explain.audit_log.table.named_files import DataFile
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.spool import spooled
from streamrec_explain.audit_log.table.stored_table import store_errors

PIECE_ROWS = 262_144
_MOST_RANGES = 512  # a file each is open while rows are spooled
_PREFIXES = 16**4


def ordered(
    table: AuditTable, partition: Partition, seen: DeltaTable, of_files: Sequence[DataFile] | None = None
) -> Iterator[pa.Table]:
    """The rows of a partition, or of some of its files, in order, coded; no piece ends within a request."""
    files, store = table.files(partition, seen) if of_files is None else of_files, table.store()
    with store_errors(table.uri):
        if _lie_in_order(files, store):
            yield from _runs(files, store, partition)
            return
        with spooled(_runs(files, store, partition), user_cuts(sum(file.rows for file in files))) as ranges:
            yield from ranges


def side_by_side(
    tables: tuple[AuditTable, AuditTable], partition: Partition, seen: tuple[DeltaTable, DeltaTable]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The rows of a partition in two tables, the same range of users of both at a time."""
    files = [table.files(partition, version) for table, version in zip(tables, seen, strict=True)]
    cuts = user_cuts(sum(file.rows for each in files for file in each))
    first, second = (_runs(each, table.store(), partition) for each, table in zip(files, tables, strict=True))
    with (
        store_errors(f"{tables[0].uri} or {tables[1].uri}"),
        spooled(first, cuts) as here,
        spooled(second, cuts) as there,
    ):
        yield from zip(here, there, strict=True)


def user_cuts(rows: int) -> tuple[str, ...]:
    """Where to cut users into ranges, in order, so that a range of evenly spread pseudonyms has PIECE_ROWS or fewer."""
    count = min(-(-rows // PIECE_ROWS), _MOST_RANGES) or 1
    return tuple(f"{place * _PREFIXES // count:04x}" for place in range(1, count))


def _lie_in_order(files: Sequence[DataFile], store: pafs.FileSystem) -> bool:
    """Whether the files, one after the other, are the partition in order."""
    apart = all(
        before.last_user is not None and after.first_user is not None and before.last_user < after.first_user
        for before, after in pairwise(files)
    )
    return apart and all(is_in_order(store, file.path) for file in files)


def _runs(files: Sequence[DataFile], store: pafs.FileSystem, partition: Partition) -> Iterator[pa.Table]:
    """All rows as the files have them, in tables of about PIECE_ROWS: small row groups together."""
    waiting: list[pa.Table] = []
    rows = 0
    for file in files:
        for group in read_groups(store, partition, file.path):
            waiting.append(group)
            rows += group.num_rows
            if rows >= PIECE_ROWS:
                yield joined(waiting)
                waiting, rows = [], 0
    if waiting:
        yield joined(waiting)
