"""Integrated gradients of the session score of one history, with as many steps as completeness needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.integrated_gradients import integrated_gradients
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.models.session_gradients import embedded_score
from streamrec_explain.models.session_protocol import SessionScorer

STEPS = (8, 16, 32, 64, 128, 256, 512, 1024)
TOLERANCE = 0.01


@dataclass(frozen=True)
class HistoryGradients:
    """Attribution of each event, float64 [L], the relative residual of completeness, and the steps it took."""

    values: NDArray[np.float64]
    residual: float
    steps: int

    @property
    def complete(self) -> bool:
        """Whether the attribution adds up well enough to be used."""
        return self.residual <= TOLERANCE


def history_gradients(model: SessionScorer, history: ResolvedHistory, candidate: int) -> HistoryGradients:
    """Integrate with ever more steps until the residual is at most 1%, or the steps are used up."""
    forward, embeddings = embedded_score(model, history.codes, history.lags, candidate)
    for steps in STEPS:
        path = integrated_gradients(forward, embeddings, steps)
        found = HistoryGradients(path.values[0], float(path.residual[0]), steps)
        if found.complete:
            break
    return found
