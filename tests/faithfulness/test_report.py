"""The report: rates with intervals, through JSON and back."""

from math import isnan

import msgspec
import pytest

from streamrec_explain.faithfulness.report import (
    EndToEndFindings,
    FaithfulnessReport,
    HistoryFaithfulness,
    LengthFaithfulness,
    MeasuredMean,
    MeasuredRate,
    RandomTriggers,
    StratumRate,
)
from streamrec_explain.statistics.clustered import ClusteredSample

NONE = MeasuredRate.of([])
HALF = MeasuredRate.of([True, False] * 50)
MEAN = MeasuredMean(1.5, 1.0, 2.0, 100)
HISTORY = HistoryFaithfulness(
    strict=HALF,
    strict_chance=0.1,
    strict_corrected=0.44,
    raises=HALF,
    closed_up=HALF,
    case_study=NONE,
    case_study_chance=0.5,
    case_study_corrected=None,
    gradients_rejected=0,
    gradient_steps={"8": 100},
    comprehensiveness=MEAN,
    sufficiency=MEAN,
    random_comprehensiveness=MEAN,
    random_sufficiency=MeasuredMean(None, None, None, 0),
    end_to_end=EndToEndFindings(
        falls=HALF,
        falls_at_request=HALF,
        loses_place=HALF,
        drop=MEAN,
        places_lost=MEAN,
        random_falls=NONE,
        random_loses_place=NONE,
    ),
    random_strict=NONE,
    random_case_study=NONE,
    latest_strict=NONE,
    latest_case_study=NONE,
    by_length={
        "1-4": LengthFaithfulness(
            strict=HALF, strict_chance=0.5, case_study=NONE, case_study_chance=1.0, falls=HALF, random_falls=HALF
        )
    },
)
REPORT = FaithfulnessReport(
    n_lists=5,
    n_frame=100,
    n_explanations=100,
    types={"watch_history": 100},
    shares={"watch_history": 1.0},
    history=HISTORY,
    category=NONE,
    trending=NONE,
    personalized=NONE,
    promoted=NONE,
    false_claims=HALF,
    long_length=10,
    long_history=None,
    long_false_claims=NONE,
    strata=(
        StratumRate(explanation_type="watch_history", market="US", length="1-4", frame=100, true=HALF),
    ),
    random_attention=(RandomTriggers(length=10, random=NONE, own=HALF),),
)


def test_a_rate_keeps_its_numbers_and_its_wilson_interval() -> None:
    """50 of 100 (Wilson 1927: 0.4038 to 0.5962)."""
    assert (50, 100, 0.5) == (HALF.successes, HALF.n, HALF.value)
    assert (0.4038, 0.5962) == pytest.approx((HALF.low, HALF.high), abs=5e-5)
    assert "50.0% [40.4, 59.6] (50/100)" == str(HALF)


def test_a_weighted_rate_is_the_frames() -> None:
    """Two users, one of whom stands for three times as many: three quarters, told with the plain counts."""
    rate = MeasuredRate.weighted([True, False], ClusteredSample.of([3.0, 1.0], [7, 8]))
    assert (1, 2, 0.75, 2) == (rate.successes, rate.n, rate.value, rate.users)


def test_a_mean_says_its_interval() -> None:
    """Or that there is none."""
    assert "1.500 [1.000, 2.000]" == str(MEAN)
    sample = ClusteredSample.of([1.0, 1.0], [1, 1])
    assert "2.000" == str(MeasuredMean.weighted([1.0, 3.0], sample))
    assert "none in the sample" == str(MeasuredMean.weighted([], ClusteredSample.of([], [])))


def test_a_rate_of_nothing_has_no_value() -> None:
    """It says so instead of 0%."""
    assert (None, "none in the sample") == (NONE.value, str(NONE))


def test_the_report_comes_back_from_its_json() -> None:
    """Equal values."""
    assert REPORT.to_json() == FaithfulnessReport.from_json(REPORT.to_json()).to_json()
    assert HISTORY.by_length == FaithfulnessReport.from_json(REPORT.to_json()).history.by_length


def test_the_bound_of_a_gate_is_the_lower_end_of_strict_agreement() -> None:
    """NaN, which passes no gate, where no history was spoken of."""
    assert HALF.low == REPORT.strict_lower_bound
    silent = msgspec.structs.replace(REPORT, history=None)
    empty = msgspec.structs.replace(REPORT, history=msgspec.structs.replace(HISTORY, strict=NONE))
    assert isnan(silent.strict_lower_bound)
    assert isnan(empty.strict_lower_bound)
