"""Weekly answers to a satisfaction survey, 1 to 5."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamrec_explain.events.schema import SURVEYS
from streamrec_explain.events.synthetic.config import DAY_MS, SyntheticConfig
from streamrec_explain.events.synthetic.explanations import EFFECTS
from streamrec_explain.events.synthetic.shown import Shown
from streamrec_explain.events.synthetic.users import SyntheticUsers, user_ids

ARMS: Final = ("control", "treatment")
ANSWER_RATE: Final = 0.06  # of the users who were active in a week
MEAN: Final = 3.8
USER_SPREAD, WEEK_SPREAD = 0.6, 0.8


def surveys_table(config: SyntheticConfig, users: SyntheticUsers, shown: Shown, rng: np.random.Generator) -> pa.Table:
    """Answers of some active users at the end of each week, moved by how true their explanations were."""
    n_weeks = -(-config.days // 7)
    week = np.clip((shown.time_ms - config.start_ms) // (7 * DAY_MS), 0, n_weeks - 1)
    cell = shown.user * n_weeks + week
    active, inverse, count = np.unique(cell, return_inverse=True, return_counts=True)
    trueness = np.bincount(inverse, np.where(shown.explanation_true, 1.0, -1.0)) / count
    own = rng.normal(0.0, USER_SPREAD, len(users))
    answered = rng.random(len(active)) < ANSWER_RATE
    user, asked = active[answered] // n_weeks, active[answered] % n_weeks
    gain = EFFECTS.satisfaction * users.treated[user] * trueness[answered]
    felt = MEAN + own[user] + gain + rng.normal(0.0, WEEK_SPREAD, len(user))
    return _table(config, users, user, asked, np.clip(np.round(felt), 1.0, 5.0))


def _table(
    config: SyntheticConfig,
    users: SyntheticUsers,
    user: NDArray[np.int64],
    week: NDArray[np.int64],
    satisfaction: NDArray[np.float64],
) -> pa.Table:
    time_ms = np.minimum(config.start_ms + (week + 1) * 7 * DAY_MS, config.end_ms) - 1
    order = np.lexsort((user, time_ms))
    columns = {
        "user_id": user_ids(len(users)).take(pa.array(user[order])),
        "timestamp_ms": time_ms[order],
        "explanation_arm": pa.array(ARMS).take(pa.array(users.treated[user[order]].astype(np.int8))),
        "satisfaction": satisfaction[order].astype(np.float32),
    }
    return pa.Table.from_pydict(columns, schema=SURVEYS)
