"""The access log: who asked the audit log what, durable before the answer is given.

One JSON object a line, only ever appended to. People asked about appear as keyed digests (`KeyRing.subjects`).
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from streamrec_explain.errors import AuditLogError


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """One question: `what` names it (query, trace, export, ...), `asked` the conditions without any person."""

    at_ms: int
    who: str
    via: str
    what: str
    asked: Mapping[str, str | int]
    subjects: tuple[str, ...] = ()


class AccessLog:
    """The file that every command and the auditor app append to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, access: Access) -> None:
        """Append a line and wait for the disk; AuditLogError if that fails: then no answer may be given."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "rb+") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                _end_torn_line(stream.fileno())
                os.write(stream.fileno(), msgspec.json.encode(access) + b"\n")
                os.fsync(stream.fileno())
        except OSError as error:
            raise AuditLogError(f"the question cannot be recorded in {self.path}: {error}; not answered") from error

    def accesses(self) -> list[Access]:
        """Every question recorded, oldest first; a line torn by a power loss, never answered, is left out."""
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_bytes().splitlines():
            try:
                found.append(msgspec.json.decode(line, type=Access))
            except msgspec.MsgspecError:
                continue
        return found


def _end_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
