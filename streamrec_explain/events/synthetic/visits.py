"""When each user is shown lists: sorted times, far enough apart, more of them in the evening."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.config import DAY_MS, SyntheticConfig
from streamrec_explain.events.synthetic.users import SyntheticUsers

GAP_MS: Final = 1_800_000  # between two lists of a user, before the day's rhythm moves them
EVENING_MS: Final = (2 * 3_600_000, 20 * 3_600_000, 11 * 3_600_000)  # 21:00 or so in US, EU, JP as UTC
RHYTHM: Final = 0.6  # evening density is 1.6 times the mean, early morning 0.4 times
MARGIN_MS: Final = GAP_MS + round(RHYTHM * DAY_MS / (2.0 * np.pi))  # what the rhythm may move a list by


@dataclass(frozen=True)
class Visits:
    """The lists of user u are [offsets[u], offsets[u + 1]), in time order."""

    offsets: NDArray[np.int64]
    time_ms: NDArray[np.int64]


def make_visits(config: SyntheticConfig, users: SyntheticUsers, rng: np.random.Generator) -> Visits:
    """The times of all users' lists, from sign-up to the end of the world."""
    user = np.repeat(np.arange(len(users)), users.n_lists)
    offsets = np.concatenate(([0], np.cumsum(users.n_lists)))
    share = rng.random(len(user))
    share = share[np.lexsort((share, user))]
    begin = np.maximum(users.signup_ms, config.start_ms) + MARGIN_MS
    free = config.end_ms - MARGIN_MS - begin - users.n_lists * GAP_MS
    number = np.arange(len(user)) - offsets[user]
    steady = begin[user] + (share * free[user]).astype(np.int64) + number * GAP_MS
    return Visits(offsets, _with_rhythm(steady, users.market[user]))


def _with_rhythm(time_ms: NDArray[np.int64], market: NDArray[np.int32]) -> NDArray[np.int64]:
    """A monotone warp of time that makes lists denser around each market's evening; order is kept."""
    phase = 2.0 * np.pi * (time_ms - np.take(EVENING_MS, market)) / DAY_MS
    shift = np.round(RHYTHM * np.sin(phase) * DAY_MS / (2.0 * np.pi))
    return np.asarray(time_ms - shift.astype(np.int64))
