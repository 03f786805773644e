"""Small worlds made by hand or at random, for tests that need events but no story."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, SURVEYS, USERS
from streamrec_explain.events.world import World

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
CATEGORIES = ("Drama", "Cooking", "Travel", "Music")

Record = Mapping[str, Any]


def item(item_id: str, categories: Sequence[str] = ("Drama",), **facts: Any) -> Record:
    """An item; what is not given is unknown."""
    return {"item_id": item_id, "categories": list(categories), "sponsored": False, "sensitive": False} | facts


def impression(user: str, item_id: str, time_ms: int, clicked: bool = True, **facts: Any) -> Record:
    """A shown impression in the market US; an engaged one unless said otherwise."""
    known = {"user_id": user, "item_id": item_id, "timestamp_ms": time_ms, "clicked": clicked}
    return {"market": "US", "shown": True} | known | facts


def world_of(
    impressions: Sequence[Record],
    items: Sequence[Record],
    users: Sequence[str] = ("ann", "ben", "cas"),
    refresh_ms: int = HOUR_MS,
    **facts: Any,
) -> World:
    """A world of these records; impressions are numbered and sorted by time as every reader does."""
    ordered = sorted(impressions, key=lambda record: record["timestamp_ms"])
    rows = [{"impression_id": f"{number:06}", **record} for number, record in enumerate(ordered)]
    return World(
        name="small",
        impressions=pa.Table.from_pylist(rows, schema=IMPRESSIONS),
        items=pa.Table.from_pylist(list(items), schema=ITEMS),
        users=pa.Table.from_pylist([{"user_id": user, "market": "US"} for user in users], schema=USERS),
        surveys=SURVEYS.empty_table(),
        refresh_ms=refresh_ms,
        **facts,
    )


def random_items(n_items: int, rng: np.random.Generator) -> list[Record]:
    """Items of which some facts are unknown."""
    return [
        item(
            f"v{number}",
            rng.permutation(CATEGORIES)[: rng.integers(0, 3)].tolist(),
            title=f"Title {number}",
            creator=None if rng.random() < 0.2 else f"c{rng.integers(3)}",
            creator_subscribers=None if rng.random() < 0.2 else int(rng.integers(1_000)),
            duration_s=None if rng.random() < 0.2 else float(rng.integers(1, 600)),
            publish_time_ms=None if rng.random() < 0.2 else START_MS + int(rng.integers(-30, 30)) * HOUR_MS,
            sponsored=bool(rng.random() < 0.2),
        )
        for number in range(n_items)
    ]


def random_impressions(
    n: int, n_users: int, n_items: int, rng: np.random.Generator, first_hour: float = 0.0, hours: float = 60.0
) -> list[Record]:
    """Impressions on a grid of ten minutes, so that many share a time or fall on a refresh tick."""
    slots = rng.integers(int(first_hour * 6), int((first_hour + hours) * 6), n)
    return [
        impression(
            f"u{rng.integers(n_users)}",
            f"v{min(int(rng.exponential(2.0)), n_items - 1)}",
            START_MS + int(slot) * HOUR_MS // 6,
            clicked=bool(rng.random() < 0.6),
            shown=bool(rng.random() < 0.9),
            market=str(rng.choice(["US", "EU", "JP"])),
            watch_fraction=None if rng.random() < 0.3 else float(np.float32(rng.random() * 1.3)),
            not_interested=None if rng.random() < 0.5 else bool(rng.random() < 0.2),
        )
        for slot in slots
    ]


def random_world(
    seed: int, n: int = 300, n_users: int = 6, n_items: int = 8, refresh_ms: int = HOUR_MS, **facts: Any
) -> World:
    """A world of random impressions over 60 hours."""
    rng = np.random.default_rng(seed)
    items, events = random_items(n_items, rng), random_impressions(n, n_users, n_items, rng)
    return world_of(events, items, [f"u{user}" for user in range(n_users)], refresh_ms, **facts)
