"""The text reader: what it reads is what LightGBM wrote, and what it cannot represent it refuses by name."""

import lightgbm as lgb
import numpy as np
import pytest

from streamrec_explain.errors import ModelError, UnsupportedModelError
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from tests.trees.small_models import Trained, train


def test_leaf_values_are_lightgbms(small: Trained) -> None:
    """Every leaf value is read to the last bit, in tree order."""
    frame = [
        small.booster.get_leaf_output(tree, leaf)
        for tree in range(small.booster.num_trees())
        for leaf in range(small.booster.dump_model()["tree_info"][tree]["num_leaves"])
    ]
    assert frame == parse_lightgbm_text(small.text).leaf_value.tolist()


def test_feature_names_are_kept(small: Trained) -> None:
    """Names come in the model's feature order."""
    assert tuple(small.booster.feature_name()) == parse_lightgbm_text(small.text).feature_names


def test_equal_texts_have_equal_digests(small: Trained) -> None:
    """The digest is a function of the model and changes with one leaf value."""
    ensemble = parse_lightgbm_text(small.text)
    assert ensemble.digest() == parse_lightgbm_text(small.text).digest()
    ensemble.leaf_value[0] = np.nextafter(ensemble.leaf_value[0], np.inf)
    assert ensemble.digest() != parse_lightgbm_text(small.text).digest()


def _multiclass() -> str:
    rng = np.random.default_rng(0)
    data = lgb.Dataset(rng.normal(size=(300, 3)), rng.integers(0, 3, 300))
    return lgb.train({"objective": "multiclass", "num_class": 3, "verbose": -1}, data, 2).model_to_string()


def test_multiclass_is_refused() -> None:
    """A model with several scores per row is refused by name."""
    with pytest.raises(UnsupportedModelError, match="multiclass"):
        parse_lightgbm_text(_multiclass())


def test_random_forest_averaging_is_refused() -> None:
    """boosting=rf averages its trees, which is not a sum of leaf values."""
    forest = train(boosting="rf", bagging_freq=1, bagging_fraction=0.5)
    with pytest.raises(UnsupportedModelError, match="random forest averaging"):
        parse_lightgbm_text(forest.text)


def test_linear_trees_are_refused() -> None:
    """linear_tree puts models into leaves."""
    with pytest.raises(UnsupportedModelError, match="linear_tree"):
        parse_lightgbm_text(train(linear_tree=True, n_trees=3).text)


def test_zero_counts_are_refused(small: Trained) -> None:
    """A leaf no training row reached has no path-dependent background."""
    line = next(line for line in small.text.splitlines() if line.startswith("leaf_count="))
    first, _, rest = line.partition("=")[2].partition(" ")
    assert int(first) > 0
    with pytest.raises(UnsupportedModelError, match="zero counts"):
        parse_lightgbm_text(small.text.replace(line, f"leaf_count=0 {rest}", 1))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: "not a model", id="other text"),
        pytest.param(lambda text: text[: len(text) // 3], id="cut off"),
        pytest.param(lambda text: text.replace("split_feature=", "split_feature=x ", 1), id="not a number"),
        pytest.param(lambda text: text.replace("left_child=", "left_kid=", 1), id="missing line"),
        pytest.param(lambda text: text.replace("leaf_value=", "leaf_value=1 ", 1), id="one number too many"),
    ],
)
def test_damaged_text_is_refused(small: Trained, damage: "pytest.FixtureRequest") -> None:
    """A text that is not a whole model raises ModelError, never something else."""
    with pytest.raises(ModelError):
        parse_lightgbm_text(damage(small.text))
