"""Bootstrap intervals of means, differences and ratios over independent units such as users."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrec_explain.errors import InvalidInputError

BLOCK_BYTES = 32 << 20


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval and the number of units it rests on."""

    value: float
    low: float
    high: float
    n: int


def paired_bootstrap(differences: ArrayLike, seed: int, n_resamples: int = 2000, level: float = 0.95) -> Estimate:
    """Mean of one number per unit with its percentile bootstrap interval (Efron & Tibshirani 1993, 13.3).

    Pass the per-unit differences of two systems to compare them paired, or one system's values for its own
    interval. NaN everywhere where there is no unit.
    """
    values = _checked(differences, "differences")
    means = _resampled_means(values[:, None], seed, n_resamples)[:, 0]
    return _estimate(float(values.mean()) if values.size else np.nan, means, values.size, level)


def paired_ratio(
    numerators: ArrayLike, denominators: ArrayLike, seed: int, n_resamples: int = 2000, level: float = 0.95
) -> Estimate:
    """Ratio of two means over the same units, with its percentile bootstrap interval."""
    pairs = np.stack([_checked(numerators, "numerators"), _checked(denominators, "denominators")], axis=1)
    means = _resampled_means(pairs, seed, n_resamples)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.divide(*pairs.mean(axis=0))) if pairs.size else np.nan
        return _estimate(value, means[:, 0] / means[:, 1], len(pairs), level)


def _checked(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InvalidInputError(f"{name} must be one finite number per unit, got shape {array.shape}")
    return array


def _resampled_means(values: NDArray[np.float64], seed: int, n_resamples: int) -> NDArray[np.float64]:
    """Column means of `n_resamples` resamples of the rows: [n, k] -> [n_resamples, k]."""
    n = len(values)
    if n == 0:
        return np.full((n_resamples, values.shape[1]), np.nan)
    blocks = [counts @ values for counts in _resample_counts(n, seed, n_resamples)]
    return np.concatenate(blocks) / n


def _resample_counts(n: int, seed: int, n_resamples: int) -> Iterator[NDArray[np.float64]]:
    """How often each of n units is drawn, [resamples of a block, n], in blocks that fit the cache budget."""
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK_BYTES // (8 * n))
    for start in range(0, n_resamples, block):
        rows = min(block, n_resamples - start)
        drawn = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _estimate(value: float, resampled: NDArray[np.float64], n: int, level: float) -> Estimate:
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n)
