"""The comparison of kinds of session model: equal time, the same users, ratios by hand."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.splits import TEST_PHASE
from streamrec_explain.models.ranking_metrics import ndcg
from streamrec_explain.models.session_comparison import Contestant, compare_ranking, train_for
from streamrec_explain.models.session_costs import serving_costs
from streamrec_explain.models.session_evaluation import rank_targets, targets
from streamrec_explain.models.session_kinds import training_config
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_protocol import KINDS
from streamrec_explain.models.session_training import SessionTrainingConfig
from streamrec_explain.models.transformer_model import TransformerModel
from streamrec_explain.models.transformer_training import TransformerTrainingConfig

History = tuple[Interactions, NDArray[np.int8]]
ADDITIVE = SessionTrainingConfig(heads=2, rank=8, weight_decay=0.1, positions=128, max_lag=30, threads=1, links=None)
TRANSFORMER = TransformerTrainingConfig(width=16, inner=16, positions=128, max_lag=30, threads=1)


class SteppedClock:
    """A clock on which every reading is `step` seconds after the one before."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def contestant(kind: str, seed: int, chain: History, steps: int) -> Contestant:
    """A small model of the chain; on the stepped clock 12 steps seem to take one second."""
    config = replace(ADDITIVE if kind == "additive" else TRANSFORMER, seed=seed)
    return train_for(kind, *chain, n_items=40, config=config, seconds=steps / 12, clock=SteppedClock(1.0))


@pytest.fixture(scope="module")
def both(chain: History) -> tuple[list[Contestant], list[Contestant]]:
    """Two additive models and one transformer, trained for 60 steps each."""
    additive = [contestant("additive", seed, chain, 60) for seed in (0, 1)]
    return additive, [contestant("transformer", 0, chain, 60)]


def test_as_many_steps_as_fit_the_time(both: tuple[list[Contestant], list[Contestant]]) -> None:
    """Equal time at equal cost means equal steps; each kind makes its own model."""
    assert [60, 60, 60] == [each.training.steps for part in both for each in part]
    assert (SessionModel, TransformerModel) == (type(both[0][0].model), type(both[1][0].model))


def test_ratio_is_that_of_means_over_seeds_and_users(
    chain: History, both: tuple[list[Contestant], list[Contestant]]
) -> None:
    """By hand: NDCG@10 per user, the mean over seeds, then over users."""
    held_out = targets(*chain, TEST_PHASE)
    first, second = (
        np.mean([ndcg(rank_targets(each.model, chain[0], held_out, 40)) for each in part], axis=0) for part in both
    )
    found = compare_ranking(*both, *chain)
    assert first.mean() / second.mean() == pytest.approx(found.ratio.value)
    assert first.mean() - second.mean() == pytest.approx(found.difference.value)
    assert found.ratio.low <= found.ratio.value <= found.ratio.high
    assert ["additive", "additive", "transformer"] == [run.training.kind for run in found.runs]


def test_a_model_against_itself_is_at_par(chain: History, both: tuple[list[Contestant], list[Contestant]]) -> None:
    """The same model on both sides: ratio exactly 1, difference exactly 0, without any spread."""
    same = both[0][:1]
    found = compare_ranking(same, same, *chain)
    assert (1.0, 1.0, 1.0) == (found.ratio.value, found.ratio.low, found.ratio.high)
    assert (0.0, 0.0, 0.0) == (found.difference.value, found.difference.low, found.difference.high)


def test_nothing_to_compare_is_refused(chain: History, both: tuple[list[Contestant], list[Contestant]]) -> None:
    """A side without a model has no mean."""
    with pytest.raises(InvalidInputError, match="each kind"):
        compare_ranking(both[0], [], *chain)


def test_costs_are_medians_of_interleaved_repeats() -> None:
    """On a clock that moves with every reading both take the same; the order of the models is kept."""
    rng = np.random.default_rng(0)

    def table(*shape: int) -> NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    model = SessionModel(table(60, 2, 4), table(60, 2, 4), table(60), table(2, 61))
    found = serving_costs({"a": model, "b": model}, rng, SteppedClock(1e-3), repeats=3)
    assert ["a", "b"] == [cost.kind for cost in found]
    assert [1000.0] * 4 == pytest.approx([value for cost in found for value in (cost.scores_us, cost.effects_us)])


def test_every_kind_has_a_configuration() -> None:
    """Names and configurations belong together, and another name is refused."""
    assert ("additive", "transformer") == KINDS
    assert [SessionTrainingConfig, TransformerTrainingConfig] == [type(training_config(kind, 0)) for kind in KINDS]
    with pytest.raises(InvalidInputError, match="additive, transformer"):
        training_config("other", 0)
