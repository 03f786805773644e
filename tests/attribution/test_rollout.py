"""Attention rollout against the product of whole matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.attribution.rollout import attention_rollout


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 1000))
def test_rollout_is_the_last_row_of_the_product(layers: int, length: int, seed: int) -> None:
    """Half attention, half identity in every layer, multiplied from the top down; it sums to 1."""
    causal = np.tril(np.random.default_rng(seed).random((layers, length, length)) + 1e-3)
    attention = causal / causal.sum(axis=2, keepdims=True)
    product = np.eye(length)
    for layer in attention:
        product = (layer + np.eye(length)) / 2 @ product
    found = attention_rollout(attention)
    np.testing.assert_allclose(found, product[-1], rtol=0, atol=1e-12)
    assert 1.0 == pytest.approx(found.sum())
