"""The content of a partition: equal for equal rows, whatever their chunks; different for any difference."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.content import content_of
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import entry, request, requests


@settings(deadline=None, max_examples=25)
@given(st.lists(requests(), min_size=1, max_size=3, unique_by=lambda r: r.request_id), st.data())
def test_cutting_rows_differently_keeps_the_content(sent: list[AuditRequest], data: st.DataObject) -> None:
    """Tables and chunks are no part of the content."""
    rows = table_of(sent)
    cut = data.draw(st.integers(0, rows.num_rows))
    parts = [rows.slice(0, cut), rows.slice(cut)]
    assert content_of([rows]) == content_of(parts) == content_of([pa.concat_tables(parts)])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"item_id": "item-9"}, id="another text"),
        pytest.param({"ranking_score": 0.2}, id="another number"),
        pytest.param({"propensity": 0.0}, id="zero for null"),
        pytest.param({"would_be_type": ""}, id="empty for null"),
        pytest.param({"flags": ("a", "b")}, id="another list"),
    ],
)
def test_any_changed_entry_is_another_content(changed: dict[str, object]) -> None:
    """One changed value changes the digest."""
    first, other = request(entries=(entry(),)), request(entries=(entry(0, **changed),))
    assert content_of([table_of([first])]) != content_of([table_of([other])])


@pytest.mark.parametrize("changed", [{"inputs": b""}, {"timestamp_ms": 1}, {"region": "XX"}])
def test_any_changed_request_is_another_content(changed: dict[str, object]) -> None:
    """The columns that a request's rows share count too."""
    assert content_of([table_of([request()])]) != content_of([table_of([request(**changed)])])  # type: ignore[arg-type]


def test_shifted_text_is_another_content() -> None:
    """Moving a letter from one row's text to the next one's is seen."""
    pair = [request(entries=(entry(0, template=a), entry(1, template=b))) for a, b in (("ab", "c"), ("a", "bc"))]
    assert content_of([table_of(pair[:1])]) != content_of([table_of(pair[1:])])


def test_a_condition_quotes_its_values() -> None:
    """Text can hold quotes; nothing in it is SQL."""
    assert "region = 'o''hara; --'" == conditions.equals("region", "o'hara; --")
    assert "false" == conditions.one_of("region", [])
