"""Leakage: clean pipelines have none, and pipelines that look ahead, far or a little, are caught."""

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.events.interactions import codes
from streamrec_explain.events.world import World
from streamrec_explain.features import point_in_time
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC, FeatureSpec
from streamrec_explain.features.training_table import training_table
from streamrec_explain.models import leakage, reranker_dataset
from streamrec_explain.models.leakage import leaking_rows
from streamrec_explain.models.session_model import SessionModel
from tests.reference.small_world import random_impressions, random_items, random_world, world_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_MS = 86_400_000


def found_in(world: World, cuts: int = 3, rows: int = 60) -> tuple[int, int]:
    """Leaking rows and judged rows of a world, with a random session model."""
    rng = np.random.default_rng(0)
    catalogue = Catalogue.from_items(world.items)
    return leaking_rows(world, DEFAULT_SPEC, catalogue, random_model(len(catalogue)), rng, cuts, rows)


def random_model(n_items: int) -> SessionModel:
    """A session model of random tables."""
    rng = np.random.default_rng(1)
    event, candidate = rng.normal(size=(2, n_items, 2, 4)).astype(np.float32)
    return SessionModel(event, candidate, np.zeros(n_items, np.float32), rng.normal(size=(2, 21)).astype(np.float32))


def long_world() -> World:
    """Two thousand impressions over 200 days: few of them are within a day of any moment."""
    rng = np.random.default_rng(5)
    events = random_impressions(2_000, 6, 8, rng, hours=200 * 24)
    return world_of(events, random_items(8, rng), [f"u{user}" for user in range(6)])


@pytest.mark.parametrize("seed", [1, 2])
def test_point_in_time_features_do_not_leak(seed: int) -> None:
    """Nothing changes when the future is taken away, and all the rows asked for are judged."""
    assert (0, 180) == found_in(random_world(seed, n=400))


def test_fewer_rows_than_asked_for_are_all_judged() -> None:
    """A cut early in the world has few rows before it; each is judged once."""
    world = random_world(3, n=40)
    leaking, judged = found_in(world, cuts=2, rows=1_000)
    assert 0 == leaking
    assert 0 < judged <= 80


def test_counts_over_the_whole_world_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classic: an item's popularity counted over all events, the later ones too."""

    def with_whole_counts(
        world: World, spec: FeatureSpec, catalogue: Catalogue, rows: Ints, session_scores: Floats
    ) -> Floats:
        table = training_table(world, spec, catalogue, rows, session_scores)
        items = codes(world.impressions["item_id"], world.items["item_id"])
        table[:, spec.index("item_click_rate")] = np.bincount(items)[items[rows]]
        return table

    monkeypatch.setattr(leakage, "training_table", with_whole_counts)
    leaking, judged = found_in(random_world(1, n=400))
    assert leaking > judged / 2


def test_a_tick_rounded_up_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """User and item features as of the next day instead of the last refresh."""
    monkeypatch.setattr(point_in_time, "ticks", lambda time_ms, _: -(-time_ms // DAY_MS) * DAY_MS)
    assert found_in(long_world())[0] > 0


def test_a_look_at_the_next_impression_is_caught_at_every_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortest look ahead shows in one row of a thousand: the last before the cut, which is always judged."""

    def with_next_time(
        world: World, spec: FeatureSpec, catalogue: Catalogue, rows: Ints, session_scores: Floats
    ) -> Floats:
        table = training_table(world, spec, catalogue, rows, session_scores)
        times = world.impressions["timestamp_ms"].to_numpy()
        table[:, spec.index("item_click_rate")] = np.append(times[1:], -1)[rows]
        return table

    monkeypatch.setattr(leakage, "training_table", with_next_time)
    assert (3, 180) == found_in(long_world())


def test_a_session_score_that_saw_the_future_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Histories up to a day after the impression."""
    before = point_in_time.PointInTime.histories

    class LookingAhead(point_in_time.PointInTime):
        def histories(self, users: NDArray[np.int32], times: Ints) -> point_in_time.Cut:
            return before(self, users, times + DAY_MS)

    monkeypatch.setattr(reranker_dataset, "PointInTime", LookingAhead)
    assert found_in(long_world())[0] > 0
