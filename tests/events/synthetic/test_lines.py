"""Lines fill the catalogue exactly and their links are sparse and directed."""

import numpy as np
import pytest

from streamrec_explain.events.synthetic.lines import RIVAL_LINK, make_lines


@pytest.mark.parametrize("n_items", [400, 1_500, 4_000])
def test_lines_hold_exactly_the_items(n_items: int) -> None:
    """Sizes of 8 to 20 add up to the catalogue."""
    size = make_lines(n_items, np.random.default_rng(0)).size
    assert n_items == size.sum()
    assert (size >= 8).all() and (size <= 20).all()


def test_links_are_sparse_and_directed() -> None:
    """At most six links leave a line, and most have no link back."""
    matrix = make_lines(1_500, np.random.default_rng(0)).matrix
    linked = matrix != 0
    assert linked.sum(axis=1).max() <= 6
    assert (linked & linked.T & ~np.eye(len(linked), dtype=bool)).sum() < 0.3 * linked.sum()


def test_siblings_share_a_creator_and_topics_are_other_lines() -> None:
    """The second target has the same creator; the topics are never the line itself."""
    lines = make_lines(1_500, np.random.default_rng(0))
    own = np.arange(len(lines))
    assert np.array_equal(lines.creator, lines.creator[lines.targets[:, 1]])
    assert not (lines.targets[:, 2:] == own[:, None]).any()


def test_only_the_rival_is_negative() -> None:
    """Five links attract, one repels."""
    weights = make_lines(1_500, np.random.default_rng(0)).weights
    assert (weights[:, :5] >= 0).all()
    assert (weights[:, 5] < 0.7 * RIVAL_LINK).all()
