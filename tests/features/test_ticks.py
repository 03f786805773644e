"""Ticks floor times to the refresh, windows scale with it."""

import numpy as np

from streamrec_explain.features.ticks import Windows, tick, ticks


def test_tick_is_the_last_refresh_at_or_before() -> None:
    """A time on a tick is its own tick."""
    assert [0, 0, 10, 10] == [tick(time_ms, 10) for time_ms in (0, 9, 10, 19)]
    assert [0, 0, 10, 10] == ticks(np.array([0, 9, 10, 19]), 10).tolist()


def test_windows_of_an_hourly_world_are_a_day_and_a_week() -> None:
    """Windows are 24 and 168 refreshes."""
    assert Windows(short_ms=86_400_000, long_ms=7 * 86_400_000) == Windows.of(3_600_000)
