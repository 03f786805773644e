"""The content of one partition: its rows in their one order, piece by piece, and the digest that names them."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.arrow_columns import numbers
from streamrec_explain.audit_log.table.audit_table import AuditTable, Partition
from streamrec_explain.audit_log.table.schema import ENTRIES, SORT_COLUMNS

_PIECE_ROWS = 250_000
_PREFIXES = 16**4


class Content(msgspec.Struct, frozen=True):
    """How many rows a partition holds and the SHA-256 of them all in order: equal exactly for equal rows."""

    rows: int
    digest: str


def row_count(table: AuditTable, partition: Partition, seen: DeltaTable) -> int:
    """Rows of a partition in one version of the table."""
    counted = table.query(f"SELECT count(*) AS n FROM entries WHERE {partition.condition}", seen)
    return int(counted["n"][0].as_py())


def user_ranges(rows: int) -> tuple[str, ...]:
    """Conditions that cut a partition of so many rows into ranges of pseudonyms, in order, that cover all text.

    Pseudonyms are spread evenly over hex prefixes, so a range holds about 250,000 rows or fewer; memory is
    bounded by one range whatever the partition's size.
    """
    count = min(-(-rows // _PIECE_ROWS), _PREFIXES) or 1
    ends = [None, *(f"{place * _PREFIXES // count:04x}" for place in range(1, count)), None]
    return tuple(conditions.between("user_id_hash", low, high) for low, high in pairwise(ends))


def pieces(table: AuditTable, partition: Partition, seen: DeltaTable, ranges: Iterable[str]) -> Iterator[pa.Table]:
    """The partition's rows, one table per range, sorted; together they are the partition in order."""
    for users in ranges:
        rows = table.rows(f"{partition.condition} AND {users}", seen)
        yield sorted_rows(rows)


def sorted_rows(rows: pa.Table) -> pa.Table:
    """Rows in the partition's total order.

    A request's rows mostly lie together and in order, so that runs of them are sorted, 20 times fewer than rows.
    """
    rows = rows.combine_chunks()
    if rows.num_rows == 0:
        return rows
    starts, in_order = _runs(rows)
    keys = rows.select(SORT_COLUMNS).take(numbers(starts)) if in_order else rows
    order = np.asarray(np.from_dlpack(pc.sort_indices(keys, [(name, "ascending") for name in SORT_COLUMNS])))
    return rows.take(numbers(_expanded(starts, order, rows.num_rows) if in_order else order.astype(np.int64)))


def _runs(rows: pa.Table) -> tuple[npt.NDArray[np.int64], bool]:
    """Where runs of rows of one request with rising positions start, and whether each request is one run."""
    positions = np.asarray(np.from_dlpack(rows["position"].chunk(0)))
    goes_on = positions[1:] > positions[:-1]
    for name in SORT_COLUMNS[:-1]:
        values = rows[name].chunk(0)
        same = pc.equal(values[1:], values[:-1]).cast(pa.uint8())
        goes_on &= np.asarray(np.from_dlpack(same), np.bool_)
    starts = np.concatenate([[0], 1 + np.flatnonzero(~goes_on)])
    ids = rows["request_id"].chunk(0).take(numbers(starts))
    return starts, pc.count_distinct(ids).as_py() == len(starts)


def _expanded(starts: npt.NDArray[np.int64], order: npt.NDArray[np.uint64], rows: int) -> npt.NDArray[np.int64]:
    """The order of all rows, int64 [rows], from the order of their runs."""
    chosen, lengths = starts[order], np.diff(starts, append=rows)[order]
    before = np.cumsum(lengths) - lengths
    expanded: npt.NDArray[np.int64] = np.arange(rows) + np.repeat(chosen - before, lengths)
    return expanded


def content_of(rows: Iterable[pa.Table]) -> Content:
    """The content of rows given in order; how they are cut into tables and chunks is irrelevant."""
    hashes: dict[tuple[str, int], hashlib._Hash] = {}
    count = 0
    for table in rows:
        count += table.num_rows
        for name in ENTRIES.names if table.num_rows else ():
            for part, data in enumerate(_canonical_parts(table[name])):
                hashes.setdefault((name, part), hashlib.sha256()).update(data)
    whole = hashlib.sha256(b"".join(part_hash.digest() for part_hash in hashes.values()))
    return Content(count, whole.hexdigest())


def _joined(values: pa.Array) -> memoryview:
    """The bytes of a binary column without nulls, one value after the other."""
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return memoryview(data or b"")[int(ends[0]) : int(ends[-1])]


def _canonical_parts(column: pa.ChunkedArray) -> list[bytes | memoryview]:
    """Byte strings that depend on a column's values only and of which concatenated columns have concatenated ones.

    Not on chunks, offsets, padding or what hides under a null: nulls, lengths and values apart.
    """
    values = pa.concat_arrays(column.chunks)
    nulls = pc.cast(pc.is_null(values), pa.uint8()).to_numpy().tobytes()
    if pa.types.is_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy().tobytes()
        return [nulls, lengths, *_canonical_parts(pa.chunked_array([values.flatten()]))]
    if pa.types.is_string(values.type) or pa.types.is_binary(values.type):
        filled = pc.fill_null(values.cast(pa.binary()), b"")
        return [nulls, pc.binary_length(filled).to_numpy().tobytes(), _joined(filled)]
    numbers = values.cast(pa.int32()) if pa.types.is_date(values.type) else values
    return [nulls, pc.fill_null(numbers, 0).to_numpy().tobytes()]
