"""One tier as a Delta table: append, find, query, fences."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import as_stored
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.schema import BLOOM_COLUMNS, ENTRIES, STATISTICS_COLUMNS
from streamrec_explain.errors import AuditLogError, EntryNotFoundError, WriteConflictError
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

HOSTILE = "a/b 'ü%=.. \" \n;--"


def test_a_request_comes_back_as_stored(hot: AuditTable) -> None:
    """Also with a day hint, and with a hostile id and region."""
    sent = [request(1), request(2, request_id=HOSTILE, region=HOSTILE)]
    assert 6 == hot.append(sent)
    assert as_stored(sent[0]) == hot.read_request("request-1")
    assert as_stored(sent[1]) == hot.read_request(HOSTILE, "2026-01-01", "2026-01-01")


def test_an_id_that_tells_no_day_is_found_in_its_day_and_region(hot: AuditTable) -> None:
    """Among requests of other days, regions and users; entries of one user and time are not mixed up."""
    sent = [request(n, timestamp_ms=START_MS + (n % 4) * DAY_MS) for n in range(24)]
    hot.append(sent)
    assert [as_stored(each) for each in sent] == [hot.find_request(each.request_id) for each in sent]


def test_an_unknown_request_is_an_error(hot: AuditTable) -> None:
    """An empty table, an unknown id and a wrong day have no such request."""
    with pytest.raises(EntryNotFoundError, match="request-1"):
        hot.read_request("request-1")
    hot.append([request(1)])
    with pytest.raises(EntryNotFoundError):
        hot.read_request("request-1", first_date="2026-01-02")


def test_rows_lie_by_date_and_region(hot: AuditTable) -> None:
    """The partitions are the UTC day of the request and its region."""
    hot.append([request(0), request(1, timestamp_ms=START_MS + DAY_MS), request(3)])
    assert [Partition("2026-01-01", "US"), Partition("2026-01-02", "EU")] == hot.partitions()
    assert 6 == hot.rows(Partition("2026-01-01", "US").condition).num_rows


def test_a_stale_fence_is_refused(hot: AuditTable) -> None:
    """Who decided on an older version than another holder of the fence commits nothing."""
    stale = hot.open()
    hot.append([request(1)], fences={"journal": 1})
    with pytest.raises(WriteConflictError):
        hot.append([request(1)], seen=stale, fences={"journal": 1})
    assert (1, 0) == (hot.recorded_version("journal"), hot.recorded_version("other"))
    assert [{"n": 3}] == hot.query("SELECT count(*) AS n FROM entries").to_pylist()


def test_an_empty_batch_records_its_fence(hot: AuditTable) -> None:
    """A batch whose requests were all there already still counts as shipped."""
    assert 0 == hot.append([], fences={"journal": 7})
    assert 7 == hot.recorded_version("journal")


@pytest.mark.usefixtures("in_folder")
def test_files_have_the_declared_encodings_and_statistics(hot: AuditTable) -> None:
    """Floats are byte-split, text is dictionary-coded, all is Zstandard; ranges and filters are where readers look."""
    hot.append([request(n * 3) for n in range(40)])
    path, *others = hot.open().file_uris()
    assert [] == others
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert "BYTE_STREAM_SPLIT" in columns["shap_1_value"].encodings
    assert "RLE_DICTIONARY" in columns["item_id"].encodings
    assert "RLE_DICTIONARY" in columns["user_id_hash"].encodings
    assert "DELTA_BINARY_PACKED" in columns["timestamp_ms"].encodings
    assert {"ZSTD"} == {column.compression for column in columns.values()}
    assert {"user_id_hash", "timestamp_ms"} == {name for name, column in columns.items() if column.is_stats_set}
    assert set(BLOOM_COLUMNS) == {name for name, column in columns.items() if column.bloom_filter_length}
    assert not any(column.has_offset_index for column in columns.values())
    assert {"user_id_hash", *STATISTICS_COLUMNS} == _logged_ranges(hot)


def test_another_reader_finds_every_row(hot: AuditTable) -> None:
    """A pyarrow dataset filtered on any column returns what the query engine returns."""
    hot.append([request(n) for n in range(20)])
    dataset = hot.open().to_pyarrow_dataset()
    for column in ("region", "user_id_hash", "timestamp_ms", "item_id", "request_id", "template", "position"):
        for value in set(hot.query(f"SELECT {column} FROM entries")[column].to_pylist()):
            expected = hot.rows(f"{column} = {conditions.literal(value)}").num_rows
            assert expected == dataset.to_table(filter=ds.field(column) == value).num_rows > 0


def test_a_broken_store_is_named(tmp_path: Path) -> None:
    """A file where the table should be is the product's error with the place in it."""
    (tmp_path / "hot").write_text("in the way")
    with pytest.raises(AuditLogError, match="hot"):
        AuditTable(str(tmp_path / "hot")).append([request(1)])


def _logged_ranges(table: AuditTable) -> set[str]:
    log = sorted((Path(table.uri) / "_delta_log").glob("*.json"))[-1].read_text().splitlines()
    added = next(action["add"] for action in map(json.loads, log) if "add" in action)
    return set(json.loads(added["stats"])["minValues"])


def test_a_table_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    """Not read as if columns were empty: the error says which are missing and what to do."""
    older = ENTRIES.remove(ENTRIES.get_field_index("claim_text_1"))
    DeltaTable.create(str(tmp_path / "hot"), older, partition_by=["date", "region"])
    with pytest.raises(AuditLogError, match=r"earlier version: it lacks claim_text_1; .*upgrade --apply"):
        AuditTable(str(tmp_path / "hot")).open()


def test_a_table_is_made_once_by_whoever_comes_first(tmp_path: Path) -> None:
    """Eight processes that open a table that is not there all get the same one."""
    tables = [AuditTable(str(tmp_path / "hot")) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda table: table.open(), tables))
    assert {0} == {each.version() for each in opened}
    assert 1 == len({str(each.metadata().id) for each in opened})
