"""The order of rows: whatever way they come, sorting gives the one order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.arrow_columns import numbers
from streamrec_explain.audit_log.table.coded_rows import coded
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.row_order import of_requests, request_names, request_starts, sorted_rows
from streamrec_explain.audit_log.table.schema import ROWS, SORT_COLUMNS
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import entry, request, requests

some_requests = st.lists(requests(), max_size=4, unique_by=lambda each: each.request_id)


def keys_of(rows: object) -> list[tuple[object, ...]]:
    """The sort keys of rows."""
    return list(zip(*(rows[name].to_pylist() for name in SORT_COLUMNS), strict=True))  # type: ignore[index]


@settings(deadline=None, max_examples=40)
@given(some_requests, st.randoms())
def test_mixed_rows_come_out_in_the_one_order(sent: list[AuditRequest], random: object) -> None:
    """Rows of a request apart, out of order, or among those of others."""
    rows = table_of(sent)
    places = list(range(rows.num_rows))
    random.shuffle(places)  # type: ignore[attr-defined]
    found = sorted_rows(rows.take(numbers(np.array(places, np.int64))))
    assert ROWS == found.schema
    assert sorted(keys_of(rows)) == keys_of(found)
    assert rows.select(SORT_COLUMNS).num_rows == found.num_rows


@settings(deadline=None, max_examples=20)
@given(some_requests)
def test_requests_that_lie_together_are_moved_as_wholes(sent: list[AuditRequest]) -> None:
    """The quick way, over runs, gives the same rows as sorting each."""
    rows = table_of(sent)
    turned = rows.take(numbers(np.arange(rows.num_rows)[::-1].astype(np.int64)))
    assert sorted_rows(rows).to_pylist() == sorted_rows(turned).to_pylist()


def test_requests_begin_where_the_id_changes() -> None:
    """Also where it is that of an earlier user."""
    sent = [request(n, entries=(entry(0), entry(1))) for n in range(3)]
    assert [0, 2, 4] == request_starts(sorted_rows(table_of(sent))).tolist()
    assert [] == request_starts(ROWS.empty_table()).tolist()


def test_rows_of_given_requests() -> None:
    """Those ids and no other; ids that nobody has choose nothing."""
    rows = coded(table_of([request(n) for n in range(3)]))
    names = request_names(rows).take(numbers(np.array([1])))
    chosen = rows.filter(of_requests(rows, names))
    assert set(names.to_pylist()) == set(chosen["request_id"].to_pylist())
    assert 0 == rows.filter(of_requests(rows, names.slice(0, 0))).num_rows
