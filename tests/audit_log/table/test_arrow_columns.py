"""Arrow columns from Python values: every value comes back, nulls too."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.audit_log.table import arrow_columns as arrow

TEXTS = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3))


@given(TEXTS)
def test_texts_come_back(values: list[str | None]) -> None:
    """Plain and coded, of any alphabet, empty and missing ones."""
    plain, coded = arrow.texts(values), arrow.CodedTexts.of(values).column()
    for column in (plain, coded):
        column.validate(full=True)
        assert values == column.to_pylist()


@given(TEXTS)
def test_a_dictionary_holds_each_text_once_in_order_of_appearance(values: list[str | None]) -> None:
    """And no null."""
    expected = [value for value in dict.fromkeys(values) if value is not None]
    assert expected == arrow.CodedTexts.of(values).dictionary.to_pylist()


def test_values_at_places() -> None:
    """Repeated, in any order, and null at -1, also of no values at all."""
    places = np.array([1, -1, 0, 1])
    assert ["b", None, "a", "b"] == arrow.CodedTexts.of(["a", "b"]).at(places).to_pylist()
    assert [2, None, 1, 2] == arrow.numbers_at(np.array([1, 2]), places).to_pylist()
    assert [None] == arrow.numbers_at(np.array([], np.int64), np.array([-1])).to_pylist()


def test_places_in_sequences() -> None:
    """Three values, none, and one: the second place is there once."""
    counts = np.array([3, 0, 1])
    assert [0, -1, 3] == arrow.places_in(counts, 1).tolist()
    assert [1, -1, -1] == arrow.places_in(counts, 2).tolist()


@given(st.lists(st.none() | st.binary(max_size=3)), st.lists(st.lists(st.text("aé", max_size=2), max_size=2)))
def test_bytes_and_lists_come_back(binaries: list[bytes | None], lists: list[list[str]]) -> None:
    """Empty ones too."""
    assert binaries == arrow.binaries(binaries).to_pylist()
    assert lists == arrow.text_lists(lists).to_pylist()
