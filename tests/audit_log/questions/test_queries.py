"""Questions to the audit table, compared with plain loops over the requests that were sent."""

import pytest

from streamrec_explain.audit_log.questions.queries import EntryFilter, TypeShare, entries, type_mix
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.records import AuditEntry, AuditRequest
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

HOUR_MS = 3_600_000
SENT = [request(n, timestamp_ms=START_MS + n * 7 * HOUR_MS, model_version=f"r/{n // 15}@0") for n in range(30)]


@pytest.fixture
def tables(hot: AuditTable, cold: AuditTable) -> list[AuditTable]:
    """The older ten requests in cold, the others in hot."""
    cold.append(SENT[:10])
    hot.append(SENT[10:])
    return [hot, cold]


def _matches(wanted: EntryFilter, sent: AuditRequest, entry: AuditEntry) -> bool:
    pairs = [
        (wanted.request_id, sent.request_id),
        (wanted.position, entry.position),
        (wanted.item_id, entry.item_id),
        (wanted.model_version, sent.model_version),
        (wanted.explanation_type, entry.explanation_type),
        (wanted.region, sent.region),
    ]
    in_time = (wanted.from_ms or 0) <= sent.timestamp_ms < (wanted.to_ms or 2**62)
    user = wanted.users is None or sent.user_id_hash in wanted.users
    return in_time and user and all(value is None or value == actual for value, actual in pairs)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(EntryFilter(), id="everything"),
        pytest.param(EntryFilter(request_id="request-3"), id="a request"),
        pytest.param(EntryFilter(request_id="request-13", position=1), id="an explanation"),
        pytest.param(EntryFilter(users=(SENT[0].user_id_hash, SENT[25].user_id_hash)), id="a user under two keys"),
        pytest.param(EntryFilter(users=()), id="nobody"),
        pytest.param(EntryFilter(item_id="item-2", region="EU"), id="an item in a market"),
        pytest.param(EntryFilter(model_version="r/1@0", explanation_type="trending"), id="a type of a release"),
        pytest.param(EntryFilter(from_ms=START_MS + 14 * HOUR_MS, to_ms=START_MS + 3 * DAY_MS), id="a time range"),
        pytest.param(EntryFilter(item_id="' OR true --"), id="hostile text"),
    ],
)
def test_entries_are_those_asked_for(tables: list[AuditTable], wanted: EntryFilter) -> None:
    """Every filter finds exactly what a loop over the requests finds, in both tiers."""
    expected = {f"{r.request_id}.{e.position}" for r in SENT for e in r.entries if _matches(wanted, r, e)}
    found = [summary.explanation_id for summary in entries(tables, wanted)]
    assert (expected, len(expected)) == (set(found), len(found))


def test_an_answer_says_its_tier_and_comes_in_order_of_time(tables: list[AuditTable]) -> None:
    """Hot entries come first, each tier by time."""
    found = list(entries(tables, EntryFilter()))
    assert ["hot"] * 60 + ["cold"] * 30 == [summary.tier for summary in found]
    assert sorted(s.timestamp_ms for s in found[:60]) == [s.timestamp_ms for s in found[:60]]
    assert found[:5] == list(entries(tables[:1], EntryFilter(), limit=5))


def test_the_type_mix_adds_up_over_tiers(tables: list[AuditTable]) -> None:
    """Positions 0 and 2 are trending and 1 is watch history, in every market."""
    expected = [
        TypeShare(region, kind, n, 30)
        for region in ("EU", "JP", "US")
        for kind, n in (("trending", 20), ("watch_history", 10))
    ]
    assert expected == list(type_mix(tables, "region"))
    assert 2 / 3 == expected[0].share


def test_the_type_mix_per_hour_and_release(tables: list[AuditTable]) -> None:
    """Hours are named by their first millisecond; a filter narrows the mix."""
    assert {str(r.timestamp_ms) for r in SENT} == {share.group for share in type_mix(tables, "hour")}
    only = type_mix(tables, "model_version", EntryFilter(explanation_type="trending"))
    assert [TypeShare("r/0@0", "trending", 30, 30), TypeShare("r/1@0", "trending", 30, 30)] == list(only)
