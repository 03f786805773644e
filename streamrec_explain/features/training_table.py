"""The training table: the re-ranker's input for impressions of the past, as it would have been served."""

import numpy as np
import numpy.typing as npt

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.interactions import codes
from streamrec_explain.events.world import World
from streamrec_explain.features.assemble import join_groups
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.cross import cross_rows
from streamrec_explain.features.observations import market_codes
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.spec import FeatureSpec

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def training_table(
    world: World,
    spec: FeatureSpec,
    catalogue: Catalogue,
    rows: Ints,
    session_scores: Floats,
    items: Codes | None = None,
) -> Floats:
    """The feature values of impressions as they were at their time, float64 [n, F] in spec order.

    `rows` int64 [n] are rows of `world.impressions` (they may repeat), `session_scores` float64 [n] what the
    session model said of each; `items` int32 [n] puts other items in their place (sampled candidates).
    User and item features are those of the last refresh tick, histories the engaged events strictly before.
    """
    return training_values(world, spec, catalogue, rows, session_scores, items)[0]


def training_values(
    world: World,
    spec: FeatureSpec,
    catalogue: Catalogue,
    rows: Ints,
    session_scores: Floats,
    items: Codes | None = None,
) -> tuple[Floats, Floats]:
    """The training table [n, F] and the trend facts [n, 5] (`trends.FACT_NAMES`) of the same impressions."""
    if len(session_scores) != len(rows) or (items is not None and len(items) != len(rows)):
        raise FeatureError(f"{len(rows)} rows need as many session scores ({len(session_scores)}) and items")
    past = PointInTime(world, spec, catalogue)
    asked = world.impressions.select(["user_id", "item_id", "timestamp_ms"])
    times = asked["timestamp_ms"].to_numpy()[rows]
    users = codes(asked["user_id"], world.users["user_id"])[rows]
    candidates = codes(asked["item_id"], world.items["item_id"])[rows] if items is None else items
    user_values = past.user_values(users, times)
    item_values, facts = past.item_values(candidates, market_codes(world, past.markets)[rows], times)
    cut = past.histories(users, times)
    histories = past.interactions.item
    crosses = cross_rows(
        spec, catalogue, histories, cut.start, cut.stop, candidates, user_values, item_values, session_scores
    )
    return join_groups(user_values, item_values, crosses), facts
