"""Clustered intervals: the plain ones where nothing is clustered, wider where clusters agree, and they cover."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.statistics.clustered import ClusteredSample, clustered_mean, clustered_rate
from streamrec_explain.statistics.intervals import clopper_pearson


def alone(n: int) -> ClusteredSample:
    """Observations of equal weight, each a cluster of its own."""
    return ClusteredSample.of(np.ones(n), np.arange(n))


@given(st.integers(0, 40), st.integers(0, 40))
def test_single_observations_have_the_exact_interval(hits: int, misses: int) -> None:
    """Equal weights, no clusters: Clopper-Pearson at (almost) the number of observations."""
    outcomes = [True] * hits + [False] * misses
    found = clustered_rate(outcomes, alone(len(outcomes)))
    expected = clopper_pearson(hits, hits + misses)
    assert expected.low == pytest.approx(found.low, abs=0.02)
    assert expected.high == pytest.approx(found.high, abs=0.02)
    if not hits or not misses:
        assert (expected.low, expected.high) == pytest.approx((found.low, found.high))


@given(st.integers(2, 30), st.integers(2, 6))
def test_copies_of_an_observation_add_nothing(clusters: int, copies: int) -> None:
    """Every cluster the same answer several times: the interval is no narrower than that of one answer each."""
    answers = np.arange(clusters) % 3 == 0
    once = clustered_rate(answers, alone(clusters))
    several = ClusteredSample.of(np.ones(clusters * copies), np.repeat(np.arange(clusters), copies))
    repeated = clustered_rate(np.repeat(answers, copies), several)
    if answers.all() or not answers.any():
        return  # nothing is known of the likeness of clusters
    assert repeated.low <= once.low + 1e-9
    assert repeated.high >= once.high - 1e-9
    assert repeated.n_effective <= clusters + 1e-9


def test_many_clusters_of_copies_are_as_good_as_single_observations() -> None:
    """With 400 clusters the price for not knowing their variance is gone."""
    answers = np.arange(400) % 3 == 0
    once = clustered_rate(answers, alone(400))
    repeated = clustered_rate(np.repeat(answers, 5), ClusteredSample.of(np.ones(2_000), np.repeat(np.arange(400), 5)))
    assert (once.low, once.high) == pytest.approx((repeated.low, repeated.high), abs=5e-4)


def test_weights_undo_an_uneven_sample() -> None:
    """Nine of ten observations come from a tenth of the population: the weighted rate is the population's."""
    outcomes = np.r_[np.ones(90, bool), np.zeros(10, bool)]
    weights = np.r_[np.full(90, 1 / 9), np.full(10, 9.0)]
    sample = ClusteredSample.of(weights, np.arange(100))
    assert 0.1 == pytest.approx(clustered_rate(outcomes, sample).value)
    assert sample.kish < 15


@pytest.mark.parametrize("likeness", [0.0, 0.8])
def test_intervals_cover(likeness: float) -> None:
    """Clusters of six that (almost) agree: 95% intervals hold the truth at least 92% of the time."""
    rng, truth, covered = np.random.default_rng(2), 0.9, 0
    for _ in range(400):
        shared = np.repeat(rng.random(120) < truth, 6)
        own = rng.random(720) < truth
        outcomes = np.where(rng.random(720) < likeness, shared, own)
        found = clustered_rate(outcomes, ClusteredSample.of(np.ones(720), np.repeat(np.arange(120), 6)))
        covered += found.low <= truth <= found.high
    assert covered >= 0.92 * 400


def test_means_have_the_interval_of_their_clusters() -> None:
    """Four clusters with means 0, 1, 2, 3: the standard error of those four numbers."""
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 5)
    found = clustered_mean(values, ClusteredSample.of(np.ones(20), np.repeat(np.arange(4), 5)))
    half = 1.959964 * np.std([0, 1, 2, 3], ddof=1) / 2
    assert (1.5 - half, 1.5, 1.5 + half) == pytest.approx((found.low, found.value, found.high), abs=1e-5)


def test_nothing_observed_nothing_known() -> None:
    """No observation: any rate is possible; one cluster: its mean has no interval."""
    empty = clustered_rate([], alone(0))
    assert (0.0, 1.0, 0) == (empty.low, empty.high, empty.n)
    assert isnan(empty.value)
    assert isnan(clustered_mean([1.0, 2.0], ClusteredSample.of([1, 1], [7, 7])).low)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, float("inf")]])
def test_bad_weights_are_refused(weights: list[float]) -> None:
    """One positive finite weight per observation."""
    with pytest.raises(InvalidInputError):
        ClusteredSample.of(weights, [1, 2])
