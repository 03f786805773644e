"""Promotion: moving the champion alias to a release whose gates passed, or back to an earlier champion."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streamrec_explain.errors import (
    GateError,
    InvalidInputError,
    PromotionConflictError,
    ReleaseNotFoundError,
)
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.gates import GATES_FILE, GateBounds, GateRecord, refusals
from streamrec_explain.release.ledger import Ledger, LedgerEntry
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registration import CHAMPION, PREVIOUS


class ReleaseRegistry(Protocol):
    """What promotion needs of a model registry."""

    def alias(self, alias: str) -> int | None:
        """The version an alias points at, None if it points nowhere."""

    def set_alias(self, alias: str, version: int) -> None:
        """Point an alias at a version."""

    def digest(self, version: int) -> str:
        """The digest recorded for a version; ReleaseNotFoundError if there is no such version."""

    def gates(self, version: int) -> GateRecord:
        """The gate results stored on exactly this version."""

    def download(self, version: int, folder: Path) -> None:
        """Copy a version's bundle into an empty folder."""


@dataclass(frozen=True)
class Promoter:
    """Moves the champion of one registry, one move at a time; `clock` gives Unix milliseconds."""

    registry: ReleaseRegistry
    ledger: Ledger
    clock: Callable[[], int]

    def promote(self, version: int, *, who: str, why: str, override: bool = False) -> LedgerEntry:
        """Make a version champion; the one it replaces becomes `previous`.

        GateError if a gate failed or is missing, CorruptReleaseError if the registered bundle was changed,
        PromotionConflictError if another promotion is under way or moved the champion since the gates were
        judged. `override` goes on although gates refuse; it needs a reason and is written in the ledger.
        Promoting the champion again changes nothing and returns the entry that made it champion.
        """
        if override and not why.strip():
            raise InvalidInputError("an override needs a reason; say why the gates may be passed over")
        seen = self.registry.alias(CHAMPION)
        digest, bounds = self._verified(version)
        record = self.registry.gates(version)
        refused = refusals(bounds, record.results)
        if refused and not override:
            raise GateError(f"version {version} may not be promoted; " + "; ".join(refused))
        expected = seen if override else record.champion
        entry = LedgerEntry(
            at_ms=self.clock(),
            who=who,
            action="promote",
            from_version=seen,
            to_version=version,
            model_version=str(ModelVersion.of(version, digest)),
            why=why,
            overridden=bool(refused),
            gates=record.results,
        )
        return self._move(entry, expected)

    def rollback(self, to: int | None = None, *, who: str, why: str) -> LedgerEntry:
        """Make an earlier champion champion again: the `previous` one unless a version is given.

        ReleaseNotFoundError if there is no earlier champion or the version never was one.
        """
        seen = self.registry.alias(CHAMPION)
        version = self._earlier(to)
        digest, _ = self._verified(version)
        entry = LedgerEntry(
            at_ms=self.clock(),
            who=who,
            action="rollback",
            from_version=seen,
            to_version=version,
            model_version=str(ModelVersion.of(version, digest)),
            why=why,
            gates=self.registry.gates(version).results,
        )
        return self._move(entry, seen)

    def _earlier(self, to: int | None) -> int:
        version = self.registry.alias(PREVIOUS) if to is None else to
        if version is None:
            raise ReleaseNotFoundError("there is no earlier champion to go back to")
        if self.ledger.latest(version) is None:
            raise ReleaseNotFoundError(f"version {version} never was champion; promote it instead")
        return version

    def _verified(self, version: int) -> tuple[str, GateBounds]:
        """The digest of a version and the gate bounds in its bundle, after every file was checked."""
        digest = self.registry.digest(version)
        with tempfile.TemporaryDirectory(prefix="streamrec-release-") as name:
            folder = Path(name) / "bundle"
            self.registry.download(version, folder)
            verify_bundle(folder, digest)
            return digest, GateBounds.from_json((folder / GATES_FILE).read_bytes())

    def _move(self, entry: LedgerEntry, expected: int | None) -> LedgerEntry:
        """Compare and set: move the champion if it still is the expected version."""
        with self.ledger.lease(f"{entry.who}, version {entry.to_version}", self.clock) as lease:
            champion = self.registry.alias(CHAMPION)
            self.ledger.settle(champion)
            if champion == entry.to_version and (done := self.ledger.latest(champion)):
                return done
            _refuse_moved(entry, champion, expected)
            identifier = self.ledger.begin(entry)
            if champion not in (None, entry.to_version):
                self.registry.set_alias(PREVIOUS, champion)
            lease.check(self.clock())
            self.registry.set_alias(CHAMPION, entry.to_version)
            self.ledger.finish(identifier)
        return entry


def _refuse_moved(entry: LedgerEntry, champion: int | None, expected: int | None) -> None:
    if champion != expected:
        now, then = champion or "none", expected or "none"
        raise PromotionConflictError(
            f"version {entry.to_version} was to replace champion {then}, but the champion is {now}: another "
            f"promotion won; evaluate the gates of version {entry.to_version} again, or override with a reason"
        )
