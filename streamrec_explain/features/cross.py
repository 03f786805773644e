"""Cross features: what a candidate has to do with the user's history, computed at request time.

The history is the user's last 50 engaged events before the request, most recent last. Removing an event from
it and computing again gives the features as they would be without that event.
"""

import numba
import numpy as np
import numpy.typing as npt

from streamrec_explain.errors import FeatureError
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import FeatureSpec

HISTORY_EVENTS = 50
HALF_LIFE_EVENTS = 10  # an event counts half as much as one ten events later
CROSS_NAMES = (
    "user_category_affinity_score",
    "user_item_category_match",
    "user_category_recency_score",
    "user_creator_affinity_score",
    "user_item_repeat_count",
    "user_item_duration_match",
    "user_item_popularity_match",
    "user_region_item_popularity",
    "collaborative_similarity_score",
)

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_WEIGHTS = 0.5 ** (np.arange(HISTORY_EVENTS) / HALF_LIFE_EVENTS)


def cross_matrix(
    spec: FeatureSpec,
    catalogue: Catalogue,
    history_codes: Codes,
    candidate_codes: Codes,
    user_values: Floats,
    item_values: Floats,
    session_scores: Floats,
) -> Floats:
    """The cross features of a list, float64 [n, n_cross] in spec order.

    `history_codes` int32 [L], most recent last, and `candidate_codes` int32 [n] are -1 for items that are not
    in the catalogue; `user_values` float64 [n_user], `item_values` float64 [n, n_item], `session_scores`
    float64 [n]. Without some events: the same call with a shorter history (and the scores that go with it).
    A row depends on its own candidate only.
    """
    popularity, engaged, share = _inputs(spec)
    crosses = np.empty((len(candidate_codes), len(CROSS_NAMES)))
    # The copies are writable and contiguous whatever came in: other types would compile during a request.
    _fill_list(
        crosses,
        catalogue.categories,
        catalogue.creators,
        catalogue.duration_s,
        _WEIGHTS,
        np.array(history_codes[-HISTORY_EVENTS:], np.int32),
        np.array(candidate_codes, np.int32),
        float(user_values[popularity]),
        np.array(item_values[:, engaged], np.float64),
        np.array(item_values[:, share], np.float64),
        np.array(session_scores, np.float64),
    )
    return crosses


def cross_rows(
    spec: FeatureSpec,
    catalogue: Catalogue,
    histories: Codes,
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    candidate_codes: Codes,
    user_values: Floats,
    item_values: Floats,
    session_scores: Floats,
) -> Floats:
    """The cross features of many single candidates, float64 [n, n_cross]: the same kernel, a history per row.

    The history of row r is `histories[starts[r]:stops[r]]`, cut to its last 50; `user_values` float64
    [n, n_user]; the rest as in `cross_matrix`.
    """
    popularity, engaged, share = _inputs(spec)
    crosses = np.empty((len(candidate_codes), len(CROSS_NAMES)))
    _fill_rows(
        crosses,
        catalogue.categories,
        catalogue.creators,
        catalogue.duration_s,
        _WEIGHTS,
        np.array(histories, np.int32),
        np.maximum(starts, stops - HISTORY_EVENTS),
        np.array(stops, np.int64),
        np.array(candidate_codes, np.int32),
        np.array(user_values[:, popularity], np.float64),
        np.array(item_values[:, engaged], np.float64),
        np.array(item_values[:, share], np.float64),
        np.array(session_scores, np.float64),
    )
    return crosses


def warm(spec: FeatureSpec, catalogue: Catalogue) -> None:
    """Compile both kernels (or load them from numba's cache) so that the first request does not pay for it."""
    nobody, nowhere = np.zeros(0, np.int32), np.zeros(0, np.int64)
    user_values, item_values = spec.missing("user"), np.zeros((0, len(spec.names_of("item"))))
    cross_matrix(spec, catalogue, nobody, nobody, user_values, item_values, np.zeros(0))
    cross_rows(
        spec, catalogue, nobody, nowhere, nowhere, nobody, user_values[None][:0], item_values, np.zeros(0)
    )


def _inputs(spec: FeatureSpec) -> tuple[int, int, int]:
    """The places of the user and item features that crosses read; FeatureError if the spec has others."""
    if spec.names_of("cross") != CROSS_NAMES:
        raise FeatureError(f"feature spec: only these cross features can be computed, in order: {CROSS_NAMES}")
    return (
        spec.place("user_avg_item_popularity"),
        spec.place("item_engaged_count"),
        spec.place("item_region_share"),
    )


@numba.njit(cache=True)
def _fill_list(
    crosses: Floats,
    categories: Codes,
    creators: Codes,
    duration_s: Floats,
    weights: Floats,
    history: Codes,
    candidates: Codes,
    usual_popularity: float,
    engaged_count: Floats,
    region_share: Floats,
    session_scores: Floats,
) -> None:
    for row in range(len(candidates)):
        _fill_from_history(crosses[row], categories, creators, duration_s, weights, history, candidates[row])
        _fill_from_values(crosses[row], usual_popularity, engaged_count[row], region_share[row])
        crosses[row, 8] = session_scores[row]


@numba.njit(cache=True)
def _fill_rows(
    crosses: Floats,
    categories: Codes,
    creators: Codes,
    duration_s: Floats,
    weights: Floats,
    histories: Codes,
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    candidates: Codes,
    usual_popularity: Floats,
    engaged_count: Floats,
    region_share: Floats,
    session_scores: Floats,
) -> None:
    for row in range(len(candidates)):
        history = histories[starts[row] : stops[row]]
        _fill_from_history(crosses[row], categories, creators, duration_s, weights, history, candidates[row])
        _fill_from_values(crosses[row], usual_popularity[row], engaged_count[row], region_share[row])
        crosses[row, 8] = session_scores[row]


@numba.njit(cache=True)
def _fill_from_history(
    out: Floats,
    categories: Codes,
    creators: Codes,
    duration_s: Floats,
    weights: Floats,
    history: Codes,
    candidate: int,
) -> None:
    """Columns 0 to 5: the candidate against every event, the most recent first (weight 1).

    Affinities are weighted shares of the history; the match is the mean Jaccard overlap of category sets; the
    recency score is 1 / (1 + events since the latest one with the candidate's main category); the duration
    match is the shorter over the longer of the candidate's duration and the mean one of the history.
    """
    affinity, match, recency, creator_affinity, repeats = 0.0, 0.0, 0.0, 0.0, 0.0
    weight_sum, duration_sum, durations = 0.0, 0.0, 0.0
    n_candidate = _size(categories, candidate) if candidate >= 0 else 0
    for back in range(len(history)):
        event = history[len(history) - 1 - back]
        weight_sum += weights[back]
        if event < 0 or candidate < 0:
            continue
        has_main, overlap = _compare(categories, event, candidate, n_candidate)
        match += overlap
        if has_main:
            affinity += weights[back]
            if recency == 0.0:
                recency = 1.0 / (1.0 + back)
        if creators[candidate] >= 0 and creators[event] == creators[candidate]:
            creator_affinity += weights[back]
        if event == candidate:
            repeats += 1.0
        if not np.isnan(duration_s[event]):
            duration_sum += duration_s[event]
            durations += 1.0
    out[0] = affinity / weight_sum if weight_sum > 0.0 else 0.0
    out[1] = match / len(history) if len(history) > 0 else 0.0
    out[2] = recency
    out[3] = creator_affinity / weight_sum if weight_sum > 0.0 else 0.0
    out[4] = repeats
    out[5] = _closeness(duration_s[candidate], duration_sum / durations) if durations > 0.0 else np.nan


@numba.njit(cache=True)
def _fill_from_values(out: Floats, usual_popularity: float, engaged_count: float, region_share: float) -> None:
    """Columns 6 and 7, on the scale ln(1 + engaged count): fame against the usual, fame in the region."""
    out[6] = np.exp(-abs(usual_popularity - np.log1p(engaged_count)))
    out[7] = 0.0 if np.isnan(region_share) else np.log1p(engaged_count * region_share)


@numba.njit(cache=True)
def _size(categories: Codes, item: int) -> int:
    """How many categories an item has (the rest of its row is padding)."""
    size = 0
    while size < categories.shape[1] and categories[item, size] >= 0:
        size += 1
    return size


@numba.njit(cache=True)
def _compare(categories: Codes, event: int, candidate: int, n_candidate: int) -> tuple[bool, float]:
    """Whether the event has the candidate's main category, and the Jaccard overlap of both sets."""
    has_main, shared = False, 0
    n_event = 0
    while n_event < categories.shape[1] and categories[event, n_event] >= 0:
        for place in range(n_candidate):
            if categories[candidate, place] == categories[event, n_event]:
                shared += 1
                has_main = has_main or place == 0
        n_event += 1
    return has_main, shared / (n_event + n_candidate - shared) if shared > 0 else 0.0


@numba.njit(cache=True)
def _closeness(left: float, right: float) -> float:
    """The shorter over the longer, in [0, 1]; NaN where one is unknown or both are 0."""
    longer = max(left, right)
    if np.isnan(left) or np.isnan(right) or longer <= 0.0:
        return np.nan
    return min(left, right) / longer
