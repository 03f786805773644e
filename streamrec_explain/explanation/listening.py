"""Listening: what the re-ranker's raw score really loses when it is computed without the items to be named."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.explanation.scoring import ScoredList
from streamrec_explain.features.cross import cross_rows

Floats = NDArray[np.float64]
Named = tuple[int, ...]


def raw_drops(
    bundle: EngineBundle, history: ResolvedHistory, scored: ScoredList, named: Sequence[Named]
) -> Floats:
    """What each item's raw score (log-odds) loses without the events of its own named items, float64 [n].

    `history` are all events of the request, `named` the catalogue rows per item of the list (empty: nothing is
    removed, 0). Session score and cross features are computed again from the shorter history; user and item features
    come from snapshots and stay.
    """
    drops = np.zeros(len(named))
    rows = np.flatnonzero([bool(items) for items in named])
    if len(rows):
        shorter = _features_without(bundle, history, scored, rows, [items for items in named if items])
        drops[rows] = scored.raw_scores[rows] - bundle.explainer.predict_raw(shorter)
    return drops


def _features_without(
    bundle: EngineBundle,
    history: ResolvedHistory,
    scored: ScoredList,
    rows: NDArray[np.int64],
    named: Sequence[Named],
) -> Floats:
    """The features of some rows of a list, each without its named items' events."""
    features = scored.features[rows]
    n_user, n_item = (len(bundle.spec.names_of(group)) for group in ("user", "item"))
    sets = {items: place for place, items in enumerate(dict.fromkeys(named))}
    left = history.without_each(list(sets))
    ranges = left.ranges[[sets[items] for items in named]]
    session_scores = bundle.session_model.paired_scores(left.codes, left.lags, ranges, scored.codes[rows])
    features[:, n_user + n_item :] = cross_rows(
        bundle.spec,
        bundle.catalogue,
        left.codes,
        ranges[:, 0],
        ranges[:, 1],
        scored.codes[rows],
        features[:, :n_user],
        features[:, n_user : n_user + n_item],
        session_scores,
    )
    return features
