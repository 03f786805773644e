"""Sealing, erasure and expiry killed at random moments: the next run completes them, and all is sound."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from streamrec_explain.audit_log.custody.holds import HoldScope
from streamrec_explain.audit_log.evidence.ledger_records import Erased, Withdrawn
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import load_public_keys, public_path
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.home_log import evidence_of, holds_of, log_of, seals_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.files_naming import files_naming
from streamrec_explain.home import Home
from streamrec_explain.personal_data import person_of
from streamrec_explain.pseudonym import KeyRing, create_key_file, new_key_ring
from tests.audit_log.audit_requests import DAY_MS, START_MS, request
from tests.audit_log.custody_worker import ACT, HELD

KILLS = pytest.mark.parametrize("kills", [1, pytest.param(25, marks=pytest.mark.slow)])
LONGEST_S = 0.8


def _filled(folder: Path, kills: int) -> tuple[Home, KeyRing]:
    """Two days of requests in journal, hot and cold, a third of them ada's, the first day sealed."""
    home, ring = Home(folder / f"home-{kills}"), new_key_ring(1)
    create_key_file(home.keys, ring)
    log = log_of(home)

    def numbered(number: int) -> dict[str, object]:
        mine = {"user_id_hash": ring.pseudonym("ada")} if number % 3 == 0 else {}
        return {"timestamp_ms": START_MS + (number % 2) * DAY_MS, "region": ("US", "EU")[number % 4 // 2], **mine}

    log.cold.append([request(n, **numbered(n)) for n in range(20)])
    seal(log.tables(), seals_of(home), now_ms=1)
    with Journal(home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
        for n in range(20, 60):
            journal.append(request(n, **numbered(n)), b"answer")
            if n == 39:
                ship_folder(home.journal, log.hot, clock=lambda: 2)
    return home, ring


def _killed_and_done(home: Home, job: str, kills: int) -> None:
    """Kill the job at random moments after it began, then let it end."""
    random.seed(kills)
    command = [sys.executable, "-m", "tests.audit_log.custody_worker", str(home.root), job]
    for number in range(kills + 1):
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert worker.stdout is not None
        assert "begun\n" == worker.stdout.readline()
        if number < kills:
            time.sleep(random.uniform(0, LONGEST_S))
            os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
    assert 0 == worker.returncode


def _assert_sound(home: Home) -> None:
    keys = load_public_keys(public_path(home.signing_key))
    verdict = verify(log_of(home).tables(), evidence_of(home), keys)
    assert verdict.sound, verdict


@KILLS
def test_a_killed_erasure_is_completed_by_the_next_run(tmp_path: Path, kills: int) -> None:
    """No file names ada, nobody else lost an entry, every withdrawal is on record once."""
    home, ring = _filled(tmp_path, kills)
    _killed_and_done(home, "erase", kills)
    assert [] == files_naming(home.root, person_of("ada", ring).pseudonyms)
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 3)
    left = {name for table in log_of(home).tables() for name in table.rows("true")["request_id"].to_pylist()}
    assert {f"request-{n}" for n in range(60) if n % 3} == left
    seal(log_of(home).tables(), seals_of(home), now_ms=4)
    _assert_sound(home)
    records = evidence_of(home).ledger.records()
    assert "done" == [each.state for each in records if isinstance(each, Erased)][-1]
    withdrawn = [each for each in records if isinstance(each, Withdrawn)]
    assert 14 * 3 == sum(each.entries for each in withdrawn)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [25])
def test_a_killed_expiry_is_completed_by_the_next_run(tmp_path: Path, kills: int) -> None:
    """The first day is gone but for the request that is held; the second day is whole."""
    home, _ = _filled(tmp_path, kills)
    hold = HoldScope(request_id="request-2")
    holds_of(home).place(hold, keys=None, signer=seals_of(home).signer, act=ACT)
    _killed_and_done(home, "expire", kills)
    left = {name for table in log_of(home).tables() for name in table.rows("true")["request_id"].to_pylist()}
    assert {"request-2", *(f"request-{n}" for n in range(1, 40, 2))} == left
    _assert_sound(home)


@pytest.mark.parametrize("job", ["expire", "erase"])
@KILLS
def test_what_is_there_when_its_hold_stands_stays(tmp_path: Path, job: str, kills: int) -> None:
    """Holds are placed by another process while the removal runs and is killed; the ledger agrees in the end."""
    home, _ = _filled(tmp_path, kills)
    seal(log_of(home).tables(), seals_of(home), now_ms=2)
    command = [sys.executable, "-m", "tests.audit_log.custody_worker", str(home.root), "hold"]
    placing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    _killed_and_done(home, job, kills)
    answer, _ = placing.communicate()
    assert 0 == placing.returncode
    found = set(msgspec.json.decode(answer.removeprefix("begun\n"), type=list[str]))
    _killed_and_done(home, job, 0)
    left = {name for table in log_of(home).tables() for name in table.rows("true")["request_id"].to_pylist()}
    assert found == left & set(HELD)
    _assert_sound(home)
