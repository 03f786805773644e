"""Kill -9 at random: service, shipper and maintenance, under traffic; then count what was acknowledged.

`python -m tests.reference.kill_campaign --kills 200` runs a service over HTTP, the shipper beside it and a process that
compacts, seals, archives and expires without end, kills one of them again and again at a random moment and starts it
anew. A client retries what was not answered under the same request id. After the last kill everything is shipped and
maintained once in peace. Exit code 0 if nothing acknowledged is missing or doubled and the seals stand.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec

from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import load_public_keys, public_path
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.home_log import evidence_of, log_of, seals_of
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.shipping.rounds import ship_rounds
from streamrec_explain.cli.service_process import HOST, command, free_port, shipper_command, wait_ready
from streamrec_explain.errors import StreamRecError
from streamrec_explain.hashing import text_hash
from streamrec_explain.home import Home
from tests.audit_log.audit_requests import request as old_request
from tests.serving.deployments import NOW_MS, Deployment, build

DAY_MS = 86_400_000
POLICY = RetentionPolicy()
ACT = Act("kill campaign", NOW_MS, "retention")
EXPIRED, DAYS_AGO = 30, (0, 95)  # requests that expire lawfully; the days that traffic speaks of, one of them due


class Campaign(msgspec.Struct, frozen=True):
    """What was killed how often, and what became of what was acknowledged."""

    kills: dict[str, int]
    acknowledged_requests: int
    acknowledged_entries: int
    retried_requests: int
    missing: int
    doubled: int
    other_text: int
    expired_left: int
    seals_stand: bool
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, doubled, altered or kept too long."""
        return not (self.missing or self.doubled or self.other_text or self.expired_left) and self.seals_stand


class Client(threading.Thread):
    """Asks for one list after another; a request without an answer is asked again under its id."""

    def __init__(self, port: int, bodies: Sequence[dict[str, Any]], name: str) -> None:
        super().__init__(daemon=True)
        self.answers: dict[str, Any] = {}
        self.retried = 0
        self._port, self._bodies, self._name = port, bodies, name
        self._ending = threading.Event()

    def run(self) -> None:
        """Until told to end, with the last request answered."""
        connection = HTTPConnection(HOST, self._port, timeout=20)
        while not self._ending.is_set():
            number = len(self.answers)
            name = f"{self._name}-{number}"
            body = self._bodies[number % len(self._bodies)] | {"request_id": name}
            while (answer := self._asked(connection, body)) is None:
                self.retried += 1
                time.sleep(0.05)
            self.answers[name] = answer
            time.sleep(0.02)

    def end(self) -> None:
        """Stop once the request under way is answered."""
        self._ending.set()
        self.join()

    def _asked(self, connection: HTTPConnection, body: dict[str, Any]) -> Any:
        try:
            connection.request("POST", "/v1/explanations", json.dumps(body))
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, HTTPException, ValueError):
            connection.close()
            return None
        return answer if response.status == 200 else None


class Processes:
    """The three processes of a home, started again after each kill."""

    def __init__(self, home: Path, port: int) -> None:
        self._home, self._port = home, port
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("service", "shipper", "maintenance"):
            self.start(name)

    def start(self, name: str) -> None:
        """Start one; the service is awaited."""
        commands = {
            "service": command("explain", self._home, self._port),
            "shipper": shipper_command(self._home, "--every=0.2"),
            "maintenance": [sys.executable, "-m", "tests.reference.kill_campaign", "--maintain", str(self._home)],
        }
        log = self._home / f"{name}.log"
        with log.open("ab") as stream:
            self.running[name] = subprocess.Popen(
                commands[name], env=self._environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL
            )
        if name == "service":
            wait_ready(self.running[name], self._port, log)

    def kill(self, name: str) -> None:
        """End it as a power failure would."""
        self.running[name].kill()
        self.running[name].wait()

    def end(self) -> None:
        """Ask all to end."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(timeout=60)


def campaign(root: Path, kills: int, seed: int = 0) -> Campaign:
    """Run a campaign in an empty folder."""
    started, rng = time.monotonic(), random.Random(seed)
    deployment = build(root)
    log_of(deployment.home).hot.append([_expiring(number) for number in range(EXPIRED)])
    port = free_port()
    processes = Processes(root, port)
    clients = [Client(port, _bodies(deployment), f"client-{number}") for number in range(2)]
    for client in clients:
        client.start()
    killed = _kill(processes, kills, rng)
    for client in clients:
        client.end()
    processes.end()
    _in_peace(deployment.home)
    answers = {name: answer for client in clients for name, answer in client.answers.items()}
    retried = sum(client.retried for client in clients)
    return _counted(deployment.home, answers, killed, retried, time.monotonic() - started)


def _kill(processes: Processes, kills: int, rng: random.Random) -> dict[str, int]:
    """Kill so often; each process as often as any other."""
    killed: Counter[str] = Counter()
    names = [name for _ in range(-(-kills // 3)) for name in rng.sample(sorted(processes.running), 3)][:kills]
    for name in names:
        time.sleep(rng.random() * 1.5)
        processes.kill(name)
        processes.start(name)
        killed[name] += 1
    time.sleep(2)
    return dict(killed)


def _bodies(deployment: Deployment) -> list[dict[str, Any]]:
    return [
        deployment.asked(seed, size=10) | {"timestamp_ms": NOW_MS - days * DAY_MS}
        for seed in range(8)
        for days in DAYS_AGO
    ]


def _expiring(number: int) -> Any:
    return old_request(number, request_id=f"expiring-{number}", timestamp_ms=NOW_MS - 900 * DAY_MS)


def _in_peace(home: Home) -> None:
    """Ship and maintain once without a kill."""
    log = log_of(home)
    rounds = ship_rounds(
        home.journal, log.hot, clock=lambda: NOW_MS, pause=lambda _: None, stopping=lambda: False, every_s=1
    )
    assert () == next(rounds).failures
    for step in _steps(home):
        step()


def _steps(home: Home) -> list[Any]:
    log, seals = log_of(home), seals_of(home)
    tables = (log.hot, log.cold)
    return [
        lambda: apply_compaction(plan_compaction(log.hot), log.hot),
        lambda: seal(tables, seals, now_ms=NOW_MS),
        lambda: apply_archive(plan_archive(*tables, policy=POLICY, now_ms=NOW_MS), *tables),
        lambda: apply_expiry(plan_expiry(*tables, policy=POLICY, now_ms=NOW_MS), *tables, seals=seals, act=ACT),
    ]


def maintain(home: Home) -> None:
    """Maintain without end; what loses a race to another writer is planned again in the next turn."""
    while True:
        for step in _steps(home):
            try:
                step()
            except StreamRecError as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        time.sleep(0.05)


def _counted(home: Home, answers: dict[str, Any], killed: dict[str, int], retried: int, seconds: float) -> Campaign:
    """Compare what was acknowledged with what lies in both tiers."""
    log = log_of(home)
    said = {each["explanation_id"]: each["text"] for answer in answers.values() for each in answer["explanations"]}
    stored: Counter[str] = Counter()
    hashes: dict[str, str] = {}
    for table in (log.hot, log.cold):
        for row in table.query("SELECT request_id, position, explanation_text_hash AS hash FROM entries").to_pylist():
            name = f"{row['request_id']}.{row['position']}"
            stored[name] += 1
            hashes[name] = row["hash"]
    keys = load_public_keys(public_path(home.signing_key))
    verdict = verify((log.hot, log.cold), evidence_of(home), keys)
    return Campaign(
        kills=killed,
        acknowledged_requests=len(answers),
        acknowledged_entries=len(said),
        retried_requests=retried,
        missing=sum(name not in stored for name in said),
        doubled=sum(count > 1 for count in stored.values()),
        other_text=sum(name in hashes and hashes[name] != text_hash(text) for name, text in said.items()),
        expired_left=sum(name.startswith("expiring-") for name in stored),
        seals_stand=verdict.sound,
        seconds=round(seconds, 1),
    )


def main() -> int:
    """Run a campaign, or be the maintenance of one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--maintain", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.maintain:
        maintain(Home(given.maintain))
    with tempfile.TemporaryDirectory(prefix="kill-campaign-") as name:
        found = campaign(Path(name) / "home", given.kills, given.seed)
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 0 if found.sound else 1


if __name__ == "__main__":
    sys.exit(main())
