"""The mix of explanation types, from the roll-ups where they can tell it, else from the entries themselves."""

from collections.abc import Sequence
from typing import Any

import msgspec

from streamrec_explain.audit_log.questions.queries import EntryFilter, Group, TypeShare, shares_of, type_mix
from streamrec_explain.audit_log.questions.rollups import BY_ITEM, BY_MARKET, Rollups, sources_of
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.audit_log.table.partition import Partition

ROLLUPS = "rollups"
_HOUR_MS = 3_600_000
_GROUP_SQL = {"hour": "CAST(hour_ms AS VARCHAR)", "region": "region", "model_version": "model_version"}


class Mix(msgspec.Struct, frozen=True):
    """Shares of types, and what was read for them: the roll-ups, or the tiers."""

    shares: tuple[TypeShare, ...]
    read: tuple[str, ...]


def mix(
    tables: Sequence[AuditTable],
    rollups: Rollups,
    by: Group,
    wanted: EntryFilter = EntryFilter(),  # noqa: B008 a frozen value
) -> Mix:
    """The mix of types in each hour, market or release, of what was shipped.

    The roll-ups are read where they are fresh for the days that are asked for and the question is one of whole
    hours, markets, items, releases and types; else the entries of every tier.
    """
    if _can_tell(wanted) and _are_fresh(tables, rollups, *_days(wanted)):
        return Mix(_from_rollups(rollups, by, wanted), (ROLLUPS,))
    return Mix(type_mix(tables, by, wanted), tuple(table.tier for table in tables))


def _can_tell(wanted: EntryFilter) -> bool:
    whole = all(moment is None or moment % _HOUR_MS == 0 for moment in (wanted.from_ms, wanted.to_ms))
    return whole and wanted.request_id is None and wanted.position is None and wanted.users is None


def _days(wanted: EntryFilter) -> tuple[str | None, str | None]:
    first = None if wanted.from_ms is None else utc_day(wanted.from_ms)
    return first, None if wanted.to_ms is None else utc_day(wanted.to_ms)


def _are_fresh(tables: Sequence[AuditTable], rollups: Rollups, first: str | None, last: str | None) -> bool:
    """Whether the roll-ups of these days count exactly the files that the tiers have; no data is read for it."""
    if not rollups.exists():
        return False

    def within(sources: dict[Partition, str]) -> dict[Partition, str]:
        days = {day: source for day, source in sources.items() if first is None or first <= day.date}
        return {day: source for day, source in days.items() if last is None or day.date <= last}

    return within(sources_of(tables)) == within(rollups.sources())


def _from_rollups(rollups: Rollups, by: Group, wanted: EntryFilter) -> tuple[TypeShare, ...]:
    equal: dict[str, Any] = {
        "level": BY_MARKET if wanted.item_id is None else BY_ITEM,
        "item_id": wanted.item_id,
        "model_version": wanted.model_version,
        "explanation_type": wanted.explanation_type,
        "region": wanted.region,
    }
    parts = [conditions.days(*_days(wanted)), conditions.between("hour_ms", wanted.from_ms, wanted.to_ms)]
    parts += [conditions.equals(name, value) for name, value in equal.items() if value is not None]
    found = rollups.query(
        f"SELECT {_GROUP_SQL[by]} AS grouped, explanation_type, sum(entries) AS n FROM rollups "
        f"WHERE {' AND '.join(parts)} GROUP BY grouped, explanation_type"
    )
    return shares_of({(row["grouped"], row["explanation_type"]): row["n"] for row in found.to_pylist()})
