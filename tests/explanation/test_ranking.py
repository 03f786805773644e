"""Ranked lists are what the recommendation service would make."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.ranking import rank_list
from tests.explanation.ranked_lists import candidate, random_list


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_lists_are_sorted_by_score_and_boost(bundle: EngineBundle, seed: int) -> None:
    """Positions count from 0 along falling totals; the stored score is the one without boost."""
    items = random_list(bundle, seed, boosts={0: 1.0, 1: -1.0, 2: 0.3}).items
    totals = [item.reranking_score + (item.promotion.boost if item.promotion else 0.0) for item in items]
    assert sorted(totals, reverse=True) == totals
    assert list(range(len(items))) == [item.position for item in items]


def test_ranking_scores_are_the_session_models(bundle: EngineBundle) -> None:
    """Of the latest event only its own contribution and the bias count."""
    items = random_list(bundle, 1, length=1).items
    event = bundle.catalogue.codes([random_list(bundle, 1, length=1).session_history[0].item_id])
    codes = bundle.catalogue.codes([item.item_id for item in items])
    expected = bundle.session_model.scores(event, np.array([1]), codes)
    assert expected.tolist() == [item.ranking_score for item in items]


def test_an_unknown_candidate_is_refused(bundle: EngineBundle) -> None:
    """A list is made of known items only; the error says which is not."""
    rng = np.random.default_rng(0)
    candidates = [candidate(bundle, item_id, rng) for item_id in ("i1", "?")]
    with pytest.raises(RequestError, match=r"candidates\[1\]"):
        rank_list(bundle, (), {}, candidates)


def test_no_candidates_no_list(bundle: EngineBundle) -> None:
    """An empty list is a list."""
    assert () == rank_list(bundle, (), {}, [])
