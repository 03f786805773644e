"""The exception tree: callers catch at the level they care about.

StreamRecError
├── InvalidInputError            what the caller handed over is wrong
│   ├── EventDataError           an event file or table breaks the schema (problems: file, row, column, code)
│   ├── FeatureError             a feature value, name or shape is wrong
│   ├── RequestError             a request to explain a list is wrong (field)
│   └── SettingsError            a setting is missing, malformed or unsafe
├── ModelError
│   ├── UnsupportedModelError    a model of a kind the product does not support, by name
│   ├── TrainingError            training cannot start or did not converge
│   └── ConformanceError         recomputed values differ from recorded ones
├── ReleaseError
│   ├── CorruptReleaseError      a file of a release does not match its digest (file)
│   ├── ReleaseNotFoundError     no such release or alias
│   ├── GateError                a gate failed or was not evaluated (gate, value, bound)
│   └── PromotionConflictError   another promotion won
├── RegistryUnavailableError     the model registry does not answer
├── BackupError                  a backup cannot be made, or is not what was written
├── SnapshotNotFoundError        no snapshot with the digest that an audit entry names is kept
└── AuditLogError
    ├── JournalError             the journal cannot accept or read a record
    │   ├── JournalFullError     the journal reached its bound; the caller must shed load
    │   └── CorruptRecordError   a record's checksum does not match
    ├── ShipError                a batch could not be shipped
    ├── WriteConflictError       another writer changed the audit table first
    ├── UnsafeStoreError         the store of the audit table does not bear concurrent writers
    ├── RetentionError           a retention step is refused
    │   └── HoldError            a legal hold forbids it
    ├── TamperError              stored entries, leaves or ledger are not what was sealed
    ├── EntryNotFoundError       no entry with this id in any tier
    └── ReplayMismatchError      a replayed explanation differs from the logged one
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One place where handed-over data is wrong.

    `row` is the 1-based line of a text file, header included, or the 0-based row of a Parquet file; it and `column`
    are None where the whole file is wrong. `code` is stable: programs may rely on it, people read `message`.
    """

    file: str
    row: int | None
    column: str | None
    code: str
    message: str


class StreamRecError(Exception):
    """Root of every error this product raises on purpose."""


class InvalidInputError(StreamRecError):
    """What the caller handed over is wrong; nothing was written."""


class EventDataError(InvalidInputError):
    """An event file or table breaks the documented schema; of `count` problems `problems` lists the first."""

    def __init__(self, message: str, problems: Sequence[Problem] = (), count: int | None = None) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.count = len(self.problems) if count is None else count


class FeatureError(InvalidInputError):
    """A feature value, name or shape is wrong."""


class RequestError(InvalidInputError):
    """A request to explain a list is wrong; `field` names the place."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class SettingsError(InvalidInputError):
    """A setting is missing, malformed or unsafe outside local use."""


class ModelError(StreamRecError):
    """A model cannot be trained, read or trusted."""


class UnsupportedModelError(ModelError):
    """The model is of a kind that is not supported; the message names the kind."""


class TrainingError(ModelError):
    """Training cannot start or did not converge."""


class ConformanceError(ModelError):
    """Recomputed values differ from the recorded ones."""


class ReleaseError(StreamRecError):
    """A release cannot be built, read or promoted."""


class CorruptReleaseError(ReleaseError):
    """A file of a release does not match its recorded digest; `file` names it."""

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(message)
        self.file = file


class ReleaseNotFoundError(ReleaseError):
    """No such release, version or alias."""


class GateError(ReleaseError):
    """A gate failed or has not been evaluated on this version."""


class PromotionConflictError(ReleaseError):
    """Another promotion moved the alias first."""


class RegistryUnavailableError(StreamRecError):
    """The model registry does not answer."""


class SnapshotNotFoundError(StreamRecError):
    """No snapshot with the digest that an audit entry names is kept."""


class BackupError(StreamRecError):
    """A backup cannot be made, or a stored one is not what was written."""


class AuditLogError(StreamRecError):
    """The audit log cannot do what was asked."""


class JournalError(AuditLogError):
    """The journal cannot accept or read a record."""


class JournalFullError(JournalError):
    """The journal reached its bound; the caller must shed load until it is shipped."""


class CorruptRecordError(JournalError):
    """A journal record's checksum does not match its bytes."""


class ShipError(AuditLogError):
    """A batch could not be shipped to the audit table."""


class WriteConflictError(AuditLogError):
    """Another writer changed the audit table first: read it again and decide anew."""


class UnsafeStoreError(AuditLogError):
    """The store of the audit table would lose commits of concurrent writers."""


class RetentionError(AuditLogError):
    """A retention step is refused; nothing was removed."""


class HoldError(RetentionError):
    """A legal hold forbids the removal; release the hold first."""


class TamperError(AuditLogError):
    """Stored entries, leaves or ledger records are not what was sealed and signed."""


class EntryNotFoundError(AuditLogError):
    """No audit entry with this id in the journal or any tier."""


class ReplayMismatchError(AuditLogError):
    """A replayed explanation differs from the logged one."""
