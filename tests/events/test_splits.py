"""Phases follow time: quantiles of the world or of each user, ties together."""

from typing import Literal

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, SURVEYS, USERS
from streamrec_explain.events.splits import split_phases
from streamrec_explain.events.world import Split, World


def _world(times: list[int], users: list[str] | None = None, split: Split = "global_time") -> World:
    users = users or ["a"] * len(times)
    records = [
        {"impression_id": f"i{number}", "user_id": user, "item_id": "x", "timestamp_ms": time, "market": "US",
         "shown": True, "clicked": True}
        for number, (time, user) in enumerate(zip(times, users, strict=True))
    ]  # fmt: skip
    return World(
        name="hand",
        impressions=pa.Table.from_pylist(records, schema=IMPRESSIONS),
        items=ITEMS.empty_table(),
        users=pa.Table.from_pylist([{"user_id": user, "market": "US"} for user in "ab"], schema=USERS),
        surveys=SURVEYS.empty_table(),
        split=split,
    )


def test_global_split_cuts_the_worlds_time() -> None:
    """Ten impressions at ten times: eight, one, one, whatever the order of rows."""
    assert [2, 1, 0, 0, 0, 0, 0, 0, 0, 0] == split_phases(_world([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])).tolist()


def test_ties_stay_together_in_the_earlier_phase() -> None:
    """Impressions at the same time as the last training impression are training too."""
    assert [0] * 9 + [2] == split_phases(_world([1, 2, 3, 4, 5, 6, 7, 8, 8, 9])).tolist()


def test_each_user_is_cut_on_its_own_time() -> None:
    """Per user, a's late and b's early impressions are both cut in eight, one, one."""
    world = _world([*range(100, 110), *range(10)], ["a"] * 10 + ["b"] * 10, "per_user_time")
    assert ([0] * 8 + [1, 2]) * 2 == split_phases(world).tolist()


def test_a_user_with_too_few_impressions_stays_in_training() -> None:
    """Five impressions cannot fill three phases by default; six can."""
    world = _world([*range(5), *range(6)], ["a"] * 5 + ["b"] * 6, "per_user_time")
    assert [0] * 5 + [0, 0, 0, 0, 1, 2] == split_phases(world).tolist()


def test_other_fractions_move_the_cuts() -> None:
    """Equal fractions make equal phases."""
    assert [0, 0, 1, 1, 2, 2] == split_phases(_world([1, 2, 3, 4, 5, 6]), (1.0, 1.0, 1.0)).tolist()


def test_an_empty_world_has_no_phases() -> None:
    """No impression, no phase."""
    assert [] == split_phases(_world([])).tolist()


SPLITS: tuple[Literal["global_time"], Literal["per_user_time"]] = ("global_time", "per_user_time")


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), min_size=1, max_size=40),
    st.sampled_from(SPLITS),
)
def test_a_later_phase_is_later_in_time(rows: list[tuple[int, str]], split: Split) -> None:
    """Law: no impression of a phase is later than, or tied with, one of the user's next phases."""
    world = _world([time for time, _ in rows], [user for _, user in rows], split)
    phases, times = split_phases(world), np.array([time for time, _ in rows])
    for user in "ab":
        mine = np.array([owner == user for _, owner in rows])
        for phase in (0, 1):
            earlier, later = times[mine & (phases == phase)], times[mine & (phases > phase)]
            assert not len(earlier) or not len(later) or earlier.max() < later.min()
