"""Metrics of rankings: where a target stands in a catalogue, and how well scores order labelled rows."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Float64 = NDArray[np.float64]


def target_ranks(scores: NDArray[np.float32], targets: NDArray[np.int64]) -> Float64:
    """Rank (0 is the top) of each row's target among its finite scores, ties sharing their mean rank: [M].

    Set excluded items to -inf beforehand; the target itself must be finite.
    """
    own = scores[np.arange(len(scores)), targets][:, None]
    better = (scores > own).sum(axis=1)
    return np.asarray(better + ((scores == own).sum(axis=1) - 1) / 2, dtype=np.float64)


def hits(ranks: Float64, k: int = 10) -> Float64:
    """HR@k per target: 1 where it stands among the first k."""
    return (ranks < k).astype(np.float64)


def ndcg(ranks: Float64, k: int = 10) -> Float64:
    """NDCG@k per single target: 1 / log2(rank + 2) among the first k, else 0 (Jarvelin & Kekalainen 2002)."""
    return np.where(ranks < k, 1.0 / np.log2(ranks + 2.0), 0.0)


def auc(labels: NDArray[np.bool_], scores: Float64) -> float:
    """Probability that a positive scores above a negative, ties counting half; NaN without both labels."""
    positives = int(labels.sum())
    negatives = labels.size - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = rankdata(scores)[labels].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def auc_per_group(labels: NDArray[np.bool_], scores: Float64, groups: NDArray[np.int32]) -> Float64:
    """AUC within each group that has both labels, in the order of group codes (macro average: their mean)."""
    parts = _two_sided(labels, groups)
    return np.array([auc(labels[rows], scores[rows]) for rows in parts], dtype=np.float64)


def ndcg_per_group(labels: NDArray[np.bool_], scores: Float64, groups: NDArray[np.int32]) -> Float64:
    """NDCG over all rows of each group that has both labels; tied rows share their mean discount."""
    parts = _two_sided(labels, groups)
    return np.array([_binary_ndcg(labels[rows], scores[rows]) for rows in parts], dtype=np.float64)


def log_loss(labels: NDArray[np.bool_], log_odds: Float64) -> float:
    """Mean negative log-likelihood in nats of binary labels under predicted log-odds."""
    return float(np.mean(np.logaddexp(0.0, np.where(labels, -log_odds, log_odds))))


def _two_sided(labels: NDArray[np.bool_], groups: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """Row numbers of each group that holds positives and negatives."""
    order = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    return [rows for rows in np.split(order, borders) if 0 < labels[rows].sum() < rows.size]


def _binary_ndcg(labels: NDArray[np.bool_], scores: Float64) -> float:
    discount = 1.0 / np.log2(np.arange(labels.size) + 2.0)
    order = np.argsort(-scores, kind="stable")
    _, tie = np.unique(-scores[order], return_inverse=True)
    shared = np.bincount(tie, discount) / np.bincount(tie)
    return float(shared[tie][labels[order]].sum() / discount[: int(labels.sum())].sum())
