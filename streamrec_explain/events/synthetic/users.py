"""The users of a synthetic world: where they live, what they like, when they come."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamrec_explain.events.schema import USERS
from streamrec_explain.events.synthetic.config import DAY_MS, MARKETS, SyntheticConfig
from streamrec_explain.events.synthetic.titles import vocabularies

MARKET_SHARES: Final = (0.45, 0.35, 0.20)
AGE_GROUPS: Final = ("18-24", "25-34", "35-44", "45-54", "55+")
AGE_SHARES: Final = (0.20, 0.30, 0.22, 0.16, 0.12)
DEVICES: Final = ("phone", "tv", "tablet", "desktop")
DEVICE_SHARES: Final = (0.45, 0.35, 0.08, 0.12)
FAVOURITES: Final = (1.3, 1.0, 0.7)  # log-odds of a user's three favourite categories
NEW_USER_SHARE: Final = 0.15  # sign up while the world runs
MAX_LISTS: Final = 60


@dataclass(frozen=True)
class SyntheticUsers:
    """Users as arrays; a user is a row. `taste` [n_users, n_categories] is in log-odds of a click."""

    market: NDArray[np.int32]
    taste: NDArray[np.float32]
    treated: NDArray[np.bool_]
    signup_ms: NDArray[np.int64]
    n_lists: NDArray[np.int64]
    age_group: NDArray[np.int32]
    device: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.market)


def make_users(config: SyntheticConfig, rng: np.random.Generator) -> SyntheticUsers:
    """Users of three markets; half of them are in the treatment arm."""
    n_users = config.users
    market = rng.choice(len(MARKETS), n_users, p=MARKET_SHARES).astype(np.int32)
    signup_ms = _signup_ms(config, rng)
    return SyntheticUsers(
        market=market,
        taste=_taste(market, rng),
        treated=rng.random(n_users) < 0.5,
        signup_ms=signup_ms,
        n_lists=_n_lists(config, signup_ms, rng),
        age_group=rng.choice(len(AGE_GROUPS), n_users, p=AGE_SHARES).astype(np.int32),
        device=rng.choice(len(DEVICES), n_users, p=DEVICE_SHARES).astype(np.int32),
    )


def _taste(market: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A market's leaning, three favourites drawn by it, and a little of one's own; centred per user."""
    n_categories = len(vocabularies())
    leaning = rng.normal(0.0, 0.4, (len(MARKETS), n_categories))[market]
    rank = np.argsort(np.argsort(-(leaning + rng.gumbel(size=leaning.shape)), axis=1), axis=1)
    favourite = np.concatenate((FAVOURITES, np.zeros(n_categories - len(FAVOURITES))))[rank]
    taste = 0.5 * leaning + favourite + rng.normal(0.0, 0.2, leaning.shape)
    return np.asarray(taste - taste.mean(axis=1, keepdims=True), dtype=np.float32)


def _signup_ms(config: SyntheticConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    before = -rng.random(config.users) * 730.0
    during = rng.random(config.users) * 0.8 * config.days
    day = np.where(rng.random(config.users) < NEW_USER_SHARE, during, before)
    return config.start_ms + (day * DAY_MS).astype(np.int64)


def _n_lists(config: SyntheticConfig, signup_ms: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Long-tailed numbers of lists, fewer for users who sign up late."""
    spread = 0.8
    lists = rng.lognormal(np.log(config.lists_per_user) - spread**2 / 2, spread, config.users)
    present = np.clip((config.end_ms - signup_ms) / (config.days * DAY_MS), 0.0, 1.0)
    return np.clip(np.round(lists * present), 1, MAX_LISTS).astype(np.int64)


def user_ids(n_users: int) -> pa.Array:
    """The ids of the users in order."""
    return pa.array([f"u{number:07d}" for number in range(1, n_users + 1)])


def users_table(users: SyntheticUsers) -> pa.Table:
    """The users in the documented schema."""
    columns = {
        "user_id": user_ids(len(users)),
        "market": pa.array(MARKETS).take(pa.array(users.market)),
        "signup_time_ms": users.signup_ms,
        "age_group": pa.array(AGE_GROUPS).take(pa.array(users.age_group)),
        "device": pa.array(DEVICES).take(pa.array(users.device)),
    }
    return pa.Table.from_pydict(columns, schema=USERS)
