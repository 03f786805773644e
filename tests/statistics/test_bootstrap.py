"""Bootstrap estimates: known limits, determinism, and coverage of a true mean."""

import numpy as np
import pytest

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.statistics.bootstrap import Estimate, paired_bootstrap, paired_ratio


def test_matches_the_normal_limit() -> None:
    """With many units the interval is mean +- 1.96 standard errors."""
    values = np.random.default_rng(1).normal(0.3, 1.0, 4000)
    found = paired_bootstrap(values, seed=2)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert found.value == pytest.approx(values.mean(), abs=1e-15)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_constant_differences_have_no_width() -> None:
    """Nothing varies, so nothing is uncertain."""
    assert Estimate(2.0, 2.0, 2.0, 7) == paired_bootstrap(np.full(7, 2.0), seed=0)


def test_equal_seeds_give_equal_bits() -> None:
    """The interval is a function of values and seed, and the seed matters."""
    values = np.random.default_rng(0).normal(size=50)
    assert paired_bootstrap(values, seed=5) == paired_bootstrap(values, seed=5)
    assert paired_bootstrap(values, seed=5) != paired_bootstrap(values, seed=6)


def test_covers_the_true_mean() -> None:
    """Over 400 samples of 60 units the 90% interval holds the true mean in about 90% (86 to 94)."""
    rng = np.random.default_rng(3)
    found = [paired_bootstrap(rng.normal(0.0, 1.0, 60), k, 400, 0.9) for k in range(400)]
    assert 344 <= sum(one.low <= 0.0 <= one.high for one in found) <= 376


def test_ratio_is_that_of_the_means() -> None:
    """Proportional pairs have an exact ratio; the value is mean over mean, not mean of ratios."""
    denominators = np.array([1.0, 2.0, 5.0])
    assert paired_ratio(denominators * 0.5, denominators, seed=0) == Estimate(0.5, 0.5, 0.5, 3)
    assert paired_ratio([1.0, 0.0, 3.0], denominators, seed=0).value == pytest.approx(0.5)


def test_no_unit_gives_no_number() -> None:
    """Without units everything is NaN, and n says why."""
    found = paired_bootstrap([], seed=0)
    assert found.n == 0 and np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize("values", [[np.nan, 1.0], [[1.0, 2.0]], [np.inf]])
def test_bad_values_are_refused(values: list[float]) -> None:
    """NaN, infinity and tables are errors, not silently dropped."""
    with pytest.raises(InvalidInputError):
        paired_bootstrap(values, seed=0)
