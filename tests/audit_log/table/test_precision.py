"""Numbers as the table keeps them: close, idempotent, and exact together with their rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.audit_log.table import precision

ANY = st.lists(st.floats(width=64))


@given(ANY)
def test_kept_and_rest_are_exact(values: list[float]) -> None:
    """Every float64 comes back bit by bit: zeros of both signs, subnormal numbers, infinities, NaN."""
    sent = np.array(values, np.float64)
    back = precision.exact(precision.kept(sent), precision.rest(sent))
    assert sent.tobytes() == back.tobytes()


@given(ANY)
def test_keeping_twice_changes_nothing_more(values: list[float]) -> None:
    """What was read from the table is stored as the same bytes again."""
    once = precision.kept(np.array(values, np.float64))
    assert once.tobytes() == precision.kept(once.astype(np.float64)).tobytes()


@given(st.lists(st.floats(2.0**-100, 2.0**100), min_size=1), st.sampled_from([-1.0, 1.0]))
def test_the_relative_error_is_bounded(values: list[float], sign: float) -> None:
    """Half of the last kept bit, and a float32's own rounding."""
    sent = sign * np.array(values)
    np.testing.assert_allclose(precision.kept(sent), sent, rtol=precision.RELATIVE_ERROR * 1.001)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_order_is_kept(left: float, right: float) -> None:
    """What was not above is not above afterwards."""
    low, high = precision.kept(np.array(sorted([left, right])))
    assert low <= high


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 400.0])
def test_short_numbers_are_kept_as_they_are(value: float) -> None:
    """Counts, ranks and halves have no rest."""
    assert (value, 0) == (precision.kept(np.array([value]))[0], precision.rest(np.array([value]))[0])


def test_what_is_beyond_float32_is_infinite_and_still_exact() -> None:
    """1e300 is inf for queries and 1e300 for a replay."""
    sent = np.array([1e300, -1e300])
    np.testing.assert_array_equal([np.inf, -np.inf], precision.kept(sent))
    np.testing.assert_array_equal(sent, precision.exact(precision.kept(sent), precision.rest(sent)))
