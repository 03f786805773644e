"""The one order of a partition's rows, SORT_COLUMNS, and where its requests begin."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.audit_log.table.arrow_columns import numbers
from streamrec_explain.audit_log.table.coded_rows import coded, codes_of, one_chunk
from streamrec_explain.audit_log.table.schema import ENTRIES, SORT_COLUMNS

_PLAIN_KEYS = pa.schema([ENTRIES.field(name) for name in SORT_COLUMNS])
Places = npt.NDArray[np.int64]


def sorted_rows(rows: pa.Table) -> pa.Table:
    """Rows in the partition's total order, coded.

    A request's rows mostly lie together and in order, so that runs of them are sorted, 20 times fewer than rows.
    """
    rows = coded(rows)
    if rows.num_rows == 0:
        return rows
    starts, in_order = _runs(rows)
    keys = rows.select(SORT_COLUMNS).take(numbers(starts)) if in_order else rows.select(SORT_COLUMNS)
    keys = keys.cast(_PLAIN_KEYS)
    order = np.asarray(np.from_dlpack(pc.sort_indices(keys, [(name, "ascending") for name in SORT_COLUMNS])))
    if in_order and (order[1:] > order[:-1]).all():
        return rows
    return rows.take(numbers(_expanded(starts, order, rows.num_rows) if in_order else order.astype(np.int64)))


def request_starts(rows: pa.Table) -> Places:
    """Where the requests of coded rows that are in order begin, int64 [requests]."""
    return _starts(rows, "request_id")


def user_starts(rows: pa.Table) -> Places:
    """Where the users of coded rows that are in order begin, int64 [users]."""
    return _starts(rows, "user_id_hash")


def of_requests(rows: pa.Table, names: pa.Array) -> pa.Array:
    """Which of coded rows belong to requests of these ids, bool [n]."""
    column = one_chunk(rows["request_id"])
    return pc.is_in(column.dictionary, names).take(column.indices)


def request_names(rows: pa.Table) -> pa.Array:
    """The ids of the requests of coded rows."""
    return pc.unique(one_chunk(rows["request_id"])).dictionary_decode()


def _starts(rows: pa.Table, name: str) -> Places:
    codes = codes_of(rows, name)
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.zeros(0, np.int64)


def _runs(rows: pa.Table) -> tuple[Places, bool]:
    """Where runs of rows of one request with rising positions start, and whether each request is one run."""
    positions = np.asarray(np.from_dlpack(one_chunk(rows["position"])))
    times = np.asarray(np.from_dlpack(one_chunk(rows["timestamp_ms"])))
    users, requests = codes_of(rows, "user_id_hash"), codes_of(rows, "request_id")
    goes_on = positions[1:] > positions[:-1]
    for values in (times, users, requests):
        goes_on &= values[1:] == values[:-1]
    starts = np.concatenate([[0], 1 + np.flatnonzero(~goes_on)])
    return starts, len(np.unique(requests[starts])) == len(starts)


def _expanded(starts: Places, order: npt.NDArray[np.uint64], rows: int) -> Places:
    """The order of all rows, int64 [rows], from the order of their runs."""
    chosen, lengths = starts[order], np.diff(starts, append=rows)[order]
    before = np.cumsum(lengths) - lengths
    expanded: Places = np.arange(rows) + np.repeat(chosen - before, lengths)
    return expanded
