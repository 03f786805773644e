"""Judging the re-ranker: within-user order apart from who clicks, and honest probabilities."""

import numpy as np
import pytest

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.models.reranker_evaluation import calibration, evaluate_reranker

RNG = np.random.default_rng(0)
USERS = np.repeat(np.arange(300, dtype=np.int32), 20)
USER_EFFECT = RNG.normal(0.0, 2.0, 300)[USERS]
ITEM_EFFECT = RNG.normal(0.0, 1.0, USERS.size)
LOG_ODDS = USER_EFFECT + ITEM_EFFECT
LABELS = RNG.random(USERS.size) < 1 / (1 + np.exp(-LOG_ODDS))


def test_user_effects_do_not_rank_within_a_user() -> None:
    """Knowing only the user gives a high AUC and exactly chance within users; knowing the items the reverse."""
    report = evaluate_reranker(LABELS, USERS, LOG_ODDS, (("user", USER_EFFECT), ("item", ITEM_EFFECT)))
    user, item = report.comparators
    assert (0.5, 0.5) == (user.within_user_auc.value, user.within_user_auc.low)
    assert user.auc > 0.75 > item.auc
    assert item.within_user_auc == report.reranker.within_user_auc
    assert item.within_user_auc.low > 0.65


def test_true_log_odds_are_calibrated() -> None:
    """The generating probabilities have a small calibration error and beat the constant; doubled ones err more."""
    report = evaluate_reranker(LABELS, USERS, LOG_ODDS)
    assert report.calibration_error < 0.02 < evaluate_reranker(LABELS, USERS, 3 * LOG_ODDS).calibration_error
    assert report.log_loss < report.base_log_loss
    assert (LABELS.size, LABELS.sum()) == (report.rows, report.positives)


def test_calibration_bins_by_hand() -> None:
    """Four rows in two bins: mean prediction and share of each."""
    log_odds = np.log(np.array([0.8, 0.2, 0.4, 0.6]) / np.array([0.2, 0.8, 0.6, 0.4]))
    low, high = calibration(np.array([True, False, True, True]), log_odds, bins=2)
    assert (0.3, 0.5, 2) == pytest.approx((low.predicted, low.observed, low.n))
    assert (0.7, 1.0, 2) == pytest.approx((high.predicted, high.observed, high.n))


def test_one_label_is_refused() -> None:
    """Without both labels there is no order to judge."""
    with pytest.raises(InvalidInputError):
        evaluate_reranker(np.ones(3, dtype=bool), np.zeros(3, dtype=np.int32), np.zeros(3))
