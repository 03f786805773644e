"""Integrated gradients: completeness, exactness on linear scores, and an honest residual."""

import numpy as np
import torch
from numpy.testing import assert_allclose

from streamrec_explain.attribution.integrated_gradients import bilinear_forward, integrated_gradients


def test_linear_score_is_attributed_exactly() -> None:
    """For a bilinear score every event gets exactly its own term, whatever the steps."""
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(7, 5, 3)), rng.normal(size=(7, 5, 3)), rng.normal(size=7)
    result = integrated_gradients(bilinear_forward(w, b), x, steps=4)
    assert_allclose((x * w).sum(axis=2), result.values, atol=1e-12)
    assert_allclose(0.0, result.residual, atol=1e-12)


def test_residual_shrinks_with_steps_on_a_curved_score() -> None:
    """A score that is not linear leaves a residual, and more steps make it smaller."""
    x = np.random.default_rng(1).normal(size=(4, 6, 2))

    def forward(batch: torch.Tensor) -> torch.Tensor:
        return torch.tanh(3 * batch.sum(dim=(1, 2))) + (batch**3).sum(dim=(1, 2))

    coarse, fine = (integrated_gradients(forward, x, steps=steps).residual.max() for steps in (2, 256))
    assert coarse > 1e-2
    assert fine < 1e-3


def test_rows_do_not_mix() -> None:
    """A row's attribution is the same alone and in a batch."""
    rng = np.random.default_rng(2)
    x, w, b = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2)), rng.normal(size=3)
    batch = integrated_gradients(bilinear_forward(w, b), x).values
    alone = integrated_gradients(bilinear_forward(w[1:2], b[1:2]), x[1:2]).values
    assert_allclose(alone[0], batch[1], atol=1e-12)
