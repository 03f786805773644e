"""What explanations, the re-ranker and evaluation ask of a session model, whichever kind serves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrec_explain.attribution.removal import EventGroups

Float64 = NDArray[np.float64]
SessionKind = Literal["additive", "transformer"]
KINDS: tuple[SessionKind, ...] = get_args(SessionKind)


@dataclass(frozen=True)
class HistoryEffects:
    """What a history does to n candidates, in units of the score.

    `drops` [n, G]: what each score loses when a group of events is really removed, the others keeping their lags;
    `total` [n]: what it loses without any history; `attention` [n, L]: each event's share, a row sums to 1 or is 0.
    """

    drops: Float64
    total: Float64
    attention: Float64


class SessionScorer(Protocol):
    """A trained session model as it is served: from plain arrays, deterministic, without a training library.

    A history is [L] item codes, the most recent last, with [L] lags: the user's next sequence number minus the
    event's. A candidate's number never depends on the other candidates. Code -1 (unknown item) is no event, and
    scores 0 as a candidate. Events further back than `max_lag` do not count.
    """

    @property
    def n_items(self) -> int:
        """Size of the catalogue the model was trained on."""
        ...

    @property
    def max_lag(self) -> int:
        """The furthest lag that counts."""
        ...

    def scores(self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike) -> Float64:
        """Score of each candidate after one history: [n]."""
        ...

    def paired_scores(
        self, events: ArrayLike, lags: ArrayLike, ranges: ArrayLike, candidates: ArrayLike
    ) -> Float64:
        """Score of candidate m after the history [ranges[m, 0]:ranges[m, 1]] of both arrays: [M], equal to `scores`."""
        ...

    def effects(
        self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike, groups: EventGroups
    ) -> HistoryEffects:
        """What the events do to each candidate's score, exactly: by contributions that are removals, or by removal."""
        ...

    def scores_after(
        self, events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike, candidates: ArrayLike
    ) -> Float64:
        """Score of candidate m after the history events[ranges[m, 0]:ranges[m, 1]]: [M], equal to `scores`."""
        ...

    def catalogue_scores(self, events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike) -> NDArray[np.float32]:
        """Scores of the whole catalogue after each of M histories: [M, n_items], within float32 rounding."""
        ...

    def permuted(self, rng: np.random.Generator) -> Self:
        """The model with its event table and its candidate table permuted among items, each by itself."""
        ...

    def save(self, path: Path) -> None:
        """Write the arrays as an npz without pickle, with the format's name; see `session_file.load_session_model`."""
        ...
