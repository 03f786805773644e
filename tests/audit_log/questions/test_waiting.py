"""Entries that wait in journals: the same answers as the table gives after shipping."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.questions.queries import EntryFilter, EntrySummary, entries
from streamrec_explain.audit_log.questions.waiting import waiting_entries
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from tests.audit_log.audit_requests import START_MS, request

FILTERS = [
    pytest.param(EntryFilter(), id="everything"),
    pytest.param(EntryFilter(request_id="request-3"), id="request"),
    pytest.param(EntryFilter(users=(f"{1:032x}", "x")), id="user"),
    pytest.param(EntryFilter(users=()), id="nobody"),
    pytest.param(EntryFilter(region="JP", position=1), id="region and position"),
    pytest.param(EntryFilter(item_id="item-2"), id="item"),
    pytest.param(EntryFilter(explanation_type="trending"), id="type"),
    pytest.param(EntryFilter(model_version="streamrec-release/2@00000000"), id="other release"),
    pytest.param(EntryFilter(from_ms=START_MS + 2000, to_ms=START_MS + 5000), id="time"),
]


def by_id(found: list[EntrySummary]) -> list[EntrySummary]:
    """Entries in a fixed order, wherever they were read."""
    return sorted((replace(each, tier="") for each in found), key=lambda each: each.explanation_id)


@pytest.mark.parametrize("wanted", FILTERS)
def test_journal_answers_as_the_table_does(wanted: EntryFilter, journal: Journal, hot: AuditTable) -> None:
    """Twelve requests of two users give the same entries before and after they are shipped."""
    for number in range(12):
        journal.append(request(number), b"answer")
    folder = journal.path.parent
    waiting = list(waiting_entries(folder, wanted))
    ship_folder(folder, hot, clock=lambda: 1)
    assert by_id(list(entries([hot], wanted))) == by_id(waiting)
    assert {"journal"} >= {each.tier for each in waiting}
    assert [] == list(waiting_entries(folder, wanted))


def test_damaged_record_is_left_out(journal: Journal) -> None:
    """One bad record does not hide the others."""
    for number in range(2):
        journal.append(request(number), b"answer")
    journal._writer.execute("UPDATE records SET checksum = checksum + 1 WHERE request_id = 'request-0'")
    assert ["request-1.0", "request-1.1", "request-1.2"] == [
        each.explanation_id for each in waiting_entries(journal.path.parent, EntryFilter())
    ]


def test_no_journal_no_entries(tmp_path: Path) -> None:
    """A deployment that never served has nothing waiting."""
    assert [] == list(waiting_entries(tmp_path / "nowhere", EntryFilter()))
