"""The backlog: what waits in the journals to be shipped, cheap to ask for however much it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.journal.file import ARRIVAL_VERSION, connect_read_only, journal_errors, schema_version
from streamrec_explain.audit_log.journal.reader import journal_paths
from streamrec_explain.errors import JournalError

_WEIGHED = 1_000


class Backlog(msgspec.Struct, frozen=True):
    """Requests that no shipped batch covers, their bytes in the journal, and when the first of them came (Unix ms).

    `stored_bytes` is exact up to 1,000 requests; above, the mean size of the first 1,000 stands for all of them.
    `oldest_ms` is None where nothing waits or an older program wrote it.
    """

    requests: int = 0
    stored_bytes: int = 0
    oldest_ms: int | None = None

    def age_s(self, now_ms: int) -> float:
        """How long the oldest request has waited; 0 where nothing waits or the clock was set back since."""
        return 0.0 if self.oldest_ms is None else max(0, now_ms - self.oldest_ms) / 1000

    def plus(self, other: "Backlog") -> "Backlog":
        """What waits in both."""
        oldest = [each.oldest_ms for each in (self, other) if each.oldest_ms is not None]
        return Backlog(
            self.requests + other.requests, self.stored_bytes + other.stored_bytes, min(oldest, default=None)
        )


def folder_backlog(folder: Path) -> Backlog:
    """What waits in every readable journal of a folder; shipping names those that cannot be read."""
    found = Backlog()
    for path in journal_paths(folder):
        try:
            with closing(connect_read_only(path)) as connection:
                found = found.plus(backlog_of(connection, path))
        except JournalError:
            continue
    return found


def backlog_of(connection: sqlite3.Connection, path: Path) -> Backlog:
    """What waits in one open journal; reads at most 1,000 records."""
    with journal_errors(path):
        shipped, last = connection.execute(
            "SELECT (SELECT coalesce(max(last_sequence), 0) FROM batches WHERE shipped_ms IS NOT NULL), "
            "(SELECT coalesce(max(sequence), 0) FROM records)"
        ).fetchone()
        arrived = "arrived_ms" if schema_version(connection) >= ARRIVAL_VERSION else "NULL"
        weighed, size, oldest = connection.execute(
            f"SELECT count(*), coalesce(sum(size), 0), min(arrived) FROM (SELECT length(body) AS size, {arrived} AS "
            "arrived FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?)",
            (shipped, _WEIGHED),
        ).fetchone()
    # Sequences have no gaps above the last shipped one: nothing but erasure deletes what was not shipped.
    requests = weighed if weighed < _WEIGHED else last - shipped
    return Backlog(requests, size * requests // max(1, weighed), oldest)
