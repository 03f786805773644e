"""Erasure and export: everything of one person, nothing of anyone else."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from streamrec_explain.audit_log.custody.erasure import Person, apply_erasure, export_person, plan_erasure
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import as_stored
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

PSEUDONYMS = ("deadbeef" * 4, "cafebabe" * 4)  # under an old and a current key
PERSON = Person(PSEUDONYMS, ("5ub1ec7" * 4,))
ACT = Act("tester", 9, "asked to be forgotten")


def _of_person(number: int) -> bool:
    return number % 4 == 0


def _request(number: int) -> AuditRequest:
    day = START_MS + (number % 5) * DAY_MS
    if _of_person(number):
        return request(number, timestamp_ms=day, user_id_hash=PSEUDONYMS[number % 8 // 4])
    return request(number, timestamp_ms=day)


@pytest.fixture
def log(journal: Journal, hot: AuditTable, cold: AuditTable) -> Iterator[AuditLog]:
    """Requests 0-7 cold, 8-15 shipped to hot and still in the journal, 16-23 in the journal only."""
    for number in range(8):
        cold.append([_request(number)])
    for number in range(8, 24):
        journal.append(_request(number), b"answer of %d" % number)
        if number == 15:
            ship_folder(journal.path.parent, hot, clock=lambda: 5)
    yield AuditLog(journal.path.parent, hot, cold)


def _files_naming_person(folder: Path) -> list[Path]:
    """Files that hold a pseudonym as bytes, or as a value inside a Parquet file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(name.encode() in _readable(path) for name in PSEUDONYMS)]


def _readable(path: Path) -> bytes:
    decoded = str(pq.read_table(path, partitioning=None).to_pylist()).encode() if path.suffix == ".parquet" else b""
    return path.read_bytes() + decoded


@pytest.mark.usefixtures("in_folder")
def test_after_an_erasure_no_file_names_the_person(log: AuditLog, seals: Seals, tmp_path: Path) -> None:
    """Journal, its write-ahead log, data files and transaction logs hold no pseudonym of theirs."""
    assert len(_files_naming_person(tmp_path)) > 3
    apply_erasure(plan_erasure(log, PERSON), log, seals=seals, act=ACT)
    assert [] == _files_naming_person(tmp_path)
    assert [] == list(export_person(log, PERSON))


def test_an_erasure_rewrites_only_files_that_may_name_the_person(hot: AuditTable, log: AuditLog, seals: Seals) -> None:
    """Of a day's files, each of a range of users, the others stay as they are."""
    day = START_MS + 40 * DAY_MS
    for name in ("0" * 32, PSEUDONYMS[1], "f" * 32):
        hot.append([request(300 + len(name) + ord(name[0]), timestamp_ms=day, user_id_hash=name, region="US")])
    partition = Partition("2026-02-10", "US")
    before = {file.path for file in hot.files(partition, hot.open())}
    apply_erasure(plan_erasure(log, PERSON), log, seals=seals, act=ACT)
    after = {file.path for file in hot.files(partition, hot.open())}
    assert (3, 2, 2) == (len(before), len(after), len(before & after))


def test_an_erasure_touches_nobody_else(log: AuditLog, journal: Journal, seals: Seals) -> None:
    """Every other request is found as before, and the journal serves and ships on."""
    apply_erasure(plan_erasure(log, PERSON), log, seals=seals, act=ACT)
    for number in (n for n in range(24) if not _of_person(n)):
        sent = _request(number)
        assert log.find_request(sent.request_id).request in (sent, as_stored(sent))
    assert b"answer of 9" == journal.answer_of("request-9")
    journal.append(request(99), b"")
    report = ship_folder(log.journals, log.hot, clock=lambda: 6)
    assert [7] == [each.requests for each in report]
    assert 13 * 3 == log.hot.rows("true").num_rows


def test_a_plan_counts_and_changes_nothing(log: AuditLog) -> None:
    """Four requests wait in the journal, two of them also lie in hot, two in cold."""
    plan = plan_erasure(log, PERSON)
    assert "worker-0.sqlite: 4" in str(plan)
    assert [4, 3, 3, 3, 3] == [step.entries for step in plan.steps]
    assert plan == plan_erasure(log, PERSON)
    assert not any(name in str(plan) for name in PSEUDONYMS)


def test_erasing_again_finds_nothing(log: AuditLog, seals: Seals) -> None:
    """The second plan is empty and can be applied."""
    apply_erasure(plan_erasure(log, PERSON), log, seals=seals, act=ACT)
    again = plan_erasure(log, PERSON)
    assert () == again.steps
    assert 0 == apply_erasure(again, log, seals=seals, act=ACT)


def test_an_export_holds_everything_of_one_person_once(log: AuditLog) -> None:
    """Each request comes once, exact from the journal and as stored from the tables."""
    found = {each.request.request_id: each for each in export_person(log, PERSON)}
    assert {f"request-{n}" for n in range(24) if _of_person(n)} == set(found)
    assert _request(8) == found["request-8"].request
    assert (as_stored(_request(4)), "cold") == (found["request-4"].request, found["request-4"].source)
