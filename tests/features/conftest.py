"""Fixtures of the feature tests: a small random world and its catalogue."""

import pytest

from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from tests.reference.small_world import random_world


@pytest.fixture(scope="session")
def world() -> World:
    """Six users, eight items, three markets, sixty hours."""
    return random_world(seed=7)


@pytest.fixture(scope="session")
def catalogue(world: World) -> Catalogue:
    """The catalogue of that world."""
    return Catalogue.from_items(world.items)
