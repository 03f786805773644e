"""Training rows are what would have been served: bit for bit what snapshots and history give."""

import numpy as np
import pytest

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.world import World
from streamrec_explain.features.assemble import list_matrix
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import trend_snapshot, user_snapshot
from streamrec_explain.features.spec import DEFAULT_SPEC, SESSION_SCORE
from streamrec_explain.features.training_table import training_table, training_values
from tests.reference.small_world import random_world


def served(world: World, catalogue: Catalogue, row: int, score: float) -> tuple[np.ndarray, np.ndarray]:
    """Features and facts of an impression as serving would resolve them at that moment."""
    asked = world.impressions.slice(row, 1).to_pylist()[0]
    users = user_snapshot(world, DEFAULT_SPEC, asked["timestamp_ms"])
    trends = trend_snapshot(world, DEFAULT_SPEC, catalogue, asked["timestamp_ms"])
    candidate = catalogue.codes([asked["item_id"]])
    item_values, facts = trends.lookup_many(candidate, asked["market"])
    past = interactions(world)
    history = past.of(past.user_ids.index(asked["user_id"]))
    earlier = history.item[history.time_ms < asked["timestamp_ms"]]
    matrix = list_matrix(
        DEFAULT_SPEC,
        catalogue,
        earlier,
        candidate,
        users.lookup(asked["user_id"]),
        item_values,
        np.array([score]),
    )
    return matrix[0], facts[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_training_rows_equal_served_lists_bit_for_bit(seed: int) -> None:
    """The training table and the snapshots never disagree."""
    world = random_world(seed, n=400)
    catalogue = Catalogue.from_items(world.items)
    rows = np.random.default_rng(seed).choice(400, 25, replace=False)
    scores = np.linspace(-1, 1, 25)
    table, facts = training_values(world, DEFAULT_SPEC, catalogue, rows, scores)
    for place, row in enumerate(rows):
        expected, expected_facts = served(world, catalogue, int(row), float(scores[place]))
        assert expected.tobytes() == table[place].tobytes()
        assert expected_facts.tobytes() == facts[place].tobytes()


def test_rows_may_repeat_with_other_items(world: World, catalogue: Catalogue) -> None:
    """A sampled candidate changes item and cross columns, not the user's."""
    rows, items = np.array([250, 250]), np.array([0, 5], np.int32)
    table = training_table(world, DEFAULT_SPEC, catalogue, rows, np.zeros(2), items)
    users = DEFAULT_SPEC.of_group("user")
    np.testing.assert_array_equal(table[0, users], table[1, users])
    assert not np.array_equal(table[0, 20:40], table[1, 20:40], equal_nan=True)


def test_session_scores_are_a_column(world: World, catalogue: Catalogue) -> None:
    """The session model's score stands where the spec says."""
    scores = np.array([0.5, -0.5])
    table = training_table(world, DEFAULT_SPEC, catalogue, np.array([3, 4]), scores)
    np.testing.assert_array_equal(scores, table[:, DEFAULT_SPEC.index(SESSION_SCORE)])


def test_scores_that_do_not_fit_the_rows_are_refused(world: World, catalogue: Catalogue) -> None:
    """One score per row."""
    with pytest.raises(FeatureError, match="as many session scores"):
        training_table(world, DEFAULT_SPEC, catalogue, np.array([3, 4]), np.zeros(1))


def test_catalogue_of_another_world_is_refused(world: World) -> None:
    """Codes of another catalogue would silently mean other items."""
    other = Catalogue.from_items(world.items.slice(1))
    with pytest.raises(FeatureError, match="not those of world"):
        training_table(world, DEFAULT_SPEC, other, np.array([3]), np.zeros(1))
