"""Binomial rates and their confidence intervals."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import betaincinv

from streamrec_explain.errors import InvalidInputError


@dataclass(frozen=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Rate:
    """`successes` out of `n` independent trials; numerator and denominator are always told."""

    successes: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.n:
            raise InvalidInputError(f"a rate needs 0 <= successes <= n, got {self.successes} of {self.n}")

    @property
    def value(self) -> float:
        """The fraction of successes; NaN where there was no trial."""
        return self.successes / self.n if self.n else float("nan")

    def interval(self, level: float = 0.95) -> Interval:
        """The Wilson interval of the underlying probability."""
        return wilson(self.successes, self.n, level)

    def exact_interval(self, level: float = 0.95) -> Interval:
        """The Clopper-Pearson interval of the underlying probability: never covers less than `level`."""
        return clopper_pearson(self.successes, self.n, level)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Score interval of a binomial probability (Wilson 1927); [0, 1] where there was no trial.

    Covers `level` on average over probabilities; use `clopper_pearson` where a bound must never be too tight.
    """
    rate = _checked_rate(successes, n, level)
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    shrink = 1 + z * z / n
    centre = (rate.value + z * z / (2 * n)) / shrink
    half = z / shrink * np.sqrt(rate.value * (1 - rate.value) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return Interval(low, high)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval of a binomial probability (Clopper & Pearson 1934); [0, 1] where there was no trial."""
    _checked_rate(successes, n, level)
    tail = (1 - level) / 2
    failures = n - successes
    low = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1 - tail))
    return Interval(low, high)


def _checked_rate(successes: int, n: int, level: float) -> Rate:
    if not 0 < level < 1:
        raise InvalidInputError(f"a confidence level lies between 0 and 1, got {level}")
    return Rate(successes, n)
