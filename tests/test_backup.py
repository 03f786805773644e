"""Backup and restore: everything that cannot be made again comes back, or nothing does."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from streamrec_explain.audit_log.custody.holds import HoldScope
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import load_public_keys, public_path
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.home_log import evidence_of, holds_of, log_of, seals_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.backup import MANIFEST, backup, read_manifest, restore
from streamrec_explain.errors import BackupError
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import create_key_file, load_key_file, new_key_ring
from tests.audit_log.audit_requests import request


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Keys, a promotion ledger, ten requests shipped and sealed, ten in the journal, and what is left out."""
    home = Home(tmp_path / "home")
    create_key_file(home.keys, new_key_ring(1).rotated(2))
    with closing(sqlite3.connect(home.ledger)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE entries (id)")
    with Journal(home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
        for number in range(20):
            journal.append(request(number), b"answer")
            if number == 9:
                ship_folder(home.journal, log_of(home).hot, clock=lambda: 2)
    seal(log_of(home).tables(), seals_of(home), now_ms=3)
    home.values.mkdir()
    (home.values / "events.arrow").write_bytes(b"made again")
    return home


def _ids(home: Home) -> list[str]:
    return sorted(set(log_of(home).hot.rows("true")["request_id"].to_pylist()))


def test_a_restored_home_goes_on_where_the_old_one_was(home: Home, tmp_path: Path) -> None:
    """Keys, journal, table and seals: what was not shipped is shipped now, each request once, and all is sound."""
    backup(home, tmp_path / "backup", now_ms=4)
    restored = Home(tmp_path / "other" / "home")
    restored.root.parent.mkdir()
    restore(tmp_path / "backup", restored.root)
    assert load_key_file(home.keys) == load_key_file(restored.keys)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in (restored.keys, restored.signing_key)}
    assert not restored.values.exists()
    ship_folder(restored.journal, log_of(restored).hot, clock=lambda: 5)
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 5)
    assert sorted(f"request-{n}" for n in range(20)) == _ids(restored) == _ids(home)
    seal(log_of(restored).tables(), seals_of(restored), now_ms=6)
    keys = load_public_keys(public_path(restored.signing_key))
    assert verify(log_of(restored).tables(), evidence_of(restored), keys).sound


def test_a_backup_beside_a_running_writer_is_consistent(home: Home, tmp_path: Path) -> None:
    """What was acknowledged before it began is in it, whatever is written meanwhile."""
    stop = threading.Event()

    def write() -> None:
        with Journal(home.journal / "worker-1.sqlite", clock=lambda: 1) as journal:
            number = 100
            while not stop.is_set() or number < 110:
                journal.append(request(number), b"answer")
                number += 1
                started.set()

    started = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    started.wait(10)
    backup(home, tmp_path / "backup", now_ms=4)
    stop.set()
    writer.join()
    restore(tmp_path / "backup", tmp_path / "restored")
    restored = log_of(Home(tmp_path / "restored"))
    for number in (0, 15, 100):
        assert request(number).request_id == restored.find_request(f"request-{number}").request.request_id


def test_an_older_backup_of_a_journal_doubles_nothing(home: Home, tmp_path: Path) -> None:
    """Restored over a table that went on, the journal's records are found there and left out."""
    backup(home, tmp_path / "backup", now_ms=4)
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 5)
    restore(tmp_path / "backup", tmp_path / "restored")
    (home.journal / "worker-0.sqlite").write_bytes((tmp_path / "restored/journal/worker-0.sqlite").read_bytes())
    for left in home.journal.glob("*-wal"):
        left.unlink()
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 6)
    assert 60 == log_of(home).hot.rows("true").num_rows


@pytest.mark.parametrize("name", ["keys.json", "journal/worker-0.sqlite", "ledger.sqlite", "audit_ledger.sqlite"])
def test_a_changed_or_lost_file_restores_nothing(home: Home, tmp_path: Path, name: str) -> None:
    """It is named."""
    backup(home, tmp_path / "backup", now_ms=4)
    path = tmp_path / "backup" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackupError, match=name):
        restore(tmp_path / "backup", tmp_path / "restored")
    path.unlink()
    with pytest.raises(BackupError, match=name):
        read_manifest(tmp_path / "backup")
    assert not (tmp_path / "restored").exists()


def test_nothing_is_written_over(home: Home, tmp_path: Path) -> None:
    """Neither a home nor a folder that holds anything; and half a backup is none."""
    backup(home, tmp_path / "backup", now_ms=4)
    with pytest.raises(BackupError, match="not empty"):
        backup(home, tmp_path / "backup", now_ms=5)
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "backup", home.root)
    (tmp_path / "backup" / MANIFEST).unlink()
    with pytest.raises(BackupError, match="no finished backup"):
        restore(tmp_path / "backup", tmp_path / "restored")


def test_a_damaged_journal_is_not_backed_up_as_sound(home: Home, tmp_path: Path) -> None:
    """sqlite's own check finds it."""
    path = home.journal / "worker-0.sqlite"
    data = bytearray(path.read_bytes())
    data[4096 + 8 : 4096 + 300] = b"\xff" * 292
    path.write_bytes(data)
    with pytest.raises(BackupError):
        backup(home, tmp_path / "backup", now_ms=4)


def test_holds_placed_during_a_backup_are_in_it_wholly_or_not(home: Home, tmp_path: Path) -> None:
    """Whom a hold is about comes with its record: without, nothing could be removed from the restored home."""
    keys, holds, signer, ended = load_key_file(home.keys), holds_of(home), seals_of(home).signer, threading.Event()
    act = Act("tester", 1, "case 7")

    def place_and_release() -> None:
        while not ended.is_set():
            placed = holds.place(HoldScope(user_id="ada"), keys=keys, signer=signer, act=act)
            holds.release(placed.hold_id, signer=signer, act=act)
            holds.place(HoldScope(user_id="bob"), keys=keys, signer=signer, act=act)

    placing = threading.Thread(target=place_and_release)
    placing.start()
    try:
        for number in range(4):
            backup(home, tmp_path / f"backup-{number}", now_ms=4)
    finally:
        ended.set()
        placing.join()
    for number in range(4):
        restored = Home(tmp_path / f"restored-{number}")
        restore(tmp_path / f"backup-{number}", restored.root)
        assert set(holds_of(restored).people()) == {each.hold_id for each in holds_of(restored).active(keys)}
        assert {path.stem for path in restored.holds.glob("*.json")} == set(holds_of(restored).people())
