"""Data files: what is written comes back, cut only between requests, with statistics that are true."""

import json
from contextlib import ExitStack
from pathlib import Path

import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from deltalake.fs import DeltaStorageHandler

from streamrec_explain.audit_log.table import data_files
from streamrec_explain.audit_log.table.content import content_of
from streamrec_explain.audit_log.table.data_files import by_partition, is_in_order, read_groups, written
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.layout import writer_options
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.schema import STATISTICS_COLUMNS
from tests.audit_log.audit_requests import request
from tests.audit_log.s3_store import S3Store

US = Partition("2026-01-01", "US")


@pytest.fixture
def store(tmp_path: Path) -> pafs.FileSystem:
    """A folder."""
    return pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())


def test_row_groups_end_with_requests(store: pafs.FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 7 requests of 5 rows in groups of about 8 rows; together they are what was written."""
    monkeypatch.setitem(data_files.ROW_GROUP_ROWS, "hot", 8)
    rows = sorted_rows(table_of([request(3 * n, items=5) for n in range(7)]))
    with written(store, "hot") as files:
        files.write(US, [rows])
    (added,) = files.added
    groups = list(read_groups(store, US, added.path))
    assert content_of([rows]) == content_of(groups)
    assert [0] * len(groups) == [group.num_rows % 5 for group in groups]
    assert 4 == len(groups)
    assert is_in_order(store, added.path)


def test_a_long_partition_becomes_several_files(store: pafs.FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file ends with the table that made it large enough; empty tables make none."""
    monkeypatch.setattr(data_files, "TARGET_FILE_BYTES", 1)
    pieces = [sorted_rows(table_of([request(30 * n)])) for n in range(3)]
    with written(store, "cold") as files:
        files.write(US, [pieces[0].slice(0, 0), *pieces])
        files.write(Partition("2026-01-02", "US"), [])
    assert [3, 3, 3] == [pq.read_metadata(each.path, filesystem=store).num_rows for each in files.added]
    assert content_of(pieces) == content_of(
        table for each in files.added for table in read_groups(store, US, each.path)
    )


def test_statistics_are_the_least_and_the_most(store: pafs.FileSystem) -> None:
    """Of the rows in the file, for the declared columns."""
    rows = sorted_rows(table_of([request(3), request(33), request(63)]))
    with written(store, "hot") as files:
        files.write(US, [rows.slice(0, 6)])
    told = json.loads(files.added[0].stats)
    expected = {name: rows.slice(0, 6)[name].to_pylist() for name in STATISTICS_COLUMNS}
    assert 6 == told["numRecords"]
    assert {name: min(values) for name, values in expected.items()} == told["minValues"]
    assert {name: max(values) for name, values in expected.items()} == told["maxValues"]
    assert dict.fromkeys(STATISTICS_COLUMNS, 0) == told["nullCount"]


def test_an_error_leaves_no_file(store: pafs.FileSystem, tmp_path: Path) -> None:
    """Neither the one that was begun nor those that were complete."""
    rows = sorted_rows(table_of([request(0)]))

    def failing() -> object:
        yield rows
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"), written(store, "hot") as files:
        files.write(US, [rows])
        files.write(US, failing())  # type: ignore[arg-type]
    assert [] == list(tmp_path.rglob("*.parquet"))


def test_rows_of_several_partitions_are_told_apart() -> None:
    """Each with its own rows, in their order."""
    rows = sorted_rows(table_of([request(n, items=2) for n in range(7)]))
    parts = {partition.region: part["request_id"].to_pylist()[::2] for partition, part in by_partition(rows)}
    assert {
        region: [f"request-{n}" for n in range(place, 7, 3)] for place, region in enumerate(("US", "EU", "JP"))
    } == (parts)


def test_the_first_error_is_told_though_the_store_is_away(s3: S3Store) -> None:
    """It cannot be asked to delete what was begun; a vacuum will."""
    store = pafs.PyFileSystem(DeltaStorageHandler(s3.uri, s3.options))
    with ExitStack() as outage, pytest.raises(ValueError, match="first"), written(store, "hot") as files:
        files.write(US, [sorted_rows(table_of([request(0)]))])
        outage.enter_context(s3.away())
        raise ValueError("first")


def test_a_file_holds_no_text_of_rows_that_left(store: pafs.FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers do not show dictionaries, so this looks at the bytes."""
    plain = {"compression": "none", "compression_level": None}
    monkeypatch.setattr(data_files, "writer_options", lambda *given: {**writer_options(*given), **plain})
    rows = sorted_rows(table_of([request(0, user_id_hash="5" * 32), request(3, user_id_hash="7" * 32)]))
    with written(store, "hot") as files:
        files.write(US, [rows])
        files.write(US, [rows.slice(3)])
    with_both, with_one = (store.open_input_file(each.path).read() for each in files.added)
    assert b"5" * 32 in with_both and b"5" * 32 not in with_one
    assert b"7" * 32 in with_both and b"7" * 32 in with_one
