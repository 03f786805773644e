"""How well the re-ranker orders impressions within a user, beside the session score and user features alone.

A global AUC mostly says which users click; what ranks a list is the order within one user, so both are told.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.models.ranking_metrics import auc, auc_per_group, log_loss, ndcg_per_group
from streamrec_explain.statistics.bootstrap import Estimate, paired_bootstrap

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar predicted probability: their mean prediction, the share that was positive, their number."""

    predicted: float
    observed: float
    n: int


@dataclass(frozen=True)
class OrderQuality:
    """How well one score orders labelled rows; within-user numbers average users that have both labels."""

    name: str
    auc: float
    within_user_auc: Estimate
    within_user_ndcg: Estimate


@dataclass(frozen=True)
class RerankerReport:
    """The re-ranker's order and probabilities on held-out rows, beside honest comparators on the same rows.

    `log_loss` is in nats per row, `base_log_loss` that of the constant positive share. `calibration_error` is
    the mean distance of predicted and observed share over the bins, weighted by rows.
    """

    rows: int
    positives: int
    reranker: OrderQuality
    comparators: tuple[OrderQuality, ...]
    log_loss: float
    base_log_loss: float
    calibration: tuple[CalibrationBin, ...]
    calibration_error: float


def evaluate_reranker(
    labels: NDArray[np.bool_],
    users: NDArray[np.int32],
    raw_scores: Float64,
    comparators: tuple[tuple[str, Float64], ...] = (),
    seed: int = 0,
) -> RerankerReport:
    """Judge raw scores (log-odds) [n] of labelled rows of `users` [n]; comparators are (name, score [n]).

    InvalidInputError where the rows do not hold both labels or the arrays differ in length.
    """
    arrays = (labels, users, raw_scores, *(score for _, score in comparators))
    if len({array.shape for array in arrays}) != 1 or labels.all() or not labels.any():
        raise InvalidInputError("the re-ranker is judged on rows of both labels, one user and score per row")
    share = labels.mean()
    bins = calibration(labels, raw_scores)
    return RerankerReport(
        rows=labels.size,
        positives=int(labels.sum()),
        reranker=_quality("re-ranker", labels, users, raw_scores, seed),
        comparators=tuple(_quality(name, labels, users, score, seed) for name, score in comparators),
        log_loss=log_loss(labels, raw_scores),
        base_log_loss=log_loss(labels, np.full(labels.size, np.log(share / (1 - share)))),
        calibration=bins,
        calibration_error=sum(abs(part.predicted - part.observed) * part.n for part in bins) / labels.size,
    )


def calibration(labels: NDArray[np.bool_], log_odds: Float64, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Rows cut into `bins` equal parts by predicted probability, lowest first; empty parts are left out."""
    order = np.argsort(log_odds, kind="stable")
    probability = np.exp(-np.logaddexp(0.0, -log_odds))
    return tuple(
        CalibrationBin(float(probability[rows].mean()), float(labels[rows].mean()), rows.size)
        for rows in np.array_split(order, bins)
        if rows.size
    )


def _quality(
    name: str, labels: NDArray[np.bool_], users: NDArray[np.int32], scores: Float64, seed: int
) -> OrderQuality:
    return OrderQuality(
        name=name,
        auc=auc(labels, scores),
        within_user_auc=paired_bootstrap(auc_per_group(labels, scores, users), seed),
        within_user_ndcg=paired_bootstrap(ndcg_per_group(labels, scores, users), seed),
    )
