"""Odd input to a release that scores again without the named items: answered as defined, or refused by field."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan

import msgspec
import numpy as np
import pytest

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import Candidate, rank_list
from streamrec_explain.records import HistoryEvent, ListContext
from tests.explanation.ranked_lists import NOW_MS, random_history, random_list

History = tuple[HistoryEvent, ...]


@pytest.fixture(scope="module")
def asking(bundle: EngineBundle) -> EngineBundle:
    """The tiny release, which asks that the raw score falls without the named items."""
    return replace(bundle, thresholds=msgspec.structs.replace(bundle.thresholds, history_raw_margin=0.0))


def with_history(bundle: EngineBundle, context: ListContext, history: History) -> ListContext:
    """The same list with another history, scored as the release scores it."""
    candidates = [Candidate(item.item_id, item.item_features, item.item_facts) for item in context.items]
    items = rank_list(bundle, history, context.user_features, candidates, NOW_MS)
    return msgspec.structs.replace(context, session_history=history, items=items)


def without(history: History, items: tuple[str, ...]) -> History:
    """The history without every event of some items; one that names no item holds the latest number."""
    kept = tuple(event for event in history if event.item_id not in items)
    return (*kept, HistoryEvent("holds-the-place", max(event.sequence for event in history)))


def duplicated(history: History) -> History:
    """Every event twice."""
    return tuple(event for event in history for _ in range(2))


def rewatched(history: History) -> History:
    """Everything watched again, in the same order."""
    return (*history, *(HistoryEvent(event.item_id, event.sequence + len(history)) for event in history))


def with_strangers(history: History) -> History:
    """Every second item is unknown."""
    return tuple(
        HistoryEvent(f"?{event.item_id}", event.sequence) if event.sequence % 2 else event for event in history
    )


def backwards(history: History) -> History:
    """Handed over with the latest event first."""
    return history[::-1]


def ten_thousand(history: History) -> History:
    """So long that most of it lies beyond the horizon."""
    return random_history(np.random.default_rng(len(history)), 10_000)


@pytest.mark.parametrize("odd", [duplicated, rewatched, with_strangers, backwards, ten_thousand])
def test_odd_histories_carry_true_sentences(asking: EngineBundle, odd: Callable[[History], History]) -> None:
    """Score the list again without what a sentence names: it loses what the claim says."""
    said = 0
    for seed in range(3):
        context = random_list(asking, seed)
        context = with_history(asking, context, odd(context.session_history))
        raw = {item.item_id: item.reranking_score for item in context.items}
        for each in ExplanationEngine(asking).explain_list(context).explanations:
            if each.explanation_type == "watch_history":
                evidence = each.claims[0].evidence
                shorter = with_history(asking, context, without(context.session_history, evidence["items"]))
                left = {item.item_id: item.reranking_score for item in shorter.items}[each.item_id]
                assert 0.0 < evidence["raw_score_drop"] == raw[each.item_id] - left
                said += 1
    assert said > 0


def test_an_empty_list_and_an_empty_history(asking: EngineBundle) -> None:
    """Nothing in, nothing out; no history, no sentence about one."""
    engine, context = ExplanationEngine(asking), random_list(asking, 1)
    assert () == engine.explain_list(msgspec.structs.replace(context, items=())).explanations
    said = engine.explain_list(with_history(asking, context, ())).explanations
    assert {"watch_history", "personalized"}.isdisjoint(each.explanation_type for each in said)


def test_unknown_items_between_known_ones_change_nothing(asking: EngineBundle) -> None:
    """Every known item keeps its explanation; the strangers get the generic one."""
    context = random_list(asking, 2)
    strangers = [msgspec.structs.replace(item, item_id=f"?{item.item_id}") for item in context.items]
    mixed = tuple(each for pair in zip(strangers, context.items, strict=True) for each in pair)
    mixed = tuple(msgspec.structs.replace(each, position=place) for place, each in enumerate(mixed))
    said = ExplanationEngine(asking).explain_list(msgspec.structs.replace(context, items=mixed)).explanations
    alone = ExplanationEngine(asking).explain_list(context).explanations
    assert [each.claims for each in alone] == [each.claims for each in said[1::2]]
    assert {"generic"} == {each.explanation_type for each in said[::2]}


def test_the_order_of_named_features_does_not_matter(asking: EngineBundle) -> None:
    """They are read by name."""
    context = random_list(asking, 3)
    turned = msgspec.structs.replace(
        context,
        user_features=dict(reversed(context.user_features.items())),
        items=tuple(
            msgspec.structs.replace(item, item_features=dict(reversed(item.item_features.items())))
            for item in context.items
        ),
    )
    engine = ExplanationEngine(asking)
    assert engine.explain_list(context) == engine.explain_list(turned)
    assert engine.signals(context) == engine.signals(turned)


@pytest.mark.parametrize(
    ("field", "features"),
    [
        pytest.param("user_features.user_click_rate", {"user_click_rate": inf}, id="infinite"),
        pytest.param("user_features.user_click_rate", {"user_click_rate": -inf}, id="minus infinite"),
        pytest.param("user_features.user_shoe_size", {"user_shoe_size": 43.0}, id="one too many"),
        pytest.param("user_features.item_click_rate", {"item_click_rate": 0.1}, id="of another group"),
    ],
)
def test_impossible_features_are_refused_by_field(
    asking: EngineBundle, field: str, features: dict[str, float]
) -> None:
    """Before anything is said of any item."""
    context = random_list(asking, 4)
    worse = msgspec.structs.replace(context, user_features={**context.user_features, **features})
    with pytest.raises(RequestError) as refused:
        ExplanationEngine(asking).explain_list(worse)
    assert field == refused.value.field


def test_nan_is_missing_in_the_second_scoring_too(asking: EngineBundle) -> None:
    """With every user feature missing, left out or NaN, the same drop is told."""
    context = random_list(asking, 5)
    unknown = (dict.fromkeys(context.user_features, nan), {})
    said = []
    for features in unknown:
        base = msgspec.structs.replace(context, user_features=features)
        said.append(ExplanationEngine(asking).explain_list(with_history(asking, base, context.session_history)))
    assert said[0] == said[1]
