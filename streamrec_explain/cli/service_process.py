"""The service as a process beside a command: started on a free port, awaited, and ended with it."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from streamrec_explain.errors import StreamRecError

START_S = 60.0
HOST = "127.0.0.1"


class ServiceClient:
    """One keep-alive connection to the service."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = HTTPConnection(HOST, port, timeout=30)

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON of a POST."""
        return self._ask("POST", path, body)

    def explain(self, body: bytes) -> Any:
        """The answer to a list; StreamRecError if it is not a 200."""
        status, answer = self.post("/v1/explanations", body)
        if status != 200:
            raise StreamRecError(f"the service answered {status}: {answer}")
        return answer

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def command(kind: str, home: Path, port: int, *more: str) -> list[str]:
    """The command line of the service ("explain") or the auditor app ("auditor")."""
    start = [sys.executable, "-W", "ignore", "-m", "serving.run", kind]
    return [*start, f"--home={home}", f"--port={port}", *more]


def shipper_command(home: Path, *more: str) -> list[str]:
    """The command line of the shipper that goes on until it is told to end."""
    start = [sys.executable, "-W", "ignore", "-m", "streamrec_explain.cli.main"]
    return [*start, "audit-log", "ship", f"--home={home}", "--watch", *more]


@contextmanager
def running_service(home: Path, log: Path) -> Iterator[ServiceClient]:
    """A service of a home folder that is ready; its log goes to a file, and it is drained at the end."""
    port = free_port()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(command("explain", home, port), stderr=stream, stdin=subprocess.DEVNULL)
    client = ServiceClient(port)
    try:
        wait_ready(process, port, log)
        yield client
    finally:
        client.close()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until the service answers that it is ready; StreamRecError says why it is not."""
    deadline = time.monotonic() + START_S
    reason: Any = "it does not answer"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status, reason = ServiceClient(port).get("/readyz")
        except (OSError, HTTPException):
            status = 0
        if status == 200:
            return
        time.sleep(0.1)
    raise StreamRecError(f"the service is not ready: {reason}; its log is {log}")
