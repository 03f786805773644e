"""Entries that wait in the journals: the answer to a question before the shipper has run."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from streamrec_explain.audit_log.journal.file import connect_read_only, journal_errors
from streamrec_explain.audit_log.journal.reader import journal_paths
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.audit_log.questions.queries import EntryFilter, EntrySummary
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.errors import CorruptRecordError
from streamrec_explain.records import AuditEntry, AuditRequest, explanation_id

JOURNAL = "journal"


def waiting_entries(folder: Path, wanted: EntryFilter) -> Iterator[EntrySummary]:
    """The entries that are asked for and not marked as shipped, in order of arrival in each worker's journal.

    Read them before the tables: what is shipped in between is then found twice, never missed. Damaged records,
    which the shipper reports, are left out.
    """
    for path in journal_paths(folder):
        for record in _records(path, wanted):
            try:
                request = record.request
            except CorruptRecordError:
                continue
            yield from (_summary(request, entry) for entry in request.entries if _is_wanted(request, entry, wanted))


def _records(path: Path, wanted: EntryFilter) -> Iterator[StoredRecord]:
    users = "true" if wanted.users is None else conditions.one_of("user_id_hash", wanted.users)
    request = "true" if wanted.request_id is None else conditions.equals("request_id", wanted.request_id)
    sql = (
        f"SELECT request_id, user_id_hash, body, checksum FROM records WHERE {users} AND {request} AND sequence > "
        "(SELECT coalesce(max(last_sequence), 0) FROM batches WHERE shipped_ms IS NOT NULL) ORDER BY sequence"
    )
    with journal_errors(path), closing(connect_read_only(path)) as connection:
        yield from (StoredRecord(*row) for row in connection.execute(sql))


def _is_wanted(request: AuditRequest, entry: AuditEntry, wanted: EntryFilter) -> bool:
    pairs = (
        (wanted.request_id, request.request_id),
        (wanted.region, request.region),
        (wanted.model_version, request.model_version),
        (wanted.position, entry.position),
        (wanted.item_id, entry.item_id),
        (wanted.explanation_type, entry.explanation_type),
    )
    first, end = wanted.from_ms, wanted.to_ms
    in_time = (first is None or first <= request.timestamp_ms) and (end is None or request.timestamp_ms < end)
    of_user = wanted.users is None or request.user_id_hash in wanted.users
    return in_time and of_user and all(asked is None or asked == found for asked, found in pairs)


def _summary(request: AuditRequest, entry: AuditEntry) -> EntrySummary:
    return EntrySummary(
        explanation_id=explanation_id(request.request_id, entry.position),
        timestamp_ms=request.timestamp_ms,
        region=request.region,
        user_id_hash=request.user_id_hash,
        key_id=request.key_id,
        item_id=entry.item_id,
        position=entry.position,
        model_version=request.model_version,
        explanation_type=entry.explanation_type,
        explanation_text_hash=entry.explanation_text_hash,
        flags=entry.flags,
        tier=JOURNAL,
    )
