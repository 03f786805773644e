"""The random sample of the log: even over tiers and releases, the same for the same seed, and read back whole."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.sample import draw, even_shares, requests_of_sample
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import EntryNotFoundError
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

OLD, NEW = "streamrec-release/1@00000000", "streamrec-release/2@11111111"
ALL = EntryFilter()


@pytest.fixture
def log(tmp_path: Path, hot: AuditTable, cold: AuditTable) -> AuditLog:
    """Release 1 is cold (40 requests) and hot (20), release 2 hot (4) and waiting (6); three entries a request."""
    hot.append([request(n, model_version=OLD) for n in range(40)])
    plan = plan_archive(hot, cold, policy=RetentionPolicy(), now_ms=START_MS + 200 * DAY_MS)
    apply_archive(plan, hot, cold)
    hot.append([request(n, model_version=OLD) for n in range(40, 60)])
    hot.append([request(n, model_version=NEW) for n in range(60, 64)])
    with Journal(tmp_path / "journal" / "w.sqlite", clock=lambda: 1) as journal:
        for number in range(64, 70):
            journal.append(request(number, model_version=NEW), b"")
    return AuditLog(tmp_path / "journal", hot, cold)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 120))
def test_shares_are_even_as_far_as_the_piles_go(sizes: list[int], n: int) -> None:
    """All of n where there is enough; nobody gives more than it has, and who gives less has no more."""
    shares = even_shares(sizes, n)
    assert min(n, sum(sizes)) == sum(shares)
    assert all(share <= size for share, size in zip(shares, sizes, strict=True))
    assert all(share >= max(shares) - 1 for share, size in zip(shares, sizes, strict=True) if share < size)


def test_every_tier_and_release_gives_its_share(log: AuditLog) -> None:
    """Ten each of four strata; the small ones give all they have."""
    drawn = draw(log, 40, 0, ALL)
    places = Counter((each.tier, each.model_version) for each in drawn)
    assert {("cold", OLD): 10, ("hot", OLD): 10, ("hot", NEW): 10, ("journal", NEW): 10} == places
    whole = Counter((each.tier, each.model_version) for each in draw(log, 1000, 0, ALL))
    assert {("cold", OLD): 120, ("hot", OLD): 60, ("hot", NEW): 12, ("journal", NEW): 18} == whole
    assert {NEW} == {each.model_version for each in draw(log, 5, 0, EntryFilter(model_version=NEW))}


def test_the_smallest_hashes_are_drawn(log: AuditLog) -> None:
    """The same ones for the same seed, in table and journal alike; other ones for another seed."""
    for seed in (1, 2):
        drawn = draw(log, 20, seed, ALL)
        assert drawn == draw(log, 20, seed, ALL)
        for each in drawn:
            assert hashlib.md5(f"{seed}:{each.explanation_id}".encode()).hexdigest() == each.rank
        ranks = sorted(
            hashlib.md5(f"{seed}:request-{n}.{p}".encode()).hexdigest() for n in range(64, 70) for p in range(3)
        )
        assert ranks[:5] == [each.rank for each in drawn if each.tier == "journal"]
    assert {each.explanation_id for each in draw(log, 20, 1, ALL)} != {each.explanation_id for each in drawn}


def test_drawn_entries_are_read_back_with_their_lists(log: AuditLog) -> None:
    """Each list once, also when it was moved or shipped since."""
    drawn = draw(log, 40, 0, ALL)
    plan = plan_archive(log.hot, log.cold, policy=RetentionPolicy(), now_ms=START_MS + 200 * DAY_MS)
    apply_archive(plan, log.hot, log.cold)
    found = list(requests_of_sample(log, drawn))
    assert sorted(drawn) == sorted(entry for each in found for entry in each.drawn)
    assert len(found) == len({each.request.request_id for each in found})
    assert all({each.request.request_id} == {entry.request_id for entry in each.drawn} for each in found)


def test_an_entry_that_is_gone_is_told(log: AuditLog) -> None:
    """Not left out in silence."""
    drawn = draw(log, 4, 0, ALL)
    gone = [type(drawn[0])("0", "cold", OLD, "2026-01-01", "request-999", 0)]
    with pytest.raises(EntryNotFoundError, match="request-999"):
        list(requests_of_sample(log, gone))
