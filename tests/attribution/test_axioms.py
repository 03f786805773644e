"""Residuals are the defects they say they are."""

import numpy as np

from streamrec_explain.attribution.axioms import completeness_residual, relative_residual, removal_residual


def test_completeness_residual_is_what_the_attributions_leave_over() -> None:
    """Score 5 over baseline 1, attributed 3.5: half a unit is left."""
    attributions = np.array([[[1.0, 0.5], [2.0, 0.0]]])
    assert [0.5] == completeness_residual(attributions, np.array([5.0]), np.array([1.0])).tolist()


def test_relative_residual_is_a_fraction_of_the_movement() -> None:
    """Rows: 10% over, complete, complete without movement, incomplete without movement."""
    attributions = np.array([[1.1], [1.0], [0.0], [0.2]])
    score = np.array([1.0, 1.0, 0.0, 0.0])
    residual = relative_residual(attributions, score, np.zeros(4))
    np.testing.assert_allclose([0.1, 0.0, 0.0, np.inf], residual, atol=1e-15)


def test_removal_residual_is_the_largest_deviation_of_a_row() -> None:
    """The worst group decides; no groups, no deviation."""
    contributions, drops = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[1.25, 1.0], [0.0, 0.0]])
    assert [1.0, 0.0] == removal_residual(contributions, drops).tolist()
    assert [0.0] == removal_residual(np.zeros((1, 0)), np.zeros((1, 0))).tolist()
