"""The leaves of sealed trees: one file per (date, region), 32 bytes a request, only ever appended to.

Leaves lie in order of sealing, those of one sealing by value: an order that no rewriting of the table changes and
that says nothing about people. The ledger's head says how many count; what lies behind, a killed sealing left.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from streamrec_explain.audit_log.evidence.merkle import HASH_BYTES
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.durable import sync
from streamrec_explain.errors import TamperError


class LeafStore:
    """A folder of leaf files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, partition: Partition) -> Path:
        """The file of one partition."""
        return self.folder / f"{partition.date}.{quote(partition.region, safe='')}.leaves"

    def read(self, partition: Partition, size: int) -> list[bytes]:
        """The first `size` leaves; TamperError if the file has fewer."""
        path = self.path(partition)
        data = path.read_bytes()[: size * HASH_BYTES] if path.exists() else b""
        if len(data) != size * HASH_BYTES:
            raise TamperError(f"{path} holds {len(data) // HASH_BYTES} of the {size} leaves that were sealed")
        return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]

    def extend(self, partition: Partition, size: int, leaves: Sequence[bytes]) -> None:
        """Make the file the first `size` leaves and then these, durably."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path(partition).open("ab") as stream:
            stream.truncate(size * HASH_BYTES)
            stream.write(b"".join(leaves))
            stream.flush()
            os.fsync(stream.fileno())
        sync(self.folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else seals or withdraws meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
