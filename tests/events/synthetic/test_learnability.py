"""The default world can be learned: histories beat counts of the last event, and those beat popularity."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from streamrec_explain.events.interactions import Interactions, interactions
from streamrec_explain.events.splits import TEST_PHASE, split_phases
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.synthetic.truth import PlantedTruth

Learnable = tuple[Interactions, NDArray[np.int8], PlantedTruth]


@pytest.fixture(scope="module")
def learnable() -> Learnable:
    """The histories, their phases and the truth of a world of 3,000 users."""
    world, truth = generate(SyntheticConfig(users=3_000))
    histories = interactions(world)
    return histories, split_phases(world)[histories.row], truth


def _targets(histories: Interactions, phases: NDArray[np.int8]) -> list[tuple[NDArray[np.int32], int]]:
    """History and last engaged item of every user with one in the test phase."""
    spans = zip(histories.offsets[:-1], histories.offsets[1:], strict=True)
    last = [(start, end - 1) for start, end in spans if end - start > 1 and phases[end - 1] == TEST_PHASE]
    return [(histories.item[start:end], int(histories.item[end])) for start, end in last]


def _transitions(learnable: Learnable, reach: int) -> sparse.csr_matrix:
    """Counts of training events following each other at distances 1 to `reach`."""
    histories, phases, truth = learnable
    n_items, training = len(truth.item_line), phases == 0
    counts = sparse.csr_matrix((n_items, n_items))
    for lag in range(1, reach + 1):
        pair = (histories.user[lag:] == histories.user[:-lag]) & training[lag:] & training[:-lag]
        cells = (histories.item[:-lag][pair], histories.item[lag:][pair])
        counts += sparse.csr_matrix((np.ones(pair.sum()), cells), shape=(n_items, n_items))
    return counts


def _popularity(learnable: Learnable) -> NDArray[np.float64]:
    histories, phases, truth = learnable
    return np.bincount(histories.item[phases == 0], minlength=len(truth.item_line)).astype(float)


def _ndcg(score: NDArray[np.float64], history: NDArray[np.int32], target: int) -> float:
    score = score.copy()
    score[history] = -np.inf
    rank = int((score > score[target]).sum())
    return float(1.0 / np.log2(rank + 2)) if rank < 10 else 0.0


def _transition_ndcg(learnable: Learnable, reach: int) -> float:
    counts, popularity = _transitions(learnable, reach), _popularity(learnable)
    ties = 1e-6 * popularity / popularity.sum()
    cases = _targets(*learnable[:2])
    scores = (np.asarray(counts[history[-reach:]].sum(axis=0)).ravel() + ties for history, _ in cases)
    return float(np.mean([_ndcg(score, *case) for score, case in zip(scores, cases, strict=True)]))


def _link_ndcg(learnable: Learnable, window: int) -> float:
    """Ranking by the planted links of the last `window` events, ties by popularity."""
    truth, popularity = learnable[2], _popularity(learnable)
    values = []
    for history, target in _targets(*learnable[:2]):
        recent = history[::-1][:window]
        fade = np.exp(-np.arange(len(recent)) / 30.0)
        links = fade @ truth.line_link[truth.item_line[recent]][:, truth.item_line]
        values.append(_ndcg(2.0 * links + np.log(popularity + 1.0), history, target))
    return float(np.mean(values))


@pytest.mark.slow
def test_baselines_are_in_the_expected_order(learnable: Learnable) -> None:
    """Transitions over five events beat one, and one beats popularity, each by a tenth or more."""
    popularity = _popularity(learnable)
    by_popularity = float(np.mean([_ndcg(popularity, *case) for case in _targets(*learnable[:2])]))
    by_last, by_five = _transition_ndcg(learnable, 1), _transition_ndcg(learnable, 5)
    assert 0.01 < by_popularity < 0.08
    assert 1.1 * by_popularity < by_last
    assert 1.1 * by_last < by_five < 0.2


@pytest.mark.slow
def test_older_events_matter(learnable: Learnable) -> None:
    """The planted links of fifty events rank better than those of the last five, by a tenth or more."""
    assert _link_ndcg(learnable, 50) > 1.1 * _link_ndcg(learnable, 5)


@pytest.mark.slow
def test_users_have_enough_events(learnable: Learnable) -> None:
    """Twenty engaged events per user on average, in a long tail."""
    count = np.diff(learnable[0].offsets)
    assert 18 < count.mean() < 30
    assert np.percentile(count, 99) > 4 * np.median(count)
