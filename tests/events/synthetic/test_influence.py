"""The fast influence on whole pools equals the sum of the exact contributions."""

import numpy as np

from streamrec_explain.events.synthetic.config import HISTORY_WINDOW, SyntheticConfig
from streamrec_explain.events.synthetic.influence import Influence
from streamrec_explain.events.synthetic.items import make_items

ITEMS = make_items(SyntheticConfig(users=400), np.random.default_rng(3))
INFLUENCE = Influence.of(ITEMS)


def test_pool_influence_is_the_sum_of_contributions() -> None:
    """For windows with gaps, each candidate's influence is what its events contribute together."""
    rng = np.random.default_rng(0)
    window = rng.integers(-1, len(ITEMS), (40, HISTORY_WINDOW), dtype=np.int32)
    pool = rng.integers(0, len(ITEMS), (40, 30), dtype=np.int32)
    fast = INFLUENCE.on_items(window, INFLUENCE.on_lines(window), pool)
    exact = [INFLUENCE.contributions(window, pool[:, column]).sum(axis=1) for column in range(30)]
    assert np.abs(np.column_stack(exact) - fast).max() < 1e-4


def test_an_empty_history_moves_nothing() -> None:
    """A window of -1 has no influence at all."""
    empty = np.full((1, HISTORY_WINDOW), -1, dtype=np.int32)
    assert not INFLUENCE.on_lines(empty).any()
    assert not INFLUENCE.contributions(empty, np.array([0], dtype=np.int32)).any()


def test_the_next_episode_gains_most_and_fades() -> None:
    """The latest episode lifts the next one by at least 1.5, a later event by less."""
    source = int(np.flatnonzero(ITEMS.next_item >= 0)[0])
    window = np.full((2, HISTORY_WINDOW), -1, dtype=np.int32)
    window[0, 0] = window[1, 9] = source
    lift = INFLUENCE.contributions(window, ITEMS.next_item[[source, source]]).sum(axis=1)
    assert lift[0] >= 1.5
    assert lift[1] < lift[0] / 2
