"""Path-dependent Shapley values of tree ensembles in the slowest, plainest way: by the definition."""

from itertools import combinations
from math import factorial, isnan

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.ensemble import MISSING_NAN, MISSING_NONE, ZERO_THRESHOLD, TreeEnsemble


def goes_left(ensemble: TreeEnsemble, split: int, x: float) -> bool:
    """LightGBM's decision at one split, written from its documentation."""
    if ensemble.category_set[split] >= 0:
        return not isnan(x) and x > -1 and int(x) in categories(ensemble, int(ensemble.category_set[split]))
    missing = ensemble.missing[split]
    is_missing = isnan(x) if missing == MISSING_NAN else isnan(x) or abs(x) <= ZERO_THRESHOLD
    if missing != MISSING_NONE and is_missing:
        return bool(ensemble.default_left[split])
    return bool((0.0 if isnan(x) or abs(x) <= ZERO_THRESHOLD else x) <= ensemble.threshold[split])


def categories(ensemble: TreeEnsemble, category_set: int) -> set[int]:
    """The members of a category set."""
    words = ensemble.set_words[ensemble.set_offsets[category_set] : ensemble.set_offsets[category_set + 1]]
    return {32 * w + bit for w, word in enumerate(words.tolist()) for bit in range(32) if word >> bit & 1}


def game_value(ensemble: TreeEnsemble, child: int, row: NDArray[np.float64], known: frozenset[int]) -> float:
    """Expected leaf value below a child when only the known features are, by the training rows' counts."""
    if child < 0:
        return float(ensemble.leaf_value[~child])
    feature, sides = int(ensemble.feature[child]), (int(ensemble.left[child]), int(ensemble.right[child]))
    if feature in known:
        chosen = sides[0 if goes_left(ensemble, child, float(row[feature])) else 1]
        return game_value(ensemble, chosen, row, known)
    weights = [ensemble.child_count(side) / float(ensemble.split_count[child]) for side in sides]
    return sum(w * game_value(ensemble, side, row, known) for w, side in zip(weights, sides, strict=True))


def brute_force(ensemble: TreeEnsemble, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley values float64 [F] by the sum over all 2^F coalitions."""
    n = ensemble.n_features
    worth = {
        frozenset(known): sum(game_value(ensemble, int(root), row, frozenset(known)) for root in ensemble.root)
        for size in range(n + 1)
        for known in combinations(range(n), size)
    }
    phi = np.zeros(n)
    for known, value in worth.items():
        weight = factorial(len(known)) * factorial(max(n - len(known) - 1, 0)) / factorial(n)
        for feature in set(range(n)) - known:
            phi[feature] += weight * (worth[known | {feature}] - value)
    return phi


def predict(ensemble: TreeEnsemble, row: NDArray[np.float64]) -> float:
    """Raw score: every feature known."""
    everything = frozenset(range(ensemble.n_features))
    return sum(game_value(ensemble, int(root), row, everything) for root in ensemble.root)
