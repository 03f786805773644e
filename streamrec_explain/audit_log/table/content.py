"""The content of one partition: how many rows it has and the digest that names them."""

import hashlib
from collections.abc import Iterable

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.coded_rows import plain
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.schema import ENTRIES


class Content(msgspec.Struct, frozen=True):
    """How many rows a partition holds and the SHA-256 of them all in order: equal exactly for equal rows."""

    rows: int
    digest: str


class ContentHash:
    """The content of rows that are given in order; how they are cut into tables and coded is irrelevant."""

    def __init__(self) -> None:
        self._hashes: dict[tuple[str, int], hashlib._Hash] = {}
        self._rows = 0

    def add(self, rows: pa.Table) -> None:
        """The rows that follow."""
        self._rows += rows.num_rows
        for name in ENTRIES.names if rows.num_rows else ():
            for part, data in enumerate(_canonical_parts(rows[name])):
                self._hashes.setdefault((name, part), hashlib.sha256()).update(data)

    def content(self) -> Content:
        """That of all rows so far."""
        whole = hashlib.sha256(b"".join(each.digest() for each in self._hashes.values()))
        return Content(self._rows, whole.hexdigest())


def row_count(table: AuditTable, partition: Partition, seen: DeltaTable) -> int:
    """Rows of a partition in one version of the table."""
    return sum(file.rows for file in table.files(partition, seen))


def content_of(rows: Iterable[pa.Table]) -> Content:
    """The content of rows that are given in order."""
    found = ContentHash()
    for table in rows:
        found.add(table)
    return found.content()


def partition_content(table: AuditTable, partition: Partition, seen: DeltaTable) -> Content:
    """What a partition holds in one version of the table: all of it is read."""
    return content_of(ordered(table, partition, seen))


def _joined(values: pa.Array) -> memoryview:
    """The bytes of a binary column without nulls, one value after the other."""
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return memoryview(data or b"")[int(ends[0]) : int(ends[-1])]


def _canonical_parts(column: pa.ChunkedArray) -> list[bytes | memoryview]:
    """Byte strings that depend on a column's values only and of which concatenated columns have concatenated ones.

    Not on chunks, codes, offsets, padding or what hides under a null: nulls, lengths and values apart.
    """
    values = pa.concat_arrays([plain(chunk) for chunk in column.chunks])
    nulls = pc.cast(pc.is_null(values), pa.uint8()).to_numpy().tobytes()
    if pa.types.is_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy().tobytes()
        return [nulls, lengths, *_canonical_parts(pa.chunked_array([values.flatten()]))]
    if pa.types.is_string(values.type) or pa.types.is_binary(values.type):
        filled = pc.fill_null(values.cast(pa.binary()), b"")
        return [nulls, pc.binary_length(filled).to_numpy().tobytes(), _joined(filled)]
    numbers = values.cast(pa.int32()) if pa.types.is_date(values.type) else values
    return [nulls, pc.fill_null(numbers, 0).to_numpy().tobytes()]
