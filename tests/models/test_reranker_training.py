"""The re-ranker: deterministic text, categories as categories, a minimum of trees, refusals."""

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.errors import TrainingError
from streamrec_explain.features.spec import Feature, FeatureSpec
from streamrec_explain.models.ranking_metrics import auc
from streamrec_explain.models.reranker_training import RerankerTrainingConfig, train_reranker

PHRASES = {"en": "x", "de": "x", "ja": "x"}
SPEC = FeatureSpec(
    1,
    (
        Feature("user_activity", "user", "float", "nan", False, False, PHRASES),
        Feature("item_kind", "item", "category", "nan", False, True, PHRASES),
    ),
)
CONFIG = RerankerTrainingConfig(trees=40, min_trees=10, leaves=7, threads=1)
Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


def rows(seed: int, signal: float = 2.0) -> Rows:
    """2,000 rows whose label follows a number and an unordered set of kinds, some values missing."""
    rng = np.random.default_rng(seed)
    x = np.stack([rng.normal(size=2000), rng.integers(0, 8, 2000).astype(np.float64)], axis=1)
    log_odds = signal * (0.5 * x[:, 0] + np.where(np.isin(x[:, 1], [1, 4, 6]), 1.0, -1.0))
    x[rng.random(2000) < 0.1, 0] = np.nan
    return x, rng.random(2000) < 1 / (1 + np.exp(-log_odds))


@pytest.fixture(scope="module")
def text() -> str:
    """A re-ranker of the signal."""
    return train_reranker(*rows(0), *rows(1), SPEC, CONFIG, seed=3)


def test_equal_seeds_give_equal_text(text: str) -> None:
    """The text is a function of rows, configuration and seed."""
    assert text == train_reranker(*rows(0), *rows(1), SPEC, CONFIG, seed=3)
    assert text != train_reranker(*rows(0), *rows(1), SPEC, CONFIG, seed=4)


def test_reranker_learns_the_signal(text: str) -> None:
    """On fresh rows it orders well, and it splits kinds as a set, under their name."""
    x, labels = rows(2)
    assert 0.85 < auc(labels, np.asarray(lgb.Booster(model_str=text).predict(x, raw_score=True)))
    assert "feature_names=user_activity item_kind" in text
    assert any(line.startswith("num_cat=") and line != "num_cat=0" for line in text.splitlines())


def test_noise_keeps_only_the_minimum_of_trees() -> None:
    """Without signal the validation loss is best at once, so `min_trees` or a few more are kept."""
    text = train_reranker(*rows(0, signal=0.0), *rows(1, signal=0.0), SPEC, CONFIG, seed=3)
    assert 10 <= lgb.Booster(model_str=text).num_trees() <= 15


def test_rows_that_cannot_train_are_refused() -> None:
    """One class alone, a missing column and a missing label are errors that name the part."""
    x, labels = rows(0)
    for part in (
        (x, np.ones_like(labels), x, labels),
        (x, labels, x, np.zeros_like(labels)),
        (x[:, :1], labels, x, labels),
        (x, labels[:-1], x, labels),
    ):
        with pytest.raises(TrainingError, match=r"training|validation"):
            train_reranker(*part, SPEC, CONFIG, seed=3)
