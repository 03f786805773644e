"""Removal: what a score loses when events are really taken away and the model scores again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.protocols import Codes, Floats, SequenceScore


@dataclass(frozen=True)
class EventGroups:
    """Events with the same code, taken as one thing: named once, removed together.

    `codes` [G] are the distinct codes, the latest first; `group_of` [L] is each event's row in it.
    """

    codes: Codes
    group_of: NDArray[np.int64]

    def sums(self, values: Floats) -> Floats:
        """Add up the columns of [n, L] that belong to one group: [n, G]; rows never depend on each other."""
        order = np.argsort(self.group_of, kind="stable")
        starts = np.searchsorted(self.group_of[order], np.arange(len(self.codes)))
        if not len(starts):
            return np.zeros((len(values), 0))
        return np.add.reduceat(np.take(values, order, axis=1), starts, axis=1)


def group_events(history_codes: Codes) -> EventGroups:
    """Group the events of a history [L] (most recent last) by code."""
    events = history_codes.tolist()  # at a history's length a dictionary takes a third of np.unique's time
    rank = {code: place for place, code in enumerate(dict.fromkeys(reversed(events)))}
    group_of = np.array([rank[code] for code in events], np.int64)
    return EventGroups(np.array(list(rank), history_codes.dtype), group_of)


def removal_drops(
    model: SequenceScore, history_codes: Codes, lags: Codes, candidates: Codes, groups: EventGroups
) -> Floats:
    """What each candidate's score loses without each group of events, [n, G]; the others keep their lags."""
    full = model.scores(history_codes, lags, candidates)
    drops = np.empty((len(candidates), len(groups.codes)))
    for group in range(len(groups.codes)):
        kept = groups.group_of != group
        drops[:, group] = full - model.scores(history_codes[kept], lags[kept], candidates)
    return drops


def closed_up_drops(
    model: SequenceScore, history_codes: Codes, lags: Codes, candidates: Codes, groups: EventGroups
) -> Floats:
    """The same for a history closed up as though the events had never been: older events move closer."""
    full = model.scores(history_codes, lags, candidates)
    drops = np.empty((len(candidates), len(groups.codes)))
    for group in range(len(groups.codes)):
        kept = groups.group_of != group
        closer = (lags[~kept] < lags[kept][:, None]).sum(axis=1, dtype=np.int32)
        drops[:, group] = full - model.scores(history_codes[kept], lags[kept] - closer, candidates)
    return drops


def largest(values: Floats, count: int) -> NDArray[np.int64]:
    """Columns of the `count` largest values of each row of [n, G], largest first; ties: the first column."""
    return np.argsort(-values, axis=1, kind="stable")[:, :count]
