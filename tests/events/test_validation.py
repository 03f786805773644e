"""The rules for columns, each on one small column, and the keys of rows against a plain loop."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import EventDataError
from streamrec_explain.events import validation
from streamrec_explain.events.problems import Code
from streamrec_explain.events.sheet import Sheet


def sheet(values: list[object], kind: pa.DataType | None = None) -> Sheet:
    """A sheet of one column `x` whose rows stand at places 10, 11, ..."""
    places = np.arange(10, 10 + len(values))
    return Sheet("file", pa.table({"x": pa.array(values, kind)}), places, len(values), lambda _: ())


def found(table: Sheet) -> list[tuple[str, list[int]]]:
    """Code and places of what was found."""
    return [(finding.code.value, finding.places.tolist()) for finding in table.findings]


@pytest.mark.parametrize("text", ["1.0", "0x10", " 1", "1 ", "1e3", "one", "--1", "9" * 30])
def test_text_that_is_no_whole_number(text: str) -> None:
    """Nothing is trimmed, rounded or guessed."""
    table = sheet(["7", text, "-8"])
    assert [7, None, -8] == validation.integers(table, "x").to_pylist()
    assert [("wrong-type", [11])] == found(table)


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("-.5", -0.5), ("1e-3", 0.001), ("+2.", 2.0)])
def test_text_that_is_a_number(text: str, value: float) -> None:
    """The usual ways to write one."""
    assert [value] == validation.numbers(sheet([text]), "x").to_pylist()


@pytest.mark.parametrize("text", ["nan", "inf", "1,5", "", "1.2.3", "1e9999"])
def test_text_that_is_no_number(text: str) -> None:
    """Not a number, infinite, or written in another way: one finding each."""
    table = sheet([text, "1"])
    assert [None, 1.0] == validation.numbers(table, "x").to_pylist()
    assert 1 == len(table.findings)
    assert [10] == table.bad_places().tolist()


def test_integers_from_doubles_keep_only_whole_ones() -> None:
    """A fraction is not rounded away."""
    table = sheet([1.0, 1.5, None])
    assert [1, None, None] == validation.integers(table, "x", nullable=True).to_pylist()
    assert [("wrong-type", [11])] == found(table)


@pytest.mark.parametrize(("low", "code"), [(0, "negative-value"), (1, "out-of-range")])
def test_bounds(low: int, code: str) -> None:
    """Below a bound of zero is negative, below and above others is out of range."""
    table = sheet([-1, 2, 9])
    assert [None, 2, None] == validation.integers(table, "x", low=low, high=5).to_pylist()
    assert [(code, [10]), ("out-of-range", [12])] == found(table)


def test_empty_text_is_null() -> None:
    """An empty field is a missing value, allowed or not."""
    assert ["a", None] == validation.texts(sheet(["a", ""]), "x", nullable=True).to_pylist()
    table = sheet(["a", ""])
    validation.texts(table, "x")
    assert [("null-value", [11])] == found(table)


def test_flags_from_numbers_and_booleans() -> None:
    """0 and 1, or booleans."""
    assert [True, False] == validation.flags(sheet(["1", "0"]), "x").to_pylist()
    assert [True, False] == validation.flags(sheet([True, False]), "x").to_pylist()


def test_times_in_seconds_and_milliseconds() -> None:
    """A time in the other unit is refused, not read as another century."""
    assert [1_650_812_741_000] == validation.timestamps(sheet([1_650_812_741]), "x", unit_ms=1000).to_pylist()
    for unit_ms, wrong in ((1, 1_650_812_741), (1000, 1_650_812_741_000), (1000, -5)):
        table = sheet([wrong])
        validation.timestamps(table, "x", unit_ms=unit_ms)
        assert [("bad-timestamp", [10])] == found(table)


def test_a_column_that_is_not_there_or_of_another_type() -> None:
    """The whole file is refused, with the column's name."""
    with pytest.raises(EventDataError, match="no column y"):
        validation.integers(sheet([1]), "y")
    with pytest.raises(EventDataError, match="wrong-type"):
        validation.integers(sheet([True]), "x")


def test_known_ignores_what_is_flagged_already() -> None:
    """A null is another rule's finding."""
    table = sheet(["a", "b", None])
    validation.known(table, "x", table.column("x"), pa.array(["a"]), Code.UNKNOWN_ITEM, "items")
    assert [("unknown-item", [11])] == found(table)


values = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=30)


@given(rows=values)
def test_repeats_are_those_of_a_plain_loop(rows: list[tuple[int, str | None]]) -> None:
    """A row repeats if an equal row without null came before."""
    columns = (pa.array([row[0] for row in rows], pa.int64()), pa.array([row[1] for row in rows], pa.string()))
    expected = [row[1] is not None and row in rows[:index] for index, row in enumerate(rows)]
    assert expected == validation.repeated(*columns).tolist()


@given(rows=values)
def test_repeats_survive_the_key_limit(rows: list[tuple[int, str | None]]) -> None:
    """Keys made dense on the way are the same keys."""
    columns = (pa.array([row[0] for row in rows], pa.int64()), pa.array([row[1] for row in rows], pa.string()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "_KEY_LIMIT", 1)
        dense = validation.repeated(*columns).tolist()
    assert dense == validation.repeated(*columns).tolist()
