"""The logging policy's probabilities are exact, and its reasons are true when the parts say so."""

import numpy as np

from streamrec_explain.events.synthetic.explanations import EXPLORATION, MARGIN, TYPES, explain


def _parts(n: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0.3, 0.8, (n, 7)).astype(np.float32)


def test_probabilities_are_those_of_the_draws() -> None:
    """Inverse propensities of each type average to one over the impressions."""
    explained = explain(_parts(60_000), np.random.default_rng(0))
    for number in range(len(TYPES)):
        weight = np.where(explained.type == number, 1.0 / explained.propensity, 0.0)
        assert abs(1.0 - weight.mean()) < 5 * weight.std() / np.sqrt(len(weight))


def test_every_type_is_explored() -> None:
    """No type has less than its share of the exploration."""
    explained = explain(_parts(20_000), np.random.default_rng(0))
    assert explained.propensity.min() >= np.float32(EXPLORATION / len(TYPES))
    assert explained.propensity.max() <= 1.0


def test_a_reason_is_true_above_the_margin() -> None:
    """History, taste and trend reasons are true from ln 1.25 on; the personal one always is."""
    parts = _parts(5_000)
    explained = explain(parts, np.random.default_rng(0))
    for number, part in enumerate((2, 1, 3)):
        drawn = explained.type == number
        assert np.array_equal(parts[drawn, part] >= MARGIN, explained.true[drawn])
    assert explained.true[explained.type == 3].all()
