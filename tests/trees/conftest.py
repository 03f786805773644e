"""Trained models as fixtures."""

import pytest

from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.trees.small_models import KINDS, Trained, train


@pytest.fixture(scope="session", params=list(KINDS))
def trained(request: pytest.FixtureRequest) -> Trained:
    """A model of each kind."""
    return train(**KINDS[request.param])


@pytest.fixture(scope="session")
def small() -> Trained:
    """One model with missing values and categories."""
    return train(nan=True, categories=True)


@pytest.fixture(scope="session")
def explainer(small: Trained) -> TreeShapExplainer:
    """The explainer of the small model."""
    return TreeShapExplainer.from_lightgbm(small.text)
