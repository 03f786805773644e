"""Rows on local disk between reading a table and writing one, so that neither the whole nor both are in memory.

Streaming a query straight into a write is not possible: the storage library refuses to read inside a write.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from streamrec_explain.audit_log.table.schema import ENTRIES

_BATCH_ROWS = 512  # the storage library queues about a thousand batches, whatever their size: 8,192 rows each took 3 GB


@contextmanager
def spooled(rows: Iterable[pa.Table]) -> Iterator[pa.RecordBatchReader]:
    """Write all rows to an unnamed temporary file, then give a reader of them; an error in `rows` comes first."""
    with tempfile.TemporaryFile() as file:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(file, ENTRIES, options=options) as writer:
            for table in rows:
                writer.write_table(table.select(ENTRIES.names).cast(ENTRIES), max_chunksize=_BATCH_ROWS)
        file.seek(0)
        yield pa.ipc.open_stream(file)
