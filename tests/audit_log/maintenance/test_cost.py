"""Cost: the arithmetic by hand, and the case study's own figures at list prices."""

import pytest

from streamrec_explain.audit_log.maintenance.cost import Assumptions, case_study, monthly_cost
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy

POLICY = RetentionPolicy()


def test_the_case_study_does_not_cost_what_it_says() -> None:
    """90 days of 200 GB are 18 TB, and those are $414, not $3,000; two years cold are $526."""
    found = case_study(Assumptions(), POLICY)
    assert (18.0, 146.0) == (pytest.approx(found.hot_tb), pytest.approx(found.cold_tb))
    assert (pytest.approx(414.0), pytest.approx(525.6)) == (found.hot_storage, found.cold_storage)


def test_requests_are_counted() -> None:
    """One shipper, one commit a minute, no bytes: 43,830 commits of two objects, each file read once."""
    assumed = Assumptions(shippers=1, entries_per_day=0)
    found = monthly_cost(50.0, 50.0, assumed, POLICY)
    assert (87_660, 43_830) == (round(found.puts_a_month), round(found.gets_a_month))
    assert pytest.approx(87.66 * 0.005 + 43.83 * 0.0004) == found.requests == found.total


def test_cost_is_in_proportion_to_bytes_and_days() -> None:
    """Twice the bytes hot, half the days cold."""
    one = monthly_cost(25.0, 25.0, Assumptions(), POLICY)
    other = monthly_cost(50.0, 25.0, Assumptions(), RetentionPolicy(90, 365))
    assert 2 * one.hot_storage == pytest.approx(other.hot_storage)
    assert one.cold_storage == pytest.approx(2 * other.cold_storage)
