"""Binomial intervals against published values, exact tails and the laws they must keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.statistics.intervals import Interval, Rate, clopper_pearson, wilson

COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_wilson_matches_newcombe() -> None:
    """Newcombe (1998), table I, method 3: 81/263 and 0/20."""
    found = wilson(81, 263)
    assert (0.2553, 0.3662) == (round(found.low, 4), round(found.high, 4))
    assert (0.0, 0.1611) == (wilson(0, 20).low, round(wilson(0, 20).high, 4))


def test_clopper_pearson_matches_newcombe() -> None:
    """Newcombe (1998), table I, method 5: 81/263 and 0/20."""
    found = clopper_pearson(81, 263)
    assert (0.2527, 0.3676) == (round(found.low, 4), round(found.high, 4))
    assert (0.0, 0.1684) == (clopper_pearson(0, 20).low, round(clopper_pearson(0, 20).high, 4))


@given(COUNTS, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_intervals_hold_the_rate(counts: tuple[int, int], level: float) -> None:
    """Both intervals lie in [0, 1] around the observed rate, and hold everything where nothing was tried."""
    successes, n = counts
    for found in (wilson(successes, n, level), clopper_pearson(successes, n, level)):
        assert 0.0 <= found.low <= found.high <= 1.0
        assert (found == Interval(0.0, 1.0)) if n == 0 else (found.low <= successes / n <= found.high)


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_clopper_pearson_never_covers_too_little(n: int, probability: float) -> None:
    """The exact coverage at any probability is at least the level."""
    covered = [k for k in range(n + 1) if _holds(clopper_pearson(k, n), probability)]
    assert 0.95 <= sum(binom.pmf(covered, n, probability)) + 1e-12


def _holds(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


@given(COUNTS)
def test_intervals_mirror(counts: tuple[int, int]) -> None:
    """Counting failures instead of successes turns the interval around."""
    successes, n = counts
    for method in (wilson, clopper_pearson):
        found, mirrored = method(successes, n), method(n - successes, n)
        assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


@pytest.mark.parametrize(("successes", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)])
def test_impossible_rates_are_refused(successes: int, n: int, level: float) -> None:
    """More successes than trials, negative counts and levels outside (0, 1) are errors."""
    for method in (wilson, clopper_pearson):
        with pytest.raises(InvalidInputError):
            method(successes, n, level)


def test_rate_tells_value_and_intervals() -> None:
    """A rate carries its counts and gives both intervals."""
    rate = Rate(3, 4)
    assert (0.75, wilson(3, 4), clopper_pearson(3, 4)) == (rate.value, rate.interval(), rate.exact_interval())
