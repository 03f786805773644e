"""How much memory a shipper needs to catch up: the same process for backlogs of several sizes.

`python -m tests.reference.ship_memory 2000 20000` fills a journal with so many lists of 20 of the first engine's log,
ships it in a process of its own, and prints the peak of its memory and its speed; `0` is a shipper with nothing to do.
"""

import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import closing
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable

LOGGED = Path(__file__).parents[1] / "fixtures" / "engine_v1" / "journal" / "worker-0.sqlite"


def fill(path: Path, requests: int) -> int:
    """A journal with so many requests, each under an id of its own; its size in bytes."""
    with tempfile.TemporaryDirectory() as name:
        copied = shutil.copy(LOGGED, Path(name) / "logged.sqlite")
        with closing(sqlite3.connect(copied)) as connection:
            rows = connection.execute("SELECT request_id, user_id_hash, body, checksum FROM records").fetchall()
    logged = [StoredRecord(*row).request for row in rows]
    with Journal(path, clock=lambda: 1, max_bytes=16 << 30) as journal:
        waiting = deque()
        for number in range(requests):
            request = msgspec.structs.replace(logged[number % len(logged)], request_id=f"request-{number:08}")
            waiting.append(journal.append_nowait(request, b"{}"))
            if len(waiting) > 500:
                waiting.popleft().result()
        for each in waiting:
            each.result()
        return journal.used_bytes


def ship(folder: Path) -> None:
    """Ship a journal and print requests, seconds of processor time and the peak of memory (MB)."""
    started = time.process_time()
    reports = ship_folder(folder / "journal", AuditTable(str(folder / "hot")), clock=lambda: 2)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(sum(report.requests for report in reports), f"{seconds:.2f}", f"{peak:.0f}")


def main(sizes: list[int]) -> None:
    """Print one line for each size."""
    print("requests  journal MB  peak MB  processor s  requests/s of one core")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="ship-memory-") as name:
            used = fill(Path(name) / "journal" / "w.sqlite", size)
            command = [sys.executable, "-m", "tests.reference.ship_memory", "ship", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            shipped, seconds, peak = done.stdout.split()
            assert int(shipped) == size
            speed = size / max(float(seconds), 1e-9)
            print(f"{size:8}  {used / 1e6:10.1f}  {float(peak):7.0f}  {float(seconds):11.1f}  {speed:9.0f}")


if __name__ == "__main__":
    if sys.argv[1] == "ship":
        ship(Path(sys.argv[2]))
    else:
        main([int(size) for size in sys.argv[1:]])
