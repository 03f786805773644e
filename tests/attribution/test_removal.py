"""Removal on a plain additive score and on one that renormalises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamrec_explain.attribution.removal import closed_up_drops, group_events, largest, removal_drops

CODES = st.lists(st.integers(0, 5), max_size=12).map(lambda codes: np.array(codes, dtype=np.int32))


class Additive:
    """A score that adds table[event, candidate] / lag per event."""

    def __init__(self, table: NDArray[np.float64]) -> None:
        self.table = table

    def contributions(
        self, history: NDArray[np.int32], lags: NDArray[np.int32], candidates: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        return (self.table[history][:, candidates] / lags[:, None]).T.reshape(len(candidates), len(history))

    def scores(
        self, history: NDArray[np.int32], lags: NDArray[np.int32], candidates: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        return self.contributions(history, lags, candidates).sum(axis=1)


class Averaging(Additive):
    """The same terms divided by the number of events: removal changes every term."""

    def scores(
        self, history: NDArray[np.int32], lags: NDArray[np.int32], candidates: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        return super().scores(history, lags, candidates) / max(len(history), 1)


CANDIDATES = np.array([1, 4, 0], dtype=np.int32)
TABLE = np.random.default_rng(5).normal(size=(6, 6))


def lags_of(history: NDArray[np.int32]) -> NDArray[np.int32]:
    """The lags of a history numbered by position."""
    return np.arange(len(history), 0, -1, dtype=np.int32)


@given(CODES)
def test_summed_contributions_are_removal_drops_of_an_additive_score(history: NDArray[np.int32]) -> None:
    """Removing all events of an item costs exactly the sum of their contributions."""
    model, groups = Additive(TABLE), group_events(history)
    drops = removal_drops(model, history, lags_of(history), CANDIDATES, groups)
    sums = groups.sums(model.contributions(history, lags_of(history), CANDIDATES))
    np.testing.assert_allclose(sums, drops, rtol=0, atol=1e-12)


def test_removal_of_a_renormalising_score_is_not_its_terms() -> None:
    """The oracle is the model itself: a score that renormalises has other drops than terms."""
    history = np.array([0, 1, 2], dtype=np.int32)
    drops = removal_drops(Averaging(TABLE), history, lags_of(history), CANDIDATES, group_events(history))
    terms = Averaging(TABLE).contributions(history, lags_of(history), CANDIDATES) / 3
    assert np.abs(drops[:, ::-1] - terms).max() > 0.05


def test_closing_up_moves_older_events_closer() -> None:
    """Without the middle event the oldest stands where the middle one stood; the latest does not move."""
    history, model = np.array([0, 1, 2], dtype=np.int32), Additive(TABLE)
    drops = closed_up_drops(model, history, lags_of(history), CANDIDATES, group_events(history))
    moved = TABLE[0, CANDIDATES] / 2 - TABLE[0, CANDIDATES] / 3
    np.testing.assert_allclose(TABLE[1, CANDIDATES] / 2 - moved, drops[:, 1], atol=1e-12)


@given(CODES)
def test_groups_are_the_distinct_codes_latest_first(history: NDArray[np.int32]) -> None:
    """Codes appear once, ordered by their latest event, and every event finds its own."""
    groups = group_events(history)
    assert list(dict.fromkeys(history[::-1].tolist())) == groups.codes.tolist()
    assert history.tolist() == groups.codes[groups.group_of].tolist()


def test_sums_of_an_empty_history_have_no_columns() -> None:
    """No events: no groups, for every candidate."""
    groups = group_events(np.array([], dtype=np.int32))
    assert (3, 0) == groups.sums(np.zeros((3, 0))).shape


@given(CODES.filter(lambda codes: codes.size > 0), st.integers(0, 2**32 - 1))
def test_a_row_sums_alike_alone_and_in_a_batch(history: NDArray[np.int32], seed: int) -> None:
    """The sums of a candidate do not depend, bit for bit, on the other candidates."""
    values = np.random.default_rng(seed).normal(size=(7, len(history)))
    groups = group_events(history)
    alone = np.concatenate([groups.sums(row[None]) for row in values])
    np.testing.assert_array_equal(alone, groups.sums(values))


@pytest.mark.parametrize(
    ("expected", "row"),
    [
        pytest.param([2, 0], [1.0, -3.0, 2.0], id="by value, not by size"),
        pytest.param([0, 1], [4.0, 4.0, 4.0], id="ties go to the first column"),
        pytest.param([0], [-1.0], id="fewer columns than asked for"),
    ],
)
def test_largest(expected: list[int], row: list[float]) -> None:
    """The columns of the largest values, largest first."""
    assert [expected] == largest(np.array([row]), 2).tolist()
