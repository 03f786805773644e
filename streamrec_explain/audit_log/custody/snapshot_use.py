"""Which trend snapshots living entries name: each is kept as long as an entry may be replayed with it."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from streamrec_explain.audit_log.journal.file import connect_read_only, journal_errors
from streamrec_explain.audit_log.journal.reader import journal_paths
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.errors import CorruptRecordError


def named_trends(log: AuditLog) -> frozenset[str]:
    """The digests of the trend snapshots that entries in journals and tables were made with.

    Journals are read before the tables, so that what is shipped meanwhile is found. A damaged record names none: it
    cannot be replayed.
    """
    named = {digest for path in journal_paths(log.journals) for digest in _named_in(path)}
    for table in log.tables():
        named.update(table.query("SELECT DISTINCT trend_digest FROM entries")["trend_digest"].to_pylist())
    return frozenset(named)


def _named_in(path: Path) -> Iterator[str]:
    with journal_errors(path), closing(connect_read_only(path)) as connection:
        for row in connection.execute("SELECT request_id, user_id_hash, body, checksum FROM records"):
            with suppress(CorruptRecordError):
                yield StoredRecord(*row).request.trend_digest
