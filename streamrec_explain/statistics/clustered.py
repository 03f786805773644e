"""Weighted means and rates of observations that come in clusters, such as several sentences of one user."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

from streamrec_explain.errors import InvalidInputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClusteredSample:
    """Weights float64 [n] (how many of the population each observation stands for) and cluster numbers int64 [n]."""

    weights: Floats
    clusters: NDArray[np.int64]

    @classmethod
    def of(cls, weights: ArrayLike, clusters: ArrayLike) -> "ClusteredSample":
        """InvalidInputError unless there is one positive finite weight and one cluster per observation."""
        mass, labels = np.asarray(weights, dtype=np.float64), np.asarray(clusters)
        if mass.ndim != 1 or mass.shape != labels.shape or not (np.isfinite(mass) & (mass > 0)).all():
            raise InvalidInputError(
                f"a clustered sample needs one positive weight and one cluster each, got {mass.shape}, {labels.shape}"
            )
        return cls(mass, np.unique(labels, return_inverse=True)[1].astype(np.int64))

    @property
    def n_clusters(self) -> int:
        """How many distinct clusters there are."""
        return int(self.clusters.max(initial=-1)) + 1

    @property
    def kish(self) -> float:
        """The sample size that equal weights would need for the same precision (Kish 1965, 11.7)."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum()) if self.weights.size else 0.0

    def mean(self, values: ArrayLike) -> float:
        """The weighted mean; NaN where there is no observation."""
        numbers = np.asarray(values, dtype=np.float64)
        return float(np.average(numbers, weights=self.weights)) if numbers.size else float("nan")

    def variance(self, values: ArrayLike) -> float:
        """Variance of the weighted mean by linearisation over clusters (Särndal et al. 1992, 5.5); NaN for one."""
        if self.n_clusters < 2:
            return float("nan")
        deviations = self.weights * (np.asarray(values, dtype=np.float64) - self.mean(values))
        totals = np.bincount(self.clusters, deviations, self.n_clusters)
        spread = self.n_clusters / (self.n_clusters - 1) * (totals**2).sum()
        return float(spread / self.weights.sum() ** 2)

    def effective(self, spread: float, variance: float) -> float:
        """How many independent observations with this variance are as good as this sample with that variance.

        Few clusters tell their own variance badly: Student's t for their number takes that off (Korn & Graubard 1998).
        """
        plain, few = (float(stdtrit(count - 1, 0.975)) for count in (len(self.weights), self.n_clusters))
        return spread / variance * self.n_clusters / (self.n_clusters - 1) * (plain / few) ** 2


@dataclass(frozen=True)
class ClusteredEstimate:
    """A value with its interval; `n_effective` independent observations would be as precise."""

    value: float
    low: float
    high: float
    n: int
    n_effective: float
    clusters: int


def clustered_mean(values: ArrayLike, sample: ClusteredSample, level: float = 0.95) -> ClusteredEstimate:
    """Weighted mean with the normal interval of its variance between clusters; NaN where that is unknown."""
    numbers = np.asarray(values, dtype=np.float64)
    value, variance = sample.mean(numbers), sample.variance(numbers)
    half = NormalDist().inv_cdf(0.5 + level / 2) * float(np.sqrt(variance))
    spread = float(np.var(numbers)) if numbers.size else float("nan")
    effective = sample.effective(spread, variance) if variance > 0 else sample.kish
    return ClusteredEstimate(value, value - half, value + half, numbers.size, effective, sample.n_clusters)


def clustered_rate(outcomes: ArrayLike, sample: ClusteredSample, level: float = 0.95) -> ClusteredEstimate:
    """Weighted rate with the exact interval at the effective sample size (Korn & Graubard 1998).

    Where every outcome is the same nothing can be learnt of the clusters' likeness: the effective size is then Kish's,
    that is, observations count as independent. [0, 1] where there is none.
    """
    hits = np.asarray(outcomes, dtype=np.float64)
    value, variance = sample.mean(hits), sample.variance(hits)
    if not hits.size:
        return ClusteredEstimate(value, 0.0, 1.0, 0, 0.0, 0)
    effective = min(hits.size, sample.effective(value * (1 - value), variance)) if variance > 0 else sample.kish
    tail, successes = (1 - level) / 2, value * effective
    failures = effective - successes
    low = 0.0 if not hits.any() else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if hits.all() else float(betaincinv(successes + 1, failures, 1 - tail))
    return ClusteredEstimate(value, low, high, hits.size, effective, sample.n_clusters)
