"""Items explained as trending against their snapshot: found by item and market, never those that do trend."""

from pathlib import Path

import numpy as np
import pytest

from streamrec_explain.audit_log.questions.rollups import Rollups, apply_rollups, plan_rollups
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import SnapshotNotFoundError
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.snapshots import TrendSnapshot, write_snapshot
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.trending import ContradictedItem, contradicted_items
from tests.audit_log.audit_requests import entry, request

TRENDS = (99.0, 50.0, 10.0, 5.0, 3.0)  # percentile, count, baseline, growth, rank
QUIET = (40.0, 2.0, 20.0, 0.9, 25.0)


def snapshot() -> TrendSnapshot:
    """`hot` trends in the US alone, `quiet` nowhere."""
    facts = np.array([[QUIET, QUIET], [TRENDS, QUIET]])
    return TrendSnapshot(
        1, 2, 3, ("x",), ("ALL", "US"), ("hot", "quiet"), np.zeros((2, 2, 1)), facts, np.array([0.0])
    )


def rolled_up(folder: Path, *said: tuple[str, str, str], digest: str) -> Rollups:
    """The roll-ups of one entry per (item, market, explanation type)."""
    table, rollups = AuditTable(str(folder / "hot")), Rollups(str(folder / "rollups"))
    table.append(
        [
            request(n, region=region, trend_digest=digest, entries=(entry(item_id=item, explanation_type=kind),))
            for n, (item, region, kind) in enumerate(said)
        ]
    )
    apply_rollups(plan_rollups([table], rollups), [table], rollups)
    return rollups


def test_only_what_the_snapshot_denies_is_found(tmp_path: Path) -> None:
    """Trending in its market: fine. In another market, an item that trends nowhere, an unknown one: told."""
    write_snapshot(tmp_path / "trends", snapshot())
    said = [
        ("hot", "US", "trending"),
        ("hot", "EU", "trending"),  # the EU is not in the snapshot: all markets stand in, where it is quiet
        ("hot", "EU", "generic"),
        ("quiet", "US", "trending"),
        ("quiet", "US", "trending"),
        ("new", "US", "trending"),
        ("quiet", "EU", "watch_history"),
    ]
    digest = snapshot().digest
    rollups = rolled_up(tmp_path, *said, digest=digest)
    found = contradicted_items(rollups, TrendArchive(tmp_path / "trends"), lambda _: Thresholds())
    assert (
        ContradictedItem("quiet", "US", 2, 2, 2, (digest,)),
        ContradictedItem("hot", "EU", 2, 1, 1, (digest,)),
        ContradictedItem("new", "US", 1, 1, 1, (digest,)),
    ) == found
    assert [True, False, True] == [each.always for each in found]
    assert () == contradicted_items(rollups, TrendArchive(tmp_path), lambda _: Thresholds(), first="2026-01-02")


def test_looser_thresholds_deny_less(tmp_path: Path) -> None:
    """What counts as trending is the release's to say."""
    write_snapshot(tmp_path / "trends", snapshot())
    rollups = rolled_up(tmp_path, ("quiet", "US", "trending"), digest=snapshot().digest)
    loose = Thresholds(trending_min_count=1.0, trending_min_growth=0.5)
    assert () == contradicted_items(rollups, TrendArchive(tmp_path / "trends"), lambda _: loose)


def test_a_snapshot_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """Nothing is taken for granted."""
    rollups = rolled_up(tmp_path, ("quiet", "US", "trending"), digest="0" * 64)
    with pytest.raises(SnapshotNotFoundError, match="0" * 64):
        contradicted_items(rollups, TrendArchive(tmp_path), lambda _: Thresholds())
