"""A throw-away Ceph cluster of one monitor, one OSD and one RADOS gateway on loopback: an S3 server that is no mock.

Needs the binaries of Debian's or Ubuntu's `ceph-mon ceph-osd radosgw`; no rights, no services, no configuration.
Everything lies in a temporary folder and is gone afterwards.

    python -m tests.reference.ceph_rgw            races, a whole life under kills, speed, the tests of the audit log
    python -m tests.reference.ceph_rgw --serve    prints what HOME/audit_store.json must hold, and serves
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import boto3
import msgspec

HOST = "127.0.0.1"
BUCKET = "logs"
_BINARIES = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool", "setpriv")
_KEYS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}
_LONGEST_START_S, _LONGEST_TRIAL_S = 120.0, 1800.0

_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v2:{host}:{mon_port}
keyring = {root}/keyring
run dir = {root}
admin socket = {root}/$name.asok
log file = {root}/$name.log
crash dir = {root}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data = {root}/mon
mon data avail crit = 0
osd data = {root}/osd
osd objectstore = bluestore
bluestore block size = {disk_bytes}
osd memory target = 1073741824
rgw dns name = {host}
rgw data = {root}/rgw
"""


class Gateway(msgspec.Struct, frozen=True):
    """A running gateway with an empty bucket: its process, and the store of the audit log that lies there."""

    pid: int
    uri: str
    options: dict[str, str]


class Cluster:
    """The daemons of one cluster, started in order; a context that ends them all."""

    def __init__(self, root: Path, disk_bytes: int) -> None:
        missing = [name for name in _BINARIES if shutil.which(name) is None]
        if missing:
            raise SystemExit(f"no {', '.join(missing)} here: apt-get install ceph-mon ceph-osd radosgw")
        self._root, self._configuration = root, root / "ceph.conf"
        self._mon_port, self._fsid = free_port(), str(uuid.uuid4())
        self._daemons: list[subprocess.Popen[bytes]] = []
        text = _CONFIGURATION.format(
            fsid=self._fsid, host=HOST, mon_port=self._mon_port, root=root, disk_bytes=disk_bytes
        )
        self._configuration.write_text(text)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in reversed(self._daemons):
            daemon.kill()
            daemon.wait()

    def start_monitor(self) -> None:
        """A quorum of one."""
        address, monmap = f"v2:{HOST}:{self._mon_port}", str(self._root / "monmap")
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", f"[{address}]", monmap)
        keyring = str(self._root / "keyring")
        self._run("ceph-authtool", "--create-keyring", keyring)
        for name, capabilities in _KEYS.items():
            allowed = [word for daemon, cap in capabilities.items() for word in ("--cap", daemon, cap)]
            self._run("ceph-authtool", keyring, "--gen-key", f"--name={name}", *allowed)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._start("ceph-mon", "-i", "a")
        self._run("ceph", "mon", "stat")

    def start_osd(self) -> None:
        """One disk, which is a sparse file."""
        (self._root / "osd").mkdir()
        disk = str(uuid.uuid4())
        self._run("ceph", "osd", "new", disk)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=here")
        self._start("ceph-osd", "-i", "0")

    def start_gateway(self) -> Gateway:
        """The S3 server, with a user and a bucket."""
        port, key, secret = free_port(), uuid.uuid4().hex, uuid.uuid4().hex
        self._run(
            "radosgw-admin",
            "user",
            "create",
            "--uid=tester",
            "--display-name=tester",
            f"--access-key={key}",
            f"--secret-key={secret}",
        )
        daemon = self._start("radosgw", f"--rgw-frontends=beast endpoint={HOST}:{port} tcp_nodelay=1")
        _wait_for_answer(port)
        options = {
            "aws_endpoint_url": f"http://{HOST}:{port}",
            "aws_allow_http": "true",
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "aws_region": "us-east-1",
        }
        _create_bucket(options)
        return Gateway(daemon.pid, f"s3://{BUCKET}/audit-log", options)

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._root / f"{program}.out").open("ab") as stream:
            daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, "-c", str(self._configuration), "-f", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        self._daemons.append(daemon)
        return daemon

    def _run(self, program: str, *arguments: str) -> None:
        configured = [] if program in ("monmaptool", "ceph-authtool") else ["-c", str(self._configuration)]
        done = subprocess.run(
            [program, *configured, *arguments], capture_output=True, text=True, timeout=_LONGEST_START_S, check=False
        )
        if done.returncode:
            raise SystemExit(f"{program} failed ({done.returncode}): {done.stderr or done.stdout}")


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])


def _wait_for_answer(port: int) -> None:
    until = time.monotonic() + _LONGEST_START_S
    while time.monotonic() < until:
        connection = HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
            return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise SystemExit(f"the gateway does not answer after {_LONGEST_START_S} s")


def _create_bucket(options: dict[str, str]) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=options["aws_endpoint_url"],
        aws_access_key_id=options["aws_access_key_id"],
        aws_secret_access_key=options["aws_secret_access_key"],
        region_name=options["aws_region"],
    )
    client.create_bucket(Bucket=BUCKET)


@contextmanager
def gateway(disk_bytes: int = 10 << 30) -> Iterator[Gateway]:
    """A cluster with an empty bucket that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ceph-") as name, Cluster(Path(name), disk_bytes) as cluster:
        cluster.start_monitor()
        cluster.start_osd()
        yield cluster.start_gateway()


def main() -> int:
    """Serve, or run a command on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="print the settings and serve until SIGTERM or Ctrl-C")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="ceph-settings-") as name, gateway() as found:
        settings = Path(name) / "audit_store.json"
        settings.touch(mode=0o600)
        settings.write_bytes(msgspec.json.encode({"uri": found.uri, "options": found.options}))
        if given.serve:
            return serve(settings, found)
        environment = {**os.environ, "STREAMREC_TEST_STORE": str(settings), "STREAMREC_TEST_STORE_PID": str(found.pid)}
        ended = [
            subprocess.run(command, env=environment, timeout=_LONGEST_TRIAL_S, check=False)
            for command in trials(settings)
        ]
        return int(any(each.returncode for each in ended))


def serve(settings: Path, found: Gateway) -> int:
    """Until Ctrl-C."""
    print(settings.read_text(), flush=True)
    print(f"also in {settings}; the gateway is process {found.pid}", file=sys.stderr, flush=True)
    with suppress(KeyboardInterrupt):
        signal.pause()
    return 0


def trials(settings: Path) -> list[list[str]]:
    """The whole life of entries, its speed, and the tests of the audit log, each with its tables in the store."""
    python = [sys.executable, "-m"]
    return [
        [*python, "tests.reference.store_life", str(settings)],
        [*python, "tests.reference.store_speed", str(settings)],
        [*python, "pytest", "-q", "-m", "not slow and not benchmark", "tests/audit_log"],
    ]


if __name__ == "__main__":
    sys.exit(main())
