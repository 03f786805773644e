"""The randomised policy that picks an explanation type, whether the type was true, and what it does."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TYPES: Final = ("watch_history", "category_match", "trending", "personalized")
EXPLORATION: Final = 0.08  # every type has at least a quarter of this probability
SIGNAL_NOISE: Final = np.array([0.5, 0.25, 0.15, 0.0])  # the policy reads signals as a model would: not exactly
OFFSET: Final = np.array([0.3, -0.7, -2.1, 0.5])
SLOPE: Final = np.array([2.2, 4.4, 6.0, 0.0])
MARGIN: Final = float(np.log(1.25))  # a reason is true if it moved the odds of a click by a quarter


@dataclass(frozen=True)
class EffectTable:
    """True effects in log-odds by type (row, in the order of `TYPES`) and truth (column 0 false, 1 true).

    `click` and `completion` are what the treatment arm gains; `rejection` likewise, on top of
    `poor_match_rejection`, which any shown explanation adds to an item that matches the user badly.
    """

    click: NDArray[np.float64]
    completion: NDArray[np.float64]
    rejection: NDArray[np.float64]
    poor_match_rejection: float = 0.35
    satisfaction: float = 0.5  # of a week whose explanations were all true, minus those that were false


EFFECTS: Final = EffectTable(
    click=np.array([[-0.15, 0.17], [-0.12, 0.05], [-0.10, 0.03], [0.0, -0.02]]),
    completion=np.array([[-0.12, 0.20], [-0.08, 0.06], [-0.08, 0.0], [0.0, 0.02]]),
    rejection=np.array([[0.35, -0.05], [0.30, 0.0], [0.25, 0.05], [0.0, 0.05]]),
)


@dataclass(frozen=True)
class Explained:
    """The would-be explanation of n impressions: type (row of `TYPES`), its probability, whether it is true."""

    type: NDArray[np.int8]
    propensity: NDArray[np.float32]
    true: NDArray[np.bool_]


def explain(parts: NDArray[np.float32], rng: np.random.Generator) -> Explained:
    """Draw a type for each impression from noisy readings of its utility's `parts` [n, 7]."""
    taste, history, trend = parts[:, 1], parts[:, 2], parts[:, 3]
    signal = np.column_stack((np.minimum(history, 2.0), taste, trend, np.zeros_like(trend)))
    read = signal + SIGNAL_NOISE * rng.standard_normal(signal.shape)
    weight = np.exp(OFFSET + SLOPE * np.minimum(read, 1.0))
    share = weight / weight.sum(axis=1, keepdims=True)
    probability = (1.0 - EXPLORATION) * share + EXPLORATION / len(TYPES)
    drawn = (rng.random((len(taste), 1)) > np.cumsum(probability, axis=1)[:, :-1]).sum(axis=1)
    rows = np.arange(len(taste))
    is_true = np.column_stack((signal[:, :3] >= MARGIN, np.ones(len(taste), dtype=bool)))
    return Explained(
        type=drawn.astype(np.int8),
        propensity=probability[rows, drawn].astype(np.float32),
        true=is_true[rows, drawn],
    )
