"""What a user does with a shown item: click, watch, reject."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.explanations import EFFECTS, Explained

PARTS: Final = ("quality", "taste", "history", "trend", "promotion", "position", "competition")
CLICK_BASE: Final = -0.9
POSITION_WEIGHT: Final = -0.45  # times log(1 + position)
COMPETITION_WEIGHT: Final = -0.8  # times the mean match of the list: a user picks the best of it
PROMOTION_WEIGHT: Final = 0.10  # a promoted item is shown larger: times its boost
COMPLETION_BASE: Final = 0.3
COMPLETION_SPREAD: Final = 1.0
REJECTION_BASE: Final = -3.9
POOR_MATCH: Final = 0.0  # quality + taste + history below this is a poor match


@dataclass(frozen=True)
class Outcome:
    """What became of n impressions; `watch_fraction` is NaN where there was no click."""

    clicked: NDArray[np.bool_]
    watch_fraction: NDArray[np.float32]
    not_interested: NDArray[np.bool_]
    explanation_effect: NDArray[np.float32]


def respond(
    parts: NDArray[np.float32], explained: Explained, treated: NDArray[np.bool_], rng: np.random.Generator
) -> Outcome:
    """Click by the utility's `parts` [n, 7] and the explanation's effect; then watch, or else reject."""
    match = parts[:, :3].sum(axis=1)
    cell = (explained.type, explained.true.astype(np.int8))
    effect = treated * EFFECTS.click[cell]
    clicked = _happens(CLICK_BASE + parts.sum(axis=1) + effect, rng)
    liking = COMPLETION_BASE + 0.35 * np.clip(match, -2.0, 2.0) + treated * EFFECTS.completion[cell]
    watch = _sigmoid(liking + COMPLETION_SPREAD * rng.standard_normal(len(parts)))
    added = EFFECTS.rejection[cell] + EFFECTS.poor_match_rejection * (match < POOR_MATCH)
    rejected = _happens(REJECTION_BASE - 0.5 * np.clip(match, -2.0, 2.0) + treated * added, rng)
    return Outcome(
        clicked=clicked,
        watch_fraction=np.where(clicked, 1.02 * watch, np.nan).astype(np.float32),
        not_interested=rejected & ~clicked,
        explanation_effect=effect.astype(np.float32),
    )


def _happens(log_odds: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(rng.random(len(log_odds)) < _sigmoid(log_odds))


def _sigmoid(log_odds: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds.astype(np.float64))))
