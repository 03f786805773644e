"""Hot maintenance: fewer, sorted files with the same content."""

from collections.abc import Iterator, Mapping
from datetime import date

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import write_deltalake

from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.content import Content, content_of
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.schema import ENTRIES, SORT_COLUMNS
from streamrec_explain.audit_log.table.store import AuditStore
from tests.audit_log.audit_requests import DAY_MS, START_MS, request


@pytest.fixture
def scattered(hot: AuditTable) -> AuditTable:
    """Five commits in wild order: two regions on one day, one on the next."""
    for number in (9, 0, 6, 4, 3):
        hot.append([request(number), request(number + 100, timestamp_ms=START_MS + DAY_MS, region="US")])
    return hot


def _content(table: AuditTable) -> Content:
    return content_of([sorted_rows(table.rows("true"))])


def test_partitions_of_many_files_become_one_sorted_file(scattered: AuditTable) -> None:
    """Content stays, each partition is one file, and its rows lie in order."""
    before = _content(scattered)
    apply_compaction(plan_compaction(scattered), scattered)
    assert before == _content(scattered)
    assert 3 == len(scattered.open().file_uris())
    rows = scattered.open().to_pyarrow_dataset().to_table(filter=ds.field("date") == date(2026, 1, 2))
    keys = list(zip(*(rows[name].to_pylist() for name in SORT_COLUMNS), strict=True))
    assert sorted(keys) == keys
    assert 15 == len(keys)


def test_what_is_compact_needs_no_plan(scattered: AuditTable) -> None:
    """The second plan is empty, and so is applying it."""
    apply_compaction(plan_compaction(scattered), scattered)
    assert () == plan_compaction(scattered).partitions
    assert 0 == apply_compaction(plan_compaction(scattered), scattered)


def test_a_plan_names_partitions_and_may_spare_today(scattered: AuditTable) -> None:
    """Days from `before` on are left alone."""
    plan = plan_compaction(scattered, before="2026-01-02")
    assert [Partition("2026-01-01", "US")] == [found.partition for found in plan.partitions]
    assert "2026-01-01 US: 4 files" in str(plan)


def test_a_region_of_any_name_is_rewritten(hot: AuditTable) -> None:
    """Percent signs and slashes in a region are its own."""
    for number in range(2):
        hot.append([request(number, region="50%25/a b")])
    apply_compaction(plan_compaction(hot), hot)
    assert (1, 6) == (len(hot.open().file_uris()), hot.rows("true").num_rows)


def test_files_that_the_storage_library_wrote_are_rewritten(hot: AuditTable) -> None:
    """As earlier versions of this program did; it names the folder of such a region with escapes of its own."""
    for number in range(2):
        write_deltalake(hot.open(), table_of([request(number, region="50%25/a b")]).cast(ENTRIES), mode="append")
    apply_compaction(plan_compaction(hot), hot)
    assert (1, 6) == (len(hot.open().file_uris()), hot.rows("true").num_rows)


class _BusyTable(AuditTable):
    """A table to which a writer appends once while it is being rewritten."""

    appended = False

    def replace_partition(self, partition: Partition, rows: Iterator[pa.Table], **seen: object) -> None:
        """Append to the partition between reading and committing, the first time."""
        if not self.appended:
            self.appended = True
            self.append([request(200, timestamp_ms=START_MS, region=partition.region)])
        super().replace_partition(partition, rows, **seen)  # type: ignore[arg-type]


def test_an_append_during_the_rewrite_is_kept(scattered: AuditTable, store: AuditStore) -> None:
    """It stays beside the rewritten file, and the next rewrite takes it in."""
    busy = _BusyTable(scattered.uri, "hot", store.options)
    apply_compaction(plan_compaction(busy), busy)
    assert [{"n": 33}] == busy.query("SELECT count(*) AS n FROM entries").to_pylist()
    assert 4 == len(busy.open().file_uris())
    apply_compaction(plan_compaction(busy), busy)
    assert [{"n": 33}] == busy.query("SELECT count(*) AS n FROM entries").to_pylist()
    assert 3 == len(busy.open().file_uris())


class _RewrittenTable(AuditTable):
    """A table whose partition somebody else rewrites while it is being rewritten."""

    rewritten = 0
    options: Mapping[str, str]

    def replace_partition(self, partition: Partition, rows: Iterator[pa.Table], **seen: object) -> None:
        """Rewrite it with another handle first, the first time."""
        self.rewritten += 1
        if self.rewritten == 1:
            other = AuditTable(self.uri, "hot", self.options)
            other.replace_partition(partition, ordered(other, partition, other.open()), seen=other.open())
        super().replace_partition(partition, rows, **seen)  # type: ignore[arg-type]


def test_of_two_that_rewrite_a_partition_one_starts_again(hot: AuditTable, store: AuditStore) -> None:
    """Neither doubles the other's rows."""
    for number in (0, 3):
        hot.append([request(number)])
    contested = _RewrittenTable(hot.uri, "hot", store.options)
    contested.options = store.options
    apply_compaction(plan_compaction(contested), contested)
    assert (2, 1) == (contested.rewritten, len(hot.open().file_uris()))
    assert [{"n": 6}] == hot.query("SELECT count(*) AS n FROM entries").to_pylist()
