"""The audit ledger: an append-only file of signed records, each naming the digest of the one before it.

A record that was changed, left out, put in or moved breaks a signature or a link. Only records cut off the end
leave no trace in the file itself: whoever kept a later digest (`verify` prints it) finds that too.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.evidence.ledger_records import LedgerBody, Record
from streamrec_explain.audit_log.evidence.signing import PublicKeys, Signer
from streamrec_explain.errors import AuditLogError
from streamrec_explain.hashing import digest

SIGNED_AS = b"streamrec-audit-ledger-1\n"
_TIMEOUT_S = 30.0
_FIRST = "0" * 64
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, body BLOB NOT NULL, signature BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


class SignedRecord(msgspec.Struct, frozen=True):
    """A record as it lies in the ledger: the signed bytes and their signature."""

    body: bytes
    signature: bytes

    @property
    def content(self) -> LedgerBody:
        """The record with its place in the chain; AuditLogError if the bytes are none."""
        try:
            return msgspec.json.decode(self.body, type=LedgerBody)
        except msgspec.MsgspecError as error:
            raise AuditLogError(f"a record of the audit ledger cannot be read: {error}") from error

    @property
    def digest(self) -> str:
        """SHA-256 of the signed bytes: what the next record names."""
        return digest(self.body)


class AuditLedger:
    """An sqlite file shared by every process that seals, removes or holds entries."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else places or releases a hold, or removes entries, meanwhile; it ends with the process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def append(self, record: Record, signer: Signer) -> SignedRecord:
        """Sign a record onto the end, durably."""
        with self._writing() as db:
            row = db.execute("SELECT number, body FROM records ORDER BY number DESC LIMIT 1").fetchone()
            number, previous = (1, _FIRST) if row is None else (row[0] + 1, digest(row[1]))
            body = msgspec.json.encode(LedgerBody(number, previous, signer.key_id, record))
            signed = SignedRecord(body, signer.sign(SIGNED_AS + body))
            db.execute("INSERT INTO records VALUES (?, ?, ?)", (number, signed.body, signed.signature))
        return signed

    def signed_records(self) -> list[SignedRecord]:
        """Every record as it lies there, oldest first; none if the ledger was never written."""
        if not self.path.exists():
            return []
        # Not read-only: a writer that was killed left a transaction to roll back, which only a writer may.
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        with self._errors(), closing(sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S)) as db:
            rows = db.execute(
                "SELECT CAST(body AS BLOB), CAST(signature AS BLOB) FROM records ORDER BY number"
            ).fetchall()
        return [SignedRecord(*row) for row in rows]

    def records(self) -> list[Record]:
        """What every record says, oldest first."""
        return [each.content.record for each in self.signed_records()]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction that no other writer shares."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._errors(), closing(sqlite3.connect(self.path, timeout=_TIMEOUT_S, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(_SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise AuditLogError(f"the audit ledger {self.path} cannot be used: {error}") from error


def chain_problems(records: list[SignedRecord], keys: PublicKeys) -> list[str]:
    """What is wrong with signatures and links; nothing for a sound ledger."""
    problems, previous = [], _FIRST
    for number, each in enumerate(records, start=1):
        try:
            content = each.content
        except AuditLogError as error:
            problems.append(f"ledger record {number}: {error}")
            previous = each.digest
            continue
        if not keys.is_signed(content.key_id, each.signature, SIGNED_AS + each.body):
            problems.append(f"ledger record {number} is not signed by a known key")
        if (content.number, content.previous) != (number, previous):
            problems.append(f"ledger record {number} does not follow the record before it")
        previous = each.digest
    return problems
