"""Parquet files of events: a sheet of typed columns, each row with its 0-based index."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from streamrec_explain.events.problems import Code, file_error
from streamrec_explain.events.sheet import Sheet


def read_parquet(path: Path, *, may_be_empty: bool = False) -> Sheet:
    """Read a Parquet file; EventDataError if it is none, or has no rows and may not be empty."""
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise file_error(path.name, Code.UNREADABLE_FILE, f"this is not a readable Parquet file: {error}") from error
    if not table.num_rows and not may_be_empty:
        raise file_error(path.name, Code.EMPTY_FILE, "the file has no rows")

    def originals(places: NDArray[np.int64]) -> Sequence[str]:
        rows = table.take(pa.array(places)).to_pylist()
        return [json.dumps(row, ensure_ascii=False, default=str) for row in rows]

    table = _plain(table)
    return Sheet(path.name, table, np.arange(table.num_rows), table.num_rows, originals)


def _plain(table: pa.Table) -> pa.Table:
    """The table with its dictionary columns, which other programs like to write, as plain values."""
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(index).cast(field.type.value_type)
            table = table.set_column(index, field.name, plain)
    return table
