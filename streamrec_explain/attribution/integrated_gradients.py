"""Integrated gradients of a score along a sequence of event embeddings, with the residual of every row.

Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks (2017), eq. 1; completeness is their
proposition 1. The path is integrated by captum's `riemann_middle` rule: captum's trapezoid weights sum to
1 - 1/n, and all its weights pass through float32, which is harmless only for 1/n with n a power of two.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray

Forward = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class PathAttribution:
    """`values` float64 [n, L]: each event's share of score minus baseline score; `residual` float64 [n].

    The residual is |sum of values - (score - baseline score)| relative to |score - baseline score|
    (absolute where that difference is below 1e-9); callers reject rows above their tolerance.
    """

    values: NDArray[np.float64]
    residual: NDArray[np.float64]


def integrated_gradients(
    forward: Forward, embeddings: NDArray[np.float64], steps: int = 32
) -> PathAttribution:
    """Attribute `forward` (tensor [n, L, D] -> [n]) to the L events of each row, from a zero baseline.

    Args:
        forward: differentiable score of a batch of embedded histories; must not mix rows.
        embeddings: float64 [n, L, D].
        steps: points on the straight path from 0 to the embeddings; a power of two keeps the weights exact.
    """
    inputs = torch.from_numpy(np.ascontiguousarray(embeddings))
    with _one_thread():
        gradients = IntegratedGradients(forward).attribute(inputs, n_steps=steps, method="riemann_middle")
        values = gradients.sum(dim=2).detach().numpy()
        with torch.no_grad():
            gap = (forward(inputs) - forward(torch.zeros_like(inputs))).numpy()
    return PathAttribution(values, _relative_residual(values.sum(axis=1), gap))


def gradient_times_input(forward: Forward, embeddings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient of `forward` at the embeddings [n, L, D], times the embeddings, summed over D: float64 [n, L]."""
    inputs = torch.from_numpy(np.ascontiguousarray(embeddings)).requires_grad_()
    with _one_thread():
        (gradient,) = torch.autograd.grad(forward(inputs).sum(), inputs)
    return np.asarray((gradient * inputs).sum(dim=2).detach().numpy())


@contextmanager
def _one_thread() -> Iterator[None]:
    """One history is small: threads that wait for each other cost ten times the work where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _relative_residual(total: NDArray[np.float64], gap: NDArray[np.float64]) -> NDArray[np.float64]:
    scale = np.where(np.abs(gap) < 1e-9, 1.0, np.abs(gap))
    return np.asarray(np.abs(total - gap) / scale, dtype=np.float64)


def bilinear_forward(weights: NDArray[np.float64], bias: NDArray[np.float64]) -> Forward:
    """The score of additive attention as torch sees it: sum over events of <embedding, weights>, plus a bias.

    Args:
        weights: float64 [n, L, D], what each dimension of each event is worth to its row's candidate.
        bias: float64 [n], the candidate's score without any event.
    """
    w_nLD, b_n = torch.from_numpy(np.ascontiguousarray(weights)), torch.from_numpy(np.ascontiguousarray(bias))

    def forward(x_mLD: torch.Tensor) -> torch.Tensor:
        # captum stacks the path points of all rows: [steps * n, L, D].
        repeats = x_mLD.shape[0] // w_nLD.shape[0]
        return (x_mLD * w_nLD.repeat(repeats, 1, 1)).sum(dim=(1, 2)) + b_n.repeat(repeats)

    return forward
