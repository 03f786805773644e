"""Listening: what the re-ranker's raw score really loses when it is computed without the items to be named."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.explanation.scoring import ScoredList
from streamrec_explain.features.cross import HISTORY_EVENTS, cross_rows

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
    set_of = np.array([sets[items] for items in named])
    shorter = [history.without(items) for items in sets]
    session_scores = np.empty(len(rows))
    for place, left in enumerate(shorter):
        seen, mine = left.within(bundle.session_model.max_lag), set_of == place
        session_scores[mine] = bundle.session_model.scores(seen.codes, seen.lags, scored.codes[rows[mine]])
    recent = [left.codes[-HISTORY_EVENTS:] for left in shorter]
    stops = np.cumsum([len(codes) for codes in recent])
    starts = stops - [len(codes) for codes in recent]
    features[:, n_user + n_item :] = cross_rows(
        bundle.spec,
        bundle.catalogue,
        np.concatenate(recent),
        starts[set_of],
        stops[set_of],
        scored.codes[rows],
        features[:, :n_user],
        features[:, n_user : n_user + n_item],
        session_scores,
    )
    return features
