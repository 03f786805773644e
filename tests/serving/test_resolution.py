"""History numbering: by position where nothing is numbered, as given where everything is."""

import pytest

from serving.resolution import events
from serving.wire import AskedEvent
from streamrec_explain.errors import RequestError
from streamrec_explain.records import HistoryEvent


def test_plain_ids_are_numbered_by_position() -> None:
    """The oldest event is number 1, also where times are known."""
    expected = (HistoryEvent("a", 1), HistoryEvent("b", 2, 99), HistoryEvent("a", 3))
    assert expected == events(["a", AskedEvent("b", timestamp_ms=99), "a"])


def test_given_numbers_are_kept() -> None:
    """Numbers with gaps stay: somebody deleted an event."""
    assert (HistoryEvent("a", 3), HistoryEvent("b", 9)) == events(
        [AskedEvent("a", sequence=3), AskedEvent("b", sequence=9)]
    )


def test_half_numbered_history_is_refused() -> None:
    """Where only some events are numbered, the first without a number is named."""
    with pytest.raises(RequestError) as refused:
        events([AskedEvent("a", sequence=3), "b"])
    assert "session_history[1].sequence" == refused.value.field


def test_empty_history() -> None:
    """A new user has none."""
    assert () == events([])
