"""Real processes of the service on a free port, and a client that speaks HTTP to them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from serving.settings import environment_of
from tests.serving.deployments import Deployment

ROOT = Path(__file__).parents[2]
START_S = 60.0


class Running:
    """A started service: its process, address and log."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    def post(self, body: dict[str, Any]) -> httpx.Response:
        """Ask for explanations on a connection of its own."""
        return httpx.post(f"{self.url}/v1/explanations", json=body, timeout=30)

    def ready(self) -> dict[str, Any]:
        """What /readyz says."""
        return dict(httpx.get(f"{self.url}/readyz", timeout=5).json())

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to exactly this process and wait for it; its exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=60)


def launch(deployment: Deployment, *arguments: str, log: Path, **given: Any) -> "subprocess.Popen[bytes]":
    """Start `python -m serving.run explain` with the deployment's settings."""
    environment = {**os.environ, **environment_of(deployment.settings(**given)), "STREAMREC_PORT": "0"}
    command = [sys.executable, "-W", "ignore", "-m", "serving.run", "explain", *arguments]
    with log.open("ab") as stream:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stream, stdin=subprocess.DEVNULL)


@contextmanager
def running(deployment: Deployment, *arguments: str, log: Path, **given: Any) -> Iterator[Running]:
    """A service that is ready; ended, if it still runs, when the block is left."""
    log.write_bytes(b"")
    process = launch(deployment, *arguments, log=log, **given)
    try:
        service = Running(process, _address(process, log), log)
        _await_ready(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=60)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    return str(_waited(process, log, lambda: _announced(log)))


def _announced(log: Path) -> str | None:
    words = log.read_text().split()
    return next((word for word in words if word.startswith("http://")), None)


def _await_ready(service: Running) -> None:
    def is_ready() -> bool:
        try:
            return bool(service.ready()["ready"])
        except (httpx.TransportError, json.JSONDecodeError):
            return False

    _waited(service.process, service.log, is_ready)


def _waited(process: "subprocess.Popen[bytes]", log: Path, find: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()}")
