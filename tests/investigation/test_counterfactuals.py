"""Counterfactuals: smallest first, verified by making the list again, and honest where there is none."""

import msgspec
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.spec import SESSION_SCORE
from streamrec_explain.investigation.changes import Maker
from streamrec_explain.investigation.counterfactuals import KINDS, Counterfactual, Counterfactuals, find_counterfactuals
from streamrec_explain.investigation.features import attribute_features
from streamrec_explain.investigation.history import attribute_history
from streamrec_explain.investigation.restored import Restored, restore
from streamrec_explain.records import ListContext
from tests.explanation.ranked_lists import random_list
from tests.investigation.conftest import first_said, logged


def searched(restored: Restored, trends: TrendSnapshot | None = None) -> Counterfactuals | str:
    """What a search finds."""
    assert restored.scored is not None
    shap = attribute_features(restored.bundle, restored.scored).shap(SESSION_SCORE)
    history = attribute_history(restored, shap)
    assert history is not None
    return find_counterfactuals(restored, history, trends)


def found_in(restored: Restored, trends: TrendSnapshot | None = None) -> Counterfactuals:
    """The counterfactuals of a list that can be made again."""
    found = searched(restored, trends)
    assert isinstance(found, Counterfactuals)
    return found


def again(restored: Restored, each: Counterfactual, trends: TrendSnapshot | None) -> tuple[int, str]:
    """Place and sentence of the item with a change, made by hand."""
    made = Maker(restored.bundle, restored.context, restored.item, trends).with_change(each.change)
    place = [item.item_id for item in made.items].index(restored.item.item_id)
    return place + 1, ExplanationEngine(restored.bundle).explain_list(made).explanations[place].text


@pytest.mark.parametrize("seed", range(3))
def test_every_outcome_is_real(bundle: EngineBundle, snapshot: TrendSnapshot, seed: int) -> None:
    """Each change that is reported really has the place and the sentence that are told, and they differ from before."""
    restored = restore(logged(bundle, random_list(bundle, seed, boosts={0: 2.0}), 2), bundle)
    found = found_in(restored, snapshot)
    assert list(KINDS) == [each.kind for each in found.searched]
    reported = [each for kind in found.searched for each in (kind.place, kind.sentence) if each is not None]
    assert reported
    for each in reported:
        assert again(restored, each, snapshot) == (each.outcome.place, each.outcome.text)
    for kind in found.searched:
        assert kind.place is None or kind.place.outcome.place != found.before.place
        assert kind.sentence is None or kind.sentence.outcome.text != found.before.text
        assert kind.tried >= kind.altered_place and (kind.altered_place > 0) == (kind.place is not None)


def test_before_is_what_was_logged(bundle: EngineBundle) -> None:
    """Place, score, type and sentence of the log."""
    found = first_said(bundle, "watch_history")
    restored = restore(found, bundle)
    before = found_in(restored).before
    assert (found.entry.position + 1, found.entry.reranking_score, "watch_history") == (
        before.place,
        before.raw_score,
        before.explanation_type,
    )
    assert restored.replayed.explanation.text == before.text


def test_a_promoted_place_goes_with_its_boost(bundle: EngineBundle) -> None:
    """The smallest change is that nobody paid; the place is the one the claim itself names."""
    found = first_said(bundle, "promoted")
    result = found_in(restore(found, bundle))
    assert result.place is not None and result.sentence is not None
    assert "no_sponsorship" == result.place.change.kind == result.sentence.change.kind
    assert found.entry.claims[0].evidence["place_without_boost"] == result.place.outcome.place


def test_a_history_sentence_goes_with_what_it_names(bundle: EngineBundle) -> None:
    """Removing one of the named items alters the sentence; the smallest removal that does so takes fewest events."""
    found = first_said(bundle, "watch_history")
    result = found_in(restore(found, bundle))
    kind = next(each for each in result.searched if each.kind == "one_history_item")
    assert kind.sentence is not None
    events = [event.item_id for event in restore(found, bundle).context.session_history]
    named = found.entry.claims[0].evidence["items"]
    assert isinstance(named, tuple)
    assert kind.sentence.change.size <= min(events.count(name) for name in named)


def test_an_outcome_that_nothing_alters_is_told(bundle: EngineBundle) -> None:
    """The only item of a list, whose sentence claims nothing and whose input is empty."""
    context = msgspec.structs.replace(random_list(bundle, 3, length=0, size=1), user_features={})
    quiet = {"trend_count": 0.0, "trend_growth": 1.0, "trend_rank": 0.0, "popularity_percentile": 0.0}
    only = msgspec.structs.replace(context.items[0], item_facts=quiet, item_features={})
    empty = msgspec.structs.replace(context, items=(only,))
    result = found_in(restore(logged(bundle, rescored(bundle, empty)), bundle))
    assert (None, None, 0) == (result.place, result.sentence, result.tried)
    assert ["no_trends"] == [each.kind for each in result.left_out]


def rescored(bundle: EngineBundle, context: ListContext) -> ListContext:
    """The list as this release ranks it."""
    return Maker(bundle, context, context.items[0]).unchanged()


def test_a_list_ranked_by_something_else_is_not_searched(bundle: EngineBundle) -> None:
    """Another order, or a score of another model: what would have been cannot be told, and the reason is."""
    context = random_list(bundle, 3)
    turned = [msgspec.structs.replace(item, position=9 - item.position) for item in context.items]
    reason = searched(restore(logged(bundle, msgspec.structs.replace(context, items=tuple(turned))), bundle))
    assert isinstance(reason, str) and "another order" in reason
    claimed = next(seed for seed in range(30) if says_something(bundle, random_list(bundle, seed)))
    context = random_list(bundle, claimed)
    other = msgspec.structs.replace(context.items[0], reranking_score=context.items[0].reranking_score + 1.0)
    strange = msgspec.structs.replace(context, items=(other, *context.items[1:]))
    reason = searched(restore(logged(bundle, strange), bundle))
    assert isinstance(reason, str) and "another sentence" in reason


def says_something(bundle: EngineBundle, context: ListContext) -> bool:
    """Whether the first sentence of a list is more than the generic one."""
    return logged(bundle, context).entry.explanation_type != "generic"


def test_unknown_items_are_left_out_and_counted(bundle: EngineBundle) -> None:
    """The rest of the list is made again without them."""
    context = random_list(bundle, 3)
    strange = msgspec.structs.replace(context.items[9], item_id="v-unknown")
    context = msgspec.structs.replace(context, items=(*context.items[:9], strange))
    result = found_in(restore(logged(bundle, context), bundle))
    assert [("no_trends", 0), ("unknown_items", 1)] == [(each.kind, each.count) for each in result.left_out]


def test_an_item_that_is_listed_twice_keeps_its_own_place(bundle: EngineBundle) -> None:
    """The second one is not taken for the first."""
    context = random_list(bundle, 3)
    twin = msgspec.structs.replace(context.items[4], position=10)
    twice = rescored(bundle, msgspec.structs.replace(context, items=(*context.items, twin)))
    first, second = (item.position for item in twice.items if item.item_id == twin.item_id)
    places = [found_in(restore(logged(bundle, twice, position), bundle)).before.place for position in (first, second)]
    assert [first + 1, second + 1] == places
