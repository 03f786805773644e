"""End-to-end removal against a world in which the named events do not exist, told in plain Python."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.events.world import World
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.faithfulness.end_to_end import EndToEnd, NamedInList, RemovalEffect
from streamrec_explain.faithfulness.sampling import Moment, sample_lists
from streamrec_explain.features.spec import DEFAULT_SPEC, SESSION_SCORE
from streamrec_explain.records import ListContext, Promotion
from tests.reference.plain_features import cross_features, engaged, user_features
from tests.reference.session import reference_contributions

USERS = np.arange(3, 60, 4)


def world_without(world: World, user_id: str, named: tuple[str, ...]) -> World:
    """The world in which the user never engaged with the named items."""
    rows = world.impressions.to_pylist()
    kept = [row for row in rows if not (row["user_id"] == user_id and row["item_id"] in named and engaged(row))]
    return replace(world, impressions=pa.Table.from_pylist(kept, schema=world.impressions.schema))


def plain_raw_scores(
    bundle: EngineBundle, world: World, context: ListContext, user_id: str, named: tuple[str, ...]
) -> list[float]:
    """The raw scores of the list in that world, every feature told anew."""
    user = user_features(world_without(world, user_id, named), user_id, context.timestamp_ms)
    return [plain_raw_score(bundle, world, context, named, user, place) for place in range(len(context.items))]


def plain_raw_score(
    bundle: EngineBundle,
    world: World,
    context: ListContext,
    named: tuple[str, ...],
    user: dict[str, float],
    place: int,
) -> float:
    """The raw score of one item of the list."""
    item, ids = context.items[place], bundle.catalogue.item_ids
    events = [event for event in context.session_history if event.item_id not in named]
    latest = max(event.sequence for event in context.session_history)
    codes, lags = [ids.index(event.item_id) for event in events], [latest + 1 - event.sequence for event in events]
    code = ids.index(item.item_id)
    added = reference_contributions(bundle.session_model, codes, lags, [code]).sum()
    features = {**item.item_features, **user}
    features |= cross_features(world, [event.item_id for event in events], item.item_id)
    features[SESSION_SCORE] = float(bundle.session_model.bias[code]) + added
    fame = np.log1p(item.item_features["item_engaged_count"])
    features["user_item_popularity_match"] = np.exp(-abs(features["user_avg_item_popularity"] - fame))
    share = item.item_features["item_region_share"]
    engaged_here = item.item_features["item_engaged_count"] * share
    features["user_region_item_popularity"] = 0.0 if np.isnan(share) else np.log1p(engaged_here)
    return float(bundle.explainer.predict_raw([[features[name] for name in DEFAULT_SPEC.names]])[0])


def plain_effect(bundle: EngineBundle, world: World, case: NamedInList) -> RemovalEffect:
    """What the slow way finds; the effect at request time is not among it."""
    user_id, places = f"u{case.user}", range(len(case.context.items))
    full, without = (plain_raw_scores(bundle, world, case.context, user_id, named) for named in ((), case.named))
    boosts = [item.promotion.boost if item.promotion else 0.0 for item in case.context.items]

    def place_by(scores: list[float]) -> int:
        order = sorted(places, key=lambda place: -(scores[place] + boosts[place]))
        return order.index(case.place)

    return RemovalEffect(full[case.place] - without[case.place], np.nan, place_by(without) - place_by(full))


@pytest.fixture(scope="module")
def cases(bundle: EngineBundle, moment: Moment) -> list[NamedInList]:
    """Two history sentences of each of some users, and one that names items of no history."""

    def said() -> Iterator[NamedInList]:
        engine = ExplanationEngine(bundle)
        for user, context in zip(USERS.tolist(), sample_lists(bundle, moment, USERS, 1), strict=True):
            explanations = engine.explain_list(context).explanations
            found = [each for each in explanations if each.explanation_type == "watch_history"][:2]
            for each in found:
                yield NamedInList(user, context, each.position, tuple(each.claims[0].evidence["items"]))

    first, *others = said()
    return [replace(first, named=("i29",)), first, *others]


def test_effects_are_those_of_a_world_without_the_events(
    bundle: EngineBundle, moment: Moment, cases: list[NamedInList]
) -> None:
    """Drop and places of every sentence, and the drops are of either sign."""
    found = EndToEnd(bundle, moment).effects(cases)
    assert len(found) > 15
    for case, effect in zip(cases, found, strict=True):
        expected = plain_effect(bundle, moment.world, case)
        assert expected.drop == pytest.approx(effect.drop, abs=1e-9)
        assert expected.places_lost == effect.places_lost
    assert {True, False} == {effect.places_lost > 0 for effect in found}


def test_what_is_not_in_the_history_does_nothing(
    bundle: EngineBundle, moment: Moment, cases: list[NamedInList]
) -> None:
    """Removing the events of an item never watched changes nothing at all."""
    history = {event.item_id for event in cases[0].context.session_history}
    stranger = next(item for item in bundle.catalogue.item_ids if item not in history)
    effect = EndToEnd(bundle, moment).effects([replace(cases[0], named=(stranger,))])[0]
    assert RemovalEffect(0.0, 0.0, 0) == effect


def test_a_boost_holds_the_place(bundle: EngineBundle, moment: Moment, cases: list[NamedInList]) -> None:
    """An item whose boost outweighs everything falls in score and not in the list."""
    loser = next(case for case, effect in zip(cases, EndToEnd(bundle, moment).effects(cases), strict=True)
                 if effect.places_lost > 0)  # fmt: skip
    paid = msgspec.structs.replace(loser.context.items[loser.place], promotion=Promotion("Acme", 1e6))
    items = (*loser.context.items[: loser.place], paid, *loser.context.items[loser.place + 1 :])
    context = msgspec.structs.replace(loser.context, items=items)
    effect = EndToEnd(bundle, moment).effects([replace(loser, context=context)])[0]
    assert 0 == effect.places_lost
    assert effect.drop > 0.0


def test_no_sentence_no_effect(bundle: EngineBundle, moment: Moment) -> None:
    """Nothing in, nothing out."""
    assert [] == EndToEnd(bundle, moment).effects([])
