"""Cases of the method table: what users really engaged with in the test phase, after the history they had."""

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.splits import TEST_PHASE
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.synthetic.truth import PlantedTruth
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.faithfulness.method_table import MethodCase

LEAST_ITEMS = 3  # of two, any two are the top two
HORIZON = 50  # events; a planted cause is never older


def held_out_cases(
    history: Interactions,
    phases: NDArray[np.int8],
    n: int,
    rng: np.random.Generator,
    truth: PlantedTruth | None = None,
) -> list[MethodCase]:
    """Up to `n` random engaged events of the test phase whose latest 50 events name at least three items."""
    places = rng.permutation(np.flatnonzero(phases[history.row] == TEST_PHASE))
    user = history.user
    found: list[MethodCase] = []
    for place in places.tolist():
        if len(found) == n:
            break
        start = max(int(history.offsets[user[place]]), place - HORIZON)
        codes, sequence = history.item[start:place], history.sequence[start:place]
        if len(np.unique(codes)) >= LEAST_ITEMS:
            lags = (history.sequence[place] - sequence).astype(np.int32)
            cause = None if truth is None else _strongest(truth, int(history.row[place]), codes, sequence)
            found.append(MethodCase(ResolvedHistory(codes, lags), int(history.item[place]), cause))
    return found


def planted_truth(users: int, seed: int = 0) -> PlantedTruth:
    """What really moved the choices of the synthetic world of this size and seed; it is generated again."""
    return generate(SyntheticConfig(users=users, seed=seed))[1]


def _strongest(
    truth: PlantedTruth, row: int, codes: NDArray[np.int32], sequence: NDArray[np.int32]
) -> int | None:
    """The item of the past event that added most to this choice; None where none added anything."""
    causes = truth.causes(row)
    if not (causes.contribution > 0.0).any():
        return None
    at = np.flatnonzero(sequence == causes.sequence[np.argmax(causes.contribution)])
    return int(codes[at[0]]) if at.size else None
