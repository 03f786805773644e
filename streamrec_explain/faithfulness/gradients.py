"""Integrated gradients of the session score of one history, with as many steps as completeness needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.integrated_gradients import Forward, bilinear_forward, integrated_gradients
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.models.session_model import SessionModel

STEPS = (8, 16, 32, 64, 128, 256)
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


def history_gradients(model: SessionModel, history: ResolvedHistory, candidate: int) -> HistoryGradients:
    """Integrate with ever more steps until the residual is at most 1%, or the steps are used up."""
    forward, embeddings = _embedded(model, history, candidate)
    for steps in STEPS:
        path = integrated_gradients(forward, embeddings, steps)
        found = HistoryGradients(path.values[0], float(path.residual[0]), steps)
        if found.complete:
            break
    return found


def _embedded(
    model: SessionModel, history: ResolvedHistory, candidate: int
) -> tuple[Forward, NDArray[np.float64]]:
    """The torch form of the score, and the event embeddings it is a function of, [1, L, D]."""
    x_LD, weights_LD = model.embedded(history.codes, history.lags, candidate)
    forward = bilinear_forward(weights_LD[None], model.bias[[candidate]].astype(np.float64))
    return forward, x_LD[None]
