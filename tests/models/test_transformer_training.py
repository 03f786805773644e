"""Training the transformer: served as it was trained, looking only backwards, by the loop of every session model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from streamrec_explain.events.interactions import Interactions
from streamrec_explain.models.session_training import TrainedSession, train_session_model
from streamrec_explain.models.transformer_model import TransformerModel
from streamrec_explain.models.transformer_network_training import TransformerNetwork
from streamrec_explain.models.transformer_training import TransformerTrainingConfig

SMALL = TransformerTrainingConfig(
    width=16, inner=16, epochs=15, weight_decay=0.1, positions=256, max_lag=30, learning_rate=1e-2, threads=1
)
History = tuple[Interactions, NDArray[np.int8]]


@pytest.fixture(scope="module")
def network() -> TransformerNetwork:
    """An untrained network whose every parameter matters."""
    torch.manual_seed(3)
    made = TransformerNetwork(torch.arange(50), 16, 2, 2, 24, 12, dropout=0.3).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return made


@pytest.fixture(scope="module")
def trained(chain: History) -> TrainedSession:
    """A small model of the chain."""
    return train_session_model(*chain, n_items=40, config=SMALL)


def test_served_scores_equal_torch(network: TransformerNetwork) -> None:
    """Scores of the exported arrays equal the network's centred logits within 1e-5 at every place."""
    items = torch.randint(0, 50, (3, 12))
    with torch.no_grad():
        logits = network.logits(network.summaries(items).flatten(0, 1)).double().view(3, 12, 50)
    expected = (logits - logits.mean(dim=2, keepdim=True)).numpy()
    model = network.export()
    for window in range(3):
        for place in range(12):
            found = model.scores(items[window, :place].numpy(), np.arange(place, 0, -1), np.arange(50))
            np.testing.assert_allclose(found, expected[window, place], rtol=0, atol=1e-5)


def test_padding_and_later_events_never_matter(network: TransformerNetwork) -> None:
    """What follows a place, padding or not, changes nothing at it."""
    items = torch.randint(0, 50, (1, 9))
    longer = torch.cat([items, torch.zeros(1, 5, dtype=torch.int64)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(network.summaries(longer)[:, :9], network.summaries(items), rtol=0, atol=1e-6)


def test_distances_beyond_the_horizon_count_as_the_longest(network: TransformerNetwork) -> None:
    """A window longer than max_lag trains on: far events are read, none is lost, nothing overflows."""
    with torch.no_grad():
        assert torch.isfinite(network.summaries(torch.randint(0, 50, (2, 40)))).all()


def test_network_of_served_arrays_is_the_served_model(transformer: TransformerModel) -> None:
    """Rebuilt for gradients, it scores as the served arrays do, gaps in the history included."""
    network = TransformerNetwork.of(transformer)
    history, lags = np.array([3, 7, 3, 20]), np.array([15, 9, 4, 2])
    with torch.no_grad():
        embeddings = network.event_ND[torch.from_numpy(history)]
        found = network.logits(network.encode(embeddings[None], torch.from_numpy(lags))[:, -1])[0].numpy()
    np.testing.assert_allclose(found, transformer.scores(history, lags, np.arange(30)), rtol=0, atol=1e-12)


def test_export_of_the_network_of_a_model_keeps_every_bit(network: TransformerNetwork) -> None:
    """Arrays to network and back are the same arrays."""
    model = network.export()
    again = TransformerNetwork.of(model).export()
    for name in ("projections", "expand", "shrink", "norms", "final_norm", "distance_bias", "event_table"):
        assert getattr(model, name).tobytes() == getattr(again, name).tobytes()


def test_training_is_deterministic(chain: History, trained: TrainedSession) -> None:
    """Equal configuration and data give equal bits; another seed does not."""
    again = train_session_model(*chain, n_items=40, config=SMALL)
    other = train_session_model(*chain, n_items=40, config=replace(SMALL, seed=1, steps=5))
    assert trained.losses == again.losses
    assert isinstance(trained.model, TransformerModel)
    assert trained.model.event_table.tobytes() == again.model.event_table.tobytes()
    assert trained.model.event_table.tobytes() != other.model.event_table.tobytes()


def test_the_chain_is_learned(trained: TrainedSession) -> None:
    """The loss falls well below chance, and the next item wins after most items."""
    assert trained.losses[-1] < 0.6 * np.log(40)
    best = [int(np.argmax(trained.model.scores([item], [1], np.arange(40)))) for item in range(40)]
    assert 35 <= sum(found == (item + 1) % 40 for item, found in enumerate(best))


def test_rate_rises_then_falls_as_a_cosine() -> None:
    """A tenth of the steps warms up; the last steps hardly move."""
    config = replace(SMALL, warmup=0.1)
    rates = [config.rate_at(step, 100) for step in range(100)]
    assert 0.1 == pytest.approx(rates[0])
    assert 9 == int(np.argmax(rates))
    assert sorted(rates[9:], reverse=True) == rates[9:]
    assert 0.001 > rates[-1]
