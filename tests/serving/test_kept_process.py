"""A kept process is started again after each death, later and later while it keeps dying."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.kept_process import KeptProcess

NAP_S = 0.01


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def kept(script: str, clock: Clock, longest_pause_s: float = 4.0) -> tuple[KeptProcess, list[float]]:
    """A kept Python process, and when it was started."""
    started: list[float] = []

    def start() -> "subprocess.Popen[bytes]":
        started.append(clock.now)
        return subprocess.Popen([sys.executable, "-S", "-c", script])

    return KeptProcess("child", start, timer=clock, longest_pause_s=longest_pause_s), started


def died(process: KeptProcess) -> None:
    """Wait for the end of the one that runs now."""
    while process.returncode is None:
        time.sleep(NAP_S)


def until_started_again(process: KeptProcess, clock: Clock, started: list[float]) -> float:
    """Look every half second of the clock until another one runs; how long that took."""
    died(process)
    before, count = clock.now, len(started)
    while len(started) == count:
        process.look()
        clock.now += 0.5
    return started[-1] - before


def test_pauses_grow_up_to_the_longest(capfd: pytest.CaptureFixture[str]) -> None:
    """1, 2, 4, 4 s, and each death is told in a line."""
    clock = Clock()
    process, started = kept("raise SystemExit(3)", clock)
    assert [1.0, 2.0, 4.0, 4.0] == [until_started_again(process, clock, started) for _ in range(4)]
    told = [line.split(" ended ")[1] for line in capfd.readouterr().err.splitlines()]
    assert [f"with 3; starting another in {pause} s" for pause in (1, 2, 4, 4)] == told
    process.end()


def test_one_that_ran_for_a_minute_begins_anew() -> None:
    """What made the ones before it die is over."""
    clock = Clock()
    process, started = kept("", clock)
    pauses = [until_started_again(process, clock, started) for _ in range(2)]
    clock.now += 60.0
    assert [1.0, 2.0, 1.0] == [*pauses, until_started_again(process, clock, started)]
    process.end()


def test_it_ends_when_asked(tmp_path: Path) -> None:
    """By its own will: SIGTERM, and its exit status is told."""
    ready = tmp_path / "ready"
    # Not signal.pause(): a signal that comes just before it is called would be waited for again, for ever.
    script = f"import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(7))\nopen({str(ready)!r}, 'w')\n"
    script += "while True: time.sleep(0.01)"
    process, started = kept(script, Clock())
    while not ready.exists():
        process.look()
    assert (None, [0.0], 7) == (process.returncode, started, process.end())
