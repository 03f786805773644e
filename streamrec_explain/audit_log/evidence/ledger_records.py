"""What the audit ledger records: sealed heads, why sealed entries are gone, erasures, holds and their release.

Nothing here is personal: people appear only as keyed digests (`KeyRing.subjects`), which are no pseudonyms of
entries. All times are Unix ms; `who` ran the command and `why` is in their words.
"""

from typing import Literal

import msgspec

Reason = Literal["erasure", "expiry"]
ErasureState = Literal["begun", "done", "partial"]
Ranges = tuple[tuple[int, int], ...]


class SealedHead(msgspec.Struct, frozen=True, tag="head", kw_only=True):
    """The Merkle tree of one (date, region): `requests` leaves with `entries` entries, `root` in hex.

    Version n + 1 has the leaves of version n first: late entries extend a tree and change nothing in it.
    """

    date: str
    region: str
    version: int
    requests: int
    entries: int
    root: str
    at_ms: int


class Withdrawn(msgspec.Struct, frozen=True, tag="withdrawn", kw_only=True):
    """Sealed entries that are lawfully gone: half-open ranges of leaves of one (date, region)."""

    date: str
    region: str
    leaves: Ranges
    entries: int
    reason: Reason
    at_ms: int
    who: str
    why: str


class Reinstated(msgspec.Struct, frozen=True, tag="reinstated", kw_only=True):
    """Withdrawn entries that stay after all, since `holds` were placed before their removal, which was cut short."""

    date: str
    region: str
    leaves: Ranges
    entries: int
    holds: tuple[str, ...]
    at_ms: int
    who: str
    why: str


class Erased(msgspec.Struct, frozen=True, tag="erased", kw_only=True):
    """One run of an erasure: how much was to go, and what holds kept back (then it is `partial`, not `done`)."""

    subjects: tuple[str, ...]
    state: ErasureState
    entries: int
    kept: int
    holds: tuple[str, ...]
    at_ms: int
    who: str
    why: str


class HoldPlaced(msgspec.Struct, frozen=True, tag="hold", kw_only=True):
    """A legal hold on the entries that meet every condition given; days (YYYY-MM-DD) are both included."""

    hold_id: str
    subjects: tuple[str, ...] | None = None
    request_id: str | None = None
    item_id: str | None = None
    model_version: str | None = None
    region: str | None = None
    first_day: str | None = None
    last_day: str | None = None
    at_ms: int
    who: str
    why: str


class HoldReleased(msgspec.Struct, frozen=True, tag="release", kw_only=True):
    """The end of a hold."""

    hold_id: str
    at_ms: int
    who: str
    why: str


Record = SealedHead | Withdrawn | Reinstated | Erased | HoldPlaced | HoldReleased


class LedgerBody(msgspec.Struct, frozen=True):
    """What is signed: a record, its number from 1, and the SHA-256 of the body before it (64 zeros for the first)."""

    number: int
    previous: str
    key_id: str
    record: Record
