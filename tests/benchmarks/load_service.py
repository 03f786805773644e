"""The service over HTTP at the rate that is asked of it, in an open loop: a bounded script.

    python -m tests.benchmarks.load_service --home HOME --rate 232 --seconds 30 --workers 1 [--pin] [--no-ship]

Starts `streamrec serve` on a home that `streamrec demo` or `streamrec train` made, sends ranked lists of 20 of the
home's users (Poisson arrivals) from a process of its own, times each from the moment it was meant to be sent, and
afterwards counts every acknowledged explanation in the audit table: exit code 1 if one is missing or doubled, or if an
answer was incomplete or neither 200 nor 503. What was logged stays in the home.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from urllib.request import urlopen

import msgspec
import numpy as np

from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.cli.demo_lists import DemoLists, request_body
from streamrec_explain.cli.options import now_ms
from streamrec_explain.cli.service_process import HOST, free_port, wait_ready
from streamrec_explain.cli.stored import audit_log_of
from tests.benchmarks.open_loop_client import Plan, Report
from tests.benchmarks.process_times import cpu_seconds

LIST_SIZE = 20
READY_LOOKS = 20
ANSWERED, REFUSED = 200, 503
PERCENTILES = (50, 90, 99, 99.9, 100)


class Load(msgspec.Struct, frozen=True):
    """What one run found; times from the intended moment in ms, processor seconds while the load ran."""

    lists: int
    statuses: dict[int, int]
    incomplete: int
    missing: int
    doubled: int
    answered_per_s: float
    answered_ms: dict[str, float]
    refused_ms: dict[str, float]
    client_late_ms: dict[str, float]
    cpu_s: dict[str, float]
    service_cpu_ms_per_list: float
    load_average: tuple[float, float, float]

    @property
    def sound(self) -> bool:
        """Whether each request was answered whole or refused, and every acknowledged explanation is logged once."""
        return not (self.incomplete or self.missing or self.doubled) and self.statuses.keys() <= {ANSWERED, REFUSED}


def run(home: Path, rate: float, seconds: float, workers: int, connections: int, pin: bool, ship: bool) -> Load:
    """Load the service of a home and count what it acknowledged."""
    run_id = f"load-{now_ms()}"
    plan = _plan(home, run_id, rate, seconds)
    with tempfile.TemporaryDirectory() as folder, _service(home, Path(folder) / "log", workers, pin, ship) as served:
        process, port = served
        before = cpu_seconds(process.pid)
        report = _sent(plan, port, connections)
        after = cpu_seconds(process.pid)
    return _found(home, run_id, plan, report, {name: after[name] - before.get(name, 0.0) for name in after})


def _plan(home: Path, run_id: str, rate: float, seconds: float) -> Plan:
    """Lists of distinct users, in turn where there are not enough, at Poisson arrivals of `rate` a second."""
    arrivals = np.cumsum(np.random.default_rng(0).exponential(1 / rate, size=int(rate * seconds)))
    sampled = list(DemoLists(home, 0).sampled(len(arrivals)))
    lists = [(user, context) for user, context in sampled if len(context.items) == LIST_SIZE]
    length = np.mean([len(context.session_history) for _, context in lists])
    print(f"{len(arrivals)} lists of {len(lists)} users with {length:.0f} events on average", flush=True)
    chosen = islice(cycle(lists), len(arrivals))
    request_ids = [f"{run_id}-{n}" for n in range(len(arrivals))]
    bodies = [request_body(*each, name) for each, name in zip(chosen, request_ids, strict=True)]
    return Plan(request_ids, bodies, arrivals.tolist())


@contextmanager
def _service(
    home: Path, log: Path, workers: int, pin: bool, ship: bool
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """`streamrec serve`, ready on every worker; with `pin` on the first core, and the client on the others."""
    port, cores = free_port(), sorted(os.sched_getaffinity(0))
    options = [f"--home={home}", f"--port={port}", f"--workers={workers}", "--ship" if ship else "--no-ship"]
    command = [sys.executable, "-W", "ignore", "-m", "streamrec_explain.cli.main", "serve", *options]
    if pin:
        os.sched_setaffinity(0, cores[:1])
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL)
    if pin:
        os.sched_setaffinity(0, cores[1:])
    try:
        for _ in range(READY_LOOKS):  # connections are spread over the workers
            wait_ready(process, port, log)
        time.sleep(1.0)
        yield process, port
        print(_refusals(port))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
        sys.stderr.write(log.read_text())


def _refusals(port: int) -> str:
    with urlopen(f"http://{HOST}:{port}/metrics") as answer:
        text = answer.read().decode()
    return "\n".join(line for line in text.splitlines() if line.startswith("streamrec_refused"))


def _sent(plan: Plan, port: int, connections: int) -> Report:
    command = [sys.executable, "-m", "tests.benchmarks.open_loop_client", str(port), str(connections)]
    done = subprocess.run(command, input=msgspec.msgpack.encode(plan), stdout=subprocess.PIPE, check=True)
    return msgspec.msgpack.decode(done.stdout, type=Report)


def _found(home: Path, run_id: str, plan: Plan, report: Report, cpu_s: dict[str, float]) -> Load:
    stored = _stored(home, run_id)
    taken, statuses = np.array(report.taken_s), np.array(report.statuses)
    answered, refused = statuses == ANSWERED, statuses == REFUSED
    acknowledged = [name for name, given in zip(plan.request_ids, answered.tolist(), strict=True) if given]
    return Load(
        lists=len(statuses),
        statuses=dict(Counter(report.statuses)),
        incomplete=int((np.array(report.explained)[answered] != LIST_SIZE).sum()),
        missing=sum(stored[f"{name}.{place}"] == 0 for name in acknowledged for place in range(LIST_SIZE)),
        doubled=sum(count > 1 for count in stored.values()),
        answered_per_s=round(len(acknowledged) / report.wall_s, 1),
        answered_ms=_milliseconds(taken[answered]),
        refused_ms=_milliseconds(taken[refused]),
        client_late_ms=_milliseconds(np.array(report.late_s)),
        cpu_s={**{name: round(spent, 2) for name, spent in cpu_s.items()}, "client": round(report.cpu_s, 2)},
        service_cpu_ms_per_list=round(1000 * cpu_s["service"] / len(report.statuses), 3),
        load_average=os.getloadavg(),
    )


def _milliseconds(seconds: np.ndarray) -> dict[str, float]:
    return {f"p{p}": round(1000 * float(np.percentile(seconds, p)), 2) for p in PERCENTILES} if len(seconds) else {}


def _stored(home: Path, run_id: str) -> Counter[str]:
    """How often each explanation of the run lies in the hot table once everything is shipped."""
    log = audit_log_of(home)
    ship_folder(log.journals, log.hot, clock=now_ms)
    rows = log.hot.query(f"SELECT request_id, position FROM entries WHERE request_id LIKE '{run_id}-%'")
    return Counter(f"{row['request_id']}.{row['position']}" for row in rows.to_pylist())


def main() -> int:
    """One run; 1 if it was not sound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=232.0, help="lists a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--pin", action="store_true", help="the service on the first core, the client on the others")
    parser.add_argument("--ship", action=argparse.BooleanOptionalAction, default=True)
    found = run(**vars(parser.parse_args()))
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 0 if found.sound else 1


if __name__ == "__main__":
    sys.exit(main())
