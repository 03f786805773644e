"""Names are unique however large the world is."""

import numpy as np

from streamrec_explain.events.synthetic.titles import creator_name, item_titles, vocabularies


def test_line_names_are_unique_within_and_across_categories() -> None:
    """Five thousand lines in eighteen categories have five thousand names."""
    names = [kind.line_name(number) for kind in vocabularies().values() for number in range(300)]
    assert 18 * 300 == len(set(names))


def test_creator_names_are_unique() -> None:
    """Two thousand creators have two thousand names."""
    assert 2_000 == len({creator_name(number) for number in range(2_000)})


def test_episodes_are_numbered_and_parts_are_not() -> None:
    """A series counts seasons and episodes; a collection names its subjects."""
    kinds, rng = vocabularies(), np.random.default_rng(0)
    assert item_titles(kinds["Drama"], "Harbor Lights", 20, rng)[0].startswith("Harbor Lights S1:E1 “")
    assert item_titles(kinds["Cooking"], "The Home Baker", 20, rng)[0].startswith("The Home Baker: ")


def test_every_category_has_enough_subjects_for_the_longest_line() -> None:
    """Twenty items of a line have twenty subjects."""
    assert all(len(set(kind.subjects)) >= 20 for kind in vocabularies().values())
