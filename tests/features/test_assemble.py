"""A list's matrix puts the groups side by side and refuses what does not fit."""

import numpy as np
import pytest

from streamrec_explain.errors import FeatureError
from streamrec_explain.features.assemble import list_matrix
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.cross import cross_matrix
from streamrec_explain.features.spec import DEFAULT_SPEC

HISTORY, CANDIDATES = np.array([1, 2, 1], np.int32), np.array([0, 1], np.int32)
ITEMS = np.arange(40.0).reshape(2, 20)
SCORES = np.array([0.25, 0.5])


def test_columns_stand_in_spec_order(catalogue: Catalogue) -> None:
    """Users, then items, then crosses."""
    users = np.arange(20.0)
    matrix = list_matrix(DEFAULT_SPEC, catalogue, HISTORY, CANDIDATES, users, ITEMS, SCORES)
    np.testing.assert_array_equal(matrix[:, DEFAULT_SPEC.of_group("user")], [users, users])
    np.testing.assert_array_equal(matrix[:, DEFAULT_SPEC.of_group("item")], ITEMS)
    crosses = cross_matrix(DEFAULT_SPEC, catalogue, HISTORY, CANDIDATES, users, ITEMS, SCORES)
    np.testing.assert_array_equal(matrix[:, DEFAULT_SPEC.of_group("cross")], crosses)


def test_unknown_user_has_missing_values(catalogue: Catalogue) -> None:
    """None stands for a user the snapshot does not know."""
    matrix = list_matrix(DEFAULT_SPEC, catalogue, HISTORY, CANDIDATES, None, ITEMS, SCORES)
    np.testing.assert_array_equal(matrix[0, :20], DEFAULT_SPEC.missing("user"))


@pytest.mark.parametrize(
    ("users", "items", "scores"),
    [
        pytest.param(np.zeros(19), ITEMS, SCORES, id="a user value too few"),
        pytest.param(np.zeros(20), ITEMS[:1], SCORES, id="an item too few"),
        pytest.param(np.zeros(20), ITEMS, SCORES[:1], id="a score too few"),
    ],
)
def test_wrong_shapes_are_refused(
    catalogue: Catalogue, users: np.ndarray, items: np.ndarray, scores: np.ndarray
) -> None:
    """The message gives the shapes that were expected."""
    with pytest.raises(FeatureError, match=r"expected \(20,\), \(2, 20\), \(2,\)"):
        list_matrix(DEFAULT_SPEC, catalogue, HISTORY, CANDIDATES, users, items, scores)
