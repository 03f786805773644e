"""Audit requests as rows: exact but for the columns that are float32 on purpose."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.encoding import as_stored, requests_of, table_of, utc_day
from streamrec_explain.audit_log.table.schema import ROWS, SORT_COLUMNS
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import START_MS, entry, request, requests


@settings(deadline=None)
@given(st.lists(requests(), max_size=3, unique_by=lambda r: r.request_id))
def test_rows_give_back_the_requests(sent: list[AuditRequest]) -> None:
    """Any requests come back as `as_stored` tells, in the order of their entries."""
    expected = {r.request_id: as_stored(r) for r in sent}
    assert expected == {r.request_id: r for r in requests_of(table_of(sent))}


@settings(deadline=None)
@given(requests())
def test_storing_twice_changes_nothing_more(sent: AuditRequest) -> None:
    """`as_stored` is idempotent and keeps both scores and every input byte."""
    stored = as_stored(sent)
    assert stored == as_stored(stored)
    assert [(e.ranking_score, e.reranking_score, e.inputs) for e in sent.entries] == [
        (e.ranking_score, e.reranking_score, e.inputs) for e in stored.entries
    ]


def test_query_columns_are_rounded() -> None:
    """SHAP values, attention weights, evidence, propensity and time come back within a relative 2^-11."""
    sent = request(entries=(entry(propensity=0.1),))
    (stored,) = as_stored(sent).entries
    expected = [0.1, 0.1, 0.7, 0.1, 0.123]
    found = [
        *(stored.propensity, stored.shap_top_3[0][1], stored.attention_top_2[0][1]),
        *(stored.claims[0].evidence["margin"], stored.computation_time_ms),
    ]
    np.testing.assert_allclose(found, expected, rtol=2**-11)
    assert all(np.float32(value).view(np.uint32) % 2**13 == 0 for value in found)


def test_rows_have_the_declared_schema_and_order() -> None:
    """Whatever the order of the requests, rows lie by user, time, request and position."""
    rows = table_of([request(12), request(3), request(11)])
    keys = list(zip(*(rows[name].to_pylist() for name in SORT_COLUMNS), strict=True))
    assert ROWS == rows.schema
    assert sorted(keys) == keys


def test_many_requests_are_made_into_rows_piece_by_piece() -> None:
    """Each column is still one chunk with one dictionary, and the order is that of all."""
    sent = [request(number, items=2) for number in range(230)]
    rows = table_of(sent[::-1])
    assert [as_stored(each) for each in sent] == requests_of(rows)
    assert {1} == {column.num_chunks for column in rows.columns}
    users = rows["user_id_hash"].chunk(0).dictionary.to_pylist()
    assert sorted({each.user_id_hash for each in sent}) == users


def test_request_inputs_lie_once_per_request() -> None:
    """Only the first entry's row carries the request's inputs, wherever sorting puts it."""
    backwards = request(items=3)
    backwards = request(entries=tuple(reversed(backwards.entries)))
    rows = table_of([backwards])
    assert [None, None, b"request-inputs-0"] == rows["request_inputs"].to_pylist()
    assert [as_stored(backwards)] == requests_of(rows)


def test_no_requests_make_an_empty_table() -> None:
    """An empty batch is a table of no rows with the same schema."""
    assert ROWS.empty_table() == table_of([])
    assert [] == requests_of(ROWS.empty_table())


def test_the_date_is_the_utc_day() -> None:
    """One millisecond before midnight belongs to the day before."""
    assert ["2025-12-31", "2026-01-01"] == [utc_day(START_MS - 1), utc_day(START_MS)]
