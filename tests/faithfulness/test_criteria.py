"""Criteria against events removed by hand, one item after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.faithfulness.criteria import HistoryTruth, NamedHistory, history_truth, rationale
from streamrec_explain.models.session_model import SessionModel
from tests.explanation.conftest import N_ITEMS, tiny_session_model

CODES = st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=15)
CANDIDATES = st.integers(0, N_ITEMS - 1)


@pytest.fixture(scope="module")
def model() -> SessionModel:
    """A random session model."""
    return tiny_session_model(np.random.default_rng(2))


def history_of(codes: list[int], first_lag: int = 1) -> ResolvedHistory:
    """Events one after another, the last one `first_lag` before the request."""
    lags = np.arange(len(codes), 0, -1, dtype=np.int32) + (first_lag - 1)
    return ResolvedHistory(np.array(codes, np.int32), lags.astype(np.int32))


def score_of(model: SessionModel, events: list[tuple[int, int]], candidate: int) -> float:
    """The score after these (code, lag) events."""
    kept = np.array(events, np.int32).reshape(-1, 2)
    return float(model.scores(kept[:, 0], kept[:, 1], [candidate])[0])


def drops_by_hand(model: SessionModel, history: ResolvedHistory, candidate: int) -> dict[int, float]:
    """What the score loses without each item, every event kept or removed one by one."""

    events = list(zip(history.codes.tolist(), history.lags.tolist(), strict=True))
    full = score_of(model, events, candidate)
    return {
        code: full - score_of(model, [event for event in events if event[0] != code], candidate) for code, _ in events
    }


def truth_of(drops: list[float], gradients: list[float] | None = None) -> HistoryTruth:
    """A truth about items 10, 11, 12... with these effects."""
    codes = np.arange(10, 10 + len(drops), dtype=np.int32)
    effects, found = np.array(drops), np.abs(gradients or drops)
    return HistoryTruth(codes, effects, effects, found, residual=0.0, steps=8, complete=True)


@settings(deadline=None)
@given(CODES, CANDIDATES)
def test_drops_are_those_of_removal_by_hand(model: SessionModel, codes: list[int], candidate: int) -> None:
    """One drop for each distinct item, the most recent first."""
    history = history_of(codes)
    truth = history_truth(model, NamedHistory(history, candidate, ()))
    assert list(dict.fromkeys(reversed(codes))) == truth.codes.tolist()
    expected = drops_by_hand(model, history, candidate)
    np.testing.assert_allclose(truth.drops, [expected[code] for code in truth.codes], rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(CODES, CANDIDATES)
def test_gradients_of_an_additive_score_are_its_drops(model: SessionModel, codes: list[int], candidate: int) -> None:
    """Torch and captum agree with removal, and their residual says so."""
    truth = history_truth(model, NamedHistory(history_of(codes), candidate, ()))
    np.testing.assert_allclose(truth.gradients, np.abs(truth.drops), rtol=0, atol=1e-6)
    assert truth.residual < 1e-6


@settings(deadline=None)
@given(CODES, CANDIDATES, st.integers(1, 3))
def test_only_the_largest_drops_are_strictly_true(
    model: SessionModel, codes: list[int], candidate: int, count: int
) -> None:
    """The items that cost most are; put any other item in, and they are not."""
    history = history_of(codes)
    drops = drops_by_hand(model, history, candidate)
    truth = history_truth(model, NamedHistory(history, candidate, ()))
    best = sorted(drops, key=lambda code: -drops[code])[:count]
    assert truth.strict(best)
    assert truth.strict(best[::-1])
    for other in drops.keys() - set(best):
        assert not truth.strict([*best[:-1], other])


def test_events_beyond_the_horizon_are_no_history(model: SessionModel) -> None:
    """An event further back than the model can see is not among the items."""
    history = history_of([1, 2, 3], first_lag=model.max_lag - 1)
    assert [3, 2] == history_truth(model, NamedHistory(history, 5, ())).codes.tolist()


def test_nothing_named_and_items_never_watched_are_not_true() -> None:
    """An empty sentence, a stranger and a stranger beside the right item fail every criterion."""
    truth = truth_of([3.0, 2.0, 1.0])
    for named in ((), (99,), (10, 99)):
        assert not truth.strict(named)
        assert not truth.all_raise(named)
        assert not truth.case_study(named)


def test_an_item_that_lowers_the_score_does_not_raise_it() -> None:
    """Nor does one without effect."""
    truth = truth_of([1.0, 0.0, -3.0])
    assert [True, False, False] == [truth.all_raise([code]) for code in (10, 11, 12)]
    assert not truth.all_raise([10, 12])


def test_the_case_study_is_content_with_the_top_five_of_either_sign() -> None:
    """The five largest absolute gradients, also one that lowers the score; the sixth is not among them."""
    truth = truth_of([6.0, 5.0, 4.0, 3.0, -2.0, 1.0])
    assert truth.case_study([14, 10])
    assert not truth.strict([14, 10])
    assert not truth.case_study([10, 15])


@settings(deadline=None)
@given(CODES, CANDIDATES, st.data())
def test_a_rationale_is_removed_and_kept_by_hand(
    model: SessionModel, codes: list[int], candidate: int, data: st.DataObject
) -> None:
    """Without the named items, and with nothing but them, every event kept or removed one by one."""
    named = tuple(data.draw(st.lists(st.sampled_from(codes), max_size=2, unique=True)))
    history = history_of(codes)
    events = list(zip(history.codes.tolist(), history.lags.tolist(), strict=True))
    full = score_of(model, events, candidate)
    found = rationale(model, NamedHistory(history, candidate, named))
    without = score_of(model, [event for event in events if event[0] not in named], candidate)
    alone = score_of(model, [event for event in events if event[0] in named], candidate)
    assert (full - without, full - alone) == pytest.approx((found.comprehensiveness, found.sufficiency), abs=1e-12)


@settings(deadline=None)
@given(CODES, CANDIDATES)
def test_closed_up_drops_are_those_of_a_history_numbered_again(
    model: SessionModel, codes: list[int], candidate: int
) -> None:
    """Without an item, the others written down one after another as though it had never been."""
    history = history_of(codes)
    truth = history_truth(model, NamedHistory(history, candidate, ()))
    full = score_of(model, list(zip(history.codes.tolist(), history.lags.tolist(), strict=True)), candidate)
    for code, drop in zip(truth.codes.tolist(), truth.closed_up.tolist(), strict=True):
        left = [other for other in codes if other != code]
        renumbered = list(zip(left, range(len(left), 0, -1), strict=True))
        assert full - score_of(model, renumbered, candidate) == pytest.approx(drop, abs=1e-12)
