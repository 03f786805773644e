"""Criteria: is a sentence that names history items true of the model that ranked the item?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.integrated_gradients import (
    PathAttribution,
    bilinear_forward,
    integrated_gradients,
)
from streamrec_explain.attribution.removal import EventGroups, group_events, largest, removal_drops
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.models.session_model import SessionModel

TOP_K = 5
IG_STEPS = 8  # the additive score is linear in its events; the residual of every row is checked all the same
IG_TOLERANCE = 0.01


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
    again; `gradients` float64 [G]: absolute integrated gradients; `residual`: of the gradients, relative.
    """

    codes: NDArray[np.int32]
    drops: NDArray[np.float64]
    gradients: NDArray[np.float64]
    residual: float

    def strict(self, named: Sequence[int]) -> bool:
        """The named items are exactly those with the largest drops."""
        top = largest(self.drops[None], len(named))[0]
        return bool(named) and set(self.codes[top].tolist()) == set(named)

    def all_raise(self, named: Sequence[int]) -> bool:
        """Every named item is in the history and raises the score."""
        return bool(named) and set(named) <= set(self.codes[self.drops > 0.0].tolist())

    def case_study(self, named: Sequence[int]) -> bool:
        """The case study's criterion: every named item is in the top five by integrated gradients."""
        top = largest(self.gradients[None], TOP_K)[0]
        return bool(named) and set(named) <= set(self.codes[top].tolist())

    def comprehensiveness(self, named: Sequence[int]) -> float:
        """What the score loses without the named items (DeYoung et al. 2020, ERASER, eq. 1)."""
        return float(self.drops[np.isin(self.codes, named)].sum())


def history_truth(model: SessionModel, case: NamedHistory) -> HistoryTruth:
    """Remove every history item in turn, and integrate gradients, for one sentence."""
    history, candidate = case.history.within(model.max_lag), np.array([case.candidate], dtype=np.int32)
    groups = group_events(history.codes)
    drops = removal_drops(model, history.codes, history.lags, candidate, groups)[0]
    path = _gradients(model, history, case.candidate)
    gradients = np.abs(_grouped(groups, path.values[0]))
    return HistoryTruth(groups.codes, drops, gradients, float(path.residual[0]))


def _gradients(model: SessionModel, history: ResolvedHistory, candidate: int) -> PathAttribution:
    """Integrated gradients of the torch form of the score with respect to the event embeddings."""
    x_LHR = model.event_table[history.codes].astype(np.float64)
    weights_LHR = model.lag_curve[:, history.lags].T[:, :, None] * model.candidate_table[candidate][None]
    flat = (1, len(x_LHR), -1)
    weights = weights_LHR.astype(np.float64).reshape(flat)
    forward = bilinear_forward(weights, model.bias[[candidate]].astype(np.float64))
    return integrated_gradients(forward, x_LHR.reshape(flat), IG_STEPS)


def _grouped(groups: EventGroups, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(groups.sums(values[None])[0])
