"""Cross features agree with a plain telling of them and depend on history and candidate only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.errors import FeatureError
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.cross import CROSS_NAMES, HISTORY_EVENTS, _fill_list, cross_matrix, warm
from streamrec_explain.features.spec import DEFAULT_SPEC, FeatureSpec
from tests.reference.plain_features import cross_features
from tests.reference.small_world import random_world

WORLD = random_world(seed=5)
CATALOGUE = Catalogue.from_items(WORLD.items)
ITEM_NAMES = DEFAULT_SPEC.names_of("item")
HISTORIES = st.lists(st.integers(0, 7), max_size=70)


def crosses(history: list[int], candidates: list[int], **given_values: float) -> np.ndarray:
    """The cross features of candidates; item and user values are unknown unless given by name."""
    users, items = DEFAULT_SPEC.missing("user"), np.tile(DEFAULT_SPEC.missing("item"), (len(candidates), 1))
    for name, value in given_values.items():
        target = users if name.startswith("user_") else items
        target[..., DEFAULT_SPEC.place(name)] = value
    codes = np.array(history, np.int32), np.array(candidates, np.int32)
    return cross_matrix(DEFAULT_SPEC, CATALOGUE, *codes, users, items, np.arange(len(candidates), dtype=float))


@given(HISTORIES)
@settings(max_examples=50, deadline=None)
def test_history_features_equal_the_plain_ones(history: list[int]) -> None:
    """Every candidate against histories of any length, repeats included."""
    matrix = crosses(history, list(range(8)))
    for code in range(8):
        plain = cross_features(WORLD, [f"v{event}" for event in history], f"v{code}")
        found = {name: matrix[code, CROSS_NAMES.index(name)] for name in plain}
        assert found == pytest.approx(plain, nan_ok=True)


@given(HISTORIES, st.lists(st.integers(-1, 7), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_row_depends_on_its_candidate_only(history: list[int], candidates: list[int]) -> None:
    """Each row of a list equals, bit for bit, the row of a list of one."""
    matrix = crosses(history, candidates)[:, :-1]
    alone = np.concatenate([crosses(history, [candidate])[:, :-1] for candidate in candidates])
    np.testing.assert_array_equal(matrix, alone)


def test_only_the_last_events_count() -> None:
    """What lies more than fifty events back changes nothing."""
    recent = [event % 8 for event in range(HISTORY_EVENTS)]
    np.testing.assert_array_equal(crosses([3, 3, *recent], [3]), crosses(recent, [3]))


def test_empty_history_and_unknown_candidate_have_nothing_in_common() -> None:
    """Nothing known gives zeros and NaN as the spec says, and the session score passes through."""
    missing = DEFAULT_SPEC.missing("cross")
    np.testing.assert_array_equal(crosses([], [0])[0], missing)
    np.testing.assert_array_equal(crosses([1, 2], [-1])[0], missing)
    assert [0.0, 1.0, 2.0] == crosses([1], [0, 1, 2])[:, -1].tolist()


def test_unknown_history_items_count_as_events_without_facts() -> None:
    """An event outside the catalogue halves a share over two events."""
    code = int(np.flatnonzero(CATALOGUE.categories[:, 0] >= 0)[0])
    share = crosses([-1, code], [code])[0, CROSS_NAMES.index("user_item_category_match")]
    assert 0.5 == share


def test_region_popularity_is_the_regions_part_of_the_count() -> None:
    """ln(1 + engaged impressions in the user's region)."""
    row = crosses([], [0], item_engaged_count=30.0, item_region_share=0.1)[0]
    assert np.log(4.0) == pytest.approx(row[CROSS_NAMES.index("user_region_item_popularity")])


def test_popularity_match_is_one_for_the_usual_popularity() -> None:
    """An item as popular as what the user watches matches wholly."""
    row = crosses([], [0], item_engaged_count=9.0, user_avg_item_popularity=float(np.log1p(9.0)))[0]
    assert 1.0 == row[CROSS_NAMES.index("user_item_popularity_match")]


def test_warm_kernel_compiles_for_no_later_list() -> None:
    """After warm(), lists of any length, layout and writability run what is compiled already."""
    warm(DEFAULT_SPEC, CATALOGUE)
    compiled = len(_fill_list.signatures)
    crosses([1, 2], [3])
    items = np.asfortranarray(np.zeros((2, 20)))
    history, scores = np.arange(8)[::2], np.zeros(2)
    for array in (items, history, scores):
        array.flags.writeable = False
    cross_matrix(DEFAULT_SPEC, CATALOGUE, history, history[:2], np.zeros(20), items, scores)
    assert compiled == len(_fill_list.signatures)


def test_spec_with_other_crosses_is_refused() -> None:
    """A cross feature that nothing computes is an error, not a column of something else."""
    spec = FeatureSpec(1, DEFAULT_SPEC.features[:-1])
    with pytest.raises(FeatureError, match="cross features"):
        warm(spec, CATALOGUE)
