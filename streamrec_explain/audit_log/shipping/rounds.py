"""The shipper as a process: round after round until it is told to end, slower while the store does not answer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.journal.backlog import Backlog, folder_backlog
from streamrec_explain.audit_log.shipping.outbox import BatchBounds
from streamrec_explain.audit_log.shipping.shipper import Keeping, ship_each
from streamrec_explain.audit_log.table.audit_table import AuditTable

LONGEST_PAUSE_S = 60.0


class ShipRound(msgspec.Struct, frozen=True):
    """What one round did: requests and rows shipped, damaged requests, what waits now, and what failed (nothing: ()).

    The next round begins after `pause_s`.
    """

    requests: int
    rows: int
    damaged: tuple[str, ...]
    waiting: Backlog
    failures: tuple[str, ...]
    pause_s: float


def ship_rounds(
    folder: Path,
    table: AuditTable,
    *,
    clock: Callable[[], int],
    pause: Callable[[float], object],
    stopping: Callable[[], bool],
    every_s: float,
    bounds: BatchBounds = BatchBounds(),  # noqa: B008 a frozen value
    keep: Keeping = Keeping(),  # noqa: B008 a frozen value
) -> Iterator[ShipRound]:
    """Ship a folder's journals every `every_s` seconds until `stopping`, and give each round as it ends.

    `pause(seconds)` waits. While a journal cannot be shipped the pauses double up to a minute: a store that is away is
    asked rarely, and what waits stays in the journals, never in memory.
    """
    pause_s = every_s
    while not stopping():
        done = ship_each(folder, table, clock=clock, bounds=bounds, keep=keep, stopping=stopping)
        pause_s = min(2 * pause_s, max(every_s, LONGEST_PAUSE_S)) if done.failures else every_s
        yield ShipRound(
            requests=sum(report.requests for report in done.reports),
            rows=sum(report.rows for report in done.reports),
            damaged=tuple(name for report in done.reports for name in report.damaged),
            waiting=folder_backlog(folder),
            failures=done.failures,
            pause_s=pause_s,
        )
        pause(pause_s)
