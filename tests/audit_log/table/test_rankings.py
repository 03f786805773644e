"""Short rankings as columns: the first places come back, numbers rounded; nothing of a neighbour gets in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.precision import kept
from streamrec_explain.audit_log.table.rankings import Rankings, ranking_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
PAIRS = st.lists(st.tuples(TEXT, st.floats(allow_nan=False)), max_size=4)
NAMES = ("shap", "feature", "value", (1, 2, 3))


@given(st.lists(PAIRS, max_size=4))
def test_the_first_places_come_back(rankings: list[list[tuple[str, float]]]) -> None:
    """Rankings of any length, as a dict by column."""
    columns = Rankings.of(rankings).columns(*NAMES)
    rows = [{name: column[row].as_py() for name, column in columns.items()} for row in range(len(rankings))]
    expected = [tuple((name, float(kept(np.array(value)))) for name, value in pairs[:3]) for pairs in rankings]
    assert expected == [ranking_of(row, *NAMES) for row in rows]


def test_numbers_at_a_place_are_exact() -> None:
    """NaN where a ranking is shorter, also the last one."""
    rankings = Rankings.of([[("a", 0.1), ("b", 0.2)], [], [("c", 0.3)]])
    np.testing.assert_array_equal([0.1, np.nan, 0.3], rankings.numbers_at(1))
    np.testing.assert_array_equal([0.2, np.nan, np.nan], rankings.numbers_at(2))
    assert [0, 2, 2] == rankings.starts.tolist()
