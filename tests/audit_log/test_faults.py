"""What goes wrong around the log: a full disk, a clock set back, entries for days that have moved on."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import Seals
from streamrec_explain.audit_log.journal.file import connect
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.shipping.outbox import BatchBounds
from streamrec_explain.audit_log.shipping.rounds import ship_rounds
from streamrec_explain.audit_log.shipping.shipper import Keeping, ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import EntryNotFoundError, JournalError, JournalFullError, ShipError
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

POLICY = RetentionPolicy()
NO_REST = bytes(range(256)) * 100  # an answer of 25 kB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB of its own."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system needs the right to mount one: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def acknowledged_until_full(journal: Journal, most: int = 2_000) -> list[int]:
    """Append until the journal refuses; which requests it acknowledged."""
    done = []
    with pytest.raises(JournalFullError, match="free"):
        for number in range(most):
            journal.append(request(number), NO_REST)
            done.append(number)
    return done


def in_table(table: AuditTable) -> dict[str, int]:
    """Rows of each request."""
    return dict(Counter(table.query("SELECT request_id FROM entries")["request_id"].to_pylist()))


def test_requests_are_refused_before_the_disk_is_full(small_disk: Path) -> None:
    """The reserve stays free for the shipper; nothing acknowledged is lost, and shipping opens the journal again."""
    hot = AuditTable(str(small_disk.parent / "hot"))
    reserve = 3 << 20
    with Journal(small_disk / "w.sqlite", clock=lambda: 1, reserve_bytes=reserve) as journal:
        acknowledged = acknowledged_until_full(journal)
        assert len(acknowledged) > 20
        assert journal.measured_fill() > 0.97
        ship_folder(small_disk, hot, clock=lambda: 10, keep=Keeping(0))
        ship_folder(small_disk, hot, clock=lambda: 11, keep=Keeping(0))
        assert {f"request-{n}": 3 for n in acknowledged} == in_table(hot)


def test_a_disk_that_others_filled_loses_nothing(small_disk: Path) -> None:
    """Even with no reserve: what sqlite cannot write is refused, and goes in once there is space again."""
    with Journal(small_disk / "w.sqlite", clock=lambda: 1, reserve_bytes=0) as journal:
        journal.append(request(0), b"first")
        ballast = small_disk / "of-others"
        with pytest.raises(OSError, match="No space"), ballast.open("wb") as stream:
            while True:
                stream.write(bytes(4096))
                stream.flush()
        refused = 0
        for number in range(1, 40):
            try:
                journal.append(request(number), NO_REST)
            except JournalFullError:
                refused += 1
        assert refused
        ballast.unlink()
        assert NO_REST == journal.append(request(50), NO_REST)
    with Journal(small_disk / "w.sqlite", clock=lambda: 2, reserve_bytes=0) as again:
        assert (b"first", NO_REST) == (again.answer_of("request-0"), again.answer_of("request-50"))


def test_a_full_store_keeps_requests_in_the_journal(small_disk: Path, journal: Journal) -> None:
    """The round fails and says so; with space again everything is there once."""
    hot = AuditTable(str(small_disk / "hot"))
    for number in range(3_000):
        journal.append_nowait(request(number, inputs=bytes((number * k) % 251 for k in range(600))), b"")
    journal.append(request(3_000), b"")
    hot.open()
    ballast = small_disk / "of-others"
    with pytest.raises(OSError, match="No space"), ballast.open("wb") as stream:
        while True:
            stream.write(bytes(4096))
            stream.flush()
    with pytest.raises(ShipError, match="kept in the journal"):
        ship_folder(journal.path.parent, hot, clock=lambda: 5)
    ballast.unlink()
    ship_folder(journal.path.parent, hot, clock=lambda: 6)
    assert {f"request-{n}": 3 for n in range(3_001)} == in_table(hot)


def test_a_clock_set_back_loses_nothing(tmp_path: Path, hot: AuditTable) -> None:
    """Times decide only how long shipped records stay: later rather than never, and never before they are shipped."""
    times = iter([10_000, 9_000, 500, 400, 300, 200, 100, *range(20_000, 20_050)])
    with Journal(tmp_path / "j" / "w.sqlite", clock=lambda: next(times)) as journal:
        for number in range(3):
            journal.append(request(number), b"%d" % number)
        ship_folder(tmp_path / "j", hot, clock=lambda: 50, keep=Keeping(10))
        journal.append(request(3), b"3")
        (report,) = ship_folder(tmp_path / "j", hot, clock=lambda: 1, keep=Keeping(10))
        assert (1, 0) == (report.requests, report.pruned)
        assert b"0" == journal.answer_of("request-0")
        assert 0.0 == journal.backlog().age_s(0)
        (late,) = ship_folder(tmp_path / "j", hot, clock=lambda: 1_000, keep=Keeping(10))
        assert 4 == late.pruned
    assert {f"request-{n}": 3 for n in range(4)} == in_table(hot)


def test_a_journal_made_again_under_an_older_clock_is_another_journal(tmp_path: Path, hot: AuditTable) -> None:
    """The same name at the same millisecond: its first batches are not taken for those of the file before."""
    for number in (1, 2):
        (tmp_path / "j" / "w.sqlite").unlink(missing_ok=True)
        with Journal(tmp_path / "j" / "w.sqlite", clock=lambda: 7) as journal:
            journal.append(request(number), b"")
        ship_folder(tmp_path / "j", hot, clock=lambda: 8)
    assert {"request-1": 3, "request-2": 3} == in_table(hot)


def test_entries_for_an_archived_day_join_it(tmp_path: Path, hot: AuditTable, cold: AuditTable) -> None:
    """A journal of a machine that was away for months: its entries are hot until the next archive moves them."""
    log = AuditLog(tmp_path / "j", hot, cold)
    hot.append([request(n) for n in range(5)])
    now = START_MS + 100 * DAY_MS
    apply_archive(plan_archive(hot, cold, policy=POLICY, now_ms=now), hot, cold)
    with Journal(tmp_path / "j" / "late.sqlite", clock=lambda: now) as journal:
        journal.append(request(7), b"")
        journal.append(request(2), b"")  # a retry of a request that is archived
    ship_folder(tmp_path / "j", hot, clock=lambda: now, keep=Keeping(-1))
    assert ("cold", "hot") == (log.find_request("request-4").source, log.find_request("request-7").source)
    apply_archive(plan_archive(hot, cold, policy=POLICY, now_ms=now), hot, cold)
    assert {f"request-{n}": 3 for n in (0, 1, 2, 3, 4, 7)} == in_table(cold)
    assert {} == in_table(hot)


def test_entries_for_an_expired_day_are_kept_until_expiry_names_them(
    tmp_path: Path, hot: AuditTable, cold: AuditTable, seals: Seals
) -> None:
    """They are not dropped in silence on the way: the plan of the next expiry tells them."""
    log = AuditLog(tmp_path / "j", hot, cold)
    now = START_MS + 900 * DAY_MS
    with Journal(tmp_path / "j" / "late.sqlite", clock=lambda: now) as journal:
        journal.append(request(1), b"")
    ship_folder(tmp_path / "j", hot, clock=lambda: now, keep=Keeping(-1))
    assert "hot" == log.find_request("request-1").source
    plan = plan_expiry(hot, policy=POLICY, now_ms=now)
    assert [3] == [step.rows for step in plan.steps]
    assert 3 == apply_expiry(plan, hot, seals=seals, act=Act("tester", now, "retention"))
    with pytest.raises(EntryNotFoundError):
        log.find_request("request-1")


def test_a_batch_of_damaged_requests_holds_nobody_up(journal: Journal, hot: AuditTable) -> None:
    """A whole batch that cannot be read is told, kept, and passed."""
    for number in range(6):
        journal.append(request(number), b"")
    connection = connect(journal.path)
    connection.execute("UPDATE records SET checksum = checksum + 1 WHERE sequence <= 3")
    connection.close()
    rounds = ship_rounds(
        journal.path.parent,
        hot,
        clock=lambda: 1,
        pause=lambda _: None,
        stopping=lambda: False,
        every_s=1,
        bounds=BatchBounds(requests=3),
    )
    first = next(rounds)
    assert (3, ("request-0", "request-1", "request-2"), ()) == (first.requests, first.damaged, first.failures)
    assert {f"request-{n}": 3 for n in (3, 4, 5)} == in_table(hot)


def test_what_the_table_could_not_hold_never_enters_the_journal(journal: Journal, hot: AuditTable) -> None:
    """A day outside the calendar is refused at the door, where the caller can be told, not at the shipper."""
    with pytest.raises(JournalError, match="no calendar day"):
        journal.append(request(1, timestamp_ms=10**15), b"")
    journal.append(request(2, timestamp_ms=0), b"")
    ship_folder(journal.path.parent, hot, clock=lambda: 1)
    assert {"request-2": 3} == in_table(hot)
