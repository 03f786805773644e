"""An S3 server for tests, a process of its own on loopback: `python s3_server.py [--deaf]` prints its port.

With --deaf it ignores conditions of puts, as some stores do: whoever writes last wins, and is told so like the first.
"""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

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


class S3Server:
    """A running server with an empty bucket; `options` reach it."""

    def __init__(self, *flags: str) -> None:
        command = [sys.executable, str(Path(__file__)), *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self.options = options_for(port)
        connection = HTTPConnection(HOST, port)
        connection.request("PUT", f"/{BUCKET}")
        assert 200 == connection.getresponse().status
        connection.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server does not answer, as if the network were cut; then it goes on where it was."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

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
        "max_retries": "2",
        "retry_timeout": "2s",
        "timeout": "2s",
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
