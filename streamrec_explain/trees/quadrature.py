"""Gauss-Legendre quadrature on [0, 1], correctly rounded: the same bits on every machine."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache
from math import cos, pi, prod

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
    pairs = _decimals(n)
    return _rounded([t for t, _ in pairs]), _rounded([w for _, w in pairs])


@dataclass(frozen=True, eq=False)
class Readings:
    """n linear functionals of a polynomial p: Sum_j weights[i, j] p(nodes[j])."""

    nodes: Floats  # [m]
    weights: Floats  # [n, m]


@cache
def values_at_nodes(n: int) -> Readings:
    """The values p(t_i) at the n Gauss-Legendre nodes, which determine a p of degree < n."""
    return Readings(gauss_legendre(n)[0], np.eye(n))


@cache
def integrals(n: int, degree: int) -> Readings:
    """The integrals of p L_i over [0, 1] for p up to the degree, L_i being 1 at node i of n and 0 at the others.

    For any q of degree < n the integral of p q is thus Sum_i q(t_i) (integral of p L_i).
    """
    with localcontext() as context:
        context.prec = _DIGITS
        own, fine = _decimals(n), _decimals(node_count(degree + n))
        weights = [[w * _lagrange([t for t, _ in own], i, x) for x, w in fine] for i in range(n)]
    return Readings(_rounded([x for x, _ in fine]), _rounded(weights))


def _lagrange(nodes: list[Decimal], i: int, x: Decimal) -> Decimal:
    return prod(((x - t) / (nodes[i] - t) for t in nodes if t != nodes[i]), start=Decimal(1))


def _rounded(exact: list[Decimal] | list[list[Decimal]]) -> Floats:
    values = np.array(exact, dtype=np.float64)
    values.flags.writeable = False
    return values


@cache
def _decimals(n: int) -> list[tuple[Decimal, Decimal]]:
    with localcontext() as context:
        context.prec = _DIGITS
        return sorted(((1 + x) / 2, w / 2) for x, w in (_node(n, i) for i in range(n)))


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
