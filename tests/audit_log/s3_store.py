"""A store for tests: a mock's bucket, or a folder of a real one.

STREAMREC_TEST_STORE names a file like HOME/audit_store.json; then all tests of the audit log keep their tables in that
store, each in a folder of its own, and delete them at the end. STREAMREC_TEST_STORE_PID names the server's process, if
it may be stopped for a while.
"""

import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import PyFileSystem

from streamrec_explain.audit_log.table.store import AuditStore

NAMED_STORE, NAMED_PROCESS = "STREAMREC_TEST_STORE", "STREAMREC_TEST_STORE_PID"
IMPATIENT = {"max_retries": "2", "retry_timeout": "2s", "timeout": "2s"}
PATIENT = {"max_retries": "10", "retry_timeout": "180s", "timeout": "60s"}


class S3Store:
    """An empty folder of a store; `options` reach it, `pid` is its process."""

    def __init__(self, uri: str, options: Mapping[str, str], pid: int | None) -> None:
        self.uri, self.options, self.pid = uri, dict(options), pid

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server does not answer, as if the network were cut; then it goes on where it was."""
        if self.pid is None:
            pytest.skip(f"an outage needs {NAMED_PROCESS}")
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        """Delete all that tests wrote, which may take a while."""
        PyFileSystem(DeltaStorageHandler(self.uri, {**self.options, **PATIENT})).delete_dir("")


def named_store() -> S3Store | None:
    """A fresh folder of the store that the environment names, if it names one."""
    if NAMED_STORE not in os.environ:
        return None
    named = msgspec.json.decode(Path(os.environ[NAMED_STORE]).read_bytes(), type=AuditStore)
    pid = os.environ.get(NAMED_PROCESS)
    return S3Store(f"{named.uri}/test-{uuid.uuid4().hex}", {**named.options, **IMPATIENT}, int(pid) if pid else None)
