"""Baselines counted by hand on two tiny sequences: 0 1 2 and 0 1 0 2."""

import numpy as np
import pytest

from streamrec_explain.models.baselines import (
    CatalogueRanker,
    last_five_ranker,
    markov_ranker,
    popularity_ranker,
)

ITEM = np.array([0, 1, 2, 0, 1, 0, 2], dtype=np.int32)
OFFSETS = np.array([0, 3, 7])
N_ITEMS = 4


def scores_after(ranker: CatalogueRanker, *history: int) -> list[float]:
    """The scores of all items after one history."""
    events = np.array(history, dtype=np.int32)
    sequence = np.arange(1, len(history) + 1, dtype=np.int32)
    return ranker.catalogue_scores(events, sequence, np.array([[0, len(history)]]))[0].tolist()


def test_popularity_ignores_the_history() -> None:
    """Items occurred 3, 2, 2 and 0 times; counts are scaled below 1."""
    ranker = popularity_ranker(ITEM, N_ITEMS)
    assert [0.75, 0.5, 0.5, 0.0] == scores_after(ranker, 2, 1) == scores_after(ranker)


def test_markov_counts_what_followed_the_last_event() -> None:
    """0 was followed twice by 1 and once by 2, never across users; popularity only breaks ties."""
    ranker = markov_ranker(ITEM, OFFSETS, N_ITEMS)
    popularity = [0.75, 0.5, 0.5, 0.0]
    assert [0 + 0.75, 2 + 0.5, 1 + 0.5, 0.0] == scores_after(ranker, 1, 0)
    assert popularity == scores_after(ranker) == scores_after(ranker, 3)


def test_last_five_sums_discounted_transitions() -> None:
    """After 1, 0: 0's successors count whole, 1's by half; pairs count 1, 1/2, 1/3 by distance."""
    ranker = last_five_ranker(ITEM, OFFSETS, N_ITEMS)
    after_0 = np.array([1 / 2, 2, 1 + 1 / 2 + 1 / 3, 0])
    after_1 = np.array([1, 0, 1 + 1 / 2, 0])
    tie_break = np.array([0.75, 0.5, 0.5, 0.0]) / 25
    assert (after_0 + after_1 / 2 + tie_break).tolist() == pytest.approx(scores_after(ranker, 1, 0))


def test_events_beyond_the_fifth_do_not_count() -> None:
    """Only the last five events of a history matter."""
    ranker = last_five_ranker(ITEM, OFFSETS, N_ITEMS)
    assert scores_after(ranker, 3, 3, 3, 3, 0) == scores_after(ranker, 1, 1, 3, 3, 3, 3, 0)
