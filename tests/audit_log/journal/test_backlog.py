"""The backlog: what waits, counted without reading all of it, over journals of every age."""

from pathlib import Path

import pytest

from streamrec_explain.audit_log.journal import backlog
from streamrec_explain.audit_log.journal.backlog import Backlog, folder_backlog
from streamrec_explain.audit_log.journal.file import MIGRATIONS, connect
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.journal.record import stored_record
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from tests.audit_log.audit_requests import request


class Ticking:
    """A clock that is told what time it is."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        """The time it was told."""
        return self.now


def size_of(numbers: range) -> int:
    """Stored bytes of these requests."""
    return sum(len(stored_record(request(n), b"").body) for n in numbers)


def test_what_waits_is_counted_and_weighed(tmp_path: Path, hot: AuditTable) -> None:
    """In every worker's journal, from the first that waits; nothing after shipping."""
    clock = Ticking(100)
    with (
        Journal(tmp_path / "j" / "a.sqlite", clock=clock) as a,
        Journal(tmp_path / "j" / "b.sqlite", clock=clock) as b,
    ):
        for number in range(4):
            a.append(request(number), b"")
            clock.now += 10
        b.append(request(9), b"")
        assert Backlog(4, size_of(range(4)), 100) == a.backlog()
        both = folder_backlog(tmp_path / "j")
        assert Backlog(5, size_of(range(4)) + size_of(range(9, 10)), 100) == both
        assert (0.05, 0.0) == (both.age_s(150), both.age_s(50))
        ship_folder(tmp_path / "j", hot, clock=clock)
        assert Backlog() == folder_backlog(tmp_path / "j")
        clock.now = 1_000
        a.append(request(5), b"")
        assert (1, 1_000) == ((waiting := folder_backlog(tmp_path / "j")).requests, waiting.oldest_ms)


def test_a_large_backlog_is_weighed_by_its_first_requests(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are counted; the mean of the first three stands for the size of all."""
    monkeypatch.setattr(backlog, "_WEIGHED", 3)
    for number in range(10):
        journal.append(request(number), b"")
    assert Backlog(10, size_of(range(3)) * 10 // 3, 1) == journal.backlog()


def test_a_journal_of_an_older_program_does_not_say_since_when(tmp_path: Path) -> None:
    """Its records are counted as they lie; opening it for writing brings it up to date and keeps them."""
    path = tmp_path / "j" / "old.sqlite"
    older = connect(path, migrations=MIGRATIONS[:1])
    record = stored_record(request(1), b"answer")
    older.execute("INSERT INTO identity (journal_id) VALUES ('old')")
    older.execute(
        "INSERT INTO records (request_id, user_id_hash, checksum, body) VALUES (?, ?, ?, ?)",
        (record.request_id, record.user_id_hash, record.checksum, record.body),
    )
    older.close()
    assert Backlog(1, len(record.body), None) == folder_backlog(tmp_path / "j")
    with Journal(path, clock=lambda: 50) as journal:
        journal.append(request(2), b"")
        assert b"answer" == journal.answer_of("request-1")
        assert (2, 50) == ((waiting := journal.backlog()).requests, waiting.oldest_ms)


def test_a_broken_journal_hides_no_other(tmp_path: Path) -> None:
    """What can be read is counted; the shipper names the rest."""
    with Journal(tmp_path / "j" / "a.sqlite", clock=lambda: 1) as journal:
        journal.append(request(1), b"")
    (tmp_path / "j" / "broken.sqlite").write_bytes(b"broken" * 1000)
    assert 1 == folder_backlog(tmp_path / "j").requests
