"""The quadrature rules: exact for the polynomials they are used for."""

import numpy as np
import pytest

from streamrec_explain.trees.quadrature import gauss_legendre, integrals, node_count, values_at_nodes


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


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("degree", [0, 1, 4, 8, 15])
def test_integral_of_a_product_from_two_readings(n: int, degree: int) -> None:
    """For every p of the degree and q of degree < n, the integral of p q is their readings' dot product."""
    of_p, of_q = integrals(n, degree), values_at_nodes(n)
    for i in range(degree + 1):
        for j in range(n):
            p = of_p.weights @ of_p.nodes**i
            q = of_q.weights @ of_q.nodes**j
            assert 1 / (i + j + 1) == pytest.approx(float(p @ q), rel=1e-13)
