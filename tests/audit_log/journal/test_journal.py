"""The journal: durable on return, one answer per request, bounded, readable beside its writer."""

import asyncio
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.errors import CorruptRecordError, JournalError, JournalFullError
from tests.audit_log.audit_requests import request


def test_what_was_appended_is_found(journal: Journal) -> None:
    """Request and answer come back exactly; others are not there."""
    assert b"answer" == journal.append(request(1), b"answer")
    assert (b"answer", request(1)) == (journal.answer_of("request-1"), journal.find("request-1"))
    assert (None, None) == (journal.answer_of("request-2"), journal.find("request-2"))


def test_a_repeated_request_gets_the_first_answer(journal: Journal) -> None:
    """The second append of an id stores nothing and returns what was said first."""
    journal.append(request(1), b"first")
    assert b"first" == journal.append(request(1, policy="case_study"), b"second")
    assert (b"first", request(1)) == (journal.answer_of("request-1"), journal.find("request-1"))


def test_repeats_within_one_group_get_one_answer(journal: Journal) -> None:
    """Many concurrent attempts at one request agree on one answer."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: journal.append(request(1), b"%d" % n), range(50)))
    assert {journal.answer_of("request-1")} == set(answers)


def test_an_event_loop_can_await_durability(journal: Journal) -> None:
    """Futures of the committer thread resolve inside asyncio."""

    async def append_all() -> list[bytes]:
        waiting = [asyncio.wrap_future(journal.append_nowait(request(n), b"%d" % n)) for n in range(100)]
        return await asyncio.gather(*waiting)

    assert [b"%d" % n for n in range(100)] == asyncio.run(append_all())


def test_a_cancelled_waiter_does_not_stop_the_journal(journal: Journal) -> None:
    """A client that goes away leaves the committer running."""
    journal.append_nowait(request(1), b"gone").cancel()
    assert b"next" == journal.append(request(2), b"next")


def test_a_copy_taken_at_any_moment_holds_what_was_acknowledged(journal: Journal, tmp_path: Path) -> None:
    """The files as they lie after an acknowledgement are enough, as after kill -9."""
    journal.append(request(1), b"answer")
    _copy(journal.path, tmp_path / "copy.sqlite")
    with Journal(tmp_path / "copy.sqlite", clock=lambda: 2) as copy:
        assert b"answer" == copy.answer_of("request-1")


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.999])
def test_a_torn_tail_loses_only_the_tail(journal: Journal, tmp_path: Path, kept: float) -> None:
    """A log cut anywhere leaves a prefix of the appended requests and a journal that works."""
    for number in range(20):
        journal.append(request(number), b"%d" % number)
    torn = tmp_path / "torn.sqlite"
    _copy(journal.path, torn)
    log = torn.with_name("torn.sqlite-wal")
    log.write_bytes(log.read_bytes()[: int(log.stat().st_size * kept)])
    with Journal(torn, clock=lambda: 2) as recovered:
        there = [recovered.answer_of(f"request-{n}") is not None for n in range(20)]
        assert sorted(there, reverse=True) == there
        assert not all(there)
        assert b"new" == recovered.append(request(99), b"new")


def test_a_full_journal_refuses_and_says_so(tmp_path: Path) -> None:
    """At its bound the journal sheds load and keeps what it holds."""
    with Journal(tmp_path / "small.sqlite", clock=lambda: 1, max_bytes=60_000) as small:
        accepted = 0
        with pytest.raises(JournalFullError, match="shed load"):
            for accepted in range(1000):
                small.append(request(accepted), b"a" * 500)
        assert 0 < accepted < 100
        assert small.fill < 1.1
        assert b"a" * 500 == small.answer_of("request-0")


def test_the_reserve_of_the_disk_is_not_used(tmp_path: Path) -> None:
    """With less free disk than reserved nothing is accepted."""
    reserve = shutil.disk_usage(tmp_path).free * 2
    with (
        Journal(tmp_path / "j.sqlite", clock=lambda: 1, reserve_bytes=reserve) as journal,
        pytest.raises(JournalFullError, match="reserved"),
    ):
        journal.append(request(1), b"")


def test_a_damaged_record_is_told_and_disturbs_no_other(journal: Journal) -> None:
    """A flipped byte is an error for that request alone, also when it is sent again."""
    for number in range(3):
        journal.append(request(number), b"%d" % number)
    _damage(journal.path, "request-1")
    with pytest.raises(CorruptRecordError, match="request-1"):
        journal.answer_of("request-1")
    again = [journal.append_nowait(request(n), b"again") for n in range(3)]
    assert [b"0", b"2"] == [again[0].result(), again[2].result()]
    with pytest.raises(CorruptRecordError):
        again[1].result()


def test_a_closed_journal_refuses(tmp_path: Path) -> None:
    """Closing makes everything durable; later appends are an error."""
    journal = Journal(tmp_path / "j.sqlite", clock=lambda: 1)
    waiting = [journal.append_nowait(request(n), b"") for n in range(50)]
    journal.close()
    assert all(future.done() for future in waiting)
    with pytest.raises(JournalError, match="closed"):
        journal.append(request(99), b"")


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(JournalError, match=r"j\.sqlite"):
        Journal(path, clock=lambda: 1)


def _copy(source: Path, target: Path) -> None:
    for suffix in ("", "-wal"):
        shutil.copy(f"{source}{suffix}", f"{target}{suffix}")


def _damage(path: Path, request_id: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE records SET body = CAST(substr(body, 1, 9) || x'5a5a' || substr(body, 12) AS BLOB) "
            "WHERE request_id = ?",
            (request_id,),
        )
    connection.close()
