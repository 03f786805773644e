"""Visits are in order, apart, within the world, and more frequent in the evening."""

import numpy as np

from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.users import make_users
from streamrec_explain.events.synthetic.visits import make_visits

CONFIG = SyntheticConfig(users=2_000)
USERS = make_users(CONFIG, np.random.default_rng(0))
VISITS = make_visits(CONFIG, USERS, np.random.default_rng(1))


def test_a_users_lists_are_at_least_ten_minutes_apart() -> None:
    """Lists of one user never overlap."""
    gap = np.diff(VISITS.time_ms)
    within = np.delete(gap, VISITS.offsets[1:-1] - 1)
    assert within.min() > 10 * 60_000


def test_nobody_comes_before_signing_up() -> None:
    """A user's first list follows the sign-up and the start of the world."""
    first = VISITS.time_ms[VISITS.offsets[:-1]]
    assert (first > np.maximum(USERS.signup_ms, CONFIG.start_ms)).all()


def test_the_last_list_ends_with_the_world() -> None:
    """No list starts in the last ten minutes."""
    assert VISITS.time_ms.max() < CONFIG.end_ms - 10 * 60_000


def test_evenings_are_busy() -> None:
    """The eight hours around the evening of a market hold more than 45% of its lists."""
    market = np.repeat(USERS.market, USERS.n_lists)
    hour = (VISITS.time_ms[market == 0] / 3_600_000) % 24
    assert ((hour > 22) | (hour < 6)).mean() > 0.45
