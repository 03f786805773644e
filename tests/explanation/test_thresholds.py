"""Thresholds are data that survives a round trip and refuses nonsense."""

import pytest

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.explanation.thresholds import Thresholds


def test_round_trip() -> None:
    """Every bit of every margin comes back."""
    thresholds = Thresholds(version="7", history_margin=0.1 + 0.2, history_single_margin=1 / 3 + 0.1)
    assert thresholds == Thresholds.from_json(thresholds.to_json())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'{"history_margni": 1}', id="unknown name"),
        pytest.param(b'{"history_margin": "1"}', id="wrong type"),
        pytest.param(b'{"history_margin": 2}', id="a single item needs no less than a pair"),
        pytest.param(b'{"history_raw_margin": -0.1}', id="a rise is no fall"),
        pytest.param(b"{", id="no JSON"),
    ],
)
def test_nonsense_is_refused(text: bytes) -> None:
    """The error is the caller's, not a crash."""
    with pytest.raises(InvalidInputError):
        Thresholds.from_json(text)
