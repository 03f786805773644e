"""Sampled candidates are items the user had not met, published by then, drawn as popularity was."""

import numpy as np
import pytest

from streamrec_explain.events.interactions import engaged
from streamrec_explain.events.world import World
from streamrec_explain.features.sampled_candidates import sampled_candidates
from tests.reference.small_world import HOUR_MS, START_MS, impression, item, random_world, world_of


@pytest.fixture(scope="module")
def sampled() -> tuple[World, np.ndarray, np.ndarray, np.ndarray]:
    """A world of 40 items and three candidates beside each of its positives."""
    world = random_world(seed=4, n=200, n_items=40)
    return world, *sampled_candidates(world, np.arange(200), 3, np.random.default_rng(0))


def test_positives_are_the_engaged_rows(sampled: tuple) -> None:
    """Each engaged impression appears once as a positive, with its own item."""
    world, row, code, label = sampled
    assert np.flatnonzero(engaged(world.impressions)).tolist() == row[label].tolist()
    assert world.impressions["item_id"].take(row[label]).to_pylist() == [f"v{c}" for c in code[label]]


def test_negatives_were_not_met_before(sampled: tuple) -> None:
    """No impression of user and item at or before the row's time, and no unpublished item."""
    world, row, code, label = sampled
    records, items = world.impressions.to_pylist(), world.items.to_pylist()
    met = {(r["user_id"], r["item_id"], r["timestamp_ms"]) for r in records}
    assert 0 < (~label).sum()
    for at, negative in zip(row[~label], code[~label], strict=True):
        user, now = records[at]["user_id"], records[at]["timestamp_ms"]
        assert not [m for m in met if m[:2] == (user, f"v{negative}") and m[2] <= now]
        assert (items[negative]["publish_time_ms"] or 0) <= now


def test_negatives_of_a_row_are_distinct_and_at_most_as_asked(sampled: tuple) -> None:
    """A row has up to three different negatives."""
    _, row, code, label = sampled
    pairs = list(zip(row[~label], code[~label], strict=True))
    assert len(pairs) == len(set(pairs))
    assert 3 == np.bincount(row[~label]).max()


def test_same_seed_gives_the_same_candidates(sampled: tuple) -> None:
    """The generator given is the only source of chance."""
    world, *expected = sampled
    again = sampled_candidates(world, np.arange(200), 3, np.random.default_rng(0))
    assert all(np.array_equal(one, two) for one, two in zip(expected, again, strict=True))


def test_popular_items_are_drawn_more_often() -> None:
    """An item that everybody watched comes about half the time, another as chance has it."""
    crowd = [impression("ben", "hit", START_MS + minute) for minute in range(200)]
    asked = [impression("ann", "own", START_MS + HOUR_MS + minute) for minute in range(300)]
    world = world_of([*crowd, *asked], [item("own"), item("hit"), *(item(f"rare{n}") for n in range(48))])
    rows = np.arange(200, 210).repeat(30)
    _, code, label = sampled_candidates(world, rows[::30], 5, np.random.default_rng(1))
    hits = (code[~label] == 1).sum()
    assert 10 == hits  # once per row, since a row's candidates are distinct


def test_user_who_has_met_everything_has_no_negatives() -> None:
    """Slots that cannot be filled stay empty rather than lie."""
    events = [impression("ann", name, START_MS) for name in ("a", "b")]
    world = world_of(events, [item("a"), item("b")])
    _, _, label = sampled_candidates(world, np.arange(2), 4, np.random.default_rng(0))
    assert [True, True] == label.tolist()
