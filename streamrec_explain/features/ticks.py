"""Refresh ticks and windows: the times as of which user and item features are known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHORT_TICKS = 24
LONG_TICKS = 168


def tick(time_ms: int, refresh_ms: int) -> int:
    """The last refresh at or before a time: floor(time_ms / refresh_ms) * refresh_ms."""
    return time_ms // refresh_ms * refresh_ms


def ticks(time_ms: npt.NDArray[np.int64], refresh_ms: int) -> npt.NDArray[np.int64]:
    """The last refresh at or before each time."""
    return time_ms // refresh_ms * refresh_ms


@dataclass(frozen=True)
class Windows:
    """The lengths of the windows that end at a tick, in milliseconds.

    They are counted in refreshes, so that a world with sparse events gets longer ones: 24 and 168, that is a
    day and a week for hourly refreshes, 24 days and 24 weeks for daily ones.
    """

    short_ms: int
    long_ms: int

    @classmethod
    def of(cls, refresh_ms: int) -> "Windows":
        """The windows of a world that is refreshed every `refresh_ms`."""
        return cls(short_ms=SHORT_TICKS * refresh_ms, long_ms=LONG_TICKS * refresh_ms)
