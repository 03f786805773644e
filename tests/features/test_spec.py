"""The spec holds what it promises: groups, names, phrases, and a digest that follows its content."""

from dataclasses import replace

import numpy as np
import pytest

from streamrec_explain.errors import FeatureError
from streamrec_explain.features.cross import CROSS_NAMES
from streamrec_explain.features.spec import DEFAULT_SPEC, LOCALES, SESSION_SCORE, FeatureSpec

CASE_STUDY_NAMES = {
    "user_category_affinity_score",
    "user_session_length",
    "item_engagement_rate",
    "item_category",
    "user_item_category_match",
    "item_freshness_days",
    "user_avg_watch_time",
    "item_creator_subscriber_count",
    "user_region_item_popularity",
    "collaborative_similarity_score",
}


def test_default_spec_has_twenty_user_and_twenty_item_features() -> None:
    """Groups have the promised sizes and prefixes."""
    users, items = DEFAULT_SPEC.names_of("user"), DEFAULT_SPEC.names_of("item")
    assert (20, 20) == (len(users), len(items))
    assert all(name.startswith("user_") for name in users)
    assert all(name.startswith("item_") for name in items)
    assert CROSS_NAMES == DEFAULT_SPEC.names_of("cross")


def test_default_spec_has_the_ten_named_features() -> None:
    """The ten features the case study names are there."""
    assert set() == CASE_STUDY_NAMES - set(DEFAULT_SPEC.names)


def test_every_phrase_is_present_and_unique_in_its_locale() -> None:
    """No two features read alike, or a sentence could not tell which one it means."""
    for locale in LOCALES:
        phrases = [feature.display[locale] for feature in DEFAULT_SPEC.features]
        assert all(phrases)
        assert len(phrases) == len(set(phrases))


def test_category_features_are_those_that_say_so() -> None:
    """The category flag agrees with the name, the only sign of it that the case study knows."""
    assert [feature.category for feature in DEFAULT_SPEC.features] == [
        "category" in feature.name for feature in DEFAULT_SPEC.features
    ]


def test_columns_of_groups_are_contiguous_and_complete() -> None:
    """Users, items and crosses follow one another without gap."""
    columns = np.concatenate([DEFAULT_SPEC.of_group(group) for group in ("user", "item", "cross")])
    assert list(range(len(DEFAULT_SPEC))) == columns.tolist()
    assert DEFAULT_SPEC.index(SESSION_SCORE) == 40 + DEFAULT_SPEC.place(SESSION_SCORE)


def test_json_round_trip_keeps_spec_and_digest() -> None:
    """What is read back is equal and has the same digest; another version has another."""
    again = FeatureSpec.from_json(DEFAULT_SPEC.to_json())
    assert DEFAULT_SPEC == again
    assert DEFAULT_SPEC.digest() == again.digest()
    assert DEFAULT_SPEC.digest() != replace(DEFAULT_SPEC, version=2).digest()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        pytest.param(DEFAULT_SPEC.features[:1] * 2, "occurs twice", id="repeated name"),
        pytest.param(DEFAULT_SPEC.features[::-1], "out of order", id="groups out of order"),
        pytest.param((replace(DEFAULT_SPEC.features[0], display={"en": "x"}),), "display phrase", id="no phrase"),
    ],
)
def test_broken_spec_is_refused(features: tuple, message: str) -> None:
    """A spec that could mislead a reader cannot be built."""
    with pytest.raises(FeatureError, match=message):
        FeatureSpec(1, features)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "features": [{"name": 3}]}', b"\xff"])
def test_unreadable_spec_is_refused(text: str | bytes) -> None:
    """Text that is no spec raises the house's error, not the decoder's."""
    with pytest.raises(FeatureError, match="feature spec"):
        FeatureSpec.from_json(text)


@pytest.mark.parametrize("ask", [DEFAULT_SPEC.index, DEFAULT_SPEC.place])
def test_unknown_name_is_refused(ask: object) -> None:
    """Asking for a feature that is not there names it."""
    with pytest.raises(FeatureError, match="'user_shoe_size'"):
        ask("user_shoe_size")  # type: ignore[operator]
