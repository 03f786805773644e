"""Rows of one partition on local disk, apart by ranges of users, so that only one range at a time is in memory."""

import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from streamrec_explain.audit_log.table.coded_rows import joined, one_chunk, trimmed
from streamrec_explain.audit_log.table.row_order import sorted_rows, user_starts
from streamrec_explain.audit_log.table.schema import ROWS

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@contextmanager
def spooled(runs: Iterable[pa.Table], cuts: Sequence[str]) -> Iterator[Iterator[pa.Table]]:
    """Write all rows to temporary files, then give the rows of each range of users, in order.

    `cuts` are the first users of the second and later ranges, in order. An error in `runs` comes first.
    """
    with tempfile.TemporaryDirectory(prefix="streamrec-spool-") as folder:
        paths = [Path(folder) / f"{place}.arrow" for place in range(len(cuts) + 1)]
        with ExitStack() as opened:
            writers = [opened.enter_context(pa.ipc.new_stream(path, ROWS, options=_OPTIONS)) for path in paths]
            for run in runs:
                for place, part in _parts(sorted_rows(run), cuts):
                    writers[place].write_table(trimmed(part))
        yield map(_range, paths)


def _range(path: Path) -> pa.Table:
    """The rows of one range; its file is not needed again."""
    with pa.ipc.open_stream(path) as stream:
        tables = [pa.Table.from_batches([batch]) for batch in stream]
    path.unlink()
    return sorted_rows(joined(tables))


def _parts(rows: pa.Table, cuts: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """The parts of sorted rows that fall into each range, without those of no rows."""
    starts = user_starts(rows)
    users = one_chunk(rows["user_id_hash"]).take(pa.array(starts)).dictionary_decode()
    ends = np.append(starts, rows.num_rows)
    places = [0, *(int(ends[bisect_left(users, cut, key=lambda user: user.as_py())]) for cut in cuts), rows.num_rows]
    for place, (start, stop) in enumerate(pairwise(places)):
        if start < stop:
            yield place, rows.slice(start, stop - start)
