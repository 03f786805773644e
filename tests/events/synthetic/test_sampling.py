"""Draws come from the asked group, in proportion to the weights."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.events.synthetic.sampling import GroupSampler, gumbel

GROUP = np.array([1, 0, 1, 0, 2], dtype=np.int32)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=50), st.integers(0, 2**32 - 1))
def test_a_draw_is_a_member_of_its_group(groups: list[int], seed: int) -> None:
    """Law: whatever is drawn belongs to the group it was drawn for."""
    sampler = GroupSampler.of(GROUP, np.array([1.0, 2.0, 3.0, 4.0, 0.5]))
    drawn = sampler.draw(np.random.default_rng(seed), np.array(groups))
    assert groups == GROUP[drawn].tolist()


def test_draws_are_in_proportion_to_the_weights() -> None:
    """Weights 1 and 3 are drawn a quarter and three quarters of the time; weight 0 never."""
    sampler = GroupSampler.of(np.zeros(3, dtype=np.int32), np.array([1.0, 0.0, 3.0]))
    share = np.bincount(sampler.draw(np.random.default_rng(0), np.zeros(40_000, dtype=int)), minlength=3) / 40_000
    assert 0.0 == share[1]
    assert abs(0.25 - share[0]) < 0.01


def test_gumbel_noise_turns_an_argmax_into_a_draw() -> None:
    """The larger of two log-weights wins in proportion to the weights."""
    noisy = np.log([1.0, 3.0]) + gumbel(np.random.default_rng(0), (40_000, 2))
    assert abs(0.75 - noisy.argmax(axis=1).mean()) < 0.01
