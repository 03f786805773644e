"""Whole answers of any size: entry by entry, in memory that does not grow with the answer."""

from collections.abc import Iterator

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter, EntrySummary, summaries
from streamrec_explain.audit_log.questions.waiting import waiting_entries
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.audit_log.table.partition import Partition


def stream_entries(log: AuditLog, wanted: EntryFilter) -> Iterator[EntrySummary]:
    """Every entry that is asked for, once: what waits in the journals, then hot, then cold.

    A tier comes a (date, region) at a time, the oldest day first, in no order within it. Remembered are only the ids
    of what was given from the journals, which are bounded, and of days that lie in both tiers at once, which only
    entries after their day's archive and an archive under way make.
    """
    waiting = set[str]()
    for entry in waiting_entries(
        log.journals, wanted
    ):  # before the tables: shipped meanwhile is found twice, not never
        waiting.add(entry.explanation_id)
        yield entry
    # Hot is opened before cold: an archive fills cold before it empties hot.
    tiers = [(table, table.open()) for table in log.tables()]
    days = [set(table.partitions(seen)) for table, seen in tiers]
    twice = set.intersection(*days) if len(days) > 1 else set[Partition]()
    given = {partition: set[str]() for partition in twice}
    for (table, seen), partitions in zip(tiers, days, strict=True):
        for partition in sorted(partitions):
            if not _may_hold(partition, wanted):
                continue
            known = given.get(partition, set())
            for entry in summaries(table, f"{partition.condition} AND {wanted.condition}", seen):
                if entry.explanation_id in waiting or entry.explanation_id in known:
                    continue
                if partition in twice:
                    known.add(entry.explanation_id)
                yield entry


def _may_hold(partition: Partition, wanted: EntryFilter) -> bool:
    """Whether a partition's day and region are asked for at all."""
    if wanted.region not in (None, partition.region):
        return False
    too_early = wanted.from_ms is not None and partition.date < utc_day(wanted.from_ms)
    too_late = wanted.to_ms is not None and partition.date > utc_day(wanted.to_ms)
    return not (too_early or too_late)
