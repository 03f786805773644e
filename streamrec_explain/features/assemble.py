"""Assembling a list: user, item and cross features of one request side by side in spec order."""

import numpy as np
import numpy.typing as npt

from streamrec_explain.errors import FeatureError
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.cross import cross_matrix
from streamrec_explain.features.spec import FeatureSpec

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def list_matrix(
    spec: FeatureSpec,
    catalogue: Catalogue,
    history_codes: Codes,
    candidate_codes: Codes,
    user_values: Floats | None,
    item_values: Floats,
    session_scores: Floats,
) -> Floats:
    """The re-ranker's input for one list, float64 [n, F] in spec order.

    `history_codes` int32 [L], most recent last; `candidate_codes` int32 [n] (-1: not in the catalogue);
    `user_values` float64 [n_user], None for an unknown user; `item_values` float64 [n, n_item];
    `session_scores` float64 [n]. FeatureError if a shape does not fit the spec.
    """
    user = spec.missing("user") if user_values is None else user_values
    _check_shapes(spec, len(candidate_codes), user, item_values, session_scores)
    crosses = cross_matrix(spec, catalogue, history_codes, candidate_codes, user, item_values, session_scores)
    return join_groups(user, item_values, crosses)


def join_groups(user_values: Floats, item_values: Floats, crosses: Floats) -> Floats:
    """Users [n_user] or [n, n_user], items [n, n_item] and crosses [n, n_cross] as one matrix [n, F]."""
    first, second = user_values.shape[-1], user_values.shape[-1] + item_values.shape[1]
    matrix = np.empty((len(item_values), second + crosses.shape[1]))
    matrix[:, :first] = user_values
    matrix[:, first:second] = item_values
    matrix[:, second:] = crosses
    return matrix


def _check_shapes(spec: FeatureSpec, n: int, user: Floats, items: Floats, scores: Floats) -> None:
    n_user, n_item = len(spec.names_of("user")), len(spec.names_of("item"))
    if user.shape != (n_user,) or items.shape != (n, n_item) or scores.shape != (n,):
        raise FeatureError(
            f"a list of {n}: user values {user.shape}, item values {items.shape}, "
            f"session scores {scores.shape}; expected {(n_user,)}, {(n, n_item)}, {(n,)}"
        )
