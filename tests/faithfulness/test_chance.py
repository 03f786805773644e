"""Chance levels against counting every way to name items."""

from itertools import combinations
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.faithfulness.chance import chance_corrected, exact_set_chance, random_named, top_k_chance


@pytest.mark.parametrize("distinct", range(1, 10))
@pytest.mark.parametrize("named", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_chance_counts_the_ways(distinct: int, named: int, k: int) -> None:
    """The share of all ways to name items that stay within the top k."""
    named = min(named, distinct)
    ways = [max(way) < k for way in combinations(range(distinct), named)]
    assert sum(ways) / len(ways) == pytest.approx(top_k_chance(distinct, named, k), abs=1e-15)


@pytest.mark.parametrize("distinct", range(1, 10))
@pytest.mark.parametrize("named", [1, 2, 3])
def test_exact_set_chance_counts_the_ways(distinct: int, named: int) -> None:
    """One way of all is the right one; more items than there are cannot be named."""
    ways = len(list(combinations(range(distinct), named)))
    assert (1 / ways if ways else 0.0) == pytest.approx(exact_set_chance(distinct, named), abs=1e-15)


def test_random_names_reach_the_chance_levels() -> None:
    """The random control of the audit passes as often as the formulas say (four standard errors)."""
    rng, draws = np.random.default_rng(1), 4_000
    named = np.array([np.sort(random_named(8, 2, rng)) for _ in range(draws)])
    for chance, passed in (
        (exact_set_chance(8, 2), (named == [0, 1]).all(axis=1)),
        (top_k_chance(8, 2, 5), (named < 5).all(axis=1)),
    ):
        assert chance == pytest.approx(passed.mean(), abs=4 * np.sqrt(chance * (1 - chance) / draws))


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 100))
def test_random_names_are_distinct_places(distinct: int, named: int, seed: int) -> None:
    """Nothing is named twice, and never more than there is."""
    places = random_named(distinct, named, np.random.default_rng(seed)).tolist()
    assert min(named, distinct) == len(set(places)) == len(places)
    assert set(places) <= set(range(distinct))


@given(st.floats(0, 0.99))
def test_corrected_rate_is_0_at_chance_and_1_at_certainty(chance: float) -> None:
    """Between them it is linear; below chance it is negative."""
    assert 0.0 == chance_corrected(chance, chance)
    assert 1.0 == pytest.approx(chance_corrected(1.0, chance))
    assert 0.5 == pytest.approx(chance_corrected((1 + chance) / 2, chance))


def test_nothing_can_be_corrected_where_chance_is_certain() -> None:
    """A history of five items cannot fail the top five."""
    assert isnan(chance_corrected(1.0, top_k_chance(5, 2)))
