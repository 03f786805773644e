"""Comparing releases: nothing changes against itself, and what changes is counted and shown."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.events.schema import ITEMS
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history_pull import random_attention
from streamrec_explain.faithfulness.comparison import NamedRelease, ReleaseComparison, compare
from streamrec_explain.faithfulness.comparison_page import comparison_files, comparison_page
from streamrec_explain.faithfulness.sampling import Moment, sample_lists
from streamrec_explain.features.catalogue import Catalogue

USERS = np.arange(1, 40)


def against(bundle: EngineBundle, other: EngineBundle, moment: Moment) -> ReleaseComparison:
    """The tiny release in the place of another."""
    return compare(NamedRelease("r/1@aaaa", other), NamedRelease("r/2@bbbb", bundle), moment, USERS, seed=2)


@pytest.fixture(scope="module")
def restless(bundle: EngineBundle, moment: Moment) -> ReleaseComparison:
    """The tiny release in the place of one with another session model."""
    model = random_attention(bundle.session_model, np.random.default_rng(5))
    return against(bundle, replace(bundle, session_model=model), moment)


def test_a_release_in_its_own_place_changes_nothing(bundle: EngineBundle, moment: Moment) -> None:
    """Every item of every list, no other type, no other text, no example."""
    found = against(bundle, bundle, moment)
    listed = sum(len(context.items) for context in sample_lists(bundle, moment, USERS, 2))
    assert (0, listed) == (found.other_type.successes, found.other_type.n)
    assert (0, 0, ()) == (found.other_text.successes, found.left_out, found.examples)
    assert found.shares_before == found.shares_after
    assert "No sentence changes." in comparison_page(found)


def test_changes_are_counted_by_kind(restless: ReleaseComparison) -> None:
    """The kinds add up to the whole, changed types to their rate, changed texts to theirs."""
    assert restless.other_type.n == sum(change.n for change in restless.changes)
    moved = [change for change in restless.changes if change.before != change.after]
    assert restless.other_type.successes == sum(change.n for change in moved) > 0
    assert restless.other_text.successes == sum(change.other_text for change in restless.changes)
    assert restless.other_text.successes > restless.other_type.successes
    assert 1.0 == pytest.approx(sum(restless.shares_before.values()))


def test_examples_are_what_both_really_say(restless: ReleaseComparison) -> None:
    """Different texts of every kind of change, at most three of each."""
    kinds = [(each.before.explanation_type, each.after.explanation_type) for each in restless.examples]
    assert {(change.before, change.after) for change in restless.changes if change.other_text} == set(kinds)
    assert all(kinds.count(kind) <= 3 for kind in kinds)
    assert all(each.before.text != each.after.text for each in restless.examples)


def test_each_release_explains_its_own_score(bundle: EngineBundle, moment: Moment) -> None:
    """A list that another re-ranker scored is not taken for a mismatch: the older release says what it would say."""
    other = replace(bundle, session_model=random_attention(bundle.session_model, np.random.default_rng(5)))
    listed = next(iter(sample_lists(other, moment, USERS[-1:], 2)))
    own = {each.item_id: each.text for each in ExplanationEngine(other).explain_list(listed).explanations}
    found = compare(NamedRelease("a", bundle), NamedRelease("b", other), moment, USERS[-1:], seed=2)
    assert all(own[each.item_id] == each.after.text for each in found.examples)
    assert found.shares_before.get("generic", 0.0) < 0.9


def test_items_the_older_release_does_not_know_are_left_out(bundle: EngineBundle, moment: Moment) -> None:
    """They are counted, not compared."""
    kept = bundle.catalogue.item_ids[:-5]
    items = moment.world.items.filter(np.isin(moment.world.items["item_id"].to_pylist(), kept)).cast(ITEMS)
    model = bundle.session_model
    smaller = replace(
        model,
        event_table=model.event_table[:-5],
        candidate_table=model.candidate_table[:-5],
        bias=model.bias[:-5],
    )
    older = replace(bundle, catalogue=Catalogue.from_items(items), session_model=smaller)
    found = against(bundle, older, moment)
    listed = sum(len(context.items) for context in sample_lists(bundle, moment, USERS, 2))
    assert 0 < found.left_out == listed - found.other_type.n


def test_the_page_tells_the_changes_and_the_examples(restless: ReleaseComparison) -> None:
    """Both names, both rates, every example; the JSON comes back."""
    files = comparison_files(restless)
    text = files["comparison.html"].decode()
    for said in ("r/1@aaaa", "r/2@bbbb", str(restless.other_type), str(restless.other_text)):
        assert said in text
    assert len(restless.examples) == text.count("<tr><td><code>")
    assert restless == msgspec.json.decode(files["comparison.json"], type=ReleaseComparison)


def test_nobody_compared_nothing_known(bundle: EngineBundle, moment: Moment) -> None:
    """No users: no rate, and a page that says so."""
    release = NamedRelease("r/1@aaaa", bundle)
    found = compare(release, release, moment, USERS[:0], seed=1)
    assert found.other_type.value is None
    assert "none in the sample" in comparison_page(found)
