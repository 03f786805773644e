"""Changes: each is really made in the input, nothing else is, and the list is what scoring and sorting give."""

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.investigation import changes
from streamrec_explain.investigation.changes import Change, Maker
from streamrec_explain.records import ListContext
from tests.explanation.ranked_lists import random_list

Scores = dict[str, float]


def plain_scores(bundle: EngineBundle, context: ListContext, removed: tuple[str, ...] = ()) -> Scores:
    """The raw score of each item by the lower layers alone: events leave, the others keep their lags."""
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    kept = history.without(bundle.catalogue.codes(removed).tolist())
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    values = item_matrix(bundle, [item.item_features for item in context.items], "items")
    scored = score_list(bundle, kept, context.user_features, codes, values)
    return {item.item_id: float(raw) for item, raw in zip(context.items, scored.raw_scores, strict=True)}


def sorted_by(scores: Scores, context: ListContext, boosted: bool = True) -> list[str]:
    """Item ids by score plus boost, ties by the caller's positions."""
    boosts = {i.item_id: i.promotion.boost if i.promotion and boosted else 0.0 for i in context.items}
    places = {item.item_id: item.position for item in context.items}
    return sorted(scores, key=lambda item_id: (-scores[item_id] - boosts[item_id], places[item_id]))


def made(
    bundle: EngineBundle, context: ListContext, change: Change, trends: TrendSnapshot | None = None
) -> ListContext:
    """The list with a change of its first item's input."""
    return Maker(bundle, context, context.items[0], trends).with_change(change)


def order_of(context: ListContext) -> list[str]:
    """The item ids in their order."""
    return [item.item_id for item in context.items]


@pytest.fixture(scope="module")
def context(bundle: EngineBundle) -> ListContext:
    """A list with two boosts, one of them the first item's."""
    return random_list(bundle, 7, boosts={0: 2.5, 3: 0.7})


def test_unchanged_input_gives_the_logged_list(bundle: EngineBundle, context: ListContext) -> None:
    """To the last bit."""
    assert context == Maker(bundle, context, context.items[0]).unchanged()


@pytest.mark.parametrize("which", [0, 5, -1], ids=["oldest", "middle", "latest"])
def test_a_removed_item_leaves_its_place_behind(bundle: EngineBundle, context: ListContext, which: int) -> None:
    """Every score is that of the shorter history whose other events keep their lags, the latest event's removal too."""
    removed = context.session_history[which].item_id
    (change,) = changes.history_items(context, [removed])
    found = made(bundle, context, change)
    expected = plain_scores(bundle, context, (removed,))
    assert expected == {item.item_id: item.reranking_score for item in found.items}
    assert expected != plain_scores(bundle, context)
    assert sorted_by(expected, context) == order_of(found)
    assert sum(event.item_id == removed for event in context.session_history) == change.size


def test_a_removed_pair(bundle: EngineBundle, context: ListContext) -> None:
    """Both leave."""
    names = list(dict.fromkeys(event.item_id for event in context.session_history))[:3]
    found = list(changes.history_pairs(context, names))
    assert [(names[0], names[1]), (names[0], names[2]), (names[1], names[2])] == [each.items for each in found]
    again = made(bundle, context, found[1])
    assert plain_scores(bundle, context, found[1].items) == {i.item_id: i.reranking_score for i in again.items}


def test_no_history_is_no_history(bundle: EngineBundle, context: ListContext) -> None:
    """As for a person who has just come; there is no such change for one who has."""
    (change,) = changes.whole_history(context)
    empty = msgspec.structs.replace(context, session_history=())
    found = made(bundle, context, change)
    assert plain_scores(bundle, empty) == {item.item_id: item.reranking_score for item in found.items}
    assert [] == list(changes.whole_history(empty))


def test_without_the_own_boost_only_that_one_is_gone(bundle: EngineBundle, context: ListContext) -> None:
    """Scores stay, the other boost counts on; an item without a boost has no such change."""
    boosted = next(item for item in context.items if item.promotion and item.promotion.boost == 2.5)
    (change,) = changes.no_sponsorship(boosted)
    found = Maker(bundle, context, boosted).with_change(change)
    kept = {item.item_id: item.promotion for item in found.items if item.promotion}
    assert [0.7] == [promotion.boost for promotion in kept.values()]
    without = [i if i is not boosted else msgspec.structs.replace(i, promotion=None) for i in context.items]
    expected = msgspec.structs.replace(context, items=tuple(without))
    assert sorted_by(plain_scores(bundle, context), expected) == order_of(found)
    assert [] == list(changes.no_sponsorship(msgspec.structs.replace(boosted, promotion=None)))


def test_without_any_boost_the_score_alone_decides(bundle: EngineBundle, context: ListContext) -> None:
    """Offered only where somebody else's boost is in the list."""
    boosted = next(item for item in context.items if item.promotion and item.promotion.boost == 2.5)
    (change,) = changes.no_sponsorship_at_all(context, boosted)
    assert sorted_by(plain_scores(bundle, context), context, boosted=False) == order_of(made(bundle, context, change))
    alone = random_list(bundle, 7, boosts={0: 2.5})
    own = next(item for item in alone.items if item.promotion)
    assert [] == list(changes.no_sponsorship_at_all(alone, own))


def test_a_fact_is_another_items_real_value(bundle: EngineBundle, context: ListContext) -> None:
    """The own item gets it, the others keep theirs; steps count how many values of the list lie between."""
    own, name = context.items[0], "item_click_rate"
    found = list(changes.title_facts(context, own, [name]))
    values = {item.item_features[name]: item.item_id for item in context.items}
    assert set(values) - {own.item_features[name]} == {change.new for change in found}
    for change in found:
        assert values[change.new or 0.0] == change.like_item
        low, high = sorted((own.item_features[name], change.new or 0.0))
        assert 1 + sum(low < value < high for value in values) == change.size
    again = made(bundle, context, found[0])
    afterwards = {item.item_id: item for item in again.items}
    for before in context.items:
        after = afterwards[before.item_id]
        if before is own:
            assert (found[0].new, before.item_id) == (after.item_features[name], after.item_id)
        else:
            assert (before.item_features, before.reranking_score) == (after.item_features, after.reranking_score)


def test_an_unknown_fact_can_become_any_known_one(bundle: EngineBundle, context: ListContext) -> None:
    """NaN lies beside every value, and is never taken over from another item."""
    name = "item_click_rate"
    nothing = {**context.items[0].item_features, name: np.nan}
    own = msgspec.structs.replace(context.items[0], item_features=nothing)
    other = msgspec.structs.replace(context.items[1], item_features={**context.items[1].item_features, name: np.nan})
    lacking = msgspec.structs.replace(context, items=(own, other, *context.items[2:]))
    found = [change.new for change in changes.title_facts(lacking, own, [name])]
    assert {item.item_features[name] for item in context.items[2:]} == set(found)


def test_no_profile_is_missing_user_features(bundle: EngineBundle, context: ListContext) -> None:
    """As for a person of whom nothing is known; no such change where nothing is."""
    (change,) = changes.no_profile(context)
    nobody = msgspec.structs.replace(context, user_features={})
    found = made(bundle, context, change)
    assert plain_scores(bundle, nobody) == {item.item_id: item.reranking_score for item in found.items}
    assert (20, []) == (change.size, list(changes.no_profile(nobody)))


def test_another_market_has_its_own_features_and_facts(
    bundle: EngineBundle, context: ListContext, snapshot: TrendSnapshot
) -> None:
    """Every item's, from the snapshot; promotions stay."""
    (change,) = changes.other_markets(context, snapshot)
    found = made(bundle, context, change, snapshot)
    assert ("JP", "JP") == (change.market, found.region)
    features, facts = snapshot.lookup_many(bundle.catalogue.codes(order_of(found)), "JP")
    names = snapshot.names
    assert features.tolist() == [[item.item_features[name] for name in names] for item in found.items]
    assert facts[0, 1] == found.items[0].item_facts["trend_count"]
    assert {0.7, 2.5} == {item.promotion.boost for item in found.items if item.promotion}


def test_another_market_without_its_snapshot_is_an_error(bundle: EngineBundle, context: ListContext) -> None:
    """Nobody makes numbers up."""
    with pytest.raises(ValueError, match="trend snapshot"):
        made(bundle, context, Change("other_market", 1, market="JP"))
