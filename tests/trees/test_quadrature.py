"""The quadrature rules: exact for the polynomials they are used for."""

import numpy as np
import pytest

from streamrec_explain.trees.quadrature import gauss_legendre, node_count


@pytest.mark.parametrize("n", range(1, 17))
def test_rule_is_exact_up_to_its_degree(n: int) -> None:
    """The integral of t^m over [0, 1] is 1 / (m + 1) for every m <= 2n - 1."""
    nodes, weights = gauss_legendre(n)
    degrees = np.arange(2 * n)
    np.testing.assert_allclose((weights[:, None] * nodes[:, None] ** degrees).sum(0), 1 / (degrees + 1), rtol=1e-14)


@pytest.mark.parametrize("n", [2, 5, 8])
def test_rule_is_numpys(n: int) -> None:
    """Nodes and weights agree with NumPy's on [-1, 1], mapped."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    np.testing.assert_allclose(gauss_legendre(n)[0], (nodes + 1) / 2, rtol=1e-13)
    np.testing.assert_allclose(gauss_legendre(n)[1], weights / 2, rtol=1e-13)


@pytest.mark.parametrize("d", range(1, 40))
def test_node_count_suffices(d: int) -> None:
    """A product of d - 1 linear factors has degree d - 1 <= 2n - 1, and one node fewer would not do."""
    n = node_count(d)
    assert d - 1 <= 2 * n - 1
    assert n == 1 or d - 1 > 2 * (n - 1) - 1
