"""Residuals: how far an attribution is from the equations it should satisfy, per row."""

import numpy as np

from streamrec_explain.attribution.protocols import Floats


def completeness_residual(attributions: Floats, score: Floats, baseline_score: Floats) -> Floats:
    """score - baseline_score - sum of attributions, per row of [n, ...]: 0 for a complete method.

    Holds for TreeSHAP (baseline: the expected value), for integrated gradients (the score at the baseline;
    Sundararajan et al. 2017, Proposition 1) and for contributions (the score without history).
    """
    total: Floats = attributions.reshape(len(attributions), -1).sum(axis=1)
    return score - baseline_score - total


def relative_residual(attributions: Floats, score: Floats, baseline_score: Floats) -> Floats:
    """The completeness residual's size as a fraction of |score - baseline_score|; 0 where both are 0."""
    residual = np.abs(completeness_residual(attributions, score, baseline_score))
    moved = np.abs(score - baseline_score)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(residual == 0.0, 0.0, residual / moved)


def removal_residual(contributions: Floats, drops: Floats) -> Floats:
    """The largest difference between contributions and real removal in each row of [n, G]; 0 where G is 0."""
    deviation: Floats = np.abs(contributions - drops).max(axis=1, initial=0.0)
    return deviation
