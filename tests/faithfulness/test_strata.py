"""Strata: who is drawn, how many, and what they stand for."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.faithfulness.strata import Stratum, allocate, draw, length_band

SIZES = st.dictionaries(
    st.builds(Stratum, st.sampled_from(["a", "b", "c"]), st.sampled_from(["US", "EU"]), st.just("1-4")),
    st.integers(1, 400),
)


@pytest.mark.parametrize(
    ("band", "events"),
    [("0", 0), ("1-4", 1), ("1-4", 4), ("5-9", 5), ("10-19", 10), ("20-49", 49), ("50+", 50), ("50+", 10_000)],
)
def test_every_length_has_its_band(band: str, events: int) -> None:
    """Bands meet without gap or overlap."""
    assert band == length_band(events)


@given(SIZES, st.integers(0, 1_000))
def test_allocation_fills_what_is_wanted(sizes: dict[Stratum, int], wanted: int) -> None:
    """All that is wanted or all there is, never more of a stratum than it has, and some of each where there is room."""
    chosen = allocate(sizes, wanted)
    assert min(wanted, sum(sizes.values())) == sum(chosen.values())
    assert all(0 <= chosen[stratum] <= size for stratum, size in sizes.items())
    least = min(30, wanted // max(len(sizes), 1))
    assert all(chosen[stratum] >= min(size, least) for stratum, size in sizes.items())


def test_large_strata_are_drawn_in_proportion() -> None:
    """Twice the size, about twice the number."""
    small, large = Stratum("a", "US", "1-4"), Stratum("b", "US", "1-4")
    chosen = allocate({small: 10_000, large: 20_000}, 3_000)
    assert 2.0 == pytest.approx(chosen[large] / chosen[small], rel=0.05)


@given(SIZES, st.integers(1, 1_000), st.integers(0, 9))
def test_weights_add_up_to_the_frame(sizes: dict[Stratum, int], wanted: int, seed: int) -> None:
    """For every stratum that was drawn from, so that weighted counts are the frame's own."""
    frame = [stratum for stratum, size in sizes.items() for _ in range(size)]
    sample = draw(frame, wanted, np.random.default_rng(seed))
    assert len(set(sample.rows.tolist())) == min(wanted, len(frame))
    standing_for: Counter[Stratum] = Counter()
    for row, weight in zip(sample.rows.tolist(), sample.weights.tolist(), strict=True):
        standing_for[frame[row]] += weight
    for stratum, mass in standing_for.items():
        assert sizes[stratum] == pytest.approx(mass)


def test_every_member_is_as_likely_as_the_others() -> None:
    """Over many seeds each of 40 members of a stratum is drawn about as often (five standard errors)."""
    frame = [Stratum("a", "US", "1-4")] * 40
    counts = np.zeros(40)
    for seed in range(2_000):
        counts[draw(frame, 10, np.random.default_rng(seed)).rows] += 1
    assert counts == pytest.approx(np.full(40, 500.0), abs=5 * np.sqrt(2_000 * 0.25 * 0.75))
