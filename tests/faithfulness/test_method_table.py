"""The method table: what is exact is exact, every method is judged by hand, causes are those that were planted."""

from dataclasses import replace

import numpy as np
import pytest

from streamrec_explain.attribution.integrated_gradients import gradient_times_input
from streamrec_explain.attribution.removal import group_events, removal_drops
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.splits import TEST_PHASE, split_phases
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.faithfulness.method_cases import held_out_cases, planted_truth
from streamrec_explain.faithfulness.method_table import MethodCase, MethodTable, method_table
from streamrec_explain.models.session_gradients import embedded_score
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_protocol import SessionScorer
from tests.explanation.conftest import N_ITEMS, tiny_session_model
from tests.reference.transformer import random_transformer


def cases(count: int, length: int = 9) -> list[MethodCase]:
    """Random histories; the planted cause is always the oldest item."""
    rng = np.random.default_rng(3)
    lags = np.arange(length, 0, -1, dtype=np.int32)
    drawn = [rng.permutation(N_ITEMS)[: length + 1].astype(np.int32) for _ in range(count)]
    return [MethodCase(ResolvedHistory(codes[:-1], lags), int(codes[-1]), int(codes[0])) for codes in drawn]


def table_of(model: SessionScorer, count: int = 12) -> MethodTable:
    """The table of a model."""
    return method_table(model, cases(count), np.random.default_rng(0))


def test_contributions_of_the_additive_model_are_removal() -> None:
    """They name the true top two always; so do its gradients, since the score is linear in its events."""
    table = table_of(tiny_session_model(np.random.default_rng(2)))
    rows = {row.method: row for row in table.rows}
    for exact in ("contributions", "removal", "integrated gradients", "gradient x input"):
        assert (12, 12) == (rows[exact].strict.successes, rows[exact].strict.n)
    assert 0 == table.gradients_rejected
    assert rows["random"].strict.successes < 8
    assert "raw attention" not in rows


def test_only_removal_is_exact_for_a_transformer() -> None:
    """Its attention, rollout and gradients name others, and say so; it has no contributions."""
    model = random_transformer(np.random.default_rng(1), N_ITEMS)
    rows = {row.method: row for row in table_of(model).rows}
    assert (12, 12) == (rows["removal"].strict.successes, rows["removal"].strict.n)
    for other in ("raw attention", "attention rollout", "gradient x input"):
        assert 12 > rows[other].strict.successes
    assert "contributions" not in rows


def test_verdicts_are_those_by_hand() -> None:
    """Naming the latest items, judged with removal written out and the oldest item planted."""
    model = random_transformer(np.random.default_rng(1), N_ITEMS)
    (row,) = (row for row in table_of(model).rows if row.method == "the latest items")
    strict, raises = 0, 0
    for case in cases(12):
        codes, groups = case.history.codes, group_events(case.history.codes)
        drops = removal_drops(model, codes, case.history.lags, np.array([case.candidate], np.int32), groups)[0]
        strict += {0, 1} == set(np.argsort(-drops)[:2].tolist())
        raises += bool(drops[0] > 0 and drops[1] > 0)
    assert (strict, raises) == (row.strict.successes, row.both_raise.successes)
    assert (0, 12) == (row.planted.successes, row.planted.n)


def test_gradient_times_input_of_a_linear_score_is_its_terms() -> None:
    """For the additive model the slope times the embedding is the contribution."""
    model: SessionModel = tiny_session_model(np.random.default_rng(2))
    case = cases(1)[0]
    found = gradient_times_input(*embedded_score(model, case.history.codes, case.history.lags, case.candidate))
    expected = model.contributions(case.history.codes, case.history.lags, [case.candidate])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_cases_are_test_events_with_the_strongest_planted_cause() -> None:
    """Each case is an engaged event of the test phase; its cause added most and is in the history."""
    world, truth = generate(SyntheticConfig(users=80, seed=1))
    history, phases = interactions(world), split_phases(world)
    found = held_out_cases(history, phases, 40, np.random.default_rng(0), truth)
    tested = set(history.item[phases[history.row] == TEST_PHASE].tolist())
    assert 10 < len(found) <= 40
    assert all(case.candidate in tested and len(set(case.history.codes.tolist())) >= 3 for case in found)
    caused = [case for case in found if case.cause is not None]
    assert caused
    assert all(case.cause in case.history.codes for case in caused)
    assert planted_truth(80, seed=1).engaged_row.tolist() == truth.engaged_row.tolist()


def test_without_truth_there_is_no_planted_rate() -> None:
    """Then the column says that there is nothing to say."""
    unplanted = [replace(case, cause=None) for case in cases(3)]
    table = method_table(tiny_session_model(np.random.default_rng(2)), unplanted, np.random.default_rng(0))
    assert {None} == {row.planted.value for row in table.rows}
    assert pytest.approx(1.0) == table.rows[0].strict.value
