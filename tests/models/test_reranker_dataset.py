"""The re-ranker's rows: which impressions, in which phase, scored with the history strictly before them."""

import numpy as np
import pytest

from streamrec_explain.events.interactions import codes, engaged, interactions
from streamrec_explain.events.splits import split_phases
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC, SESSION_SCORE
from streamrec_explain.features.training_table import training_values
from streamrec_explain.models.reranker_dataset import NEGATIVES_PER_POSITIVE, RerankerDataset, reranker_dataset
from streamrec_explain.models.session_model import SessionModel
from tests.reference.small_world import random_world

N_ITEMS = 12


@pytest.fixture(scope="module")
def session_model() -> SessionModel:
    """A session model of random tables, lags up to 20."""
    rng = np.random.default_rng(1)
    event, candidate = rng.normal(size=(2, N_ITEMS, 2, 4)).astype(np.float32)
    return SessionModel(event, candidate, np.zeros(N_ITEMS, np.float32), rng.normal(size=(2, 21)).astype(np.float32))


def dataset_of(world: World, model: SessionModel, seed: int = 0) -> RerankerDataset:
    """The dataset of a world under its own split, more of it held out than usual."""
    phases = split_phases(world, (0.5, 0.3, 0.2))
    return reranker_dataset(world, DEFAULT_SPEC, Catalogue.from_items(world.items), model, phases, seed)


@pytest.fixture(scope="module")
def world() -> World:
    """Four hundred random impressions."""
    return random_world(1, n=400, n_items=N_ITEMS)


@pytest.fixture(scope="module")
def dataset(world: World, session_model: SessionModel) -> RerankerDataset:
    """The dataset of the random world."""
    return dataset_of(world, session_model)


@pytest.fixture(scope="module")
def sampled(session_model: SessionModel) -> tuple[World, RerankerDataset]:
    """A world of positives only, with its dataset."""
    world = random_world(2, n=300, n_items=N_ITEMS, negatives="sampled", split="per_user_time")
    return world, dataset_of(world, session_model)


def test_rows_are_the_shown_impressions_after_the_session_phase(world: World, dataset: RerankerDataset) -> None:
    """All of them, in order, with the label of the click and the phase of the split."""
    phases = split_phases(world, (0.5, 0.3, 0.2))
    shown, clicked = (world.impressions[name].to_numpy() for name in ("shown", "clicked"))
    expected = [row for row in range(400) if shown[row] and phases[row] > 0]
    assert expected == dataset.rows.tolist()
    assert clicked[expected].tolist() == dataset.labels.tolist()
    assert phases[expected].tolist() == dataset.phases.tolist()


def test_users_are_those_of_the_impressions(world: World, dataset: RerankerDataset) -> None:
    """By code: the row in the users table."""
    ids = np.array(world.users["user_id"].to_pylist())[dataset.users]
    assert world.impressions["user_id"].to_numpy(zero_copy_only=False)[dataset.rows].tolist() == ids.tolist()


def test_session_scores_are_of_the_history_strictly_before(
    world: World, session_model: SessionModel, dataset: RerankerDataset
) -> None:
    """The score column equals the model asked again with each row's own past, bit for bit."""
    events, items = interactions(world), codes(world.impressions["item_id"], world.items["item_id"])
    times = world.impressions["timestamp_ms"].to_numpy()
    column = dataset.features[:, DEFAULT_SPEC.index(SESSION_SCORE)]
    for place, row in enumerate(dataset.rows.tolist()):
        past = events.of(int(dataset.users[place]))
        earlier = past.item[past.time_ms < times[row]]
        lags = np.arange(len(earlier), 0, -1)
        assert session_model.scores(earlier, lags, [items[row]])[0] == column[place]


def test_features_and_facts_are_those_of_the_training_table(world: World, dataset: RerankerDataset) -> None:
    """The same values row by row."""
    scores = dataset.features[:, DEFAULT_SPEC.index(SESSION_SCORE)]
    catalogue = Catalogue.from_items(world.items)
    features, facts = training_values(world, DEFAULT_SPEC, catalogue, dataset.rows, scores)
    np.testing.assert_array_equal(features, dataset.features)
    np.testing.assert_array_equal(facts, dataset.facts)


@pytest.mark.parametrize("kind", ["shown", "sampled"])
def test_training_validation_and_test_share_out_the_rows(
    dataset: RerankerDataset, sampled: tuple[World, RerankerDataset], kind: str
) -> None:
    """No row is in two of them or in none; validation is the last tenth of the re-ranker's phase."""
    whole = dataset if kind == "shown" else sampled[1]
    training, validation, test = whole.training, whole.validation, whole.test
    own = whole.where(whole.phases == 1)
    assert len(whole) == len(training) + len(validation) + len(test)
    assert len(own) // 10 == len(validation)
    assert own.rows.tolist() == [*training.rows.tolist(), *validation.rows.tolist()]
    assert {2} == set(test.phases.tolist())


def test_chosen_rows_stay_together(dataset: RerankerDataset) -> None:
    """Every column is cut alike."""
    chosen = dataset.where(dataset.labels)
    assert chosen.labels.all()
    assert {int(dataset.labels.sum())} == {len(column) for column in vars(chosen).values()}


def test_at_one_moment_a_user_is_the_same_in_all_rows(dataset: RerankerDataset) -> None:
    """User features are those of the user's first row, everything else is the row's own."""
    held = dataset.at_one_moment(DEFAULT_SPEC)
    own = [DEFAULT_SPEC.index(name) for name in DEFAULT_SPEC.names_of("user")]
    for place, user in enumerate(dataset.users):
        first = int(np.argmax(dataset.users == user))
        np.testing.assert_array_equal(dataset.features[first, own], held[place, own])
    others = np.setdiff1d(np.arange(len(DEFAULT_SPEC)), own)
    np.testing.assert_array_equal(dataset.features[:, others], held[:, others])
    assert (held[:, own] != dataset.features[:, own]).any()


def test_sampled_worlds_get_negatives_beside_each_positive(sampled: tuple[World, RerankerDataset]) -> None:
    """Positives are the engaged impressions; up to ten negatives each are of the same row, user and phase."""
    world, dataset = sampled
    phases = split_phases(world, (0.5, 0.3, 0.2))
    expected = np.flatnonzero(engaged(world.impressions) & (phases > 0))
    assert expected.tolist() == dataset.rows[dataset.labels].tolist()
    negatives = dataset.where(~dataset.labels)
    assert set(negatives.rows.tolist()) <= set(expected.tolist())
    assert 0 < np.bincount(negatives.rows).max() <= NEGATIVES_PER_POSITIVE
    assert phases[dataset.rows].tolist() == dataset.phases.tolist()


def test_equal_seeds_sample_alike(sampled: tuple[World, RerankerDataset], session_model: SessionModel) -> None:
    """The same candidates for the same seed, others for another."""
    world, dataset = sampled
    again, other = (dataset_of(world, session_model, seed) for seed in (0, 1))
    np.testing.assert_array_equal(dataset.features, again.features)
    assert dataset.features.shape != other.features.shape or not np.array_equal(
        dataset.features, other.features, equal_nan=True
    )
