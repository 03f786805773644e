"""Maintenance spread over workers gives the table that one after another gives."""

import os
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestration.ray_maintenance import archive, compact, plan_spread_archive
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.content import Content, content_of
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.store import AuditStore
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

LATER_MS = START_MS + 120 * DAY_MS
RAY_PYTHON = os.environ.get("RAY_PYTHON")


def threads(work: Callable[[Any], Any], tasks: Iterable[Any]) -> list[Any]:
    """Four workers at once."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, tasks))


def filled(folder: Path) -> AuditStore:
    """Four days of three regions, every partition in two files."""
    store = AuditStore(uri=str(folder))
    for half in range(2):
        numbers = range(12 * half, 12 * half + 12)
        store.tables()[0].append([request(n, timestamp_ms=START_MS + (n % 4) * DAY_MS + n) for n in numbers])
    return store


def content(table: AuditTable) -> Content:
    """All rows in their one order."""
    return content_of([sorted_rows(table.rows("true"))])


def test_spread_compaction_gives_the_same_table(tmp_path: Path) -> None:
    """Twelve partitions by four workers at once: one file each, every row there."""
    alone, together = filled(tmp_path / "alone"), filled(tmp_path / "together")
    hot = alone.tables()[0]
    apply_compaction(plan_compaction(hot), hot)
    spread_hot = together.tables()[0]
    assert 12 == compact(together, plan_compaction(spread_hot), threads)
    assert 12 == len(hot.open().file_uris()) == len(spread_hot.open().file_uris())
    assert content(hot) == content(spread_hot)


def test_spread_archive_gives_the_same_tables(tmp_path: Path) -> None:
    """The plan is the one made alone; moved by four workers at once, both tiers hold the same rows."""
    alone, together = filled(tmp_path / "alone"), filled(tmp_path / "together")
    policy = RetentionPolicy()
    plan = plan_archive(*alone.tables(), policy=policy, now_ms=LATER_MS)
    spread_plan = plan_spread_archive(together, policy, LATER_MS, threads)
    assert plan.steps == spread_plan.steps
    assert apply_archive(plan, *alone.tables()) == archive(together, spread_plan, threads) == 72
    assert [content(table) for table in alone.tables()] == [content(table) for table in together.tables()]


@pytest.mark.slow
@pytest.mark.skipif(RAY_PYTHON is None, reason="RAY_PYTHON names no interpreter with Ray; see make ray-environment")
def test_ray_itself_gives_the_same_tables(tmp_path: Path) -> None:
    """Both steps by the command, on a local cluster of two processes."""
    alone = filled(tmp_path / "alone")
    filled(tmp_path / "home" / "audit_log")
    together = AuditStore(uri=str(tmp_path / "home" / "audit_log"))
    hot, cold = alone.tables()
    apply_compaction(plan_compaction(hot), hot)
    apply_archive(plan_archive(hot, cold, policy=RetentionPolicy(), now_ms=LATER_MS), hot, cold)
    for step in ("compact", "archive"):
        command = [str(RAY_PYTHON), "-m", "orchestration.ray_maintenance", step, "--home", str(tmp_path / "home")]
        subprocess.run([*command, "--workers", "2", "--now", "2026-05-01", "--apply"], check=True, timeout=300)
    assert [content(table) for table in (hot, cold)] == [content(table) for table in together.tables()]
