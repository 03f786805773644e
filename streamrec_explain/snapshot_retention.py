"""Snapshots that nobody needs any more: deleted by plan, then apply, beside a running service.

A service answers with the latest snapshots; while it reads a newer one, or cannot read it, with those before. So what
another snapshot replaced lately stays. Of what was replaced long ago a trend snapshot stays as long as an entry of any
tier names it, for the entry is replayed with it, and a user snapshot while a legal hold is on a person in it; entries
hold copies of the user features they were made with.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.custody.holds import Holds
from streamrec_explain.audit_log.custody.snapshot_use import named_trends
from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.features.snapshot_files import digest_start, superseded, torn
from streamrec_explain.features.snapshots import UserSnapshot
from streamrec_explain.home import Home

DEFAULT_KEEP_DAYS = 7
_DAY_MS = 86_400_000


class SupersededSnapshot(msgspec.Struct, frozen=True):
    """A file that was replaced long ago; `needed_by` is empty, "entries" or the name of a hold."""

    path: Path
    size: int
    needed_by: str = ""


class SnapshotPlan(msgspec.Struct, frozen=True):
    """What was replaced before `before_ms` (Unix ms): to be deleted, unless something needs it."""

    before_ms: int
    snapshots: tuple[SupersededSnapshot, ...]

    @property
    def due(self) -> tuple[SupersededSnapshot, ...]:
        """Those to delete."""
        return tuple(each for each in self.snapshots if not each.needed_by)

    def __str__(self) -> str:
        size = sum(each.size for each in self.due) / 1e6
        lines = [f"delete {len(self.due)} snapshots that were replaced and that nothing needs any more ({size:.1f} MB)"]
        lines += [f"  {each.path.parent.name}/{each.path.name}" for each in self.due]
        lines += [
            f"  kept: {each.path.parent.name}/{each.path.name}, needed by {each.needed_by}"
            for each in self.snapshots
            if each.needed_by
        ]
        return "\n".join(lines)


def plan_snapshots(
    home: Home, log: AuditLog, holds: Holds, *, now_ms: int, keep_days: int = DEFAULT_KEEP_DAYS
) -> SnapshotPlan:
    """Every snapshot that was replaced more than `keep_days` ago, and what still needs it; nothing is changed.

    The file system's clock tells ages. HoldError if it cannot be told whom a hold is about.
    """
    before_ms = now_ms - keep_days * _DAY_MS
    found = (*_trends(home, log, before_ms), *_users(home, holds, before_ms), *_torn(home, before_ms))
    return SnapshotPlan(before_ms, found)


def apply_snapshots(plan: SnapshotPlan, home: Home, log: AuditLog, holds: Holds, ledger: AuditLedger) -> int:
    """Delete what was planned and still is needed by nothing; how many files went. Again, it deletes nothing more.

    What is needed is looked up again, user snapshots while nobody places a hold.
    """
    trends = _deleted(plan, (*_trends(home, log, plan.before_ms), *_torn(home, plan.before_ms)))
    with ledger.locked():
        return trends + _deleted(plan, _users(home, holds, plan.before_ms))


def _deleted(plan: SnapshotPlan, found: Iterable[SupersededSnapshot]) -> int:
    """Delete those found again and not needed, if they were planned; how many."""
    planned = {each.path for each in plan.due}
    going = [each.path for each in found if each.path in planned and not each.needed_by]
    for path in going:
        path.unlink(missing_ok=True)
    return len(going)


def _trends(home: Home, log: AuditLog, before_ms: int) -> Iterator[SupersededSnapshot]:
    """The files come first: one that is replaced while entries are read is none of them."""
    found = superseded(home.trends, before_ms)
    named = {digest[:8] for digest in named_trends(log)} if found else set()
    for path in found:
        yield SupersededSnapshot(path, _size(path), "entries" if digest_start(path) in named else "")


def _users(home: Home, holds: Holds, before_ms: int) -> Iterator[SupersededSnapshot]:
    people = holds.people()
    for path in superseded(home.users, before_ms):
        known = UserSnapshot.load(path) if people else None
        held = [name for name, user in people.items() if known is not None and known.lookup(user) is not None]
        yield SupersededSnapshot(path, _size(path), ", ".join(held))


def _torn(home: Home, before_ms: int) -> Iterator[SupersededSnapshot]:
    for folder in (home.trends, home.users):
        yield from (SupersededSnapshot(path, _size(path)) for path in torn(folder, before_ms))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
