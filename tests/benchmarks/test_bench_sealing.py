"""Sealing and verifying one partition: rows per second of processor time, on one core.

`make bench` prints them. Nothing here is a threshold: a busy machine tells other times, not other roots.
"""

import time
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest

from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.evidence.leaves import LeafStore
from streamrec_explain.audit_log.evidence.proof import prove
from streamrec_explain.audit_log.evidence.sealed_tree import Seals
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import PublicKeys, create_signing_key
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import START_MS, request

ITEMS, REQUESTS, BATCH = 20, 25_000, 5_000


@pytest.fixture
def partition(tmp_path: Path) -> AuditTable:
    """Half a million entries of one day and region in lists of 20, ten lists a user, compacted."""
    table = AuditTable(str(tmp_path / "hot"))
    for first in range(0, REQUESTS, BATCH):
        table.append([_request(number) for number in range(first, first + BATCH)])
    apply_compaction(plan_compaction(table), table)
    return table


def _request(number: int) -> AuditRequest:
    user = md5(str(number // 10).encode()).hexdigest()
    return request(number, items=ITEMS, region="US", user_id_hash=user, timestamp_ms=START_MS + number)


def _told(what: str, rows: int, work: Callable[[], object]) -> None:
    begun = time.process_time()
    work()
    print(f"{what}: {rows / (time.process_time() - begun):,.0f} rows per second of processor time")


@pytest.mark.benchmark
def test_sealing_and_verifying(partition: AuditTable, tmp_path: Path) -> None:
    """The seal is sound and finds its own entries; then the rates, and the time of one proof."""
    seals = Seals(LeafStore(tmp_path / "seals"), AuditLedger(tmp_path / "l.sqlite"), create_signing_key(tmp_path / "k"))
    rows, keys = REQUESTS * ITEMS, PublicKeys({seals.signer.key_id: seals.signer.public})
    _told("seal", rows, lambda: seal([partition], seals, now_ms=1))
    assert verify([partition], seals, keys).sound
    _told("verify", rows, lambda: verify([partition], seals, keys))
    log = AuditLog(tmp_path / "journal", partition, AuditTable(str(tmp_path / "cold"), "cold"))
    begun = time.process_time()
    prove("request-7.3", log, seals)
    print(f"prove: {1000 * (time.process_time() - begun):.0f} ms; leaves: {32 / ITEMS} bytes an entry")
