"""One lookup over journal, hot and cold."""

import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import as_stored
from streamrec_explain.errors import EntryNotFoundError
from tests.audit_log.audit_requests import request


@pytest.fixture
def log(journal: Journal, hot: AuditTable, cold: AuditTable) -> AuditLog:
    """Requests 1 in the journal, 2 in hot, 3 in cold."""
    journal.append(request(1), b"")
    hot.append([request(2)])
    cold.append([request(3)])
    return AuditLog(journal.path.parent, hot, cold)


def test_an_entry_is_found_wherever_it_is(log: AuditLog) -> None:
    """The journal gives it exactly, the tables as stored, and each says where."""
    expected = [(request(1), "journal"), (as_stored(request(2)), "hot"), (as_stored(request(3)), "cold")]
    for number, (sent, source) in enumerate(expected, start=1):
        found = log.find_entry(f"request-{number}.2")
        assert (sent.entries[2], sent, source) == (found.entry, found.request, found.source)


@pytest.mark.parametrize("unknown", ["request-9.0", "request-1.9", "request-1", "", "."])
def test_an_unknown_id_is_an_error(log: AuditLog, unknown: str) -> None:
    """No request, no such position, and no id at all are told apart from a fault."""
    with pytest.raises(EntryNotFoundError):
        log.find_entry(unknown)


def test_a_lookup_makes_no_table(journal: Journal, hot: AuditTable, cold: AuditTable) -> None:
    """Asking before anything was shipped leaves the stores as they were."""
    with pytest.raises(EntryNotFoundError):
        AuditLog(journal.path.parent, hot, cold).find_request("request-1")
    assert (False, False) == (hot.exists(), cold.exists())
