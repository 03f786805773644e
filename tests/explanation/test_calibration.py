"""Calibrated margins silence random attention, on other permutations than they were chosen on too."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.explanation.calibration import LENGTHS, Calibration, calibrate
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history_pull import history_pull, random_attention
from streamrec_explain.explanation.margins import margin, upper_bound
from streamrec_explain.explanation.thresholds import LEAST_MARGIN
from streamrec_explain.statistics.intervals import wilson
from tests.explanation.ranked_lists import random_list


@pytest.fixture(scope="module")
def calibrated(bundle: EngineBundle) -> Calibration:
    """Thresholds of the tiny release from 60 lists."""
    contexts = [random_list(bundle, seed, length=55) for seed in range(60)]
    return calibrate(bundle, contexts, np.random.default_rng(0))


def test_the_random_model_rarely_triggers(calibrated: Calibration) -> None:
    """At every length the upper bound is at most 1%, as the report says."""
    for rate in calibrated.report.history:
        assert 60 * 10 * 3 == rate.random_n
        assert wilson(rate.random_triggered, rate.random_n).high <= rate.random_high + 1e-3
        assert rate.random_high <= 0.01


def test_margins_hold_on_new_lists_and_permutations(bundle: EngineBundle, calibrated: Calibration) -> None:
    """Other lists, other permutations: below 3%, with only 30 items in the catalogue."""
    rng = np.random.default_rng(99)
    randoms = [replace(bundle, session_model=random_attention(bundle.session_model, rng)) for _ in range(3)]
    contexts = [random_list(bundle, seed, length=55) for seed in range(1_000, 1_040)]
    for length in LENGTHS:
        fired = history_pull(randoms, contexts, length).triggers(calibrated.thresholds)
        assert 0.03 >= fired.mean(), length


def test_margins_are_never_below_a_quarter_more_odds(calibrated: Calibration) -> None:
    """ln 1.25 at least, and one item alone needs no less than each of two."""
    thresholds = calibrated.thresholds
    assert LEAST_MARGIN <= thresholds.history_margin <= thresholds.history_single_margin
    assert LEAST_MARGIN <= thresholds.personalized_margin
    assert 0.0 == thresholds.history_raw_margin


def test_the_smallest_margin_is_chosen(calibrated: Calibration) -> None:
    """The margins are no larger than needed: at some length the budget is nearly used up."""
    assert 0.008 < max(rate.random_high for rate in calibrated.report.history)


def test_trending_stays_rare(calibrated: Calibration) -> None:
    """A quarter of the items is loud with the same rank: the bound falls below that rank, or tells the rate."""
    report = calibrated.report
    assert 600 == report.trending_n
    assert calibrated.thresholds.trending_max_rank < 3
    assert 0 == report.trending_fired


def test_no_lists_no_calibration(bundle: EngineBundle) -> None:
    """Thresholds are never made from nothing."""
    with pytest.raises(InvalidInputError):
        calibrate(bundle, [], np.random.default_rng(0))


def test_calibration_is_deterministic(bundle: EngineBundle) -> None:
    """The same lists and the same seed: the same thresholds."""
    contexts = [random_list(bundle, seed, length=5) for seed in range(5)]
    first, second = (calibrate(bundle, contexts, np.random.default_rng(4)) for _ in range(2))
    assert first == second


@given(st.lists(st.integers(0, 50).map(float), min_size=1, max_size=500), st.sampled_from([0.01, 0.05, 0.2]))
def test_margin_keeps_the_upper_bound(values: list[float], target: float) -> None:
    """Whatever the values and however they are alike: exceeded so rarely that the bound holds, or not at all."""
    numbers, clusters = np.array(values), np.arange(len(values)) // 4
    exceeded = numbers > margin(numbers, clusters, target)
    assert not exceeded.any() or upper_bound(exceeded, clusters) <= target


def test_likeness_within_clusters_costs_margin() -> None:
    """Where the loud values all come from the same few clusters the margin must be larger."""
    values = np.repeat(np.random.default_rng(1).exponential(size=200), 20)
    together, apart = np.repeat(np.arange(200), 20), np.arange(4_000)
    assert margin(values, together, 0.05) > margin(values, apart, 0.05)


def test_what_exceeds_every_margin_uses_up_the_budget() -> None:
    """Infinite values count, and leave less for the others."""
    values, clusters = np.arange(1_000.0), np.arange(1_000)
    taken = np.where(values >= 990, np.inf, values)
    assert margin(values, clusters, 0.05) > 0
    assert margin(values, clusters, 0.05) == margin(taken, clusters, 0.05)
    assert 899 == margin(np.where(values >= 900, np.inf, values), clusters, 0.05)
