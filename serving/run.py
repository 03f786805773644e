"""Starting the service or the auditor: `python -m serving.run explain|auditor --home HOME --port PORT`.

Takes the port, says if it is busy, and hands the socket to the worker processes. One worker alone replaces this
process; several are children with a socket each (SO_REUSEPORT lets the kernel spread connections), and so is a
shipper beside them (`--shipper COMMAND`): started again if they die, ended together.
"""

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

from serving.kept_process import KeptProcess
from serving.settings import Settings, environment_of, read_settings
from streamrec_explain.errors import SettingsError

# One request is computed by one thread: native pools would only fight over the cores.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_NUM_THREADS"), "1"
)
BACKLOG = 2048
RESTART_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LOOK_S = 0.2
CANNOT_START = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; 2 if the settings are wrong, 3 if the port is busy."""
    given = vars(_parser().parse_args(arguments))
    kind, shipper = given.pop("kind"), given.pop("shipper")
    try:
        settings = read_settings(os.environ, **given)
        if kind == "auditor":
            settings.require_auditors()
            sockets = listen(settings, 1)
        else:
            sockets = listen(settings, settings.workers)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"port {settings.port} of {settings.host} is busy or not ours: {error.strerror}", file=sys.stderr)
        return 3
    address = sockets[0].getsockname()
    print(f"{kind} listens on http://{settings.host}:{address[1]}", file=sys.stderr, flush=True)
    environment = {**os.environ, **ONE_THREAD, **environment_of(settings)}
    if len(sockets) == 1 and not shipper:
        become(kind, sockets[0], environment)
    return Workers(kind, sockets, environment, shipper).run()


def listen(settings: Settings, number: int) -> list[socket.socket]:
    """As many listening sockets of one port; OSError if another program has it."""
    first = _bound(settings.host, settings.port, share=False)
    if number == 1:
        first.listen(BACKLOG)
        return [first]
    # The first one only finds out whether the port is free: sharing would silently succeed beside a stranger.
    port = first.getsockname()[1]
    first.close()
    sockets = [_bound(settings.host, port, share=True) for _ in range(number)]
    for each in sockets:
        each.listen(BACKLOG)
    return sockets


def become(kind: str, listening: socket.socket, environment: dict[str, str]) -> None:
    """Replace this process by a worker: the process id stays, signals reach the worker itself."""
    listening.set_inheritable(True)
    os.execve(sys.executable, _command(kind, listening), environment)


class Workers:
    """Several workers of one port, and the shipper beside them if there is one; run by one thread."""

    def __init__(self, kind: str, sockets: Sequence[socket.socket], environment: dict[str, str], shipper: str) -> None:
        self._kind = kind
        self._sockets = sockets
        self._environment = {**environment, "STREAMREC_LAUNCHED": "1"}
        self._shipper = shipper
        self._ending = False

    def run(self) -> int:
        """Keep the processes running until told to end; then drain all workers, and end the shipper last."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        shippers = [_kept("shipper", self._start_shipper, LONGEST_PAUSE_S)] if self._shipper else []
        # A worker that dies is missed at once, and the other ones' load grows: it never waits for long.
        workers = [_kept("worker", partial(self._start, each), RESTART_PAUSE_S) for each in self._sockets]
        while not self._ending:
            for each in (*workers, *shippers):
                each.look()
            # A worker that ends with 2 said why it cannot start; another one could not either.
            self._ending |= any(worker.returncode == CANNOT_START for worker in workers)
            time.sleep(LOOK_S)
        for worker in workers:
            worker.ask_to_end()
        status = max(worker.end() for worker in workers)
        for shipper in shippers:
            shipper.end()
        return status

    def _start(self, listening: socket.socket) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            _command(self._kind, listening),
            env=self._environment,
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            start_new_session=True,  # Ctrl-C reaches this process alone, which then drains the workers
        )

    def _start_shipper(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(shlex.split(self._shipper), stdin=subprocess.DEVNULL, start_new_session=True)

    def _end(self, _: int, __: FrameType | None) -> None:
        self._ending = True


def _kept(name: str, start: Callable[[], subprocess.Popen[bytes]], longest_pause_s: float) -> KeptProcess:
    return KeptProcess(name, start, timer=time.monotonic, longest_pause_s=longest_pause_s)


def _bound(host: str, port: int, *, share: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    return made


def _command(kind: str, listening: socket.socket) -> list[str]:
    return [sys.executable, "-m", "serving.worker", kind, str(listening.fileno())]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.run", description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["explain", "auditor"])
    options: dict[str, dict[str, Any]] = {
        "--home": {"help": "folder of everything stored (STREAMREC_HOME, default .streamrec)"},
        "--registry-uri": {"help": "MLflow registry (STREAMREC_REGISTRY_URI, default: the one in the home)"},
        "--host": {"help": "address to listen on (STREAMREC_HOST, default 127.0.0.1)"},
        "--port": {"type": int, "help": "port to listen on (STREAMREC_PORT, default 8000)"},
        "--workers": {"type": int, "help": "processes of the service (STREAMREC_WORKERS, default 1)"},
        "--shipper": {"default": "", "help": "command of a shipper that is kept running beside the service"},
    }
    for name, option in options.items():
        parser.add_argument(name, **option)
    return parser


if __name__ == "__main__":
    sys.exit(main())
