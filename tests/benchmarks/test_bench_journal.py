"""What durability adds to an answer: appends in an open loop at 230 requests a second, 20 entries each."""

import time
from pathlib import Path

import numpy as np
import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from tests.audit_log.audit_requests import request

REQUESTS_PER_S = 230
SECONDS = 20
WARM_UP = REQUESTS_PER_S

pytestmark = pytest.mark.benchmark


def added(journal: Journal) -> np.ndarray:
    """Milliseconds from the moment each request was meant to be appended to the moment it was durable."""
    rng = np.random.default_rng(0)
    arrivals = np.cumsum(rng.exponential(1 / REQUESTS_PER_S, REQUESTS_PER_S * SECONDS))
    records = [request(number, items=20, inputs=rng.bytes(2_000)) for number in range(len(arrivals))]
    done = np.zeros(len(arrivals))
    started = time.perf_counter()
    for number, (due, record) in enumerate(zip(arrivals, records, strict=True)):
        time.sleep(max(0.0, started + due - time.perf_counter()))
        waiting = journal.append_nowait(record, bytes(8_000))
        waiting.add_done_callback(lambda _, n=number: done.__setitem__(n, time.perf_counter()))
    waiting.result()
    while not done.all():
        time.sleep(0.01)
    return 1000 * (done - started - arrivals)[WARM_UP:]


def test_bench_what_durability_adds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is there afterwards; the times are told, open loop, from the intended moment."""
    with Journal(tmp_path / "w.sqlite", clock=lambda: 1) as journal:
        times = added(journal)
        assert REQUESTS_PER_S * SECONDS == journal.backlog().requests
        assert journal.find(f"request-{REQUESTS_PER_S}") is not None
    p50, p99, p999 = np.percentile(times, [50, 99, 99.9])
    with capsys.disabled():
        print(f"\njournal at {REQUESTS_PER_S} requests/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, p99.9 {p999:.1f} ms")
