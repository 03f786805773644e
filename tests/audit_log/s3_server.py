"""An S3 server for tests, a process of its own on loopback: `python -m tests.audit_log.s3_server` prints its port.

With --deaf it ignores conditions of puts, as some stores do: whoever writes last wins, and is told so like the first.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from tests.audit_log.s3_store import IMPATIENT, S3Store

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
BUCKET = "logs"
SECRET = "a-secret-that-no-message-may-hold"


class Deaf:
    """A WSGI application that never hears `If-None-Match`."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer as if no condition had been made."""
        environment.pop("HTTP_IF_NONE_MATCH", None)
        return self._application(environment, start)


class S3Server(S3Store):
    """A running mock with an empty bucket."""

    def __init__(self, *flags: str) -> None:
        command = [sys.executable, "-m", "tests.audit_log.s3_server", *flags]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        super().__init__(f"s3://{BUCKET}", options_for(port), self.process.pid)
        connection = HTTPConnection(HOST, port)
        connection.request("PUT", f"/{BUCKET}")
        assert 200 == connection.getresponse().status
        connection.close()

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()


def options_for(port: int) -> dict[str, str]:
    """What the storage library needs to reach the server; it gives up after two seconds."""
    return {
        "aws_endpoint_url": f"http://{HOST}:{port}",
        "aws_allow_http": "true",
        "aws_access_key_id": "tester",
        "aws_secret_access_key": SECRET,
        "aws_region": "us-east-1",
        **IMPATIENT,
    }


def main() -> None:
    """Serve until killed."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    if "--deaf" in sys.argv:
        server._server.app = Deaf(server._server.app)  # type: ignore[union-attr]
    print(port, flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
