"""A worker process: one event loop, one journal, one socket that it was handed.

Usage: python -m serving.worker explain|auditor SOCKET_FD
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from serving.app import create_app
from serving.auditor import create_auditor
from serving.keys import key_ring
from serving.service import Service, now_ms
from serving.settings import Settings, read_settings
from streamrec_explain.errors import StreamRecError


class DrainingServer(uvicorn.Server):
    """Ends in two steps: first nothing more is asked of it (`drain`), `drain_s` later it stops accepting."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None], drain_s: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_s = drain_s
        self._asked_to_end = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second signal does not wait. (uvicorn's own would end with the signal as status.)"""
        if self._asked_to_end or not self._drain_s:
            self._stop_accepting()
            return
        self._asked_to_end = True
        self._drain()
        timer = threading.Timer(self._drain_s, self._stop_accepting)
        timer.daemon = True
        timer.start()

    def _stop_accepting(self) -> None:
        self.should_exit = True


def main() -> None:
    """Serve until told to end; the exit status is 2 if the settings or the journal do not allow it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    kind, descriptor = sys.argv[1], int(sys.argv[2])
    try:
        app, drain, settings = _app(kind)
    except StreamRecError as error:
        print(f"{kind} cannot start: {error}", file=sys.stderr)
        sys.exit(2)
    # What was imported stays for ever: keep collections, which pause every request, from walking it.
    gc.collect()
    gc.freeze()
    end_with_parent()
    DrainingServer(_config(app), drain, settings.drain_s).run(sockets=[socket.socket(fileno=descriptor)])


def _app(kind: str) -> tuple[FastAPI, Callable[[], None], Settings]:
    settings = read_settings(os.environ)
    keys = key_ring(settings, now_ms())
    if kind == "auditor":
        settings = read_settings(os.environ, drain_s=0.0)
        return create_auditor(settings, keys), lambda: None, settings
    service = Service(settings, keys)
    return create_app(service), service.drain, settings


def _config(app: FastAPI) -> uvicorn.Config:
    # No access log: it would write user ids that auditors ask for, and costs more than an explanation.
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
    )


def end_with_parent() -> None:
    """Drain when the launcher is gone, even if it was killed: its end of this process's input closes."""
    if os.environ.get(LAUNCHED) != "1":
        return

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="launcher-watch", daemon=True).start()


LAUNCHED = "STREAMREC_LAUNCHED"

if __name__ == "__main__":
    main()
