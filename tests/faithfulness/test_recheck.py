"""Rechecks: what the engine says holds, and the same sentence about something else does not."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.faithfulness.recheck import Recheck
from streamrec_explain.faithfulness.sampling import Moment, sample_lists
from streamrec_explain.records import Claim, Explanation, ListContext

Said = tuple[ListContext, Explanation, int]


@pytest.fixture(scope="module")
def recheck(bundle: EngineBundle, moment: Moment) -> Recheck:
    """Rechecks against the tiny release and the small world."""
    return Recheck(bundle, moment)


@pytest.fixture(scope="module")
def lists(bundle: EngineBundle, moment: Moment) -> list[tuple[ListContext, tuple[Explanation, ...]]]:
    """A list of every user, explained."""
    engine = ExplanationEngine(bundle)
    contexts = sample_lists(bundle, moment, np.arange(60), 1)
    return [(context, engine.explain_list(context).explanations) for context in contexts]


def said_of(lists: list[tuple[ListContext, tuple[Explanation, ...]]], kind: str) -> Iterator[Said]:
    """The sentences of one type, each with its list and place."""
    for context, explanations in lists:
        yield from ((context, said, place) for place, said in enumerate(explanations) if said.explanation_type == kind)


@pytest.mark.parametrize("kind", ["category_match", "trending", "personalized", "promoted", "generic"])
def test_honest_sentences_hold(recheck: Recheck, lists: list, kind: str) -> None:
    """Every sentence of every type, of which the sample has some."""
    found = list(said_of(lists, kind))
    assert found
    assert all(recheck.holds(*each) for each in found)


@pytest.mark.parametrize("kind", ["category_match", "personalized", "promoted"])
def test_the_sentence_of_one_item_does_not_hold_of_all(recheck: Recheck, lists: list, kind: str) -> None:
    """Said of every other item, it is false of some: the recheck looks at the item."""
    verdicts = [
        recheck.holds(context, msgspec.structs.replace(said, explanation_type=kind), place)
        for context, explanations in lists
        for place, said in enumerate(explanations)
    ]
    assert {True, False} == set(verdicts)


@pytest.mark.parametrize("change", [{"count": 1_000_000}, {"market": "nowhere"}])
def test_a_count_that_is_not_the_count_is_false(recheck: Recheck, lists: list, change: dict[str, object]) -> None:
    """Another number, or the number of another market."""
    for context, said, place in said_of(lists, "trending"):
        claim = said.claims[0]
        wrong = Claim(claim.kind, claim.verdict, {**claim.evidence, **change})
        assert not recheck.holds(context, msgspec.structs.replace(said, claims=(wrong,)), place)
