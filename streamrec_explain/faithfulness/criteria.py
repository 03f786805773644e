"""Criteria: is a sentence that names history items true of the model that ranked the item?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.removal import closed_up_drops, group_events, largest, removal_drops
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.faithfulness.gradients import history_gradients
from streamrec_explain.models.session_protocol import SessionScorer

TOP_K = 5


@dataclass(frozen=True)
class NamedHistory:
    """One sentence to judge: the history, the recommended item and the items it named (catalogue rows)."""

    history: ResolvedHistory
    candidate: int
    named: tuple[int, ...]


@dataclass(frozen=True)
class HistoryTruth:
    """What is true of one (history, candidate) pair: effects per distinct history item, most recent first.

    `drops` float64 [G]: what the score loses when the item's events are really removed and the model scores
    again; `closed_up` [G]: the same for a history closed up as though they had never been; `gradients` [G]: absolute
    integrated gradients; `residual`: of the gradients, relative, after `steps` steps; `complete`: it is small enough.
    """

    codes: NDArray[np.int32]
    drops: NDArray[np.float64]
    closed_up: NDArray[np.float64]
    gradients: NDArray[np.float64]
    residual: float
    steps: int
    complete: bool

    def strict(self, named: Sequence[int]) -> bool:
        """The named items are exactly those with the largest drops."""
        return self._are_largest(self.drops, named)

    def strict_closed_up(self, named: Sequence[int]) -> bool:
        """The named items would also be those of a history closed up as though they had never been."""
        return self._are_largest(self.closed_up, named)

    def all_raise(self, named: Sequence[int]) -> bool:
        """Every named item is in the history and raises the score."""
        return bool(named) and set(named) <= set(self.codes[self.drops > 0.0].tolist())

    def case_study(self, named: Sequence[int]) -> bool:
        """The case study's criterion: every named item is in the top five by integrated gradients."""
        top = largest(self.gradients[None], TOP_K)[0]
        return bool(named) and set(named) <= set(self.codes[top].tolist())

    def _are_largest(self, drops: NDArray[np.float64], named: Sequence[int]) -> bool:
        top = largest(drops[None], len(named))[0]
        return bool(named) and set(self.codes[top].tolist()) == set(named)


def history_truth(model: SessionScorer, case: NamedHistory) -> HistoryTruth:
    """Remove every history item in turn, in both ways, and integrate gradients, for one sentence."""
    history, candidate = case.history.within(model.max_lag), np.array([case.candidate], dtype=np.int32)
    groups = group_events(history.codes)
    path = history_gradients(model, history, case.candidate)
    return HistoryTruth(
        codes=groups.codes,
        drops=removal_drops(model, history.codes, history.lags, candidate, groups)[0],
        closed_up=closed_up_drops(model, history.codes, history.lags, candidate, groups)[0],
        gradients=np.abs(groups.sums(path.values[None])[0]),
        residual=path.residual,
        steps=path.steps,
        complete=path.complete,
    )


@dataclass(frozen=True)
class Rationale:
    """The named items as a rationale (DeYoung et al. 2020, ERASER, eq. 1 and 2), in units of the session score.

    `comprehensiveness`: what the score loses without them (high: they were needed); `sufficiency`: what it loses with
    nothing else left (low: they are enough).
    """

    comprehensiveness: float
    sufficiency: float


def rationale(model: SessionScorer, case: NamedHistory) -> Rationale:
    """Score without the named items together, and with them alone; the kept events keep their lags."""
    history, candidate = case.history.within(model.max_lag), np.array([case.candidate], dtype=np.int32)

    def score(events: ResolvedHistory) -> float:
        return float(model.scores(events.codes, events.lags, candidate)[0])

    others = np.setdiff1d(history.codes, case.named).tolist()
    full = score(history)
    return Rationale(full - score(history.without(case.named)), full - score(history.without(others)))
