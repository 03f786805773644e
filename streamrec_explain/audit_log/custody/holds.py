"""Legal holds: what must be kept beats expiry and erasure, until whoever placed the hold releases it.

Placing a hold and removing entries take turns (`removing`): a hold is either seen by a removal, or placed after it.
The ledger keeps who held what, when and why. A person is in it as a keyed digest only; which user is meant lies
in a private file of its own while the hold lasts (a later key of the ring needs the id), and goes with the release.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.evidence.ledger_records import HoldPlaced, HoldReleased
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.signing import Signer
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.errors import HoldError
from streamrec_explain.pseudonym import KeyRing
from streamrec_explain.records import AuditEntry, AuditRequest


class HoldScope(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold covers: entries that meet every condition given; days (YYYY-MM-DD) are both included."""

    user_id: str | None = None
    request_id: str | None = None
    item_id: str | None = None
    model_version: str | None = None
    region: str | None = None
    first_day: str | None = None
    last_day: str | None = None


class ActiveHold(msgspec.Struct, frozen=True):
    """A hold that was not released; `pseudonyms` of its user under every key, None if it names no user."""

    placed: HoldPlaced
    pseudonyms: tuple[str, ...] | None = None

    @property
    def hold_id(self) -> str:
        """The hold's name."""
        return self.placed.hold_id

    @property
    def condition(self) -> str:
        """The SQL condition on entries."""
        equal = [(name, getattr(self.placed, name)) for name in _EQUAL]
        parts = [conditions.equals(name, value) for name, value in equal if value is not None]
        parts.append(conditions.days(self.placed.first_day, self.placed.last_day))
        if self.pseudonyms is not None:
            parts.append(conditions.one_of("user_id_hash", self.pseudonyms))
        return f"({' AND '.join(parts)})"

    def covers(self, request: AuditRequest) -> bool:
        """Whether any entry of a request is held: then all of it is kept, for one replays only with the others."""
        return any(self._covers(request, entry) for entry in request.entries)

    def _covers(self, request: AuditRequest, entry: AuditEntry) -> bool:
        held, day = self.placed, utc_day(request.timestamp_ms)
        pairs = (
            (held.request_id, request.request_id),
            (held.item_id, entry.item_id),
            (held.model_version, request.model_version),
            (held.region, request.region),
        )
        in_days = (held.first_day or day) <= day <= (held.last_day or day)
        of_user = self.pseudonyms is None or request.user_id_hash in self.pseudonyms
        return in_days and of_user and all(asked is None or asked == found for asked, found in pairs)


_EQUAL = ("request_id", "item_id", "model_version", "region")


class Holds:
    """The holds of one deployment: the ledger says which, `folder` whom."""

    def __init__(self, ledger: AuditLedger, folder: Path) -> None:
        self._ledger = ledger
        self.folder = folder

    def place(self, scope: HoldScope, *, keys: KeyRing | None, signer: Signer, act: Act) -> HoldPlaced:
        """Hold what meets the scope from now on; HoldError for a scope without a condition or a user without keys.

        Waits for a removal that is under way in one partition or journal.
        """
        given = {name: value for name, value in msgspec.structs.asdict(scope).items() if value is not None}
        user_id = given.pop("user_id", None)
        if not given and user_id is None:
            raise HoldError("a hold needs at least one condition; one on everything would stop expiry for good")
        if user_id is not None and keys is None:
            raise HoldError("a hold on a user needs the key ring")
        with self._ledger.locked():
            hold_id = f"hold-{sum(isinstance(each, HoldPlaced) for each in self._ledger.records()) + 1}"
            subjects = None
            if user_id is not None and keys is not None:
                subjects = tuple(keys.subjects(user_id).values())
                self._name_person(hold_id, user_id)
            placed = HoldPlaced(hold_id=hold_id, subjects=subjects, **given, **msgspec.structs.asdict(act))
            self._ledger.append(placed, signer)
        return placed

    def release(self, hold_id: str, *, signer: Signer, act: Act) -> None:
        """End a hold; HoldError if there is none of that name (any more)."""
        with self._ledger.locked():
            if hold_id not in {each.hold_id for each in standing_holds(self._ledger)}:
                raise HoldError(f"there is no hold {hold_id!r} to release")
            self._ledger.append(HoldReleased(hold_id=hold_id, **msgspec.structs.asdict(act)), signer)
            self._forget_released()

    def active(self, keys: KeyRing | None) -> tuple[ActiveHold, ...]:
        """Every hold that was not released; HoldError if it cannot be told whom one of them is about."""
        return tuple(self._active(each, keys) for each in standing_holds(self._ledger))

    def people(self) -> dict[str, str]:
        """The user ids that holds which stand are about, by the hold's name; HoldError if one is not known."""
        return {each.hold_id: self._user_of(each) for each in standing_holds(self._ledger) if each.subjects is not None}

    def history(self) -> list[HoldPlaced | HoldReleased]:
        """Every hold placed and released, oldest first."""
        return _history(self._ledger)

    def forget_released(self) -> None:
        """Delete what says whom released holds were about; a killed release may have left it."""
        with self._ledger.locked():  # one that is being placed has its file first
            self._forget_released()

    def _forget_released(self) -> None:
        names = {each.hold_id for each in standing_holds(self._ledger)}
        for path in self.folder.glob("hold-*.json"):
            if path.stem not in names:
                path.unlink(missing_ok=True)

    def _active(self, placed: HoldPlaced, keys: KeyRing | None) -> ActiveHold:
        if placed.subjects is None:
            return ActiveHold(placed)
        user_id = self._user_of(placed)
        if keys is None:
            raise HoldError(f"{placed.hold_id} is about a person: the key ring is needed")
        return ActiveHold(placed, tuple(keys.pseudonyms(user_id).values()))

    def _user_of(self, placed: HoldPlaced) -> str:
        try:
            return msgspec.json.decode((self.folder / f"{placed.hold_id}.json").read_bytes(), type=str)
        except (OSError, msgspec.MsgspecError):
            raise HoldError(
                f"{placed.hold_id} is about a person, and {self.folder} does not say whom: restore it from a "
                "backup; until then nothing may be removed"
            ) from None

    def _name_person(self, hold_id: str, user_id: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{hold_id}.json"
        with suppress(FileNotFoundError):
            path.unlink()  # a placing that was killed before the ledger knew it
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(user_id))
            stream.flush()
            os.fsync(stream.fileno())


def standing_holds(ledger: AuditLedger) -> list[HoldPlaced]:
    """The holds that were placed and not released."""
    history = _history(ledger)
    released = {each.hold_id for each in history if isinstance(each, HoldReleased)}
    return [each for each in history if isinstance(each, HoldPlaced) and each.hold_id not in released]


def _history(ledger: AuditLedger) -> list[HoldPlaced | HoldReleased]:
    return [each for each in ledger.records() if isinstance(each, HoldPlaced | HoldReleased)]


@contextmanager
def removing(ledger: AuditLedger, holds: Sequence[ActiveHold]) -> Iterator[None]:
    """Held while something is looked at and removed: nobody places a hold meanwhile.

    HoldError if a hold stands that is not among `holds`, which the removal was planned with.
    """
    with ledger.locked():
        known = {each.hold_id for each in holds}
        unseen = [each.hold_id for each in standing_holds(ledger) if each.hold_id not in known]
        if unseen:
            raise HoldError(f"{', '.join(unseen)} was placed since the plan: nothing more is removed; plan again")
        yield


def held_requests(holds: Sequence[ActiveHold], where: str) -> str:
    """The SQL condition of entries whose request is held, among the entries that meet `where`; false without holds.

    One held entry keeps its whole request: an entry is replayed, and proven, with its list.
    """
    if not holds:
        return "false"
    held = " OR ".join(each.condition for each in holds)
    return f"request_id IN (SELECT request_id FROM entries WHERE ({where}) AND ({held}))"
