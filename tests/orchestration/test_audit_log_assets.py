"""The daily maintenance of the audit log on a real home: sealed, moved, kept under a hold, gone, and always sound."""

import os
from pathlib import Path

import dagster as dg
import pytest

from orchestration.audit_log import assets
from orchestration.resources import HomeFolder
from streamrec_explain.audit_log.custody.holds import HoldScope
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.signing import load_public_keys, public_path
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.home_log import evidence_of, holds_of, log_of, seals_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.features.snapshots import write_snapshot
from streamrec_explain.home import Home
from tests.audit_log.audit_requests import request
from tests.features.test_trend_archive import snapshot as trend_snapshot

DAY = 1_738_368_000_000  # 2025-02-01 UTC: Dagster has no partitions in the future

ALL = (
    assets.audit_table_hot,
    assets.audit_table_compacted,
    assets.audit_log_rollups,
    assets.audit_log_sealed,
    assets.audit_table_cold,
    assets.audit_log_expired,
    assets.snapshots_pruned,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Six requests of 2025-02-01 in a journal, kept two days hot and two days cold."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.retention.write_text('{"hot_days": 2, "cold_days": 2}', encoding="utf-8")
    with Journal(home.journal / "worker-0.sqlite", clock=lambda: DAY) as journal:
        for number in range(6):
            journal.append(request(number, timestamp_ms=DAY), b"answer")
    return home


def _maintain(home: Home, day: str) -> None:
    """One day's run of every asset; running it again changes nothing more."""
    resources = {"home": HomeFolder(path=str(home.root))}
    assert dg.materialize(ALL, partition_key=day, resources=resources).success


def _ids(home: Home) -> dict[str, int]:
    return {table.tier: len(set(table.rows("true")["request_id"].to_pylist())) for table in log_of(home).tables()}


def _assert_sound(home: Home, versions: int) -> None:
    keys = load_public_keys(public_path(home.signing_key))
    verdict = verify(log_of(home).tables(), evidence_of(home), keys)
    assert verdict.sound, verdict
    assert [versions] * 3 == [each.versions for each in verdict.partitions]


def test_a_day_from_the_journal_to_its_expiry(home: Home) -> None:
    """Hot and sealed; cold after two days; gone after four but for what a hold keeps, until its release."""
    _maintain(home, "2025-02-01")
    assert {"hot": 6} == _ids(home)
    _assert_sound(home, 1)
    _maintain(home, "2025-02-02")
    assert {"hot": 0, "cold": 6} == _ids(home)
    _assert_sound(home, 1)
    signer, act = seals_of(home).signer, Act("tester", 1, "case 7")
    held = holds_of(home).place(HoldScope(request_id="request-2"), keys=None, signer=signer, act=act)
    for _ in range(2):
        _maintain(home, "2025-02-04")
        assert {"hot": 0, "cold": 1} == _ids(home)
        _assert_sound(home, 1)
    holds_of(home).release(held.hold_id, signer=signer, act=act)
    _maintain(home, "2025-02-05")
    assert {"hot": 0, "cold": 0} == _ids(home)
    _assert_sound(home, 1)


def test_snapshots_go_with_the_entries_that_name_them(home: Home) -> None:
    """Kept while the day's entries live, deleted after its expiry; the latest one stays."""
    snapshots = [trend_snapshot(number) for number in range(3)]
    files = [write_snapshot(home.trends, each) for each in snapshots]
    for number, path in enumerate(files):
        os.utime(path, (DAY / 1000 + number, DAY / 1000 + number))
    log_of(home).hot.append([request(7, timestamp_ms=DAY, trend_digest=snapshots[1].digest)])
    _maintain(home, "2025-02-01")
    assert files[1:] == sorted(home.trends.glob("*.arrow"))
    _maintain(home, "2025-02-05")
    assert files[2:] == sorted(home.trends.glob("*.arrow"))
