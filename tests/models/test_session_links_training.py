"""Item-item weights: the closed form written out, served as a head and links, blind to what is rare."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.events.interactions import Interactions
from streamrec_explain.models.session_links_training import LinkConfig, with_item_weights
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_training import training_sequences
from tests.reference.session_links import reference_weights

CONFIG = LinkConfig(per_item=40, ridge=5.0, memory=4.0, window=6, upcoming=3, scale=2.0)
Sequences = tuple[NDArray[np.int32], NDArray[np.int64]]


@pytest.fixture(scope="module")
def sequences(chain: tuple[Interactions, NDArray[np.int8]]) -> Sequences:
    """What may be trained on of the chain."""
    return training_sequences(*chain)


def silent(n_items: int) -> SessionModel:
    """A model that says nothing, of one head of rank 4 and lags up to 9."""
    tables = np.zeros((2, n_items, 1, 4), np.float32)
    return SessionModel(*tables, np.zeros(n_items, np.float32), np.zeros((1, 10), np.float32))


def weights_of(model: SessionModel) -> NDArray[np.float64]:
    """What an event of each item adds to each candidate's score at lag 1, undone of the lag's fading: [N, N]."""
    every = np.arange(model.n_items)
    return np.stack([model.contributions([item], [1], every)[:, 0] for item in every]) / np.exp(-1 / CONFIG.memory)


def test_head_and_all_links_are_the_regression(sequences: Sequences) -> None:
    """With a link to every item, head and links together are the weights solved event by event, but for a constant
    per event: the head is centred."""
    expected = 2.0 * reference_weights(*sequences, 40, CONFIG)
    found = weights_of(with_item_weights(silent(40), *sequences, CONFIG))
    shift = (expected - found).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found + shift, expected, rtol=0, atol=1e-4)


def test_few_links_come_closer_than_none(sequences: Sequences) -> None:
    """The head of rank 4 cannot hold the chain; five links for each item nearly can."""
    expected = 2.0 * reference_weights(*sequences, 40, CONFIG)
    few, hardly = (weights_of(with_item_weights(silent(40), *sequences, replace(CONFIG, per_item=k))) for k in (5, 1))
    far, near = (np.std(found - expected, axis=1).mean() for found in (hardly, few))
    assert near < 0.7 * far


def test_the_next_item_of_the_chain_is_said_most(sequences: Sequences) -> None:
    """The step that most users take has the largest weight of every item."""
    found = weights_of(with_item_weights(silent(40), *sequences, replace(CONFIG, per_item=3)))
    assert [(item + 1) % 40 for item in range(40)] == found.argmax(axis=1).tolist()


def test_weights_fade_within_the_window(sequences: Sequences) -> None:
    """exp(-lag / memory) for lags 1 to 6, 0 beyond, for the head and for the links."""
    model = with_item_weights(silent(40), *sequences, CONFIG)
    expected = [0.0] + [np.exp(-lag / 4.0) for lag in range(1, 7)] + [0.0] * 3
    np.testing.assert_allclose(model.links.curve, expected, rtol=1e-6)
    np.testing.assert_allclose(model.lag_curve[-1], expected, rtol=1e-6)


def test_only_the_most_engaged_items_have_weights(sequences: Sequences) -> None:
    """With room for ten items the others, and those never seen, say nothing and are not linked."""
    model = with_item_weights(silent(45), *sequences, replace(CONFIG, max_items=10))
    top = np.argsort(-np.bincount(sequences[0], minlength=45), kind="stable")[:10]
    others = np.setdiff1d(np.arange(45), top)
    assert not model.event_table[others].any()
    assert not model.links.weights[others].any()
    assert set(model.links.items[top].ravel().tolist()) <= set(top.tolist())


def test_a_small_catalogue_keeps_what_it_has() -> None:
    """Two items can have two links each, and a head of fewer dimensions than its rank."""
    model = with_item_weights(silent(2), np.array([0, 1, 0], np.int32), np.array([0, 3]), CONFIG)
    assert (2, 2) == model.links.items.shape
    assert (2, 2, 4) == model.event_table.shape
