"""A launched job: its outcome as a value, its errors as the product's, its process gone with the command."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamrec_explain.cli.launching import check_home, launch
from streamrec_explain.errors import EventDataError, InvalidInputError


def launched(home: Path) -> list[str]:
    """The processes that run a job for a home."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"orchestration.launch" in words and f"--home={home}".encode() in words:
            found.append(each.parent.name)
    return found


def wait_for_jobs(home: Path, number: int) -> None:
    """Wait until so many jobs run; the test fails after half a minute."""
    deadline = time.monotonic() + 30
    while len(launched(home)) != number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_bad_input_of_a_job_is_bad_input(tmp_path: Path) -> None:
    """What a step found wrong with the events arrives with its file and code, and nothing is trained."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "movies.csv").write_text("movieId,title,genres\n", encoding="utf-8")
    (data / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,5,0\n", encoding="utf-8")
    home = tmp_path / "home"
    with pytest.raises(EventDataError, match=r"movies\.csv: the file has no rows \[empty-file\]"):
        launch("train_and_promote", home, world="movielens", data=str(data))
    assert not (home / "values" / "events").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_job_ends_with_its_command(tmp_path: Path) -> None:
    """SIGTERM to `streamrec train` leaves no training behind."""
    home = tmp_path / "home"
    command = [sys.executable, "-m", "streamrec_explain.cli.main", "train", f"--home={home}", "--users=60"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for_jobs(home, 1)
    process.send_signal(signal.SIGTERM)
    assert 128 + signal.SIGTERM == process.wait(timeout=30)
    wait_for_jobs(home, 0)


def test_a_home_must_be_there(tmp_path: Path) -> None:
    """A misspelt folder is not made; the message says what to do."""
    assert tmp_path == check_home(tmp_path)
    with pytest.raises(InvalidInputError, match="train into it first"):
        check_home(tmp_path / "absent")
