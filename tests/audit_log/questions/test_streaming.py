"""Streamed answers: every entry once whatever tier it is in or between, in memory that the answer does not move."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.streaming import stream_entries
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

HOUR_MS = 3_600_000
SENT = [request(n, timestamp_ms=START_MS + n * 7 * HOUR_MS) for n in range(30)]


def ids(requests: list[AuditRequest]) -> list[str]:
    """The ids of all their entries."""
    return sorted(f"{each.request_id}.{entry.position}" for each in requests for entry in each.entries)


@pytest.fixture
def log(journal: Journal, hot: AuditTable, cold: AuditTable) -> AuditLog:
    """Ten requests in cold, ten in hot, ten waiting."""
    cold.append(SENT[:10])
    hot.append(SENT[10:20])
    for each in SENT[20:]:
        journal.append(each, b"")
    return AuditLog(journal.path.parent, hot, cold)


def streamed(log: AuditLog, **wanted: object) -> list[str]:
    """The ids that a stream gives."""
    return sorted(each.explanation_id for each in stream_entries(log, EntryFilter(**wanted)))  # type: ignore[arg-type]


def test_everything_once_and_from_where(log: AuditLog) -> None:
    """All three places, each said."""
    found = list(stream_entries(log, EntryFilter()))
    assert ids(SENT) == sorted(each.explanation_id for each in found)
    assert ["journal"] * 30 + ["hot"] * 30 + ["cold"] * 30 == [each.tier for each in found]


def test_tiers_come_day_by_day(log: AuditLog) -> None:
    """The oldest day of a tier first."""
    days = [each.timestamp_ms // DAY_MS for each in stream_entries(log, EntryFilter()) if each.tier == "hot"]
    assert sorted(days) == days and len(set(days)) > 1


@pytest.mark.parametrize(
    "wanted",
    [
        {"region": "EU"},
        {"users": (SENT[3].user_id_hash,)},
        {"from_ms": START_MS + 14 * HOUR_MS, "to_ms": START_MS + 3 * DAY_MS},
        {"from_ms": START_MS + 3 * DAY_MS},
        {"to_ms": START_MS + 3 * DAY_MS},
        {"explanation_type": "trending", "item_id": "item-2"},
        {"region": "nowhere"},
    ],
)
def test_a_stream_finds_what_a_limited_question_finds(log: AuditLog, wanted: dict[str, object]) -> None:
    """The same entries, whatever is asked for."""
    limited = log.entries(EntryFilter(**wanted), 1_000)  # type: ignore[arg-type]
    assert sorted(each.explanation_id for each in limited.entries) == streamed(log, **wanted)


def test_an_entry_shipped_meanwhile_is_given_once(log: AuditLog) -> None:
    """The shipper runs after the journals were read and before the tables are."""
    stream = stream_entries(log, EntryFilter())
    found = [next(stream).explanation_id for _ in range(30)]
    ship_folder(log.journals, log.hot, clock=lambda: 1)
    found += [each.explanation_id for each in stream]
    assert ids(SENT) == sorted(found)


def test_a_day_in_both_tiers_is_given_once(log: AuditLog) -> None:
    """An archive that ended after it filled cold, and an entry that came after its day was archived."""
    log.cold.append(SENT[10:12])
    log.hot.append([request(99, timestamp_ms=SENT[0].timestamp_ms)])
    assert ids([*SENT, request(99)]) == streamed(log)


def test_an_archive_under_way_loses_nothing(log: AuditLog) -> None:
    """Days move to cold while hot is being read: the stream reads the versions it began with."""
    stream = stream_entries(log, EntryFilter())
    found = [next(stream).explanation_id for _ in range(31)]
    plan = plan_archive(log.hot, log.cold, policy=RetentionPolicy(), now_ms=START_MS + 200 * DAY_MS)
    assert apply_archive(plan, log.hot, log.cold) > 0
    found += [each.explanation_id for each in stream]
    assert ids(SENT) == sorted(found)


def test_nothing_was_ever_shipped(journal: Journal, hot: AuditTable, cold: AuditTable) -> None:
    """Only the journal answers, and no table is made by asking."""
    journal.append(SENT[0], b"")
    log = AuditLog(journal.path.parent, hot, cold)
    assert ids(SENT[:1]) == streamed(log)
    assert (False, False) == (hot.exists(), cold.exists())


MEASURE = """
import json, resource, sys
from pathlib import Path
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.streaming import stream_entries
from streamrec_explain.audit_log.table.audit_table import AuditTable
root = Path(sys.argv[1])
log = AuditLog(root / "journal", AuditTable(str(root / "hot")), AuditTable(str(root / "cold"), "cold"))
count = sum(1 for _ in stream_entries(log, EntryFilter()))
print(json.dumps({"count": count, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_answer(tmp_path: Path) -> None:
    """Sixteen times the rows in one partition, hardly more memory in a fresh process."""
    peaks = []
    for name, requests in (("small", 2_500), ("large", 40_000)):
        table = AuditTable(str(tmp_path / name / "hot"))
        for first in range(0, requests, 2_500):
            table.append([request(first + n, items=20, region="US", timestamp_ms=START_MS) for n in range(2_500)])
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(tmp_path / name)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        assert 20 * requests == found["count"]
        peaks.append(found["peak_mb"])
    assert peaks[1] < peaks[0] + 100, peaks
