"""Processes of the product that tests start, kill and start again, and traffic to them."""

import json
import os
import signal
import subprocess
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from streamrec_explain.cli.service_process import HOST, command, free_port, wait_ready


class RunningService:
    """The service of a home as a process that can be killed and started again on the same port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.start()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        log = self.home / "service.log"
        with log.open("ab") as stream:
            started = command("explain", self.home, self.port)
            self.process = subprocess.Popen(started, stderr=stream, stdin=subprocess.DEVNULL)
        wait_ready(self.process, self.port, log)

    def kill(self) -> None:
        """End it as a power failure would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Traffic(threading.Thread):
    """Asks for one list after another, each under a new request id, until told to stop or the service is gone.

    `answers` holds what was acknowledged, by request id; `refused` every status that is not 200.
    """

    def __init__(self, port: int, body: bytes, name: str) -> None:
        super().__init__(daemon=True)
        self.answers: dict[str, Any] = {}
        self.refused: list[int] = []
        self._port, self._body, self._name = port, json.loads(body), name
        self._stopping = threading.Event()

    def asked(self, request_id: str) -> bytes:
        """The request of that id."""
        return json.dumps(self._body | {"request_id": request_id}).encode()

    def run(self) -> None:
        """The client's loop."""
        connection = HTTPConnection(HOST, self._port, timeout=30)
        while not self._stopping.is_set():
            request_id = f"{self._name}-{len(self.answers)}"
            try:
                connection.request("POST", "/v1/explanations", self.asked(request_id))
                response = connection.getresponse()
                answer = json.loads(response.read())
            except (OSError, HTTPException):
                return
            if response.status != 200:
                self.refused.append(response.status)
            self.answers[request_id] = answer

    def stop(self) -> None:
        """Let the request under way finish, then end."""
        self._stopping.set()
        self.join(timeout=30)


def wait_until(holds: Any, seconds: float) -> float:
    """Wait until `holds()` is true and return how long it took (s); TimeoutError after `seconds`."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - started
