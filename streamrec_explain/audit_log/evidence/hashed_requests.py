"""Requests as the leaves of a partition's Merkle tree: each is itself a small tree over its entries by position.

A leaf per request costs 32 bytes a list instead of 32 bytes an entry, and what is erased is always a whole request.
"""

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from deltalake import DeltaTable

from streamrec_explain.audit_log.evidence.entry_digest import entry_hashes
from streamrec_explain.audit_log.evidence.merkle import leaf_hash, root
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.coded_rows import recoded
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import of_requests

REQUEST_LINE = b"streamrec-request-1\n"


class HashedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request's leaf hash, and how many entries it stands for."""

    request_id: str
    leaf: bytes
    entries: int


def request_leaf(entries: list[bytes]) -> bytes:
    """The leaf hash of a request from the leaf hashes of its entries in order of position."""
    return leaf_hash(REQUEST_LINE + len(entries).to_bytes(4, "little") + root(entries))


def hashed_requests(rows: pa.Table) -> Iterator[HashedRequest]:
    """The requests that a table holds wholly, in no particular order."""
    hashes, (names, order, ends) = entry_hashes(rows), _grouped(rows)
    for name, (first, last) in zip(names, pairwise(ends), strict=True):
        entries = [hashes[place] for place in order[first:last]]
        yield HashedRequest(name, request_leaf(entries), len(entries))


def requests_in(
    table: AuditTable, partition: Partition, seen: DeltaTable, also: str = "true"
) -> Iterator[HashedRequest]:
    """The requests of one partition that meet an SQL condition (true of whole requests), piece by piece."""
    if also == "true":
        pieces = ordered(table, partition, seen)
    else:
        names = table.request_names(f"{partition.condition} AND ({also})", seen)
        pieces = (rows.filter(of_requests(rows, names)) for rows in ordered(table, partition, seen))
    for rows in pieces:
        yield from hashed_requests(rows)


def row_counts(table: AuditTable, seen: DeltaTable) -> dict[Partition, int]:
    """Rows of every partition in one version of a table."""
    counted = table.query("SELECT CAST(date AS VARCHAR) AS day, region, count(*) AS n FROM entries GROUP BY 1, 2", seen)
    return {Partition(row["day"], row["region"]): row["n"] for row in counted.to_pylist()}


def _grouped(rows: pa.Table) -> tuple[list[str], list[int], list[int]]:
    """Request ids, the rows in order of request and position, and where each request begins and the last ends."""
    if not rows.num_rows:
        return [], [], [0]
    encoded = recoded(rows["request_id"])
    codes = _numbers(encoded.indices, pa.int32())
    positions = _numbers(pa.concat_arrays(rows["position"].chunks), pa.int32())
    ends = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    return encoded.dictionary.to_pylist(), np.lexsort((positions, codes)).tolist(), ends.tolist()


def _numbers(values: pa.Array, kind: pa.DataType) -> npt.NDArray[np.int32]:
    return np.asarray(np.from_dlpack(values.cast(kind)), np.int32)
