"""`streamrec audit-log ship --watch`: a process that ships, tells, and ends when it is told or alone."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.cli.service_process import shipper_command
from streamrec_explain.cli.ship import ship
from streamrec_explain.home import Home
from tests.audit_log.audit_requests import request

# Starts a shipper that names it as the parent, tells its id, and ends.
PARENT = """
import os, subprocess, sys
child = subprocess.Popen([*sys.argv[1:], f"--with-process={os.getpid()}"])
print(child.pid, flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with five waiting requests."""
    stored = Home(tmp_path / "home")
    with Journal(stored.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
        for number in range(5):
            journal.append(request(number), b"")
    return stored


@contextmanager
def watching(home: Home, *more: str) -> "Iterator[subprocess.Popen[str]]":
    """A shipper of the home that looks every half second."""
    command = shipper_command(home.root, "--every=0.5", *more)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    """The next line that it tells."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ships_what_comes_and_ends_when_asked(home: Home, number: signal.Signals) -> None:
    """One line for each round that did something; exit code 0."""
    with watching(home) as process:
        assert "shipped 5 requests (15 rows); waiting: 0 requests, 0 bytes, the oldest for 0 s" in line(process)
        with Journal(home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
            journal.append(request(5), b"")
        assert "shipped 1 requests (3 rows)" in line(process)
        process.send_signal(number)
        told, complained = process.communicate(timeout=30)
        assert (0, "", "") == (process.returncode, told, complained)
    assert 18 == AuditTable(home.audit_log_hot).query("SELECT count(*) AS n FROM entries")["n"][0].as_py()


@pytest.mark.parametrize(("bound", "kept"), [("1", 0), (str(1 << 30), 5)])
def test_shipped_records_give_way_to_the_bound_of_the_service(home: Home, bound: str, kept: int) -> None:
    """Which the service takes from the same variable of the environment."""
    runner = CliRunner(env={"STREAMREC_JOURNAL_MAX_BYTES": bound})
    assert 0 == runner.invoke(ship, [f"--home={home.root}"], catch_exceptions=False).exit_code
    with closing(sqlite3.connect(home.journal / "worker-0.sqlite")) as connection:
        assert [(kept,)] == connection.execute("SELECT count(*) FROM records").fetchall()


def test_it_tells_an_outage_and_its_end(home: Home) -> None:
    """As JSON: why nothing was shipped, what waits, and then that it was."""
    store = Path(home.audit_log_hot).parent
    store.write_text("no folder")
    with watching(home, "--json") as process:
        away = json.loads(line(process))
        assert (0, 5, 1.0) == (away["requests"], away["waiting"]["requests"], away["pause_s"])
        assert ["worker-0.sqlite"] == [name for name in ("worker-0.sqlite",) if name in away["failures"][0]]
        store.unlink()
        told = away
        while told["failures"]:
            told = json.loads(line(process))
        assert (5, 0, 0.5) == (told["requests"], told["waiting"]["requests"], told["pause_s"])


def test_it_gives_way_to_its_parent(home: Home) -> None:
    """Beside a service it takes what processor time is left."""
    with watching(home, f"--with-process={os.getpid()}") as process:
        assert "shipped 5 requests" in line(process)
        assert os.getpriority(os.PRIO_PROCESS, 0) + 10 == os.getpriority(os.PRIO_PROCESS, process.pid)


def test_it_ends_with_its_parent(home: Home) -> None:
    """Nobody has to look for it after the service was killed."""
    command = [sys.executable, "-c", PARENT, *shipper_command(home.root, "--every=0.5")]
    # Its output ends when the last process that holds it has ended.
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[0].isdecimal()
