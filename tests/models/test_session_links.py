"""Links: what is refused, what is between two items, and what permuting them means."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.models.session_links import Links
from streamrec_explain.models.session_model import SessionModel


def as_matrix(links: Links) -> NDArray[np.float32]:
    """The links written out, [n_items, n_items]."""
    matrix = np.zeros((len(links.items), len(links.items)), np.float32)
    np.put_along_axis(matrix, links.items.astype(np.int64), links.weights, axis=1)
    return matrix


def test_between_reads_the_matrix(model: SessionModel) -> None:
    """One column of the matrix, for any events."""
    events = np.array([3, 3, 7, 0, 29], np.int32)
    for candidate in range(30):
        expected = as_matrix(model.links)[events, candidate]
        assert expected.tolist() == model.links.between(events, candidate).tolist()


def test_permuting_moves_rows_and_columns(model: SessionModel) -> None:
    """Item i speaks as events[i] did, and j is spoken for as candidates[j] was."""
    rng = np.random.default_rng(2)
    events, candidates = rng.permutation(30), rng.permutation(30)
    found = model.links.permuted(events, candidates)
    assert (as_matrix(model.links)[np.ix_(events, candidates)] == as_matrix(found)).all()


def test_no_links_stay_no_links() -> None:
    """Nothing is between items, permuted or not."""
    none = Links.none()
    assert [0.0, 0.0] == none.between(np.array([0, 1], np.int32), 1).tolist()
    assert none is none.permuted(np.arange(2), np.arange(2))


def test_broken_links_are_refused(model: SessionModel) -> None:
    """Wrong dtype or shape, unsorted rows, foreign items, unknown weights."""
    links = model.links
    nan = links.weights.copy()
    nan[0, 0] = np.nan
    for items in (links.items[:, ::-1].copy(), links.items + 30, links.items - 30, links.items.astype(np.int64)):
        with pytest.raises(UnsupportedModelError):
            replace(links, items=items)
    for weights in (nan, links.weights[:, 1:].copy()):
        with pytest.raises(UnsupportedModelError):
            replace(links, weights=weights)
    with pytest.raises(UnsupportedModelError):
        replace(links, curve=links.curve[None])
