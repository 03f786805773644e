"""Scoring a list as the recommendation service does: session score, features, the re-ranker's raw score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.feature_values import group_matrix
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.features.assemble import list_matrix


@dataclass(frozen=True)
class ScoredList:
    """Known items of a list with everything the two models see and say of them.

    `codes` int32 [n] catalogue rows; `features` float64 [n, F] in spec order; `session_scores` and
    `raw_scores` (log-odds) float64 [n]. `history` are the events within the session model's horizon.
    """

    codes: NDArray[np.int32]
    history: ResolvedHistory
    features: NDArray[np.float64]
    session_scores: NDArray[np.float64]
    raw_scores: NDArray[np.float64]


def score_list(
    bundle: EngineBundle,
    history: ResolvedHistory,
    user_features: Mapping[str, float],
    codes: NDArray[np.int32],
    item_values: NDArray[np.float64],
) -> ScoredList:
    """Score items of known `codes` [n] with `item_values` [n, item features], each apart from the others."""
    seen = history.within(bundle.session_model.max_lag)
    session_scores = bundle.session_model.scores(seen.codes, seen.lags, codes)
    user_values = group_matrix(bundle.spec, "user", [user_features], ["user_features"])[0]
    features = list_matrix(
        bundle.spec, bundle.catalogue, history.codes, codes, user_values, item_values, session_scores
    )
    return ScoredList(codes, seen, features, session_scores, bundle.explainer.predict_raw(features))


def item_matrix(
    bundle: EngineBundle, features: Sequence[Mapping[str, float]], field: str
) -> NDArray[np.float64]:
    """Item features of a list as float64 [n, item features]; `field` names the list in errors."""
    fields = [f"{field}[{index}].item_features" for index in range(len(features))]
    return group_matrix(bundle.spec, "item", features, fields)
