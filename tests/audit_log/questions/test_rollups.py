"""Roll-ups: what they count is what a loop over the requests counts, they know when they are stale, and heal."""

from collections import Counter
from pathlib import Path

import pytest

from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.questions.queries import EntryFilter, Group, type_mix
from streamrec_explain.audit_log.questions.rollups import Rollups, apply_rollups, plan_rollups
from streamrec_explain.audit_log.questions.type_mix import mix
from streamrec_explain.audit_log.table.audit_table import AuditTable
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

HOUR_MS = 3_600_000
SENT = [request(n, timestamp_ms=START_MS + n * 7 * HOUR_MS, model_version=f"r/{n // 15}@0") for n in range(30)]


@pytest.fixture
def tables(hot: AuditTable, cold: AuditTable) -> list[AuditTable]:
    """The older ten requests in cold, the others in hot."""
    cold.append(SENT[:10])
    hot.append(SENT[10:])
    return [hot, cold]


@pytest.fixture
def rollups(tmp_path: Path) -> Rollups:
    """A roll-up table that was never written."""
    return Rollups(str(tmp_path / "rollups"))


def refresh(tables: list[AuditTable], rollups: Rollups) -> int:
    """Bring the roll-ups up to date."""
    return apply_rollups(plan_rollups(tables, rollups), tables, rollups)


def test_every_entry_is_counted_once_per_level(tables: list[AuditTable], rollups: Rollups) -> None:
    """By item, hour, market, release and type, and by the same without the item."""
    refresh(tables, rollups)
    expected = Counter(
        (item, r.timestamp_ms - r.timestamp_ms % HOUR_MS, r.region, r.model_version, e.explanation_type, level)
        for r in SENT
        for e in r.entries
        for item, level in ((e.item_id, "item"), ("", "market"))
    )
    columns = "item_id, hour_ms, region, model_version, explanation_type, level"
    rows = rollups.query(f"SELECT {columns}, entries FROM rollups").to_pylist()
    assert expected == {tuple(row.values())[:-1]: row["entries"] for row in rows}
    assert len(expected) == len(rows)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(EntryFilter(), id="everything"),
        pytest.param(EntryFilter(region="EU", explanation_type="trending"), id="a type in a market"),
        pytest.param(EntryFilter(item_id="item-1"), id="an item"),
        pytest.param(EntryFilter(model_version="r/1@0", from_ms=START_MS, to_ms=START_MS + 150 * HOUR_MS), id="hours"),
        pytest.param(EntryFilter(item_id="' OR true --"), id="hostile text"),
    ],
)
@pytest.mark.parametrize("by", ["hour", "region", "model_version"])
def test_roll_ups_answer_as_the_entries_do(
    tables: list[AuditTable], rollups: Rollups, by: Group, wanted: EntryFilter
) -> None:
    """The same shares, and the answer says where it was read."""
    from_entries = mix(tables, rollups, by, wanted)
    refresh(tables, rollups)
    from_rollups = mix(tables, rollups, by, wanted)
    assert type_mix(tables, by, wanted) == from_entries.shares == from_rollups.shares
    assert (("hot", "cold"), ("rollups",)) == (from_entries.read, from_rollups.read)


@pytest.mark.parametrize(
    "wanted", [EntryFilter(users=("u",)), EntryFilter(request_id="request-1"), EntryFilter(from_ms=START_MS + 1)]
)
def test_finer_questions_read_the_entries(tables: list[AuditTable], rollups: Rollups, wanted: EntryFilter) -> None:
    """A user, a request, parts of an hour: no roll-up can tell."""
    refresh(tables, rollups)
    assert ("hot", "cold") == mix(tables, rollups, "region", wanted).read


def test_stale_roll_ups_are_not_read_and_only_they_are_counted_again(
    tables: list[AuditTable], rollups: Rollups
) -> None:
    """A late request makes its own day stale; other days stay fresh."""
    assert len({(r.timestamp_ms // DAY_MS, r.region) for r in SENT}) == refresh(tables, rollups)
    assert 0 == refresh(tables, rollups)
    tables[0].append([request(99, timestamp_ms=START_MS, region="US")])
    assert ("hot", "cold") == mix(tables, rollups, "region").read
    assert ("rollups",) == mix(tables, rollups, "region", EntryFilter(from_ms=START_MS + DAY_MS)).read
    assert 1 == refresh(tables, rollups)
    assert (93, ("rollups",)) == (sum(each.entries for each in mix(tables, rollups, "region").shares), ("rollups",))


def test_maintenance_changes_no_count(tables: list[AuditTable], rollups: Rollups) -> None:
    """After compaction and archive the roll-ups are brought up to date and say the same."""
    tables[0].append([request(50 + n, timestamp_ms=START_MS + DAY_MS * 3 + n, region="US") for n in range(3)])
    refresh(tables, rollups)
    before = mix(tables, rollups, "hour")
    apply_compaction(plan_compaction(tables[0]), tables[0])
    now = START_MS + 120 * DAY_MS
    apply_archive(plan_archive(*tables, policy=RetentionPolicy(), now_ms=now), *tables)
    assert refresh(tables, rollups) > 0
    assert before == mix(tables, rollups, "hour")


def test_what_is_gone_from_the_log_goes_from_the_roll_ups(tables: list[AuditTable], rollups: Rollups) -> None:
    """Expired partitions are removed, and the plan says so."""
    refresh(tables, rollups)
    gone = tables[0].partitions()[-1]
    tables[0].delete_partition(gone, seen=tables[0].open())
    plan = plan_rollups(tables, rollups)
    assert f"{gone.date} {gone.region}: remove" in str(plan)
    apply_rollups(plan, tables, rollups)
    assert gone not in rollups.sources()
    assert type_mix(tables, "region") == mix(tables, rollups, "region").shares
