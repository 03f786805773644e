"""Which keys of the ring live entries were made with: a key is kept as long as any entry under it is."""

from collections import Counter
from contextlib import closing

from streamrec_explain.audit_log.journal.file import connect_read_only, journal_errors
from streamrec_explain.audit_log.journal.reader import journal_paths
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.errors import CorruptRecordError, RetentionError
from streamrec_explain.pseudonym import KeyRing

_DAMAGED = ""
_ON_ITS_WAY_MS = 60_000


def entries_by_key(log: AuditLog) -> Counter[str]:
    """How many entries each key id stands under in the tables, and in the journals as well.

    What is in both is counted twice. A damaged record may be under any key: it counts for the empty id.
    """
    counts: Counter[str] = Counter()
    for table in log.tables():
        found = table.query("SELECT key_id, count(*) AS n FROM entries GROUP BY key_id")
        counts.update({row["key_id"]: row["n"] for row in found.to_pylist()})
    for path in journal_paths(log.journals):
        with journal_errors(path), closing(connect_read_only(path)) as connection:
            for row in connection.execute("SELECT request_id, user_id_hash, body, checksum FROM records"):
                counts.update(_of_record(StoredRecord(*row)))
    return counts


def without_key(ring: KeyRing, key_id: str, log: AuditLog, now_ms: int) -> KeyRing:
    """The ring without an old key; RetentionError while entries under it live, for nobody would find them again.

    Or while one may still be on its way into a journal: for a minute after the key was replaced.
    """
    fewer, counts = ring.without(key_id), entries_by_key(log)
    if counts[key_id] or counts[_DAMAGED]:
        raise RetentionError(
            f"{counts[key_id]} entries live under {key_id} (and {counts[_DAMAGED]} damaged records may): "
            "keep it until they are expired"
        )
    if now_ms < ring.current_in(ring.key(key_id).region).created_ms + _ON_ITS_WAY_MS:
        raise RetentionError(f"{key_id} was replaced less than a minute ago: a list that is being answered may use it")
    return fewer


def _of_record(record: StoredRecord) -> dict[str, int]:
    try:
        request = record.request
    except CorruptRecordError:
        return {_DAMAGED: 1}
    return {request.key_id: len(request.entries)}
