"""User features agree with a plain telling of them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.spec import DEFAULT_SPEC
from tests.reference.plain_features import engaged, user_features
from tests.reference.small_world import HOUR_MS, START_MS, random_world

NAMES = DEFAULT_SPEC.names_of("user")


@pytest.mark.parametrize("hours", [0, 1, 13, 36, 200])
def test_values_equal_the_plain_ones(world: World, catalogue: Catalogue, hours: int) -> None:
    """Every feature of every user, before the first event, in the middle and long after the last."""
    past = PointInTime(world, DEFAULT_SPEC, catalogue)
    at = START_MS + hours * HOUR_MS
    users = np.arange(6, dtype=np.int32)
    expected = [[user_features(world, f"u{user}", at)[name] for name in NAMES] for user in users]
    values = past.user_values(users, np.full(6, at))
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_values_are_those_of_the_last_tick(world: World, catalogue: Catalogue) -> None:
    """Between two ticks nothing changes."""
    past = PointInTime(world, DEFAULT_SPEC, catalogue)
    user, at = np.array([1], np.int32), START_MS + 20 * HOUR_MS
    first, last = (past.user_values(user, np.array([time_ms])) for time_ms in (at, at + HOUR_MS - 1))
    np.testing.assert_array_equal(first, last)


def test_unknown_user_is_as_a_user_without_events(world: World, catalogue: Catalogue) -> None:
    """Code -1 and a user before the first event both have the spec's missing values."""
    past = PointInTime(world, DEFAULT_SPEC, catalogue)
    values = past.user_values(np.array([-1, 2], np.int32), np.array([START_MS + 50 * HOUR_MS, START_MS]))
    np.testing.assert_array_equal(values, np.tile(DEFAULT_SPEC.missing("user"), (2, 1)))


def test_nothing_is_infinite_and_nothing_divides_by_zero() -> None:
    """An empty world has missing values only, without a floating-point warning."""
    empty = random_world(seed=1, n=0)
    past = PointInTime(empty, DEFAULT_SPEC, Catalogue.from_items(empty.items))
    with np.errstate(all="raise"):
        values = past.user_values(np.arange(6, dtype=np.int32), np.full(6, START_MS))
    assert not np.isinf(values).any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.lists(st.integers(0, 7), max_size=3), st.integers(0, 70))
def test_values_without_items_are_those_of_a_world_without_them(user: int, items: list[int], hours: int) -> None:
    """Take the user's engaged impressions of some items out of the world and compute everything again."""
    world = random_world(seed=5)
    catalogue = Catalogue.from_items(world.items)
    at = np.array([START_MS + hours * HOUR_MS])
    past = PointInTime(world, DEFAULT_SPEC, catalogue)
    shorter = past.user_values_without(np.array([user], np.int32), [np.array(items, np.int32)], at)
    rows = [
        row
        for row in world.impressions.to_pylist()
        if not (row["user_id"] == f"u{user}" and row["item_id"] in {f"v{item}" for item in items} and engaged(row))
    ]
    without = replace(world, impressions=pa.Table.from_pylist(rows, schema=world.impressions.schema))
    expected = user_features(without, f"u{user}", int(at[0]) // HOUR_MS * HOUR_MS)
    np.testing.assert_allclose(shorter[0], [expected[name] for name in NAMES], rtol=1e-6)
