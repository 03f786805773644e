"""Several programs run and end together, whatever they started themselves; busy ports are told before."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamrec_explain.cli.service_process import HOST, free_port
from streamrec_explain.cli.up import Program, require_free
from streamrec_explain.errors import SettingsError

# Writes the ids of itself and of a child that would outlive it, then waits.
PARENT = """
import subprocess, sys, time, os
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "w") as out:
    out.write(f"{os.getpid()} {child.pid} end")
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + PARENT
RUNNER = """
import json, sys
from streamrec_explain.cli import up
up.GRACE_S = 1.0
scripts = json.loads(sys.argv[1])
programs = [up.Program(name, 1, "/", [sys.executable, "-c", *words], {}) for name, words in scripts.items()]
sys.exit(up.run_together(programs))
"""


def start(scripts: dict[str, list[str]]) -> "subprocess.Popen[str]":
    """Run scripts together in a process that signals may be sent to."""
    return subprocess.Popen([sys.executable, "-c", RUNNER, json.dumps(scripts)], stderr=subprocess.PIPE, text=True)


def written(path: Path) -> list[int]:
    """The process ids in a file, once they are all there."""
    deadline = time.monotonic() + 30
    while not (path.exists() and path.read_text().endswith("end")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [int(word) for word in path.read_text().split()[:-1]]


def lives(process: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_children_of_children_end_too(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM ends every process, the one that ignores requests as well, with exit code 0."""
    files = {"first": tmp_path / "first", "stubborn": tmp_path / "stubborn"}
    running = start({"first": [PARENT, str(files["first"])], "stubborn": [STUBBORN, str(files["stubborn"])]})
    processes = [each for file in files.values() for each in written(file)]
    running.send_signal(number)
    assert 0 == running.wait(timeout=30)
    assert (4, []) == (len(processes), [each for each in processes if lives(each)])


def test_one_that_ends_by_itself_ends_all(tmp_path: Path) -> None:
    """Exit code 1 and its name."""
    file = tmp_path / "pids"
    running = start({"steady": [PARENT, str(file)], "brief": ["import time; time.sleep(2)"]})
    processes = written(file)
    assert 1 == running.wait(timeout=30)
    assert "brief ended by itself" in (running.stderr.read() if running.stderr else "")
    assert [] == [each for each in processes if lives(each)]


def test_busy_ports_are_named() -> None:
    """All of them at once, with the program that wanted them."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        programs = [Program("MLflow", port, "/", [], {}), Program("service", free_port(), "/", [], {})]
        with pytest.raises(SettingsError, match=rf"{port} \(MLflow\)") as caught:
            require_free(programs)
    assert "service" not in str(caught.value)
    require_free(programs)
