"""Shapley values leaf by leaf from their closed form over coalition sizes, as an oracle for large models."""

from math import comb

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.ensemble import TreeEnsemble
from tests.reference.tree_shap import goes_left

Player = tuple[float, float]  # ratio, bit


def leaf_shap(ensemble: TreeEnsemble, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley values float64 [F] of one row: each leaf is a game of the features on its path."""
    phi = np.zeros(ensemble.n_features)
    for root in ensemble.root.tolist():
        _walk(ensemble, root, row, {}, phi)
    return phi


def _walk(
    ensemble: TreeEnsemble, child: int, row: NDArray[np.float64], path: dict[int, Player], phi: NDArray[np.float64]
) -> None:
    if child < 0:
        for feature in path:
            phi[feature] += ensemble.leaf_value[~child] * _value(path, feature)
        return
    feature = int(ensemble.feature[child])
    left = goes_left(ensemble, child, float(row[feature]))
    ratio, bit = path.get(feature, (1.0, 1.0))
    for side, agrees in ((int(ensemble.left[child]), left), (int(ensemble.right[child]), not left)):
        share = ensemble.child_count(side) / float(ensemble.split_count[child])
        _walk(ensemble, side, row, {**path, feature: (ratio * share, bit * agrees)}, phi)


def _value(path: dict[int, Player], feature: int) -> float:
    """Sum over coalition sizes s of s! (d - 1 - s)! / d! times the elementary symmetric sums of the others."""
    sums = np.ones(1)  # sums[s]: over coalitions of s others, product of members' bits and outsiders' ratios
    for other, (ratio, bit) in path.items():
        if other != feature:
            sums = np.append(sums * ratio, 0.0) + np.append(0.0, sums * bit)
    d = len(path)
    weights = np.array([1.0 / (d * comb(d - 1, s)) for s in range(d)])
    ratio, bit = path[feature]
    return float((bit - ratio) * np.dot(weights, sums))
