"""The watch over the journal: an alarm at 80%, told once, and what waits as metrics."""

import logging
from pathlib import Path

import pytest

from serving.journal_watch import JournalWatch
from serving.metrics import ServiceMetrics
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.shipper import Keeping, ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import JournalFullError
from tests.audit_log.audit_requests import request


def fill_up(journal: Journal, until: float) -> int:
    """Append requests until the journal is so full; how many."""
    appended = 0
    while journal.fill < until:
        journal.append(request(appended), bytes(range(256)) * 20)
        appended += 1
    return appended


def value(metrics: ServiceMetrics, name: str) -> float:
    """A gauge as Prometheus reads it."""
    lines = [line for line in metrics.exposition("w").splitlines() if line.startswith(f"streamrec_{name}{{")]
    return float(lines[0].split()[-1])


def test_the_alarm_comes_before_the_refusal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At 80% it is logged once and readiness can tell it; once shipped and pruned it ends."""
    caplog.set_level(logging.INFO)
    metrics = ServiceMetrics()
    with Journal(tmp_path / "j" / "w.sqlite", clock=lambda: 1_000, max_bytes=400_000) as journal:
        watch = JournalWatch(journal, metrics, lambda: 61_000)
        fill_up(journal, 0.5)
        watch.look()
        assert ((), 0.0, []) == (watch.warnings(), value(metrics, "journal_alarm"), caplog.messages)
        appended = fill_up(journal, 0.8)
        watch.look()
        watch.look()
        assert 1.0 == value(metrics, "journal_alarm")
        assert appended == value(metrics, "journal_backlog_requests")
        assert 60.0 == value(metrics, "journal_backlog_age_seconds")
        assert 0.5 < value(metrics, "journal_backlog_bytes") / value(metrics, "journal_fill_ratio") / 400_000 < 1.0
        (message,) = caplog.messages
        assert (
            f"% full: see that it is shipped (streamrec audit-log ship) before requests are refused; {appended}"
            in message
        )
        assert "% full" in watch.warnings()[0]
        with pytest.raises(JournalFullError):
            fill_up(journal, 2.0)
        ship_folder(tmp_path / "j", AuditTable(str(tmp_path / "hot")), clock=lambda: 2_000, keep=Keeping(-1))
        watch.look()
        assert ((), 0.0, 0.0) == (
            watch.warnings(),
            value(metrics, "journal_alarm"),
            value(metrics, "journal_backlog_requests"),
        )
        assert "no alarm any more" in caplog.messages[-1]


def test_what_waits_for_long_is_told(tmp_path: Path) -> None:
    """After a quarter of an hour readiness warns, since nobody seems to ship; once it is shipped no more."""
    now = 1_000
    with Journal(tmp_path / "j" / "w.sqlite", clock=lambda: now) as journal:
        watch = JournalWatch(journal, ServiceMetrics(), lambda: now)
        journal.append(request(0), b"")
        journal.append(request(1), b"")
        now += 899_000
        watch.look()
        assert () == watch.warnings()
        now += 1_000
        watch.look()
        (warning,) = watch.warnings()
        assert warning.startswith("2 requests wait to be shipped, the oldest for 15 min (")
        ship_folder(tmp_path / "j", AuditTable(str(tmp_path / "hot")), clock=lambda: now)
        watch.look()
        assert () == watch.warnings()
