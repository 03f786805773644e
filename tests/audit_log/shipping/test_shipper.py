"""The shipper: every request exactly once, whatever dies, races or repeats."""

import itertools
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.outbox import BatchBounds, Outbox
from streamrec_explain.audit_log.shipping.shipper import ALL_SHIPPERS, Keeping, ShipReport, ship_folder, ship_journal
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import ShipError
from tests.audit_log.audit_requests import DAY_MS, request


def _ship(journal: Journal, table: AuditTable, now: int = 5, requests: int = 4) -> ShipReport:
    return ship_journal(journal.path, table, clock=lambda: now, bounds=BatchBounds(requests=requests), keep=Keeping(10))


def _request_counts(table: AuditTable) -> dict[str, int]:
    """Rows of each request in the table."""
    rows = table.query("SELECT request_id, count(*) AS n FROM entries GROUP BY request_id").to_pylist()
    return {row["request_id"]: row["n"] for row in rows}


def _once(numbers: range) -> dict[str, int]:
    return {f"request-{n}": 3 for n in numbers}


@pytest.fixture
def filled(journal: Journal) -> Journal:
    """The journal with ten requests."""
    for number in range(10):
        journal.append_nowait(request(number), b"%d" % number)
    journal.append(request(9), b"")
    return journal


def test_everything_is_shipped_once_in_bounded_batches(filled: Journal, hot: AuditTable) -> None:
    """Ten requests go in batches of four; a second run has nothing to do."""
    report = _ship(filled, hot)
    assert (3, 10, 30) == (report.batches, report.requests, report.rows)
    assert ShipReport(_ship(filled, hot).journal_id) == _ship(filled, hot)
    assert _once(range(10)) == _request_counts(hot)


class _TableUnderTraffic(AuditTable):
    """A table during whose every commit one more request comes, up to `most`."""

    def __init__(self, uri: str, journal: Journal, most: int) -> None:
        super().__init__(uri)
        self._journal, self._numbers = journal, iter(range(10, 10 + most))

    def append(self, *given: Any, **named: Any) -> int:
        """Commit as the table does, while one more request is journaled."""
        rows = super().append(*given, **named)
        for number in itertools.islice(self._numbers, 1):
            self._journal.append(request(number), b"")
        return rows


def test_a_run_ends_under_traffic(filled: Journal, tmp_path: Path) -> None:
    """It ships what was there and prunes; what came meanwhile goes, together, with the next run."""
    table = _TableUnderTraffic(str(tmp_path / "busy"), filled, most=100)
    first = _ship(filled, table)
    assert (3, 12) == (first.batches, first.requests)
    assert (1, 1) == (_ship(filled, table, now=20).batches, filled.backlog().requests)
    assert [f"request-{number}" for number in (12, 13)] == _held(filled)


class _TableUnderErasure(AuditTable):
    """A table whose history is forgotten, after a request left the journal, while the first commit is under way."""

    def __init__(self, uri: str, journal: Path, gone: str) -> None:
        super().__init__(uri)
        self._journal, self._gone = journal, [gone]

    def append(self, *given: Any, **named: Any) -> int:
        """Commit as the table does, too late the first time."""
        while self._gone:
            with closing(sqlite3.connect(self._journal)) as connection, connection:
                connection.execute("DELETE FROM records WHERE request_id = ?", (self._gone.pop(),))
            self.forget_history()
        return super().append(*given, **named)


def test_what_was_erased_meanwhile_is_not_shipped(filled: Journal, tmp_path: Path) -> None:
    """A batch that was read before the erasure is read again."""
    table = _TableUnderErasure(str(tmp_path / "erasing"), filled.path, "request-2")
    assert 9 == _ship(filled, table, requests=100).requests
    assert {f"request-{n}": 3 for n in range(10) if n != 2} == _request_counts(table)


def _held(journal: Journal) -> list[str]:
    with closing(sqlite3.connect(journal.path)) as connection:
        return [row[0] for row in connection.execute("SELECT request_id FROM records ORDER BY sequence")]


def test_a_batch_is_bounded_in_bytes(filled: Journal, hot: AuditTable) -> None:
    """A bound smaller than any record still ships one request at a time."""
    report = ship_journal(filled.path, hot, clock=lambda: 5, bounds=BatchBounds(stored_bytes=1))
    assert (10, 10) == (report.batches, report.requests)


def test_a_crash_after_the_commit_ships_nothing_twice(filled: Journal, hot: AuditTable) -> None:
    """The batch in the table but not marked in the journal is recognised by its number."""
    with Outbox(filled.path) as outbox:
        batch = outbox.next_batch(0, BatchBounds(requests=4))
        assert batch is not None
        hot.append(outbox.read(batch).requests, fences={outbox.journal_id: batch.number, ALL_SHIPPERS: 1})
    assert 6 == _ship(filled, hot).requests
    assert _once(range(10)) == _request_counts(hot)


def test_a_crash_before_the_commit_keeps_the_bounds(filled: Journal, hot: AuditTable) -> None:
    """A fixed batch is shipped as it was fixed, though more requests and other bounds came since."""
    with Outbox(filled.path) as outbox:
        fixed = outbox.next_batch(0, BatchBounds(requests=4))
    filled.append(request(10), b"")
    with Outbox(filled.path) as outbox:
        assert fixed == outbox.next_batch(0, BatchBounds(requests=1))
    report = _ship(filled, hot, requests=100)
    assert (2, 11) == (report.batches, report.requests)


def test_many_shippers_at_once_ship_once(filled: Journal, hot: AuditTable) -> None:
    """Four shippers started by mistake on one journal, and nothing is missing or doubled."""
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(lambda _: _ship(filled, hot, requests=1), range(4)))
    assert 10 == sum(report.requests for report in reports)
    assert _once(range(10)) == _request_counts(hot)


def test_one_request_in_two_journals_is_shipped_once(tmp_path: Path, hot: AuditTable) -> None:
    """A retry that another worker answered, even past midnight, stays out of the table."""
    with (
        Journal(tmp_path / "j" / "a.sqlite", clock=lambda: 1) as a,
        Journal(tmp_path / "j" / "b.sqlite", clock=lambda: 1) as b,
    ):
        a.append(request(1), b"")
        b.append(request(1, timestamp_ms=request(1).timestamp_ms + DAY_MS), b"")
        b.append(request(2), b"")
        reports = ship_folder(tmp_path / "j", hot, clock=lambda: 5)
    assert [(1, 0), (1, 1)] == [(report.requests, report.duplicates) for report in reports]
    assert _once(range(1, 3)) == _request_counts(hot)


def test_shipped_records_are_pruned_after_their_time(filled: Journal, hot: AuditTable) -> None:
    """A retry finds its answer for the configured time, and the space comes back."""
    assert 0 == _ship(filled, hot, now=5).pruned
    assert 0 == _ship(filled, hot, now=15).pruned
    assert b"3" == filled.answer_of("request-3")
    assert 10 == _ship(filled, hot, now=16).pruned
    assert filled.answer_of("request-3") is None
    filled.append(request(10), b"")
    assert 1 == _ship(filled, hot, now=17).requests
    assert _once(range(11)) == _request_counts(hot)


def test_shipped_records_give_way_before_the_journal_is_full(filled: Journal, hot: AuditTable) -> None:
    """The oldest go before their time until the bound holds; what was not shipped never does."""
    bounds, all_bytes = BatchBounds(requests=2), filled.used_bytes
    report = ship_journal(filled.path, hot, clock=lambda: 5, bounds=bounds, keep=Keeping(10, all_bytes - 4096))
    assert 0 < report.pruned < 10
    assert [f"request-{number}" for number in range(report.pruned, 10)] == _held(filled)
    again = ship_journal(filled.path, hot, clock=lambda: 5, bounds=bounds, keep=Keeping(10, 0))
    assert (10, []) == (report.pruned + again.pruned, _held(filled))
    filled.append(request(10), b"")
    with Outbox(filled.path) as outbox:
        assert 0 == outbox.prune(99, 99, 0)
    assert ["request-10"] == _held(filled)


def test_damaged_records_are_set_aside_and_told(filled: Journal, hot: AuditTable) -> None:
    """A flipped byte keeps one request back, never the others, and never goes away silently."""
    with sqlite3.connect(filled.path) as connection:
        connection.execute("UPDATE records SET checksum = checksum + 1 WHERE request_id = 'request-5'")
    connection.close()
    report = _ship(filled, hot)
    assert (("request-5",), 9) == (report.damaged, report.requests)
    assert 9 == _ship(filled, hot, now=100).pruned


def test_a_journal_restored_from_an_older_copy_ships_nothing_twice(
    filled: Journal, hot: AuditTable, tmp_path: Path
) -> None:
    """What was shipped after the backup is recognised request by request; what is new is shipped."""
    backup = tmp_path / "restored" / "worker-0.sqlite"
    backup.parent.mkdir()
    with sqlite3.connect(filled.path) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    _ship(filled, hot)
    with Journal(backup, clock=lambda: 2) as restored:
        restored.append(request(10), b"")
        report = _ship(restored, hot)
    assert (1, 10) == (report.requests, report.duplicates)
    assert _once(range(11)) == _request_counts(hot)


@pytest.mark.usefixtures("in_folder")
def test_a_table_restored_from_an_older_copy_is_filled_again(filled: Journal, hot: AuditTable, tmp_path: Path) -> None:
    """The table is the authority: batches that it lost are shipped again from the journal."""
    _ship(filled, hot)
    shutil.rmtree(hot.uri)
    assert 10 == _ship(filled, hot).requests
    assert _once(range(10)) == _request_counts(hot)


def test_a_journal_made_again_is_another_journal(tmp_path: Path, hot: AuditTable) -> None:
    """A deleted and recreated file does not pass its first batches for shipped ones."""
    for made_ms, number in ((1, 1), (2, 2)):
        (tmp_path / "w.sqlite").unlink(missing_ok=True)
        with Journal(tmp_path / "w.sqlite", clock=lambda made=made_ms: made) as journal:  # type: ignore[misc]
            journal.append(request(number), b"")
        ship_journal(tmp_path / "w.sqlite", hot, clock=lambda: 5)
    assert _once(range(1, 3)) == _request_counts(hot)


def test_one_broken_journal_keeps_no_other_back(tmp_path: Path, hot: AuditTable) -> None:
    """The good journal is shipped, the broken one is named."""
    (tmp_path / "a.sqlite").write_bytes(b"broken" * 1000)
    with Journal(tmp_path / "b.sqlite", clock=lambda: 1) as journal:
        journal.append(request(1), b"")
        with pytest.raises(ShipError, match=r"a\.sqlite"):
            ship_folder(tmp_path, hot, clock=lambda: 5)
    assert _once(range(1, 2)) == _request_counts(hot)


@pytest.mark.usefixtures("in_folder")
def test_a_store_that_is_away_loses_nothing(filled: Journal, hot: AuditTable) -> None:
    """The outage is an error that names the store; afterwards everything is shipped."""
    Path(hot.uri).parent.mkdir()
    Path(hot.uri).write_text("in the way")
    with pytest.raises(ShipError, match="hot"):
        ship_folder(filled.path.parent, hot, clock=lambda: 5)
    Path(hot.uri).unlink()
    ship_folder(filled.path.parent, hot, clock=lambda: 5)
    assert _once(range(10)) == _request_counts(hot)
