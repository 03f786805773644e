"""As-of sums count what lies strictly before a time, key by key."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.features.as_of import occurrence, ratio, timeline

EVENTS = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 9), st.floats(-10, 10)), max_size=30)
QUERIES = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 11)), min_size=1, max_size=10)


@given(EVENTS, QUERIES)
@settings(deadline=None)
def test_queries_agree_with_a_plain_scan(events: list, queries: list) -> None:
    """Count, sum, last and greatest equal those of a filtered list."""
    events = sorted(events, key=lambda event: event[1])
    keys = np.array([event[0] for event in events], np.int32)
    times = np.array([event[1] for event in events], np.int64)
    line, order = timeline(keys, times, 4)
    values = np.array([event[2] for event in events])[order]
    asked = np.array(queries, np.int64)
    cut = line.before(asked[:, 0], asked[:, 1])
    before = [[v for k, t, v in events if k == key >= 0 and t < time] for key, time in queries]
    assert [len(found) for found in before] == cut.count.tolist()
    np.testing.assert_allclose(line.sum(values, cut), [sum(found) for found in before], atol=1e-12)
    np.testing.assert_array_equal(line.last(values, cut), [found[-1] if found else np.nan for found in before])
    np.testing.assert_array_equal(line.greatest(values, cut), [max(found, default=np.nan) for found in before])


def test_running_sums_do_not_depend_on_other_keys() -> None:
    """A huge value of another key costs no bit: totals start anew in every group."""
    line, order = timeline(np.array([0, 1, 1]), np.array([1, 2, 3]), 2)
    values = np.array([1e300, 0.1, 0.2])[order]
    assert [0.1 + 0.2] == line.sum(values, line.before(np.array([1]), np.array([9]))).tolist()


def test_starts_marks_the_first_event_of_each_key() -> None:
    """Keys without events have no start."""
    line, _ = timeline(np.array([2, 0, 2]), np.array([1, 2, 3]), 4)
    assert [True, True, False] == line.starts().tolist()


@given(st.lists(st.integers(0, 3), max_size=20))
def test_occurrence_numbers_equal_entries(groups: list[int]) -> None:
    """The number of an entry is how often its value came before."""
    expected = [groups[:place].count(group) for place, group in enumerate(groups)]
    assert expected == occurrence(np.array(groups, np.int64)).tolist()


def test_ratio_of_nothing_is_unknown() -> None:
    """Division by zero is NaN, without a warning (warnings of NumPy are raised here)."""
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])), [0.5, np.nan])
