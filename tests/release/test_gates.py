"""Gates: bounds as data, verdicts, and why a release is refused."""

import json
from math import inf, nan

import pytest

from streamrec_explain.errors import GateError, InvalidInputError
from streamrec_explain.release.gates import (
    GATES,
    Bound,
    Gate,
    GateBounds,
    GateResult,
    gate_record,
    gate_tags,
    refusals,
)
from tests.release.small_releases import BOUNDS, gate_results


@pytest.mark.parametrize(
    ("rule", "below", "at", "over"),
    [("at_most", True, True, False), ("at_least", False, True, True), ("above", False, False, True)],
)
def test_each_rule_at_its_limit(rule: str, below: bool, at: bool, over: bool) -> None:
    """Below, exactly at and above the limit; NaN is never within a bound."""
    bound = Bound(rule, 0.5, "x")  # type: ignore[arg-type]
    assert (below, at, over, False) == tuple(bound.holds(value) for value in (0.4, 0.5, 0.6, nan))


@pytest.mark.parametrize(
    ("gate", "value"),
    [
        ("data_contract", 0.011),
        ("leakage", 1.0),
        ("explainer_conformance", 1e-8),
        ("ranking_vs_baselines", 0.0),
        ("ranking_vs_champion", -0.02),
        ("faithfulness", 0.0),
        ("faithfulness", nan),
        ("explainer_conformance", inf),
    ],
)
def test_value_outside_its_packaged_bound_refuses(gate: Gate, value: float) -> None:
    """One bad value refuses the release, naming its gate only."""
    lines = refusals(BOUNDS, gate_results(**{gate: value}))
    assert [gate] == [line.split(":")[0] for line in lines]


def test_good_release_is_not_refused() -> None:
    """Every gate passed: no reason against promotion."""
    assert [] == refusals(BOUNDS, gate_results())


@pytest.mark.parametrize("gate", GATES)
def test_missing_gate_refuses(gate: Gate) -> None:
    """A gate that was not evaluated refuses like a failed one."""
    rest = [result for result in gate_results() if result.gate != gate]
    assert [f"{gate}: not evaluated on this version"] == refusals(BOUNDS, rest)


def test_verdict_by_a_lowered_bound_refuses() -> None:
    """A verdict counts only if it was judged by the bound inside the bundle."""
    lowered = Bound("at_least", -1.0, "x")
    results = (GateResult("faithfulness", -0.5, lowered, True, ""), *gate_results()[:-1])
    assert ["faithfulness: judged by at least -1, the bundle says at least 0.9"] == refusals(BOUNDS, results)


def test_first_release_needs_no_champion() -> None:
    """Without a champion the comparison passes and has no value."""
    assert (None, True) == (BOUNDS.first_release().value, BOUNDS.first_release().passed)


def test_bounds_survive_their_file() -> None:
    """The file inside the bundle gives the same bounds back."""
    assert BOUNDS == GateBounds.from_json(BOUNDS.to_json())


def test_bounds_must_cover_every_gate() -> None:
    """A bounds file without a gate is refused, naming the gate."""
    facts = json.loads(BOUNDS.to_json())
    del facts["bounds"]["leakage"]
    with pytest.raises(InvalidInputError, match="leakage"):
        GateBounds.from_json(json.dumps(facts).encode())


@pytest.mark.parametrize("champion", [None, 12])
def test_record_survives_its_tags(champion: int | None) -> None:
    """Results, also one without a finite value, and the champion come back from the tags."""
    results = (*gate_results(faithfulness=nan)[:4], BOUNDS.first_release(), gate_results(faithfulness=nan)[5])
    record = gate_record(gate_tags(results, champion))
    assert (results, champion) == (record.results, record.champion)


def test_failed_word_overrules_a_passed_result() -> None:
    """A tag set to failed by hand refuses, whatever the kept result says."""
    tags = gate_tags(gate_results(), None) | {"gate.leakage": "failed"}
    assert ["leakage"] == [line.split(":")[0] for line in refusals(BOUNDS, gate_record(tags).results)]


def test_unreadable_result_is_an_error() -> None:
    """A damaged result is not taken for a missing one."""
    with pytest.raises(GateError, match="evaluate the gates again"):
        gate_record(gate_tags(gate_results(), None) | {"gate.leakage.result": "{"})
