"""Later events never change an earlier row: features are point in time."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.features.training_table import training_values
from tests.reference.small_world import (
    HOUR_MS,
    START_MS,
    Record,
    impression,
    random_impressions,
    random_items,
    world_of,
)

USERS = tuple(f"u{user}" for user in range(5))
ITEMS = random_items(8, np.random.default_rng(0))
SEEDS = st.integers(0, 2**32 - 1)
HOURS = 40


def values_of(events: list[Record], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The training values and facts of the first rows of a world of these events."""
    world = world_of(events, ITEMS, USERS)
    scores = np.zeros(len(rows))
    return training_values(world, DEFAULT_SPEC, Catalogue.from_items(world.items), rows, scores)


def earlier_events(seed: int, n: int) -> list[Record]:
    """Events of the first hours, sorted as a world has them."""
    events = random_impressions(n, 5, 8, np.random.default_rng(seed), hours=HOURS)
    return sorted(events, key=lambda event: event["timestamp_ms"])


def later_events(seed: int, n: int) -> list[Record]:
    """Events after those, the first of them on the next slot already."""
    return random_impressions(n, 5, 8, np.random.default_rng(seed), first_hour=HOURS, hours=300)


def assert_same_bits(one: tuple[Any, ...], two: tuple[Any, ...]) -> None:
    """Two answers agree in every bit."""
    for left, right in zip(one, two, strict=True):
        assert left.tobytes() == right.tobytes()


@given(SEEDS, SEEDS, SEEDS, st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_other_later_events_change_no_earlier_row(
    past: int, one_future: int, other_future: int, n: int, n_one: int, n_other: int
) -> None:
    """Two worlds with the same past and different futures have the same rows for the past."""
    events, rows = earlier_events(past, n), np.arange(n)
    one = values_of(events + later_events(one_future, n_one), rows)
    other = values_of(events + later_events(other_future, n_other), rows)
    assert_same_bits(one, other)


@given(SEEDS, st.integers(2, 60), st.data())
@settings(max_examples=30, deadline=None)
def test_cutting_the_world_after_a_row_changes_nothing_up_to_it(seed: int, n: int, data: st.DataObject) -> None:
    """A world that ends with a row's time gives that row, and all before it, the same bits."""
    events = earlier_events(seed, n)
    end = events[data.draw(st.integers(0, n - 1), label="last row")]["timestamp_ms"]
    kept = [event for event in events if event["timestamp_ms"] <= end]
    rows = np.arange(len(kept))
    assert_same_bits(values_of(kept, rows), values_of(events, rows))


@given(SEEDS, st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_the_outcome_of_a_row_is_not_in_the_row(seed: int, n: int) -> None:
    """Turning the outcomes of the last moment around changes no feature of its rows."""
    events = earlier_events(seed, n)
    end = events[-1]["timestamp_ms"]
    turned = [
        event | {"clicked": not event["clicked"], "watch_fraction": 1.0, "not_interested": True}
        if event["timestamp_ms"] == end
        else event
        for event in events
    ]
    assert_same_bits(values_of(events, np.arange(n)), values_of(turned, np.arange(n)))


def test_an_earlier_event_does_change_a_later_row() -> None:
    """The laws above would hold for constants: here one event less is seen in user, item and cross columns."""
    events = [impression("u0", "v1", START_MS), impression("u0", "v1", START_MS + 2 * HOUR_MS)]
    with_past, _ = values_of(events, np.array([1]))
    without, _ = values_of([events[0] | {"user_id": "u1", "item_id": "v2"}, events[1]], np.array([1]))
    changed = (with_past != without)[0] & ~(np.isnan(with_past) & np.isnan(without))[0]
    groups = {DEFAULT_SPEC.features[column].group for column in np.flatnonzero(changed)}
    assert {"user", "item", "cross"} == groups
