"""`streamrec up` as a person runs it: four pages answer, and nothing is left afterwards."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from streamrec_explain.cli.service_process import HOST, free_port
from tests.end_to_end.conftest import CommandLine
from tests.end_to_end.running import wait_until

PAGES = {"dagster": "/server_info", "mlflow": "/health", "service": "/readyz", "auditor": "/livez"}
START_S = 180.0
END_S = 60.0


def answers(url: str) -> bool:
    """Whether a page is there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def processes_of(home: Path) -> list[int]:
    """The processes that were started for a home: they carry its path in their environment or arguments."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            told = each.joinpath("environ").read_bytes() + each.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if str(home).encode() in told and int(each.name) != os.getpid():
            found.append(int(each.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc")
def test_everything_runs_and_ends_together(copy: CommandLine, tmp_path: Path) -> None:
    """All four answer; SIGTERM to the command ends them, their children and their children's children."""
    (copy.home / "dagster").mkdir()
    ports = {name: free_port() for name in PAGES}
    command = copy.command("up", *(f"--{name}-port={port}" for name, port in ports.items()))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
    for name, page in PAGES.items():
        wait_until(lambda url=f"http://{HOST}:{ports[name]}{page}": answers(url), START_S)
    assert len(processes_of(copy.home)) > len(PAGES)
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(timeout=END_S)
    wait_until(lambda: not processes_of(copy.home), END_S)
