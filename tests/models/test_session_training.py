"""Training the session model: deterministic, faithful to torch, learns, refuses what cannot be learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from streamrec_explain.errors import TrainingError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.models.session_links import Links
from streamrec_explain.models.session_network_training import SessionNetwork
from streamrec_explain.models.session_training import SessionTrainingConfig, TrainedSession, train_session_model

SMALL = SessionTrainingConfig(heads=2, rank=8, epochs=15, weight_decay=0.1, positions=256, max_lag=30, threads=1)
History = tuple[Interactions, NDArray[np.int8]]


@pytest.fixture(scope="module")
def trained(chain: History) -> TrainedSession:
    """A small model of the chain."""
    return train_session_model(*chain, n_items=40, config=SMALL)


def test_training_is_deterministic(chain: History, trained: TrainedSession) -> None:
    """Equal configuration and data give equal bits whatever torch's random state; another seed does not."""
    torch.manual_seed(99)
    again = train_session_model(*chain, n_items=40, config=SMALL)
    other = train_session_model(*chain, n_items=40, config=replace(SMALL, seed=1))
    assert trained.losses == again.losses
    assert trained.model.event_table.tobytes() == again.model.event_table.tobytes()
    assert trained.model.event_table.tobytes() != other.model.event_table.tobytes()


def test_training_leaves_torch_as_it_was(chain: History) -> None:
    """Neither the thread count nor the random stream of the caller moves."""
    before = torch.get_num_threads(), torch.get_rng_state()
    train_session_model(*chain, n_items=40, config=replace(SMALL, epochs=1, threads=before[0] + 1))
    assert before[0] == torch.get_num_threads()
    assert torch.equal(before[1], torch.get_rng_state())


def test_loss_falls_below_chance(trained: TrainedSession) -> None:
    """The chain is learned: well below the uniform loss of ln 40 nats."""
    assert trained.losses[-1] < 0.6 * np.log(40)
    assert (SMALL.epochs, 1800, 200) == (len(trained.losses), trained.n_events, trained.n_sequences)


def test_held_out_events_do_not_matter(chain: History, trained: TrainedSession) -> None:
    """Changing every event of phases 1 and 2 changes no bit of the model."""
    interactions, phases = chain
    held_out = phases[interactions.row] > 0
    changed = replace(interactions, item=np.where(held_out, 0, interactions.item).astype(np.int32))
    model = train_session_model(changed, phases, n_items=40, config=SMALL).model
    assert trained.model.candidate_table.tobytes() == model.candidate_table.tobytes()


def test_tables_are_centred(trained: TrainedSession) -> None:
    """Without links the average item scores 0 after any history."""
    scores = replace(trained.model, links=Links.none()).scores([1, 2, 3], [3, 2, 1], np.arange(40))
    assert 0.0 == pytest.approx(scores.mean(), abs=1e-6)


def test_sampled_softmax_learns_the_chain_too(chain: History) -> None:
    """With the catalogue counted as large, the next item still wins after most items."""
    config = replace(SMALL, full_softmax_items=10, negatives=16, epochs=12)
    model = train_session_model(*chain, n_items=40, config=config).model
    best = [int(np.argmax(model.scores([item], [1], np.arange(40)))) for item in range(40)]
    assert 30 <= sum(found == (item + 1) % 40 for item, found in enumerate(best))


@pytest.mark.parametrize("attributes", [0, 6])
def test_served_scores_equal_torch(attributes: int) -> None:
    """NumPy scores of the exported arrays equal the network's centred logits within 1e-5 at every place."""
    torch.manual_seed(3)
    content = (torch.rand(50, attributes) < 0.3).float().to_sparse() if attributes else None
    network = SessionNetwork(torch.arange(50), heads=4, rank=64, max_lag=12, dropout=0.3, content=content).eval()
    torch.nn.init.normal_(network.bias_F)
    items = torch.randint(0, 50, (3, 25))
    with torch.no_grad():
        logits = network.logits(network.summaries(items).flatten(0, 1)).double().view(3, 25, 50)
    expected = (logits - logits.mean(dim=2, keepdim=True)).numpy()
    model = network.export()
    for window in range(3):
        for place in range(25):
            lags = np.arange(place, 0, -1)
            found = model.scores(items[window, :place].numpy(), lags, np.arange(50))
            np.testing.assert_allclose(found, expected[window, place], rtol=0, atol=1e-5)


def test_attributes_speak_for_items_nobody_engaged_with(chain: History) -> None:
    """An item that shares its only attribute with the next of the chain is expected after it; without it is not."""
    content = csr_array(np.vstack([np.eye(40), np.eye(40)]).astype(np.float32))  # items 40 to 79 are twins
    config = replace(SMALL, content_decay=0.1, links=None)

    def expected_twin(known: csr_array | None) -> int:
        model = train_session_model(*chain, n_items=80, config=config, content=known).model
        twins = [int(np.argmax(model.scores([item], [1], np.arange(40, 80)))) for item in range(40)]
        return sum(found == (item + 1) % 40 for item, found in enumerate(twins))

    assert expected_twin(content) >= 30
    assert expected_twin(None) <= 5


def test_content_without_attributes_changes_no_bit(chain: History, trained: TrainedSession) -> None:
    """A catalogue whose titles share nothing is learned as one without titles."""
    again = train_session_model(*chain, n_items=40, config=SMALL, content=csr_array((40, 0), dtype=np.float32))
    assert trained.losses == again.losses


def test_nothing_to_learn_is_refused(chain: History) -> None:
    """A world without two training events of one user cannot be trained on."""
    interactions, phases = chain
    with pytest.raises(TrainingError, match="two engaged events"):
        train_session_model(interactions, np.full_like(phases, 2), n_items=40, config=SMALL)


def test_divergence_is_refused(chain: History) -> None:
    """A loss that leaves the finite numbers stops the training instead of being exported."""
    with pytest.raises(TrainingError, match="learning_rate"):
        train_session_model(*chain, n_items=40, config=replace(SMALL, learning_rate=1e30))


def test_more_data_is_seen_less_often() -> None:
    """Left open, the number of epochs falls from 10 to 5 as the events grow; a number given is kept."""
    found = [SessionTrainingConfig().epochs_for(events) for events in (10, 50_000, 250_000, 10_000_000)]
    assert [10, 10, 6, 5] == found
    assert 15 == SMALL.epochs_for(10_000_000)
