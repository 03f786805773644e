"""Shown impressions as arrays, with what moved each of them."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import ENGAGED_WATCH_FRACTION


@dataclass(frozen=True)
class Shown:
    """Impressions with what moved them; arrays of length n but for `parts` [n, 7] and the causes.

    `cause_row`, `cause_sequence` and `cause_contribution` list, for engaged impressions, the non-zero
    contributions of past events to the utility's history part.
    """

    user: NDArray[np.int64]
    item: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    visit: NDArray[np.int64]
    position: NDArray[np.int16]
    boost: NDArray[np.float32]
    clicked: NDArray[np.bool_]
    watch_fraction: NDArray[np.float32]
    not_interested: NDArray[np.bool_]
    explanation_type: NDArray[np.int8]
    explanation_propensity: NDArray[np.float32]
    explanation_true: NDArray[np.bool_]
    explanation_effect: NDArray[np.float32]
    position_without_promotion: NDArray[np.int16]
    parts: NDArray[np.float32]
    cause_row: NDArray[np.int64]
    cause_sequence: NDArray[np.int32]
    cause_contribution: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.user)

    @property
    def engaged(self) -> NDArray[np.bool_]:
        """Clicked and watched at least half."""
        return self.clicked & (self.watch_fraction >= ENGAGED_WATCH_FRACTION)


def concatenate(pieces: list[Shown]) -> Shown:
    """One `Shown` of several; causes keep pointing at their impressions."""
    base = np.concatenate(([0], np.cumsum([len(piece) for piece in pieces])[:-1]))
    columns = {field.name: np.concatenate([getattr(piece, field.name) for piece in pieces]) for field in fields(Shown)}
    columns["cause_row"] = np.concatenate([piece.cause_row + start for piece, start in zip(pieces, base, strict=True)])
    return Shown(**columns)
