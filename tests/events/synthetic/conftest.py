"""One small world shared by the tests of the synthetic package."""

import pytest

from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.synthetic.truth import PlantedTruth
from streamrec_explain.events.world import World

SMALL = SyntheticConfig(users=400, seed=7)


@pytest.fixture(scope="session")
def small() -> tuple[World, PlantedTruth]:
    """A world of 400 users and its truth."""
    return generate(SMALL)
