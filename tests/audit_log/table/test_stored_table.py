"""Questions to a kept handle: it always answers for the newest version, and for an older one where that is asked."""

import pytest

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import AuditStore
from tests.audit_log.audit_requests import request

COUNT = "SELECT count(*) AS n FROM entries"


def _counted(table: AuditTable) -> int:
    return int(table.query(COUNT)["n"][0].as_py())


def test_a_kept_handle_sees_what_others_commit(hot: AuditTable, store: AuditStore) -> None:
    """After every commit, on both sides of checkpoints."""
    reader = store.tables()[0]
    counts = []
    for number in range(25):
        hot.append([request(number)])
        counts.append(_counted(reader))
    assert [3 * (number + 1) for number in range(25)] == counts


@pytest.mark.usefixtures("in_folder")
def test_a_long_log_has_checkpoints(hot: AuditTable) -> None:
    """A reader begins with the newest."""
    for number in range(25):
        hot.append([request(number)])
    assert hot.folder is not None
    found = sorted(path.name for path in (hot.folder / "_delta_log").glob("*.checkpoint.parquet"))
    assert 2 == len(found)


def test_a_kept_handle_sees_past_a_forgotten_history(hot: AuditTable, store: AuditStore) -> None:
    """The commits after its version are deleted, so that only the checkpoint tells that there were any."""
    hot.append([request(1)])
    reader = store.tables()[0]
    assert 3 == _counted(reader)
    hot.append([request(2)])
    hot.forget_history()
    assert 6 == _counted(reader)


def test_an_older_version_answers_as_it_was(hot: AuditTable) -> None:
    """Whatever was committed and asked since."""
    hot.append([request(1)])
    older = hot.open()
    hot.append([request(2)])
    assert 6 == _counted(hot)
    assert [{"n": 3}] == hot.query(COUNT, older).to_pylist()
    assert 6 == _counted(hot)
