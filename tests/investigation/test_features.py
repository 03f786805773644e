"""The SHAP vector: additive to the raw score, with values that people can read."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.investigation.features import FeatureAttribution, attribute_features
from streamrec_explain.investigation.restored import restore
from streamrec_explain.records import ListContext
from tests.explanation.ranked_lists import random_list
from tests.investigation.conftest import logged


def attributed(bundle: EngineBundle, context: ListContext, position: int = 0) -> FeatureAttribution:
    """The SHAP vector of one item of a list."""
    restored = restore(logged(bundle, context, position), bundle)
    assert restored.scored is not None
    return attribute_features(bundle, restored.scored)


@pytest.mark.parametrize("position", range(4))
def test_the_vector_adds_up_to_the_logged_score(bundle: EngineBundle, position: int) -> None:
    """Expected value and every SHAP value sum to what the item was ranked by, but for the residual that is told."""
    context = random_list(bundle, 5)
    found = attributed(bundle, context, position)
    total = found.base_value + sum(reason.shap for reason in found.reasons)
    assert context.items[position].reranking_score == found.raw_score
    assert found.raw_score == pytest.approx(total, abs=1e-12)
    assert found.raw_score - total == pytest.approx(found.residual, abs=1e-14)
    assert abs(found.residual) < 1e-12


def test_a_residual_is_told_not_hidden(bundle: EngineBundle) -> None:
    """An explainer that is off by a hundredth leaves a hundredth unexplained."""
    restored = restore(logged(bundle, random_list(bundle, 5)), bundle)
    assert restored.scored is not None
    off = replace(restored.scored, raw_scores=restored.scored.raw_scores + 0.01)
    assert 0.01 == pytest.approx(attribute_features(bundle, off).residual, abs=1e-12)


def test_names_values_and_groups_are_those_of_the_spec(bundle: EngineBundle) -> None:
    """In the order of the spec, with display phrases; what is missing has no value."""
    context = random_list(bundle, 5)
    found = attributed(bundle, context)
    assert bundle.spec.names == tuple(reason.name for reason in found.reasons)
    by_name = {reason.name: reason for reason in found.reasons}
    assert context.user_features["user_tenure_days"] == by_name["user_tenure_days"].value
    assert bundle.spec.features[0].display == found.reasons[0].display
    assert {"user", "item", "cross"} == {reason.group for reason in found.reasons}


def test_missing_values_are_none(bundle: EngineBundle) -> None:
    """NaN is no number to show."""
    context = random_list(bundle, 5)
    unknown = replace_user(context, {})
    values = {reason.name: reason.value for reason in attributed(bundle, unknown).reasons}
    assert (None, 0.0) == (values["user_tenure_days"], values["user_engaged_count"])


def replace_user(context: ListContext, features: dict[str, float]) -> ListContext:
    """The context of somebody of whom other things are known; its items keep their logged scores."""
    return msgspec.structs.replace(context, user_features=features)


def test_ranked_by_size(bundle: EngineBundle) -> None:
    """The largest absolute values first."""
    found = attributed(bundle, random_list(bundle, 5))
    sizes = [abs(reason.shap) for reason in found.ranked]
    assert sorted((abs(reason.shap) for reason in found.reasons), reverse=True) == sizes
    assert np.count_nonzero(sizes) > 5
