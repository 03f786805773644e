"""Histories are ordered, numbered and cleaned as documented."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory, numbered, resolve_history
from streamrec_explain.records import HistoryEvent


def test_a_plain_list_is_numbered_by_position() -> None:
    """The oldest is 1."""
    assert (HistoryEvent("a", 1), HistoryEvent("b", 2)) == numbered(["a", "b"])


@given(st.permutations(range(1, 7)))
def test_events_are_ordered_by_sequence(bundle: EngineBundle, order: list[int]) -> None:
    """The order of arrival does not matter; the latest event has lag 1."""
    history = resolve_history([HistoryEvent(f"i{number}", number) for number in order], bundle.catalogue)
    assert ([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]) == (history.codes.tolist(), history.lags.tolist())


def test_a_gap_in_the_numbers_keeps_its_place(bundle: EngineBundle) -> None:
    """A deleted event leaves its place behind: lags come from the numbers, not from the list."""
    events = [HistoryEvent("i1", 3), HistoryEvent("i2", 9)]
    assert [7, 1] == resolve_history(events, bundle.catalogue).lags.tolist()


def test_unknown_items_keep_their_place_and_are_ignored(bundle: EngineBundle) -> None:
    """The event before an unknown one is two steps back."""
    history = resolve_history(numbered(["i1", "?"]), bundle.catalogue)
    assert ([1], [2], ("unknown_history_items",)) == (history.codes.tolist(), history.lags.tolist(), history.flags)


def test_the_same_event_twice_counts_once(bundle: EngineBundle) -> None:
    """Same number and item is one event delivered twice; the same item at two numbers is two."""
    events = [HistoryEvent("i1", 1), HistoryEvent("i1", 1), HistoryEvent("i1", 2)]
    history = resolve_history(events, bundle.catalogue)
    assert ([2, 1], ("duplicate_events_dropped",)) == (history.lags.tolist(), history.flags)


@pytest.mark.parametrize(("expected", "now"), [(1, 10), (2, 20), (2, 0)])
def test_newer_events_are_dropped(bundle: EngineBundle, expected: int, now: int) -> None:
    """Events up to the request's time count; without a time all do."""
    events = [HistoryEvent("i1", 1, 10), HistoryEvent("i2", 2, 20)]
    assert expected == len(resolve_history(events, bundle.catalogue, now).codes)


@pytest.mark.parametrize("sequence", [0, -3, 2**60])
def test_impossible_numbers_are_refused(bundle: EngineBundle, sequence: int) -> None:
    """The error names the event."""
    with pytest.raises(RequestError) as caught:
        resolve_history([HistoryEvent("i1", 1), HistoryEvent("i2", sequence)], bundle.catalogue)
    assert "session_history[1].sequence" == caught.value.field


def test_huge_numbers_do_not_overflow(bundle: EngineBundle) -> None:
    """A lag beyond int32 is as far as any."""
    history = resolve_history([HistoryEvent("i1", 1), HistoryEvent("i2", 2**53)], bundle.catalogue)
    assert [2**31 - 1, 1] == history.lags.tolist()


def test_removal_keeps_the_lags_of_the_others(bundle: EngineBundle) -> None:
    """All events of the removed items go, nothing else moves."""
    history = resolve_history(numbered(["i1", "i2", "i1", "i3"]), bundle.catalogue).without([1])
    assert ([2, 3], [3, 1]) == (history.codes.tolist(), history.lags.tolist())


@given(st.lists(st.integers(0, 4), max_size=8), st.lists(st.lists(st.integers(0, 5), max_size=3), max_size=4))
def test_several_removals_at_once_equal_one_by_one(codes: list[int], removed: list[list[int]]) -> None:
    """Each range is the history without that set of items; an empty set, or one of strangers, removes nothing."""
    lags = np.arange(len(codes), 0, -1, dtype=np.int32)
    history = ResolvedHistory(np.array(codes, dtype=np.int32), lags)
    left = history.without_each(removed)
    expected = [history.without(items) for items in removed]
    found = [(left.codes[start:stop], left.lags[start:stop]) for start, stop in left.ranges]
    assert [(each.codes.tolist(), each.lags.tolist()) for each in expected] == [
        (each.tolist(), places.tolist()) for each, places in found
    ]


def test_the_horizon_cuts_by_lag(bundle: EngineBundle) -> None:
    """What lies within the horizon stays, in order."""
    history = resolve_history(numbered([f"i{n}" for n in range(5)]), bundle.catalogue).within(2)
    np.testing.assert_array_equal([3, 4], history.codes)
