"""User features agree with a plain telling of them."""

import numpy as np
import pytest

from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.spec import DEFAULT_SPEC
from tests.reference.plain_features import user_features
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
