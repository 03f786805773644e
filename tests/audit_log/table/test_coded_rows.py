"""Coded rows: the same text as plain ones, one dictionary, nothing in it that no row uses."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.coded_rows import coded, codes_of, joined, trimmed
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.schema import CODED_COLUMNS, ENTRIES, ROWS
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import request, requests

two_or_three = st.lists(requests(), min_size=2, max_size=3, unique_by=lambda each: each.request_id)


@settings(deadline=None, max_examples=25)
@given(two_or_three, st.data())
def test_coding_cutting_joining_and_trimming_keep_every_value(sent: list[AuditRequest], data: st.DataObject) -> None:
    """Nulls, empty text and other alphabets too."""
    rows = table_of(sent).cast(ENTRIES)
    cut = data.draw(st.integers(0, rows.num_rows))
    parts = [trimmed(coded(part)) for part in (rows.slice(0, cut), rows.slice(cut))]
    whole = joined(parts)
    assert ROWS == whole.schema
    assert rows.to_pylist() == whole.to_pylist() == trimmed(whole).to_pylist()


@settings(deadline=None, max_examples=25)
@given(two_or_three)
def test_equal_codes_mean_equal_text(sent: list[AuditRequest]) -> None:
    """Also after tables with dictionaries of their own were joined."""
    whole = joined(coded(table_of([each])) for each in sent)
    codes, names = codes_of(whole, "user_id_hash"), np.array(whole["user_id_hash"].to_pylist())
    assert ((names[:, None] == names) == (codes[:, None] == codes)).all()


def test_text_of_rows_that_left_is_gone() -> None:
    """A file holds its dictionaries whole, so that none may name somebody whose rows were removed."""
    rows = coded(table_of([request(1, user_id_hash="staying"), request(2, user_id_hash="leaving")]))
    left = trimmed(rows.filter(pa.array(np.array(rows["user_id_hash"].to_pylist()) == "staying")))
    used = {name: left[name].chunk(0) for name in CODED_COLUMNS}
    assert {name: set(column.dictionary_decode().drop_null().to_pylist()) for name, column in used.items()} == {
        name: set(column.dictionary.to_pylist()) for name, column in used.items()
    }


def test_no_rows_are_rows_too() -> None:
    """Of no tables, and of empty ones."""
    assert ROWS == joined([]).schema == joined([ROWS.empty_table()]).schema
    assert 0 == trimmed(ROWS.empty_table()).num_rows == coded(ENTRIES.empty_table()).num_rows
