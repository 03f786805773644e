"""Questions to the audit table: which entries, and the mix of explanation types per hour, market or release."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from deltalake import DeltaTable

from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.records import explanation_id

Group = Literal["hour", "region", "model_version"]

_COLUMNS = (
    *("request_id", "position", "timestamp_ms", "region", "user_id_hash", "key_id", "item_id"),
    *("model_version", "explanation_type", "explanation_text_hash", "flags"),
)
_GROUP_SQL = {
    "hour": "timestamp_ms - timestamp_ms % 3600000",
    "region": "region",
    "model_version": "model_version",
}


class EntryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are asked for; what is None does not matter.

    `users` are pseudonyms, one per key of the ring (`KeyRing.pseudonyms`). Times are Unix ms, the end excluded.
    """

    request_id: str | None = None
    position: int | None = None
    users: tuple[str, ...] | None = None
    item_id: str | None = None
    model_version: str | None = None
    explanation_type: str | None = None
    region: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    @property
    def condition(self) -> str:
        """The SQL condition, days first so that whole partitions are skipped."""
        equal = ("request_id", "position", "item_id", "model_version", "explanation_type", "region")
        wanted = [(name, getattr(self, name)) for name in equal]
        first = None if self.from_ms is None else utc_day(self.from_ms)
        last = None if self.to_ms is None else utc_day(self.to_ms)
        parts = [conditions.days(first, last), conditions.between("timestamp_ms", self.from_ms, self.to_ms)]
        parts += [conditions.equals(name, value) for name, value in wanted if value is not None]
        if self.users is not None:
            parts.append(conditions.one_of("user_id_hash", self.users))
        return " AND ".join(parts)


class EntrySummary(msgspec.Struct, frozen=True):
    """One entry as an answer to a question, and the tier (hot or cold) that it was read from."""

    explanation_id: str
    timestamp_ms: int
    region: str
    user_id_hash: str
    key_id: str
    item_id: str
    position: int
    model_version: str
    explanation_type: str
    explanation_text_hash: str
    flags: tuple[str, ...]
    tier: str


class TypeShare(msgspec.Struct, frozen=True):
    """How many of a group's `total` entries have an explanation type; an hour is named by its first Unix ms."""

    group: str
    explanation_type: str
    entries: int
    total: int

    @property
    def share(self) -> float:
        """Fraction of the group, from 0 to 1."""
        return self.entries / self.total


def entries(tables: Sequence[AuditTable], wanted: EntryFilter, *, limit: int | None = None) -> Iterator[EntrySummary]:
    """The shipped entries that are asked for, streamed; in order of time within each table, hot before cold.

    What waits in a journal is not in a table yet. `limit` bounds the number per table.
    """
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    for table in tables:
        yield from summaries(table, f"{wanted.condition} ORDER BY timestamp_ms, request_id, position{bound}")


def summaries(table: AuditTable, where: str, seen: DeltaTable | None = None) -> Iterator[EntrySummary]:
    """The entries that meet an SQL condition, streamed a batch at a time; in no order but what `where` asks for."""
    for batch in table.query_batches(f"SELECT {', '.join(_COLUMNS)} FROM entries WHERE {where}", seen):
        for row in batch.to_pylist():
            row["explanation_id"] = explanation_id(row.pop("request_id"), row["position"])
            yield EntrySummary(**{**row, "flags": tuple(row["flags"])}, tier=table.tier)


def type_mix(
    tables: Sequence[AuditTable],
    by: Group,
    wanted: EntryFilter = EntryFilter(),  # noqa: B008 a frozen value
) -> tuple[TypeShare, ...]:
    """The mix of explanation types in each hour, market or release, in order of group and type."""
    counts: dict[tuple[str, str], int] = {}
    for table in tables:
        sql = (
            f"SELECT {_GROUP_SQL[by]} AS grouped, explanation_type, count(*) AS n FROM entries "
            f"WHERE {wanted.condition} GROUP BY grouped, explanation_type"
        )
        for row in table.query(sql).to_pylist():
            place = (str(row["grouped"]), row["explanation_type"])
            counts[place] = counts.get(place, 0) + row["n"]
    return shares_of(counts)


def shares_of(counts: Mapping[tuple[str, str], int]) -> tuple[TypeShare, ...]:
    """Shares from the numbers of entries by group and type, in order of both."""
    totals: dict[str, int] = {}
    for (group, _), count in counts.items():
        totals[group] = totals.get(group, 0) + count
    return tuple(TypeShare(group, kind, n, totals[group]) for (group, kind), n in sorted(counts.items()))
