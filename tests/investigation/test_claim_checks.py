"""Claims checked again: true ones hold in every condition, false ones fall by the condition that is wrong."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.features.spec import SESSION_SCORE
from streamrec_explain.investigation.claim_checks import ClaimCheck, check_claims, place_in
from streamrec_explain.investigation.features import attribute_features
from streamrec_explain.investigation.history import attribute_history
from streamrec_explain.investigation.restored import Restored, restore
from streamrec_explain.records import Claim, Promotion
from tests.explanation.ranked_lists import random_list
from tests.investigation.conftest import first_said, logged

KINDS = ("watch_history", "category_match", "trending", "personalized", "promoted")


def checked(restored: Restored) -> tuple[ClaimCheck, ...]:
    """The claims of an item that a model scored."""
    assert restored.scored is not None
    features = attribute_features(restored.bundle, restored.scored)
    return check_claims(restored, features, attribute_history(restored, features.shap(SESSION_SCORE)))


def claiming(restored: Restored, kind: str, evidence: Mapping[str, Any]) -> Restored:
    """The same decision with another claim behind its sentence."""
    said = msgspec.structs.replace(restored.replayed.explanation, claims=(Claim(kind, True, evidence),))
    return replace(restored, replayed=msgspec.structs.replace(restored.replayed, explanation=said))


def failing(check: ClaimCheck) -> set[str]:
    """The conditions that do not hold."""
    return {condition.name for condition in check.conditions if not condition.holds}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_said_is_true(bundle: EngineBundle, kind: str) -> None:
    """Every kind of sentence that the release says holds when it is checked again."""
    (check,) = checked(restore(first_said(bundle, kind), bundle))
    assert (kind, True, set(), True) == (check.kind, check.logged_verdict, failing(check), check.holds)


def test_every_claim_of_many_lists_holds(bundle: EngineBundle) -> None:
    """A hundred explanations, whatever they say."""
    for seed in range(10):
        context = random_list(bundle, seed, boosts={0: 2.0})
        for position in range(10):
            assert all(check.holds for check in checked(restore(logged(bundle, context, position), bundle)))


def test_naming_another_history_item_is_found_out(bundle: EngineBundle) -> None:
    """The weakest item of the history is not the reason."""
    restored = restore(first_said(bundle, "watch_history"), bundle)
    assert restored.scored is not None
    features = attribute_features(bundle, restored.scored)
    history = attribute_history(restored, features.shap(SESSION_SCORE))
    assert history is not None
    weakest = min(history.items, key=lambda item: item.removal or 0.0).item_id
    (check,) = checked(claiming(restored, "watch_history", {"items": (weakest,)}))
    assert {"largest_drops", "above_margin"} <= failing(check)


def test_the_raw_score_is_asked_where_the_release_asks(bundle: EngineBundle) -> None:
    """Computed without the named items by the lower layers; a release that asks for more than it loses says false."""
    asking = replace(bundle, thresholds=msgspec.structs.replace(bundle.thresholds, history_raw_margin=0.0))
    (check,) = checked(restore(first_said(asking, "watch_history"), asking))
    (asked,) = [condition for condition in check.conditions if condition.name == "raw_score_falls"]
    assert check.holds and asked.value is not None and asked.value > 0.0
    restored = restore(first_said(bundle, "watch_history"), bundle)
    demanding = replace(bundle, thresholds=msgspec.structs.replace(bundle.thresholds, history_raw_margin=50.0))
    (check,) = checked(replace(restored, bundle=demanding))
    assert {"raw_score_falls"} == failing(check)


def test_naming_nothing_is_no_watch_history(bundle: EngineBundle) -> None:
    """A claim without items holds of nothing."""
    restored = restore(first_said(bundle, "watch_history"), bundle)
    (check,) = checked(claiming(restored, "watch_history", {"items": ()}))
    assert "largest_drops" in failing(check)


def test_another_category_is_found_out(bundle: EngineBundle) -> None:
    """The sentence may only speak of the item's own category."""
    found = restore(first_said(bundle, "category_match"), bundle)
    evidence = dict(found.replayed.explanation.claims[0].evidence) | {"category": "Western"}
    (check,) = checked(claiming(found, "category_match", evidence))
    assert {"own_category"} == failing(check)


def test_another_count_is_found_out(bundle: EngineBundle) -> None:
    """The sentence must give the snapshot's own number."""
    found = restore(first_said(bundle, "trending"), bundle)
    evidence = dict(found.replayed.explanation.claims[0].evidence) | {"count": 9_999.0}
    (check,) = checked(claiming(found, "trending", evidence))
    assert {"said_count"} == failing(check)


def test_a_trend_that_is_none_is_found_out(bundle: EngineBundle) -> None:
    """An item whose facts do not pass the bounds."""
    context = random_list(bundle, 2)
    quiet = next(item.position for item in context.items if item.item_facts["trend_count"] < 10)
    (check,) = checked(claiming(restore(logged(bundle, context, quiet), bundle), "trending", {"count": 2.0}))
    assert {"trend_count", "trend_growth"} == failing(check)


def test_history_that_moved_nothing_is_found_out(bundle: EngineBundle) -> None:
    """Without history nothing can be personalised."""
    context = random_list(bundle, 2, length=0)
    (check,) = checked(claiming(restore(logged(bundle, context), bundle), "personalized", {}))
    assert "history_moved" in failing(check)


def test_a_boost_that_moved_nothing_is_found_out(bundle: EngineBundle) -> None:
    """The topmost item with a tiny boost would be there anyway."""
    context = random_list(bundle, 2)
    top = msgspec.structs.replace(context.items[0], promotion=Promotion("Acme", 1e-9))
    context = msgspec.structs.replace(context, items=(top, *context.items[1:]))
    (check,) = checked(claiming(restore(logged(bundle, context), bundle), "promoted", {}))
    assert {"place_differs"} == failing(check)


def test_an_unscored_item_can_still_be_promoted(bundle: EngineBundle) -> None:
    """Sorting needs the caller's scores only."""
    context = random_list(bundle, 2)
    strange = msgspec.structs.replace(context.items[5], item_id="v-unknown", promotion=Promotion("Acme", 50.0))
    context = msgspec.structs.replace(context, items=(*context.items[:5], strange, *context.items[6:]))
    (check,) = check_claims(restore(logged(bundle, context, 5), bundle), None, None)
    assert ("promoted", True) == (check.kind, check.holds)


def test_place_in_a_list(bundle: EngineBundle) -> None:
    """By score plus boost, ties by the caller's positions; only the own boost is taken away."""
    items = tuple(
        msgspec.structs.replace(item, reranking_score=score, promotion=boost and Promotion("Acme", boost))
        for item, score, boost in zip(
            random_list(bundle, 1).items[:4], (0.0, 1.0, 1.0, -1.0), (None, None, None, 3.0), strict=True
        )
    )
    assert [4, 2, 3, 1] == [place_in(items, item, boosted=True) for item in items]
    assert [4, 2, 3, 4] == [place_in(items, item, boosted=False) for item in items]
