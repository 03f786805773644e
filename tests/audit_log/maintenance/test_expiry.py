"""Expiry and vacuum: gone on the day, from every tier, and then from the disk."""

import os
from pathlib import Path

import pytest

from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.maintenance.vacuum import apply_vacuum, plan_vacuum
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import RetentionError, SettingsError
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

POLICY = RetentionPolicy()
EXPIRED_MS = START_MS + 820 * DAY_MS
ACT = Act("tester", EXPIRED_MS, "retention")


@pytest.fixture
def filled(cold: AuditTable) -> AuditTable:
    """A cold table of two days."""
    cold.append([request(0), request(1), request(2, timestamp_ms=START_MS + DAY_MS)])
    return cold


def test_the_policy_counts_days_from_the_event() -> None:
    """Hot ends on day 90, everything on day 820."""
    assert "2026-01-02" == POLICY.archive_before(START_MS + 90 * DAY_MS)
    assert "2026-01-01" == POLICY.archive_before(START_MS + 90 * DAY_MS - 1)
    assert "2026-01-02" == POLICY.expire_before(EXPIRED_MS)
    with pytest.raises(SettingsError):
        RetentionPolicy(hot_days=0)


def test_entries_expire_on_day_820_and_not_before(filled: AuditTable, hot: AuditTable, seals: Seals) -> None:
    """The day before nothing is due; on the day the first date goes, from hot too."""
    hot.append([request(3)])
    assert () == plan_expiry(hot, filled, policy=POLICY, now_ms=EXPIRED_MS - 1).steps
    plan = plan_expiry(hot, filled, policy=POLICY, now_ms=EXPIRED_MS)
    assert 9 == apply_expiry(plan, hot, filled, seals=seals, act=ACT)
    assert ["request-2"] == filled.query("SELECT DISTINCT request_id FROM entries")["request_id"].to_pylist()
    assert 0 == apply_expiry(plan, hot, filled, seals=seals, act=ACT)
    assert [] == hot.partitions()


def test_a_partition_that_grew_since_the_plan_is_refused(filled: AuditTable, seals: Seals) -> None:
    """What was not in the plan is not removed."""
    plan = plan_expiry(filled, policy=POLICY, now_ms=EXPIRED_MS)
    filled.append([request(0, request_id="late")])
    with pytest.raises(RetentionError, match="plan again"):
        apply_expiry(plan, filled, seals=seals, act=ACT)


@pytest.mark.usefixtures("in_folder")
def test_vacuum_deletes_what_no_kept_version_names(filled: AuditTable, hot: AuditTable, seals: Seals) -> None:
    """Within the kept hours nothing goes; past them the removed files leave the disk, and no others."""
    files = set(Path(filled.uri).rglob("*.parquet"))
    apply_expiry(plan_expiry(filled, policy=POLICY, now_ms=EXPIRED_MS), filled, seals=seals, act=ACT)
    assert () == plan_vacuum(filled).files
    plan = plan_vacuum(filled, keep_hours=0)
    assert "delete 2 files" in str(plan)
    assert files == set(Path(filled.uri).rglob("*.parquet"))
    with pytest.raises(RetentionError, match="not for"):
        apply_vacuum(plan, hot)
    assert 2 == apply_vacuum(plan, filled)
    assert 1 == len(set(Path(filled.uri).rglob("*.parquet")))
    assert 3 == filled.rows("true").num_rows


@pytest.mark.usefixtures("in_folder")
def test_vacuum_deletes_what_a_killed_writer_left(filled: AuditTable) -> None:
    """A file that no version names goes once it is a week old; a fresh one may belong to a running commit."""
    old, fresh = (Path(filled.uri) / "date=2026-01-01" / "region=US" / name for name in ("old.parquet", "new.parquet"))
    for path in (old, fresh):
        path.write_bytes(b"torn")
    os.utime(old, (1, 1))
    assert 1 == apply_vacuum(plan_vacuum(filled), filled)
    assert (False, True) == (old.exists(), fresh.exists())
    assert () == plan_vacuum(filled, keep_hours=0).files
