"""The digest of an audit entry: its canonical bytes, which depend on column names and values only.

Version 1: the line "streamrec-entry-1", then each column that is not null, in order of name, as

    name, 0x00, tag, value

with tag "i" and a signed 64-bit integer (dates count days from 1970), "f" and an IEEE 754 double, "b" and a
32-bit length with so many bytes (text as UTF-8), or "l" and a 32-bit length with so many bytes of elements, each
as a field without a name; every number is little-endian. A column that is added later and null in older rows, another
width of a number, another file, order or encoding leave an entry's bytes as they are.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.audit_log.table.coded_rows import plain
from streamrec_explain.errors import AuditLogError

VERSION_LINE = b"streamrec-entry-1\n"
_LEAF = b"\x00"  # RFC 6962: a leaf's hash begins with 0, an inner node's with 1
_PIECE_ROWS = 16_384  # the bytes of so many rows stay in the processor's cache

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


def entry_hashes(rows: pa.Table) -> list[bytes]:
    """The leaf hash (RFC 6962) of each row's entry: SHA-256 of 0x00 and its canonical bytes."""
    hashes: list[bytes] = []
    for start in range(0, rows.num_rows, _PIECE_ROWS):
        data, ends = _joined(_LEAF + VERSION_LINE, rows.slice(start, _PIECE_ROWS))
        hashes += [hashlib.sha256(data[first:last]).digest() for first, last in pairwise(ends)]
    return hashes


def canonical_bytes(rows: pa.Table) -> list[bytes]:
    """The canonical bytes of each row's entry."""
    data, ends = _joined(VERSION_LINE, rows)
    return [bytes(data[first:last]) for first, last in pairwise(ends)]


def _joined(head: bytes, rows: pa.Table) -> tuple[memoryview, list[int]]:
    """The bytes of all rows one after the other, and where each begins (and the last one ends)."""
    parts = [_repeated(head, rows.num_rows)]
    for name in sorted(rows.schema.names):
        parts += _field(name, _one_array(rows[name]))
    joined = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    _, ends, data = joined.buffers()
    return memoryview(data or b""), np.frombuffer(ends, np.int64, len(joined) + 1).tolist()


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)
    return plain(array)


def _field(name: str, values: pa.Array) -> Iterator[pa.Array]:
    """One column as binary arrays of which each row's joined bytes are its field; empty where null."""
    start = name.encode() + b"\x00"
    present = _present(values)
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_date32(kind) or pa.types.is_boolean(kind):
        yield _fixed(start + b"i", _numbers(values, pa.int64()), present)
    elif pa.types.is_floating(kind):
        yield _fixed(start + b"f", _numbers(values, pa.float64()), present)
    else:
        tag = b"l" if pa.types.is_list(kind) or pa.types.is_large_list(kind) else b"b"
        variable = _variable(values)
        lengths = pc.binary_length(variable).cast(pa.int32())
        yield _fixed(start + tag, _numbers(lengths, pa.int32()), present)
        yield variable


def _variable(values: pa.Array) -> pa.Array:
    """Text, bytes or a list's elements as a large binary array without nulls."""
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _elements(values)
    try:
        return pc.fill_null(values.cast(pa.large_binary()), b"")
    except pa.ArrowNotImplementedError as error:
        raise AuditLogError(f"a column of type {kind} has no canonical bytes: teach entry_digest about it") from error


def _elements(values: pa.Array) -> pa.Array:
    """The bytes of each list's elements, which lie one after the other: only the ends are to be found."""
    if values.values.null_count:
        raise AuditLogError("a list with null elements has no canonical bytes")
    parts = list(_field("", values.flatten()))
    elements = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    _, ends, data = elements.buffers()
    counts = np.concatenate([[0], np.cumsum(_numbers(pc.list_value_length(values), pa.int64()))])
    return _binary(np.frombuffer(ends, np.int64, len(elements) + 1)[counts], data)


def _fixed(start: bytes, numbers: npt.NDArray[np.generic], present: npt.NDArray[np.bool_] | None) -> pa.Array:
    """`start` and one number per row; nothing in rows that are not present."""
    width = numbers.dtype.itemsize
    block = np.empty((len(numbers), len(start) + width), np.uint8)
    block[:, : len(start)] = np.frombuffer(start, np.uint8)
    block[:, len(start) :] = numbers.view(np.uint8).reshape(-1, width)
    if present is None:
        return _binary(np.arange(len(block) + 1, dtype=np.int64) * block.shape[1], pa.py_buffer(block))
    ends = np.concatenate([[0], np.cumsum(present)]).astype(np.int64) * block.shape[1]
    return _binary(ends, pa.py_buffer(np.ascontiguousarray(block[present])))


def _repeated(text: bytes, rows: int) -> pa.Array:
    return _binary(np.arange(rows + 1, dtype=np.int64) * len(text), pa.py_buffer(text * rows))


def _binary(ends: Offsets, data: pa.Buffer) -> pa.Array:
    # From buffers, for pa.array would import pandas where it is installed.
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), data])


def _present(values: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Which rows are not null; None where all are."""
    if not values.null_count:
        return None
    return np.from_dlpack(values.is_valid().cast(pa.uint8())).view(np.bool_)


def _numbers(values: pa.Array, kind: pa.DataType) -> npt.NDArray[np.generic]:
    """The values as little-endian numbers of one type, 0 where null."""
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    array: npt.NDArray[np.generic] = np.from_dlpack(pc.fill_null(values.cast(kind), 0))
    return array
