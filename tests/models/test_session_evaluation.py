"""Leave-one-out evaluation: the right targets, seen items excluded, verdicts that follow from the world."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.models.baselines import popularity_ranker
from streamrec_explain.models.session_evaluation import evaluate_session, rank_targets, targets
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_training import SessionTrainingConfig, train_session_model

History = tuple[Interactions, NDArray[np.int8]]


def two_users() -> History:
    """User 0 watched 0 1 2 3 (the last two in phase 2), user 1 watched 1 4 1 (the last in phase 2)."""
    interactions = Interactions(
        user_ids=("a", "b"),
        offsets=np.array([0, 4, 7]),
        item=np.array([0, 1, 2, 3, 1, 4, 1], dtype=np.int32),
        time_ms=np.arange(7),
        sequence=np.array([1, 2, 3, 4, 1, 2, 3], dtype=np.int32),
        row=np.arange(7),
    )
    return interactions, np.array([0, 1, 2, 2, 0, 1, 2], dtype=np.int8)


def test_target_is_the_last_event_of_the_phase() -> None:
    """Everything before the target is its history, whatever the phase; a repeated item is left out and counted."""
    interactions, phases = two_users()
    found = targets(interactions, phases, 2)
    assert ([3], [[0, 3]], 1) == (found.place.tolist(), found.ranges.tolist(), found.repeats)
    found = targets(interactions, phases, 1)
    assert ([1, 5], [[0, 1], [4, 5]], 0) == (found.place.tolist(), found.ranges.tolist(), found.repeats)


def test_seen_items_are_excluded() -> None:
    """Item 3 is the rarest of five, but three better ones were seen before, so only item 4 stands above it."""
    interactions, phases = two_users()
    ranker = popularity_ranker(np.array([0] * 5 + [1] * 4 + [2] * 3 + [4] * 2 + [3], dtype=np.int32), 5)
    assert [1.0] == rank_targets(ranker, interactions, targets(interactions, phases, 2), 5).tolist()


def test_trained_model_is_first_and_random_is_not(chain: History) -> None:
    """On the chain a trained model far exceeds popularity; a model of zeros loses to the Markov chain."""
    config = SessionTrainingConfig(heads=2, rank=8, epochs=15, weight_decay=0.1, positions=256, threads=1)
    report = evaluate_session(train_session_model(*chain, 40, config).model, *chain)
    popularity, markov, _ = report.baselines
    assert ("popularity", "first-order Markov") == (popularity.name, markov.name)
    assert report.model.ndcg_at_10.value > 2 * popularity.ndcg_at_10.value
    assert report.users.size + report.repeats == 200
    zeros = np.zeros((40, 1, 4), np.float32)
    blind = SessionModel(zeros, zeros, np.zeros(40, np.float32), np.zeros((1, 3), np.float32))
    assert evaluate_session(blind, *chain).gain.high < 0


def test_gain_is_the_paired_difference(chain: History, model: SessionModel) -> None:
    """The gain is the difference to the best baseline on the same users, and its interval holds it."""
    small = replace(chain[0], item=(chain[0].item % 30).astype(np.int32))
    report = evaluate_session(model, small, chain[1], "validation")
    best = max(baseline.ndcg_at_10.value for baseline in report.baselines)
    assert report.model.ndcg_at_10.value - best == pytest.approx(report.gain.value)
    assert report.gain.low <= report.gain.value <= report.gain.high


def test_nothing_held_out_is_refused(chain: History, model: SessionModel) -> None:
    """Without an event in the split's phase there is nothing to judge."""
    with pytest.raises(InvalidInputError, match="test phase"):
        evaluate_session(model, chain[0], np.zeros_like(chain[1]))
