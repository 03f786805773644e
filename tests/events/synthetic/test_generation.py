"""A generated world follows the schema, its seed and the arithmetic of its lists."""

import numpy as np
import pyarrow.compute as pc
import pytest

from streamrec_explain.errors import SettingsError
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.schema import TABLES
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.synthetic.truth import PlantedTruth
from streamrec_explain.events.world import World

Small = tuple[World, PlantedTruth]


def test_the_seed_decides_every_byte(small: Small) -> None:
    """The same configuration gives the same tables and the same truth."""
    world, truth = generate(SyntheticConfig(users=400, seed=7))
    assert small[0].digests == world.digests
    assert np.array_equal(small[1].parts, truth.parts)
    assert np.array_equal(small[1].contribution, truth.contribution)


def test_another_seed_gives_another_world(small: Small) -> None:
    """No table survives a change of the seed."""
    other, _ = generate(SyntheticConfig(users=400, seed=8))
    assert not set(small[0].digests.values()) & set(other.digests.values())


def test_tables_follow_the_documented_schema(small: Small) -> None:
    """Columns, types and required values are those of the schema."""
    for name, schema in TABLES.items():
        table = getattr(small[0], name)
        assert schema.equals(table.schema)
        assert 0 == sum(table[field.name].null_count for field in schema if not field.nullable)


def test_ids_are_unique_and_impressions_in_time_order(small: Small) -> None:
    """Ids name one row each; impression ids sort as times do."""
    world, _ = small
    for table, column in ((world.impressions, "impression_id"), (world.items, "item_id"), (world.users, "user_id")):
        assert table.num_rows == pc.count_distinct(table[column]).as_py()
    assert (np.diff(world.impressions["timestamp_ms"].to_numpy()) >= 0).all()
    assert world.impressions["impression_id"].to_pylist() == sorted(world.impressions["impression_id"].to_pylist())


def test_titles_are_unique_and_name_their_line(small: Small) -> None:
    """No two items share a title."""
    titles = small[0].items["title"].to_pylist()
    assert len(titles) == len(set(titles))


def test_a_session_is_one_list_of_one_user(small: Small) -> None:
    """Positions of a session are 0, 1, 2, ... up to ten items, no item twice, in time order."""
    impressions = small[0].impressions.select(["session_id", "position", "item_id", "user_id"])
    sessions = impressions.group_by("session_id", use_threads=False).aggregate(
        [("position", "list"), ("item_id", "list"), ("user_id", "count_distinct")]
    )
    assert 1 == pc.max(sessions["user_id_count_distinct"]).as_py()
    for positions, items in zip(
        sessions["position_list"].to_pylist(), sessions["item_id_list"].to_pylist(), strict=True
    ):
        assert list(range(len(positions))) == positions
        assert len(set(items)) == len(items) <= 10


def test_nothing_is_shown_before_it_is_published_or_outside_the_world(small: Small) -> None:
    """Every impression lies in the world's 60 days and after its item's publication."""
    world, config = small[0], SyntheticConfig()
    times = world.impressions["timestamp_ms"].to_numpy()
    published = dict(zip(world.items["item_id"].to_pylist(), world.items["publish_time_ms"].to_pylist(), strict=True))
    shown = np.array([published[item] for item in world.impressions["item_id"].to_pylist()])
    assert (shown <= times).all()
    assert config.start_ms <= times.min() and times.max() < config.end_ms


def test_no_item_is_engaged_with_twice(small: Small) -> None:
    """A user is never shown again what it engaged with, so a held-out event is always new."""
    histories = interactions(small[0])
    pairs = np.column_stack((histories.user, histories.item))
    assert len(pairs) == len(np.unique(pairs, axis=0))


def test_boosts_belong_to_sponsored_items_and_move_them_up(small: Small) -> None:
    """Every promoted item is sponsored, has a sponsor, and would have been lower without its boost."""
    world, truth = small
    promoted = pc.is_valid(world.impressions["promotion_boost"]).to_numpy()
    assert np.array_equal(promoted, pc.is_valid(world.impressions["promotion_sponsor"]).to_numpy())
    sponsored = world.items.filter(world.items["sponsored"])["item_id"]
    assert pc.all(pc.is_in(world.impressions.filter(promoted)["item_id"], sponsored)).as_py()
    gain = truth.position_without_promotion[promoted] - world.impressions["position"].to_numpy()[promoted]
    assert promoted.any() and (gain >= 0).all() and gain.mean() > 1


def test_there_are_three_markets_two_arms_and_four_types(small: Small) -> None:
    """Experiments need both arms, with the would-be type logged in control too."""
    impressions = small[0].impressions
    assert ["EU", "JP", "US"] == sorted(pc.unique(impressions["market"]).to_pylist())
    cells = impressions.group_by(["explanation_arm", "explanation_type"]).aggregate([]).num_rows
    assert 8 == cells


def test_a_single_user_is_a_world() -> None:
    """The smallest world has events and a catalogue of 400 items."""
    world, _ = generate(SyntheticConfig(users=1))
    assert 400 == world.items.num_rows
    assert world.impressions.num_rows > 0


@pytest.mark.parametrize("wrong", [{"users": 0}, {"days": 3}, {"lists_per_user": 0.0}])
def test_an_impossible_size_is_refused(wrong: dict[str, int]) -> None:
    """No users, no days or no lists is an error, not an empty world."""
    with pytest.raises(SettingsError, match="synthetic world"):
        SyntheticConfig(**wrong)
