"""Histories hold exactly the engaged impressions, in time order, numbered from 1."""

import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.interactions import engaged, interactions
from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, SURVEYS, USERS
from streamrec_explain.events.world import World

Row = tuple[str, str, int, bool, bool, float | None]


def _world(
    rows: list[Row], users: tuple[str, ...] = ("a", "b", "c"), items: tuple[str, ...] = ("x", "y")
) -> World:
    names = ("user_id", "item_id", "timestamp_ms", "shown", "clicked", "watch_fraction")
    records = [
        {"impression_id": f"i{number}", "market": "US", **dict(zip(names, row, strict=True))}
        for number, row in enumerate(rows)
    ]
    item_rows = [
        {"item_id": item, "categories": ["Drama"], "sponsored": False, "sensitive": False} for item in items
    ]
    user_rows = [{"user_id": user, "market": "US"} for user in users]
    return World(
        name="hand",
        impressions=pa.Table.from_pylist(records, schema=IMPRESSIONS),
        items=pa.Table.from_pylist(item_rows, schema=ITEMS),
        users=pa.Table.from_pylist(user_rows, schema=USERS),
        surveys=SURVEYS.empty_table(),
    )


WORLD = _world(
    [
        ("b", "y", 40, True, True, 0.5),
        ("a", "x", 10, True, True, 0.9),
        ("b", "x", 20, True, True, None),
        ("a", "y", 30, True, True, 0.49),
        ("a", "y", 35, False, True, 1.0),
        ("a", "y", 50, True, False, None),
        ("a", "x", 60, True, True, 1.2),
    ]
)


def test_engaged_is_shown_clicked_and_watched_half() -> None:
    """Half watched counts, an unknown fraction counts, a hidden or unclicked one does not."""
    assert [True, True, True, False, False, False, True] == engaged(WORLD.impressions).tolist()


def test_histories_are_sorted_by_user_and_time_and_numbered() -> None:
    """The flat arrays hold a's two events, then b's two, and c has none."""
    result = interactions(WORLD)
    assert [0, 2, 4, 4] == result.offsets.tolist()
    assert [0, 0, 0, 1] == result.item.tolist()
    assert [10, 60, 20, 40] == result.time_ms.tolist()
    assert [1, 2, 1, 2] == result.sequence.tolist()
    assert [1, 6, 2, 0] == result.row.tolist()
    assert [0, 0, 1, 1] == result.user.tolist()


def test_one_user_is_a_view_of_the_whole() -> None:
    """`of` gives a user's own part, empty for a user without events."""
    result = interactions(WORLD)
    assert [20, 40] == result.of(1).time_ms.tolist()
    assert 0 == len(result.of(2).item)


def test_array_types_are_those_documented() -> None:
    """The arrays have the widths that the models read."""
    result = interactions(WORLD)
    arrays = (result.item, result.sequence, result.time_ms, result.row, result.offsets)
    assert [np.int32, np.int32, np.int64, np.int64, np.int64] == [array.dtype for array in arrays]


def test_a_world_without_events_has_empty_histories() -> None:
    """No impression at all is a world of empty histories."""
    result = interactions(_world([]))
    assert [0, 0, 0, 0] == result.offsets.tolist()


def test_an_unknown_item_is_named() -> None:
    """An impression of an item outside the catalogue is refused by its id."""
    with pytest.raises(EventDataError, match="'z'"):
        interactions(_world([("a", "z", 10, True, True, 0.9)]))
