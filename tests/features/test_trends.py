"""Trend facts agree with their definitions in words."""

import numpy as np
import pytest

from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.features.ticks import Windows
from streamrec_explain.features.trends import FACT_NAMES, UNSEEN_FACTS, trend_facts
from tests.reference.plain_features import trend_facts as plain_facts
from tests.reference.small_world import HOUR_MS, START_MS, random_world

WINDOWS = Windows(short_ms=10, long_ms=100)


def facts_of(item: list[int], time_ms: list[int], asked: list[int], tick: int) -> np.ndarray:
    """Facts at one tick in a market of four items whose world begins at 0."""
    events = np.array(item, np.int32), np.array(time_ms, np.int64)
    return trend_facts(*events, np.array(asked, np.int32), np.full(len(asked), tick), WINDOWS, 0, 4)


@pytest.mark.parametrize("refresh_ms", [HOUR_MS, HOUR_MS // 6])
def test_facts_equal_the_plain_ones(refresh_ms: int) -> None:
    """All markets and items, asked at many ticks in shuffled order."""
    world = random_world(seed=3, refresh_ms=refresh_ms)
    past = PointInTime(world, DEFAULT_SPEC, Catalogue.from_items(world.items))
    rng = np.random.default_rng(0)
    code, market = rng.integers(0, 8, 60).astype(np.int32), rng.integers(0, 4, 60).astype(np.int32)
    at = START_MS + rng.integers(0, 70, 60) * HOUR_MS
    _, facts = past.item_values(code, market, at)
    for row in range(60):
        plain = plain_facts(world, f"v{code[row]}", past.markets[market[row]], int(at[row]))
        assert dict(zip(FACT_NAMES, facts[row], strict=True)) == pytest.approx(plain)


def test_windows_are_half_open() -> None:
    """An event at the tick is not in; one a short window old is; one a long window old is baseline."""
    facts = facts_of([0, 0, 0, 0], [99, 100, 190, 200], [0], 200)
    assert [1, 1] == facts[0, 1:3].tolist()


def test_growth_compares_with_the_baselines_rate() -> None:
    """Ten in the short window against nine times ten in the nine short windows before: no growth."""
    times = [tick for tick in range(0, 100, 10) for _ in range(10)]
    assert 1.0 == facts_of([0] * 100, times, [0], 100)[0, 3]


def test_growth_is_one_without_a_baseline_to_compare_with() -> None:
    """In the first two short windows of a world nothing can be called a trend."""
    assert 1.0 == facts_of([0] * 50, [15] * 50, [0], 19)[0, 3]


def test_ties_share_the_better_rank_and_the_lower_percentile() -> None:
    """Two items with equal counts are level, behind the one with more."""
    facts = facts_of([0, 1, 2, 2], [5, 5, 5, 5], [0, 1, 2, 3], 10)
    assert [2, 2, 1, 4] == facts[:, 4].tolist()
    assert [25.0, 25.0, 75.0, 0.0] == facts[:, 0].tolist()


def test_unknown_item_is_unseen(world: World) -> None:
    """Code -1 has the facts of an item nobody engaged with."""
    np.testing.assert_array_equal(facts_of([0], [5], [-1], 10)[0], UNSEEN_FACTS)
