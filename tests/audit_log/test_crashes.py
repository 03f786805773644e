"""Random kill -9 of ingest and shipper: nothing acknowledged is missing, nothing is doubled."""

import json
import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import AuditStore

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("crash_worker.py")
_START_S = 60.0  # a busy machine takes its time to import


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(WORKER), *arguments]
    # Unbuffered: what is read first must not hide later lines from `communicate`.
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, bufsize=0)


def _await_first(process: subprocess.Popen[bytes]) -> set[int]:
    """Wait until a worker acknowledged its first request."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_S)
    assert ready, "the ingest acknowledged nothing"
    return {int(process.stdout.readline())}


def _acknowledged(process: subprocess.Popen[bytes]) -> set[int]:
    """Kill a worker and read which requests it acknowledged; a torn last line was not."""
    process.kill()
    told, _ = process.communicate()
    return {int(line) for line in told.split(b"\n")[:-1]}


def _run_and_kill(folder: Path, store: Path, rounds: int, rng: random.Random) -> set[int]:
    """Each round kills one ingest and two rival shippers at a random moment."""
    acknowledged: set[int] = set()
    for number in range(rounds):
        ingest = _start("ingest", str(folder / "w.sqlite"), str(number * 100_000))
        shippers = [_start("ship", str(folder), str(store)) for _ in range(2)]
        acknowledged |= _await_first(ingest)
        time.sleep(rng.random())
        for shipper in rng.sample(shippers, 2):
            _acknowledged(shipper)
            time.sleep(rng.random() / 10)
        acknowledged |= _acknowledged(ingest)
    return acknowledged


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_processes_lose_and_double_nothing(
    tmp_path: Path, hot: AuditTable, store: AuditStore, rounds: int
) -> None:
    """After the last kill one clean shipping run leaves every acknowledged request in the table once."""
    folder, told = tmp_path / "journal", tmp_path / "store.json"
    told.write_text(json.dumps(msgspec.to_builtins(store)))
    acknowledged = _run_and_kill(folder, told, rounds, random.Random(rounds))
    ship_folder(folder, hot, clock=lambda: 0)
    rows = hot.query("SELECT request_id, count(*) AS n FROM entries GROUP BY request_id").to_pylist()
    assert acknowledged
    assert {f"request-{number}" for number in acknowledged} <= {row["request_id"] for row in rows}
    assert {3} == {row["n"] for row in rows}
