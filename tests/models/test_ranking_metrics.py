"""Ranking metrics against hand-counted cases, pair counting and invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.models.ranking_metrics import (
    auc,
    auc_per_group,
    hits,
    log_loss,
    ndcg,
    ndcg_per_group,
    target_ranks,
)

ROWS = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=30)


def test_ranks_count_better_items_and_half_the_ties() -> None:
    """Excluded items (-inf) never stand before the target; ties share their mean rank."""
    scores = np.array([[3.0, 1.0, 2.0, -np.inf], [1.0, 1.0, 1.0, 0.0]], dtype=np.float32)
    assert [1.0, 1.0] == target_ranks(scores, np.array([2, 0])).tolist()


def test_hits_and_ndcg_by_hand() -> None:
    """Ranks 0, 1, 9 are within the first ten with gains 1, 1/log2(3), 1/log2(11); rank 10 is not."""
    ranks = np.array([0.0, 1.0, 9.0, 10.0])
    assert [1.0, 1.0, 1.0, 0.0] == hits(ranks).tolist()
    assert [1.0, 1 / np.log2(3), 1 / np.log2(11), 0.0] == pytest.approx(ndcg(ranks).tolist())


@given(ROWS)
def test_auc_counts_pairs(rows: list[tuple[bool, int]]) -> None:
    """AUC is the share of (positive, negative) pairs in the right order, ties half; NaN without pairs."""
    labels, scores = np.array([label for label, _ in rows]), np.array([float(score) for _, score in rows])
    pairs = [np.sign(p - n) / 2 + 0.5 for p in scores[labels] for n in scores[~labels]]
    expected = float(np.mean(pairs)) if pairs else np.nan
    assert expected == pytest.approx(auc(labels, scores), nan_ok=True)


def test_groups_without_both_labels_are_left_out() -> None:
    """Only the groups 0 and 2 have both labels; their values come in the order of the codes."""
    groups = np.array([2, 0, 1, 0, 2, 2], dtype=np.int32)
    labels = np.array([True, False, True, True, False, True])
    scores = np.array([0.5, 0.1, 0.0, 0.9, 0.4, 0.3])
    assert [1.0, 0.5] == auc_per_group(labels, scores, groups).tolist()


def test_group_ndcg_by_hand() -> None:
    """Positives at places 1 and 3 of three: (1 + 1/2) / (1 + 1/log2(3)); full ties share their discounts."""
    groups, labels = np.zeros(3, dtype=np.int32), np.array([True, False, True])
    best = 1 + 1 / np.log2(3)
    assert [1.5 / best] == pytest.approx(ndcg_per_group(labels, np.array([3.0, 2.0, 1.0]), groups).tolist())
    tied = 2 * (1 + 1 / np.log2(3) + 0.5) / 3
    assert [tied / best] == pytest.approx(ndcg_per_group(labels, np.zeros(3), groups).tolist())


def test_log_loss_is_that_of_the_probability() -> None:
    """Even odds cost ln 2 nats; huge log-odds neither overflow nor lose the small side."""
    labels = np.array([True, False])
    assert np.log(2) == pytest.approx(log_loss(labels, np.zeros(2)))
    assert 500.0 == pytest.approx(log_loss(labels, np.array([1000.0, 1000.0])))
