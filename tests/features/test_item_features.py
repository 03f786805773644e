"""Item features agree with a plain telling of them, in every market."""

import numpy as np
import pytest

from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.item_features import static_columns
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.spec import DEFAULT_SPEC
from tests.reference.plain_features import item_features
from tests.reference.small_world import HOUR_MS, START_MS, impression, item, random_world, world_of

NAMES = DEFAULT_SPEC.names_of("item")


def missing_applied(values: dict[str, float]) -> dict[str, float]:
    """The plain values with the spec's rule for what is unknown."""
    rule = dict(zip(NAMES, DEFAULT_SPEC.missing("item"), strict=True))
    return {name: rule[name] if np.isnan(value) else value for name, value in values.items()}


@pytest.mark.parametrize("hours", [0, 1, 25, 48, 58, 200])
def test_values_equal_the_plain_ones(world: World, catalogue: Catalogue, hours: int) -> None:
    """Every event feature of every item, in each market and in all together."""
    past = PointInTime(world, DEFAULT_SPEC, catalogue)
    at = START_MS + hours * HOUR_MS
    market, code = (axis.ravel().astype(np.int32) for axis in np.indices((4, 8)))
    values, _ = past.item_values(code, market, np.full(32, at))
    for row in range(32):
        plain = item_features(world, f"v{code[row]}", past.markets[market[row]], at)
        found = {name: values[row, NAMES.index(name)] for name in plain}
        assert found == pytest.approx(missing_applied(plain), nan_ok=True, rel=1e-6)


def test_static_columns_are_the_catalogues_facts(catalogue: Catalogue) -> None:
    """Freshness is the age at the tick and never negative; unknown facts are NaN."""
    codes = np.arange(8, dtype=np.int32)
    columns = static_columns(catalogue, codes, np.full(8, START_MS))
    published = catalogue.publish_time_ms
    age = np.where(published < 0, np.nan, np.maximum(START_MS - published, 0) / 86_400_000)
    np.testing.assert_array_equal(columns["item_freshness_days"], age)
    np.testing.assert_array_equal(columns["item_duration_s"], catalogue.duration_s)
    main = catalogue.categories[:, 0].astype(float)
    np.testing.assert_array_equal(columns["item_category"], np.where(main < 0, np.nan, main))


def test_unknown_item_has_missing_values(world: World, catalogue: Catalogue) -> None:
    """Code -1 is an item of which nothing is known."""
    past = PointInTime(world, DEFAULT_SPEC, catalogue)
    values, _ = past.item_values(np.array([-1], np.int32), np.array([0], np.int32), np.array([START_MS * 2]))
    np.testing.assert_array_equal(values[0], DEFAULT_SPEC.missing("item"))


def test_events_of_the_market_all_count_once() -> None:
    """A world that names its only market "ALL" does not count an event twice."""
    events = [impression("ann", "a", START_MS + minute, market="ALL") for minute in range(3)]
    world = world_of(events, [item("a")])
    past = PointInTime(world, DEFAULT_SPEC, Catalogue.from_items(world.items))
    values, facts = past.item_values(np.zeros(1, np.int32), np.zeros(1, np.int32), np.array([START_MS + HOUR_MS]))
    assert ("ALL",) == past.markets
    assert 3 == values[0, NAMES.index("item_engaged_count")] == facts[0, 1]


def test_empty_world_divides_by_nothing() -> None:
    """Without events rates are unknown, counts zero, nothing infinite, no floating-point warning."""
    empty = random_world(seed=2, n=0)
    past = PointInTime(empty, DEFAULT_SPEC, Catalogue.from_items(empty.items))
    with np.errstate(all="raise"):
        values, facts = past.item_values(np.arange(8, dtype=np.int32), np.zeros(8, np.int32), np.full(8, START_MS))
    assert not np.isinf(values).any()
    assert np.isfinite(facts).all()
