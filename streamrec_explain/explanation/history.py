"""The history of a request as the models see it: codes and lags of the events that count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import RequestError
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.records import HistoryEvent

FUTURE_EVENTS = "future_events_dropped"
DUPLICATE_EVENTS = "duplicate_events_dropped"
UNKNOWN_EVENTS = "unknown_history_items"
LARGEST_SEQUENCE = 2**53
_FARTHEST = 2**31 - 1
_NOTHING = -1  # no event's code


@dataclass(frozen=True)
class ResolvedHistory:
    """Events of known items, the most recent last.

    `codes` int32 [L] are catalogue rows; `lags` int32 [L] are the user's next sequence number minus the
    event's; `flags` say what was left out.
    """

    codes: NDArray[np.int32]
    lags: NDArray[np.int32]
    flags: tuple[str, ...] = ()

    def within(self, max_lag: int) -> "ResolvedHistory":
        """The events a model with this horizon can see; the others contribute exactly 0."""
        seen = self.lags <= max_lag
        return self if seen.all() else ResolvedHistory(self.codes[seen], self.lags[seen], self.flags)

    def without(self, removed: Sequence[int]) -> "ResolvedHistory":
        """The history without some items' events; the other events keep their lags."""
        kept = (self.codes != np.array(removed, np.int32)[:, None]).all(axis=0)  # a few items: faster than isin
        return ResolvedHistory(self.codes[kept], self.lags[kept], self.flags)

    def without_each(self, removed: Sequence[Sequence[int]]) -> "ShorterHistories":
        """The history without each of several sets of items, as `without` has it, at the price of about one."""
        most = max(map(len, removed), default=0)
        padded = np.array([[*items, *[_NOTHING] * (most - len(items))] for items in removed], np.int32)
        kept = (self.codes != padded.reshape(len(removed), most, 1)).all(axis=1)
        lengths = kept.sum(axis=1)
        stops = lengths.cumsum()
        codes, lags = (np.broadcast_to(each, kept.shape)[kept] for each in (self.codes, self.lags))
        return ShorterHistories(codes, lags, np.column_stack([stops - lengths, stops]))


@dataclass(frozen=True)
class ShorterHistories:
    """Several histories one after the other: number m is [ranges[m, 0]:ranges[m, 1]] of codes and lags, int32 [L]."""

    codes: NDArray[np.int32]
    lags: NDArray[np.int32]
    ranges: NDArray[np.int64]


def numbered(item_ids: Sequence[str]) -> tuple[HistoryEvent, ...]:
    """Events of a plain list of item ids, numbered by position (the oldest first)."""
    return tuple(HistoryEvent(item_id, number) for number, item_id in enumerate(item_ids, start=1))


def resolve_history(
    events: Sequence[HistoryEvent], catalogue: Catalogue, timestamp_ms: int = 0
) -> ResolvedHistory:
    """Look up, order and number the events of a request.

    Events newer than `timestamp_ms` are dropped (0: the time is unknown, none is); the same event twice
    counts once; events of unknown items keep their place in the numbering but are ignored. RequestError for
    a sequence number outside 1 to 2**53.
    """
    _check_sequences(events)
    present = [event for event in events if not timestamp_ms or (event.timestamp_ms or 0) <= timestamp_ms]
    distinct = list({(event.sequence, event.item_id): event for event in present}.values())
    sequence = np.array([event.sequence for event in distinct], dtype=np.int64)
    codes = catalogue.codes([event.item_id for event in distinct])
    lags = np.minimum(sequence.max(initial=0) + 1 - sequence, _FARTHEST).astype(np.int32)
    order = np.argsort(sequence, kind="stable")
    order = order[codes[order] >= 0]
    left_out = {
        FUTURE_EVENTS: len(present) < len(events),
        DUPLICATE_EVENTS: len(distinct) < len(present),
        UNKNOWN_EVENTS: len(order) < len(distinct),
    }
    flags = tuple(flag for flag, raised in left_out.items() if raised)
    return ResolvedHistory(codes[order], lags[order], flags)


def _check_sequences(events: Sequence[HistoryEvent]) -> None:
    for place, event in enumerate(events):
        if not 1 <= event.sequence <= LARGEST_SEQUENCE:
            field = f"session_history[{place}].sequence"
            raise RequestError(f"{field} is {event.sequence}; it must be 1 to 2**53", field)
