"""The journal of this worker: the first one of the folder that no other process is writing."""

import fcntl
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from streamrec_explain.audit_log.journal.journal import Journal


class WorkerJournal:
    """Holds a name (worker-0, worker-1, ...) and its journal for as long as the process lives.

    A journal has one writer. The lock on the name ends with the process however it dies, so that a restarted
    worker takes up the journal its predecessor left, and a rolling restart never meets the old process in it.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], int], max_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self._lock = _first_free_name(folder)
        self.journal = Journal(folder / f"{self.name}.sqlite", clock=clock, max_bytes=max_bytes)

    def close(self) -> None:
        """Make everything queued durable, close the journal, then free the name."""
        self.journal.close()
        os.close(self._lock)


def _first_free_name(folder: Path) -> tuple[str, int]:
    for number in count():
        name = f"worker-{number}"
        lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        return name, lock
    raise AssertionError("count() does not end")
