"""A small world of the tiny release's items at its end, and a release that finds something to say in it."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.world import World
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import trend_snapshot, user_snapshot
from streamrec_explain.features.spec import DEFAULT_SPEC
from tests.explanation.conftest import N_ITEMS, item_rows, tiny_bundle
from tests.reference.small_world import HOUR_MS, START_MS, Record, impression, world_of

N_USERS = 60
HOURS = 60


def watched(user: int, rng: np.random.Generator) -> list[Record]:
    """Up to 25 events of one user at random hours; the first user has none."""
    items, hours = rng.integers(0, N_ITEMS, user % 26), rng.integers(0, HOURS, user % 26)
    moments = START_MS + hours * HOUR_MS
    markets = rng.choice(["US", "EU"], user % 26)
    pairs = zip(items.tolist(), moments.tolist(), markets.tolist(), strict=True)
    return [impression(f"u{user}", f"i{item}", moment, market=market) for item, moment, market in pairs]


def moment_of(world: World, catalogue: Catalogue) -> Moment:
    """A world six hours before its end, with its snapshots."""
    as_of_ms = START_MS + (HOURS - 6) * HOUR_MS
    users = user_snapshot(world, DEFAULT_SPEC, as_of_ms)
    trends = trend_snapshot(world, DEFAULT_SPEC, catalogue, as_of_ms)
    return Moment(world, interactions(world), users, trends)


@pytest.fixture(scope="session")
def bundle() -> EngineBundle:
    """The tiny release, to which three events make a trend."""
    tiny = tiny_bundle()
    return replace(tiny, thresholds=msgspec.structs.replace(tiny.thresholds, trending_min_count=3.0))


@pytest.fixture(scope="session")
def moment(bundle: EngineBundle) -> Moment:
    """Sixty users with histories of 0 to 25 events, six hours before the last of them."""
    rng = np.random.default_rng(3)
    events = [event for user in range(N_USERS) for event in watched(user, rng)]
    world = world_of(events, item_rows(), [f"u{user}" for user in range(N_USERS)])
    return moment_of(world, bundle.catalogue)
