"""Data files of the audit table: Parquet written group by group, so that memory is bounded, and read the same way.

A file becomes part of the table only by a commit that names it; what a killed or failed writer leaves is vacuumed.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from streamrec_explain.audit_log.table.coded_rows import one_chunk, trimmed
from streamrec_explain.audit_log.table.layout import (
    ROW_GROUP_ROWS,
    TARGET_FILE_BYTES,
    Tier,
    declares_order,
    writer_options,
)
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import request_starts
from streamrec_explain.audit_log.table.schema import (
    BLOOM_COLUMNS,
    CODED_COLUMNS,
    ROWS,
    STATISTICS_COLUMNS,
    STORED_COLUMNS,
)


class FileWriter:
    """Writes files that a commit is to add; see `written`."""

    def __init__(self, store: pafs.FileSystem, tier: Tier) -> None:
        self._store = store
        self._tier = tier
        self._begun: list[str] = []
        self.added: list[AddAction] = []

    def write(self, partition: Partition, rows: Iterable[pa.Table]) -> None:
        """Write coded rows that are in order, and no table of which ends within a user, as one or more files."""
        tables = (table for table in rows if table.num_rows)
        first = next(tables, None)
        while first is not None:
            path = f"{partition.folder}/part-{uuid.uuid4()}.zstd.parquet"
            self._begun.append(path)
            statistics = _Statistics()
            first = _write_file(self._store, path, first, tables, self._tier, statistics)
            self.added.append(_add_action(self._store, path, partition, statistics))

    def discard(self) -> None:
        """Delete everything that was written; nothing names it. What the store keeps is vacuumed some day."""
        with suppress(OSError):
            for info in self._store.get_file_info(self._begun):
                if info.type == pafs.FileType.File:
                    self._store.delete_file(info.path)


@contextmanager
def written(store: pafs.FileSystem, tier: Tier) -> Iterator[FileWriter]:
    """A writer of files that are deleted again on an error here.

    A commit comes after: one that failed may still have reached the store, and then the table names its files.
    """
    writer = FileWriter(store, tier)
    try:
        yield writer
    except BaseException:
        writer.discard()
        raise


def by_partition(rows: pa.Table) -> Iterator[tuple[Partition, pa.Table]]:
    """The partitions of coded rows, and the rows of each in their order."""
    keys = rows.select(["date", "region"]).group_by(["date", "region"]).aggregate([])
    for key in keys.to_pylist():
        here = rows
        if keys.num_rows > 1:
            here = rows.filter((pc.field("date") == key["date"]) & (pc.field("region") == key["region"]))
        yield Partition(key["date"].isoformat(), key["region"]), here


def read_groups(store: pafs.FileSystem, partition: Partition, path: str) -> Iterator[pa.Table]:
    """The rows of a file as coded rows, a row group at a time."""
    with store.open_input_file(path) as source:
        file = pq.ParquetFile(source, read_dictionary=_CODED_IN_FILES)
        for group in range(file.num_row_groups):
            yield _with_partition(file.read_row_group(group, use_threads=False), partition)


def is_in_order(store: pafs.FileSystem, path: str) -> bool:
    """Whether the file declares that its rows are in order, by its footer alone."""
    return declares_order(pq.read_metadata(path, filesystem=store))


_CODED_IN_FILES = [name for name in STORED_COLUMNS if name in CODED_COLUMNS]


class _Statistics:
    """Rows, and smallest and largest value of each of STATISTICS_COLUMNS."""

    def __init__(self) -> None:
        self.rows = 0
        self.least: dict[str, Any] = {}
        self.most: dict[str, Any] = {}

    def add(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        for name in STATISTICS_COLUMNS:
            values = one_chunk(rows[name])
            found = pc.min_max(values.dictionary if name in CODED_COLUMNS else values).as_py()
            self.least[name] = min(self.least.get(name, found["min"]), found["min"])
            self.most[name] = max(self.most.get(name, found["max"]), found["max"])

    def text(self) -> str:
        """As the transaction log has them."""
        nothing = dict.fromkeys(STATISTICS_COLUMNS, 0)
        told = {"numRecords": self.rows, "minValues": self.least, "maxValues": self.most, "nullCount": nothing}
        return json.dumps(told, ensure_ascii=False)


def _write_file(
    store: pafs.FileSystem, path: str, first: pa.Table, more: Iterator[pa.Table], tier: Tier, statistics: _Statistics
) -> pa.Table | None:
    """Write tables until the file is large enough; gives the table that the next file begins with."""
    store.create_dir(os.path.dirname(path), recursive=True)
    groups = _row_groups(first, tier)
    options = writer_options(tier, {name: len(one_chunk(groups[0][name]).dictionary) for name in BLOOM_COLUMNS})
    with store.open_output_stream(path) as sink, pq.ParquetWriter(sink, **options) as writer:
        while True:
            for group in groups:
                statistics.add(group)
                writer.write_table(group.select(STORED_COLUMNS), row_group_size=group.num_rows)
            following = next(more, None)
            if following is None or sink.tell() >= TARGET_FILE_BYTES:
                return following
            groups = _row_groups(following, tier)


def _row_groups(rows: pa.Table, tier: Tier) -> list[pa.Table]:
    """The rows cut before requests into even parts of about ROW_GROUP_ROWS, each with dictionaries of its own."""
    starts = request_starts(rows)
    parts = max(1, round(rows.num_rows / ROW_GROUP_ROWS[tier]))
    wanted = np.arange(1, parts) * rows.num_rows // parts
    cuts = np.unique([0, *starts[np.searchsorted(starts, wanted, side="right") - 1], rows.num_rows])
    return [trimmed(rows.slice(start, stop - start)) for start, stop in pairwise(cuts.tolist())]


def _add_action(store: pafs.FileSystem, path: str, partition: Partition, statistics: _Statistics) -> AddAction:
    found = store.get_file_info(path)
    return AddAction(
        path=path,
        size=found.size,
        partition_values=partition.values,
        modification_time=(found.mtime_ns or 0) // 1_000_000,
        data_change=True,
        stats=statistics.text(),
    )


def _with_partition(rows: pa.Table, partition: Partition) -> pa.Table:
    count = rows.num_rows
    same = {
        "date": pa.repeat(pa.scalar(partition.date), count).cast(pa.date32()),
        "region": pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), [partition.region]),
    }
    columns = [same[field.name] if field.name in same else rows[field.name].cast(field.type) for field in ROWS]
    return pa.table(columns, schema=ROWS)
