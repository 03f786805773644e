"""What attribution asks of a model: a score that is a function of a sequence of past events.

An event is a pair (code, lag): what happened and how many steps before the moment of scoring. Removing an
event leaves the lags of the others as they are.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]


class SequenceScore(Protocol):
    """A model that scores candidates given a sequence of events."""

    def scores(self, history: Codes, lags: Codes, candidates: Codes, /) -> Floats:
        """Score each candidate, [n]; `history` (codes) and `lags` are [L]."""
        ...


@runtime_checkable
class AdditiveSequenceScore(SequenceScore, Protocol):
    """A sequence score that is a constant per candidate plus one term per event."""

    def contributions(self, history: Codes, lags: Codes, candidates: Codes, /) -> Floats:
        """The term of each event in each candidate's score, [n, L]."""
        ...
