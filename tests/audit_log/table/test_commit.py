"""Commits by file name: what is refused as stale, and what others may do meanwhile."""

import pytest
from deltalake import write_deltalake

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.commit import refuse_writers
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.ordered_rows import ordered
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.schema import ENTRIES
from streamrec_explain.errors import WriteConflictError
from tests.audit_log.audit_requests import request

US = Partition("2026-01-01", "US")


def _rewrite(table: AuditTable, seen: object) -> None:
    table.replace_partition(US, ordered(table, US, seen), seen=seen)  # type: ignore[arg-type]


def _ids(table: AuditTable) -> set[str]:
    return set(table.rows("true")["request_id"].to_pylist())


def test_what_is_added_since_stays(hot: AuditTable) -> None:
    """Also in the partition that is replaced."""
    hot.append([request(0)])
    seen = hot.open()
    hot.append([request(3)])
    _rewrite(hot, seen)
    assert {"request-0", "request-3"} == _ids(hot)


def test_a_partition_that_was_removed_is_not_brought_back(hot: AuditTable) -> None:
    """The replacement of rows that are gone is refused."""
    hot.append([request(0)])
    seen = hot.open()
    hot.delete_partition(US, seen=hot.open())
    with pytest.raises(WriteConflictError):
        _rewrite(hot, seen)
    assert set() == _ids(hot)


def test_of_two_that_fill_an_empty_partition_one_is_refused(hot: AuditTable, cold: AuditTable) -> None:
    """No file is replaced, so that only the fence can tell."""
    hot.append([request(0)])
    first, second = cold.open(), cold.open()
    cold.replace_partition(US, ordered(hot, US, hot.open()), seen=first)
    with pytest.raises(WriteConflictError):
        cold.replace_partition(US, ordered(hot, US, hot.open()), seen=second)
    assert 3 == cold.rows("true").num_rows


@pytest.mark.parametrize("region", ["a b/%é", "US"])
def test_files_that_the_storage_library_wrote_are_replaced(hot: AuditTable, region: str) -> None:
    """As every table has them that an earlier version wrote: their paths are quoted in another way."""
    rows = table_of([request(0, region=region), request(3, region=region)]).cast(ENTRIES)
    write_deltalake(hot.open(), rows, mode="append")
    partition = Partition("2026-01-01", region)
    hot.replace_partition(partition, ordered(hot, partition, hot.open()), seen=hot.open())
    assert (1, 6) == (len(hot.files(partition, hot.open())), hot.rows("true").num_rows)


def test_all_rows_are_replaced_only_as_they_were_seen(hot: AuditTable) -> None:
    """What was appended meanwhile would be in the schema before."""
    hot.append([request(0)])
    seen = hot.open()
    hot.append([request(3)])
    with pytest.raises(WriteConflictError, match="newest"):
        hot.replace_all([(US, ordered(hot, US, seen))], seen=seen)
    hot.replace_all([(US, ordered(hot, US, hot.open()))], seen=hot.open())
    assert {"request-0", "request-3"} == _ids(hot)


def test_other_partitions_do_not_stand_in_the_way(hot: AuditTable) -> None:
    """Maintenance of days and regions goes on side by side."""
    hot.append([request(0), request(1)])
    seen = hot.open()
    other = Partition("2026-01-01", "EU")
    hot.replace_partition(other, ordered(hot, other, hot.open()), seen=hot.open())
    _rewrite(hot, seen)
    assert {"request-0", "request-1"} == _ids(hot)


def test_no_writer_that_began_before_can_commit(hot: AuditTable) -> None:
    """Though its fences are as it saw them; whoever begins afterwards can."""
    hot.append([request(0)])
    stale = hot.open()
    assert stale.version() + 1 == refuse_writers(hot, {"delta.logRetentionDuration": "interval 30 days"})
    with pytest.raises(WriteConflictError):
        hot.append([request(1)], seen=stale, fences={"journal": 1})
    hot.append([request(2)], fences={"journal": 1})
    assert 6 == hot.rows("true").num_rows
