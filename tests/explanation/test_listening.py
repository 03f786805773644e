"""Raw drops of a list against scoring every item again with a history from which its items are gone."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import ResolvedHistory, resolve_history
from streamrec_explain.explanation.listening import raw_drops
from streamrec_explain.explanation.scoring import ScoredList, item_matrix, score_list
from streamrec_explain.records import ListContext
from tests.explanation.ranked_lists import random_list


def scored_list(
    bundle: EngineBundle, context: ListContext, removed: tuple[int, ...] = ()
) -> tuple[ResolvedHistory, ScoredList]:
    """The history of a context without some items, and its list scored with it."""
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms).without(removed)
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    values = item_matrix(bundle, [item.item_features for item in context.items], "items")
    return history, score_list(bundle, history, context.user_features, codes, values)


@pytest.mark.parametrize("length", [1, 2, 20, 70])
def test_drops_equal_scoring_the_item_again(bundle: EngineBundle, length: int) -> None:
    """Two items, one, none or a stranger per row, in lists with short, long and cut histories: bit for bit."""
    rng = np.random.default_rng(length)
    context = random_list(bundle, seed=length, length=length)
    history, scored = scored_list(bundle, context)
    named = [tuple(rng.choice(30, size=rng.integers(0, 3), replace=False).tolist()) for _ in context.items]
    drops = raw_drops(bundle, history, scored, named)
    for row, items in enumerate(named):
        _, without = scored_list(bundle, context, items)
        assert scored.raw_scores[row] - without.raw_scores[row] == drops[row]


def test_nothing_to_name_costs_no_score(bundle: EngineBundle) -> None:
    """All zero, also for an empty list."""
    history, scored = scored_list(bundle, random_list(bundle, seed=1))
    assert [0.0] * 10 == raw_drops(bundle, history, scored, [()] * 10).tolist()
    history, empty = scored_list(bundle, msgspec.structs.replace(random_list(bundle, seed=1), items=()))
    assert [] == raw_drops(bundle, history, empty, []).tolist()


@pytest.fixture(scope="module")
def asking(bundle: EngineBundle) -> ExplanationEngine:
    """The tiny release that says watch_history only where the raw score falls by a tenth."""
    thresholds = msgspec.structs.replace(bundle.thresholds, history_raw_margin=0.1)
    return ExplanationEngine(replace(bundle, thresholds=thresholds))


def test_a_release_that_asks_says_it_only_where_the_raw_score_falls(
    engine: ExplanationEngine, asking: ExplanationEngine, bundle: EngineBundle
) -> None:
    """Where it falls enough the sentence stays and tells the number; elsewhere the next claim is said."""
    kept = dropped = 0
    for seed in range(40):
        context = random_list(bundle, seed)
        history, scored = scored_list(bundle, context)
        pairs = zip(engine.explain_list(context).explanations, asking.explain_list(context).explanations, strict=True)
        for row, (before, after) in enumerate(pairs):
            if before.explanation_type != "watch_history":
                assert before == after
                continue
            named = tuple(bundle.catalogue.code(item) for item in before.claims[0].evidence["items"])
            drop = raw_drops(bundle, history, scored, [named if place == row else () for place in range(10)])[row]
            assert (drop > 0.1) == (after.explanation_type == "watch_history")
            kept, dropped = kept + (drop > 0.1), dropped + (drop <= 0.1)
            if drop > 0.1:
                assert before.text == after.text
                assert {**before.claims[0].evidence, "raw_score_drop": drop} == after.claims[0].evidence
    assert kept > 50
    assert dropped > 5


def test_a_release_that_does_not_ask_tells_nothing(engine: ExplanationEngine, bundle: EngineBundle) -> None:
    """Its evidence is what it always was."""
    said = [each for seed in range(10) for each in engine.explain_list(random_list(bundle, seed)).explanations]
    assert all("raw_score_drop" not in claim.evidence for each in said for claim in each.claims)
