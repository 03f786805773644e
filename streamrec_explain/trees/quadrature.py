"""Gauss-Legendre quadrature on [0, 1], correctly rounded: the same bits on every machine."""

from decimal import Decimal, localcontext
from functools import cache
from math import cos, pi

import numpy as np

from streamrec_explain.trees.compilation import Floats

_DIGITS = 40
_NEWTON_STEPS = 6  # doubles the correct digits each time, from about 3


def node_count(n_players: int) -> int:
    """Nodes that integrate a product of n_players - 1 linear factors exactly."""
    return max(1, (n_players + 1) // 2)


@cache
def gauss_legendre(n: int) -> tuple[Floats, Floats]:
    """Nodes and weights, float64 [n] each, exact for polynomials of degree <= 2n - 1 on [0, 1].

    Both are computed in decimal arithmetic of 40 digits and rounded once: NumPy's come from an eigenvalue
    routine whose last bits depend on the machine, and replayed values must not.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        pairs = sorted(_node(n, i) for i in range(n))
        nodes = np.array([float((1 + x) / 2) for x, _ in pairs])
        weights = np.array([float(w / 2) for _, w in pairs])
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def _node(n: int, i: int) -> tuple[Decimal, Decimal]:
    """The i-th root of the Legendre polynomial P_n and its weight 2 / ((1 - x^2) P_n'(x)^2)."""
    x = Decimal(cos(pi * (i + 0.75) / (n + 0.5)))
    for _ in range(_NEWTON_STEPS):
        value, slope = _legendre(n, x)
        x -= value / slope
    _, slope = _legendre(n, x)
    return x, 2 / ((1 - x * x) * slope * slope)


def _legendre(n: int, x: Decimal) -> tuple[Decimal, Decimal]:
    """P_n(x) and its derivative by the three-term recurrence."""
    before, value = Decimal(1), x
    for k in range(2, n + 1):
        before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
    return value, n * (x * value - before) / (x * x - 1)
