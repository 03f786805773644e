"""Leakage: do the features of past rows change when later events are taken away?"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import codes
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.features.training_table import training_table
from streamrec_explain.models.reranker_dataset import session_scores
from streamrec_explain.models.session_protocol import SessionScorer


def leaking_rows(
    world: World,
    spec: FeatureSpec,
    catalogue: Catalogue,
    session_model: SessionScorer,
    rng: np.random.Generator,
    cuts: int = 3,
    rows_per_cut: int = 300,
) -> tuple[int, int]:
    """How many of the sampled impressions have other features in a world that ends at their time, and of how many.

    For each of `cuts` random moments, rows up to that moment are computed twice: with all events, and with the
    impressions up to that moment only. Point-in-time features are equal bit for bit. Half of the rows are the
    latest before the moment, since only they show a look ahead by minutes; the others are drawn at random.
    """
    times = world.impressions["timestamp_ms"].to_numpy()
    leaking, judged = 0, 0
    for moment in rng.choice(times, size=cuts, replace=False).tolist():
        count = int(np.searchsorted(times, moment, side="right"))
        rows = _sample(count, min(rows_per_cut, count), rng)
        past = replace(world, impressions=world.impressions.slice(0, count))
        with_future, without = (_rows(each, spec, catalogue, session_model, rows) for each in (world, past))
        same = (with_future == without) | (np.isnan(with_future) & np.isnan(without))
        leaking += int((~same.all(axis=1)).sum())
        judged += len(rows)
    return leaking, judged


def _sample(count: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`size` of the first `count` rows, in order: half of them the last, the others random."""
    earlier = count - size // 2
    drawn = rng.choice(earlier, size=size - size // 2, replace=False)
    return np.concatenate([np.sort(drawn), np.arange(earlier, count)])


def _rows(
    world: World, spec: FeatureSpec, catalogue: Catalogue, session_model: SessionScorer, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    users = codes(world.impressions["user_id"], world.users["user_id"])[rows]
    items = codes(world.impressions["item_id"], world.items["item_id"])[rows]
    scores = session_scores(world, spec, catalogue, session_model, rows, users, items)
    return training_table(world, spec, catalogue, rows, scores)
