"""Files that no version names: those of dead writers go, those that may still be committed stay."""

import time

import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.unnamed_files import delete_unnamed
from streamrec_explain.errors import AuditLogError, WriteConflictError
from tests.audit_log.audit_requests import request

HOSTILE = "a/b 'ü%=.. ;--"
TICK_S = 0.01  # files of one tick of the store's clock are as old as each other


def left_behind(table: AuditTable, name: str) -> str:
    """A copy of a data file that no version names, as a killed writer leaves it; its path."""
    store = table.store()
    path = next(path for path in data_files(table) if "region=US" in path)
    copy = f"{path.rsplit('/', 1)[0]}/{name}.parquet"
    with store.open_input_file(path) as source:
        pq.write_table(pq.read_table(source), copy, filesystem=store)
    time.sleep(2 * TICK_S)
    return copy


def data_files(table: AuditTable) -> set[str]:
    """Every data file below the table."""
    listed = table.store().get_file_info(pafs.FileSelector("", recursive=True))
    return {info.path for info in listed if info.is_file and not info.path.startswith("_delta_log/")}


@pytest.fixture
def filled(hot: AuditTable) -> AuditTable:
    """A table of three requests in three versions, one of them of a region with a hostile name."""
    for number in range(2):
        hot.append([request(3 * number)])
    hot.append([request(2, region=HOSTILE)])
    return hot


def test_what_is_older_than_a_version_goes(filled: AuditTable) -> None:
    """What came later stays, for its writer may have begun later too."""
    before, dead = data_files(filled), left_behind(filled, "dead")
    filled.append([request(3)])
    alive, seen = left_behind(filled, "alive"), filled.open()
    assert 1 == delete_unnamed(filled.store(), seen, older_than=seen.version())
    assert (False, True) == (dead in data_files(filled), alive in data_files(filled))
    assert before <= data_files(filled)
    assert 4 * 3 == filled.rows("true").num_rows


def test_a_lost_file_stops_it(filled: AuditTable) -> None:
    """Rather than to trust a list of files that does not agree with the table."""
    dead = left_behind(filled, "dead")
    filled.append([request(3)])
    seen = filled.open()
    for path in data_files(filled) - {dead}:
        filled.store().delete_file(path)
    with pytest.raises(AuditLogError, match="lacks files that it names"):
        delete_unnamed(filled.store(), seen, older_than=seen.version())
    assert {dead} == data_files(filled)


def test_a_forgotten_history_leaves_nothing_of_dead_writers(filled: AuditTable) -> None:
    """And a writer that began before cannot commit what it has written."""
    left_behind(filled, "dead")
    stale = filled.open()
    filled.forget_history()
    assert {path for path in data_files(filled) if "dead" in path} == set()
    with pytest.raises(WriteConflictError):
        filled.append([request(9)], seen=stale)
    assert 3 * 3 == filled.rows("true").num_rows
