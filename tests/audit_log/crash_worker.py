"""A process to be killed: ingests into a journal or ships a folder, telling what it acknowledged.

Usage: crash_worker.py ingest JOURNAL FIRST | ship FOLDER STORE

STORE is a file like HOME/audit_store.json.
"""

import sys
import time
from itertools import count
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.outbox import BatchBounds
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import AuditStore
from tests.audit_log.audit_requests import request


def _ingest(path: Path, first: int) -> None:
    with Journal(path, clock=time.time_ns) as journal:
        for number in count(first):
            journal.append(request(number), b"answer")
            print(number, flush=True)


def _ship(folder: Path, table: AuditTable) -> None:
    while True:
        ship_folder(folder, table, clock=lambda: 0, bounds=BatchBounds(requests=7))


if __name__ == "__main__":
    if sys.argv[1] == "ingest":
        _ingest(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _ship(Path(sys.argv[2]), msgspec.json.decode(Path(sys.argv[3]).read_bytes(), type=AuditStore).tables()[0])
