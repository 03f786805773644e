"""The history attribution: three methods that agree where they must, joined to SHAP by a split that adds up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.features.spec import SESSION_SCORE
from streamrec_explain.investigation.features import attribute_features
from streamrec_explain.investigation.history import (
    HistoryAttribution,
    attribute_history,
    by_gradients_alone,
    split_in_proportion,
)
from streamrec_explain.investigation.restored import Restored, restore
from tests.explanation.ranked_lists import random_list
from tests.investigation.conftest import logged
from tests.reference.transformer import random_transformer


def restored_of(bundle: EngineBundle, seed: int = 3, length: int = 20, position: int = 0) -> Restored:
    """An item of a random list."""
    return restore(logged(bundle, random_list(bundle, seed, length=length), position), bundle)


def attributed(restored: Restored) -> HistoryAttribution:
    """Its history attribution."""
    assert restored.scored is not None
    shap = attribute_features(restored.bundle, restored.scored).shap(SESSION_SCORE)
    found = attribute_history(restored, shap)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(4))
def test_three_methods_agree_for_an_additive_model(bundle: EngineBundle, seed: int) -> None:
    """Contribution, gradients and real removal of every event and item; the residuals say how closely."""
    found = attributed(restored_of(bundle, seed))
    for effect in (*found.events, *found.items):
        assert effect.removal == pytest.approx(effect.contribution, abs=1e-5)
        assert effect.removal == pytest.approx(effect.gradient, abs=1e-5)
    assert found.removal_residual is not None and found.removal_residual < 1e-5
    assert found.gradient_residual is not None and found.gradient_residual < 0.01


def test_events_add_up_to_what_the_history_adds(bundle: EngineBundle) -> None:
    """Score minus score without history; attention shares sum to 1."""
    found = attributed(restored_of(bundle))
    total = sum(event.contribution or 0.0 for event in found.events)
    assert found.session_score - found.score_without_history == pytest.approx(total, abs=1e-9)
    assert 1.0 == pytest.approx(sum(event.attention or 0.0 for event in found.events))


def test_items_are_their_events_together(bundle: EngineBundle) -> None:
    """An item watched twice is one thing: removed together, split together, as recent as its latest event."""
    found = attributed(restored_of(bundle, seed=4, length=30))
    assert any(item.events > 1 for item in found.items)
    for item in found.items:
        own = [event for event in found.events if event.item_id == item.item_id]
        assert (len(own), min(event.events_ago for event in own)) == (item.events, item.events_ago)
        assert item.removal == pytest.approx(sum(event.removal or 0.0 for event in own), abs=1e-5)


def test_events_stand_with_their_place_and_time(bundle: EngineBundle) -> None:
    """The latest first; an event is where the context has it."""
    restored = restored_of(bundle, length=7)
    found = attributed(restored)
    assert [1, 2, 3, 4, 5, 6, 7] == [event.events_ago for event in found.events]
    expected = [(event.item_id, event.timestamp_ms) for event in reversed(restored.context.session_history)]
    assert expected == [(event.item_id, event.timestamp_ms) for event in found.events]


def test_the_split_adds_up_to_the_shap_value(bundle: EngineBundle) -> None:
    """Over events and over items alike, each part with the sign of its event."""
    found = next(
        found
        for seed in range(20)
        for found in [attributed(restored_of(bundle, seed))]
        if found.split_basis and found.split_total > 0.1
    )
    for effects in (found.events, found.items):
        assert found.split_total == pytest.approx(sum(effect.shap_split or 0.0 for effect in effects), abs=1e-12)
    for event in found.events:
        assert np.sign(event.removal or 0.0) == np.sign(event.shap_split or 0.0)


def test_no_split_where_the_history_points_the_other_way(bundle: EngineBundle) -> None:
    """A positive SHAP value cannot be divided among events that lower the score, nor a negative one among raisers."""
    restored = restored_of(bundle)
    up = attribute_history(restored, 1.0)
    down = attribute_history(restored, -1.0)
    assert up is not None and down is not None
    assert {None} == {found.split_basis for found in (up, down)} - {"removal"}
    without = up if up.split_basis is None else down
    assert {None} == {event.shap_split for event in without.events}


@pytest.mark.parametrize(
    ("total", "effects", "expected"),
    [
        (1.0, [3.0, 1.0], [0.75, 0.25]),
        (-1.0, [-3.0, -1.0], [-0.75, -0.25]),
        (1.0, [3.0, -1.0], [1.5, -0.5]),
        (1.0, [-3.0, 1.0], None),
        (1.0, [1.0, -0.95], None),
        (0.0, [1.0, 1.0], None),
        (1.0, [], None),
        (1.0, [np.nan, 1.0], None),
    ],
)
def test_split_in_proportion(total: float, effects: list[float], expected: list[float] | None) -> None:
    """In proportion to signed effects; refused where they cancel out, point against the total or are unknown."""
    split = split_in_proportion(total, np.array(effects))
    assert expected == (None if split is None else pytest.approx(split.tolist()))


@given(st.floats(-5, 5), st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_a_split_always_sums_to_its_total(total: float, effects: list[float]) -> None:
    """Whatever is split; and no part is more than ten times the total's share of sizes."""
    split = split_in_proportion(total, np.array(effects))
    if split is not None:
        assert total == pytest.approx(split.sum(), rel=1e-9, abs=1e-12)
        assert np.abs(split).sum() <= 10 * abs(total) * (1 + 1e-9)


def test_gradients_alone_leave_no_attention(bundle: EngineBundle) -> None:
    """The regulatory form has neither attention nor contributions nor removal, and splits by gradients."""
    full = attributed(next(r for r in (restored_of(bundle, seed) for seed in range(20)) if attributed(r).split_basis))
    told = by_gradients_alone(full)
    assert "integrated_gradients" == told.split_basis
    for effect in (*told.events, *told.items):
        assert (None, None, None) == (effect.removal, effect.contribution, effect.attention)
    assert [event.gradient for event in full.events] == [event.gradient for event in told.events]
    assert told.split_total == pytest.approx(sum(event.shap_split or 0.0 for event in told.events))
    assert told.split_total == pytest.approx(sum(item.shap_split or 0.0 for item in told.items))


def test_an_empty_history_has_no_events(bundle: EngineBundle) -> None:
    """Nothing is named, nothing fails."""
    found = attributed(restored_of(bundle, length=0))
    assert ((), (), None) == (found.events, found.items, found.split_basis)
    assert found.session_score == found.score_without_history


def test_events_beyond_the_horizon_do_not_count(bundle: EngineBundle) -> None:
    """The tiny model sees 60 events back."""
    found = attributed(restored_of(bundle, length=80))
    assert (60, 60) == (len(found.events), max(event.events_ago for event in found.events))


@pytest.mark.parametrize("seed", range(3))
def test_a_transformer_is_explained_by_removal(bundle: EngineBundle, seed: int) -> None:
    """It has no contributions; removal is what scoring the shorter history says, attention is its own."""
    served = replace(bundle, session_model=random_transformer(np.random.default_rng(1), n_items=30))
    restored = restored_of(served, seed)
    found = attributed(restored)
    assert found.removal_residual is None
    assert {None} == {event.contribution for event in found.events}
    assert 1.0 == pytest.approx(sum(event.attention or 0.0 for event in found.events))
    assert found.gradient_residual is not None
    told = {event.gradient is not None for event in found.events}
    assert {found.gradient_residual <= 0.01} == told
    candidate = served.catalogue.codes([restored.item.item_id])
    for item in found.items:
        shorter = restored.history.without([served.catalogue.code(item.item_id)]).within(served.session_model.max_lag)
        without = served.session_model.scores(shorter.codes, shorter.lags, candidate)[0]
        assert found.session_score - without == pytest.approx(item.removal, abs=1e-12)


def test_a_model_without_torch_form_has_no_gradients(bundle: EngineBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removal is told all the same, the regulatory form then tells no numbers and no split."""

    def unknown(*_: object) -> None:
        raise UnsupportedModelError("no torch form of this model is known")

    monkeypatch.setattr("streamrec_explain.investigation.history.history_gradients", unknown)
    found = attributed(restored_of(bundle))
    assert (None, {None}) == (found.gradient_residual, {event.gradient for event in found.events})
    assert None not in {event.removal for event in found.events}
    told = by_gradients_alone(found)
    assert (None, {None}) == (told.split_basis, {event.shap_split for event in told.events})
