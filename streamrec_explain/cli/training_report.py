"""The report of a training: what the stored values of the last run say, for people and as JSON."""

import json
from dataclasses import dataclass
from typing import Any

from streamrec_explain.home import Home
from streamrec_explain.release.mlflow_registry import MlflowRegistry


@dataclass(frozen=True)
class TrainingReport:
    """Metrics and gates of one candidate; `promoted` says whether it is the champion now."""

    model_version: str
    promoted: bool
    seconds: float
    dagster_run: str
    session_model: dict[str, Any]
    reranker: dict[str, Any]
    faithfulness: dict[str, Any]
    gates: list[dict[str, Any]]


def training_report(home: Home, dagster_run: str, seconds: float) -> TrainingReport:
    """Read what the last training left in the home folder and on its registered version."""
    candidate = _value(home, "release_candidate")
    registry = MlflowRegistry.open(home.registry_uri, home.artifacts)
    version = registry.version(candidate["version"])
    gates = [
        {"gate": each.gate, "passed": each.passed, "value": each.value, "bound": str(each.bound), "how": each.detail}
        for each in registry.gates(candidate["version"]).results
    ]
    return TrainingReport(
        model_version=candidate["model_version"],
        promoted="champion" in version.aliases,
        seconds=round(seconds, 1),
        dagster_run=dagster_run,
        session_model=_value(home, "session_quality"),
        reranker=_value(home, "reranker_quality"),
        faithfulness=_value(home, "faithfulness_audit"),
        gates=gates,
    )


def _value(home: Home, asset: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home.values / asset / "value.json").read_text(encoding="utf-8"))
    return found


def in_words(report: TrainingReport) -> str:
    """The report as lines of text."""
    lines = [f"release {report.model_version} in {report.seconds:.0f} s", "", *_session(report.session_model), ""]
    lines += [*_reranker(report.reranker), "", *_faithfulness(report.faithfulness), "", "gates"]
    lines += [_gate(each) for each in report.gates]
    verdict = "promoted: it is the champion now" if report.promoted else "not promoted"
    return "\n".join([*lines, "", verdict])


def _interval(estimate: dict[str, float]) -> str:
    return f"{estimate['value']:.4f} [{estimate['low']:.4f}, {estimate['high']:.4f}]"


def _session(quality: dict[str, Any]) -> list[str]:
    lines = [f"session model: leave-one-out over the full catalogue, {quality['users']} users (95% intervals)"]
    for each in (quality["model"], *quality["baselines"]):
        lines.append(
            f"  {each['name']:<22} HR@10 {_interval(each['hr_at_10'])}  NDCG@10 {_interval(each['ndcg_at_10'])}"
        )
    return [*lines, f"  NDCG@10 gain over {quality['best_baseline']}: {_interval(quality['gain'])}"]


def _reranker(quality: dict[str, Any]) -> list[str]:
    lines = [f"re-ranker: {quality['rows']} test rows, {quality['positives']} positive"]
    for each in (quality["reranker"], *quality["comparators"]):
        within = _interval(each["within_user_auc"])
        lines.append(f"  {each['name']:<22} AUC {each['auc']:.4f}  within-user AUC {within}")
    return lines


def _rate(rate: dict[str, Any]) -> str:
    if rate["value"] is None:
        return "none in the sample"
    low, high = 100 * rate["low"], 100 * rate["high"]
    return f"{100 * rate['value']:.1f}% [{low:.1f}, {high:.1f}] ({rate['successes']}/{rate['n']})"


def _faithfulness(audit: dict[str, Any]) -> list[str]:
    shares = sorted(audit["shares"].items(), key=lambda pair: -pair[1])
    types = ", ".join(f"{kind} {100 * share:.1f}%" for kind, share in shares)
    lines = [f"faithfulness audit: {audit['n_explanations']} of {audit['n_frame']} explanations ({types})"]
    history = audit["history"]
    if history:
        chance, top = 100 * history["strict_chance"], 100 * history["case_study_chance"]
        lines.append(
            f"  watch_history, named = largest drops when removed  {_rate(history['strict'])}, chance {chance:.1f}%"
        )
        lines.append(
            f"  watch_history, case study's criterion              {_rate(history['case_study'])}, chance {top:.1f}%"
        )
        ends = history["end_to_end"]
        random = 100 * (ends["random_falls"]["value"] or 0.0)
        lines.append(
            f"  watch_history, raw score falls end to end          {_rate(ends['falls'])}, random items {random:.1f}%"
        )
    kinds = ("category", "trending", "personalized", "promoted")
    false = f"  {'false, of any type':<49} {_rate(audit['false_claims'])}"
    return [*lines, *(f"  {kind:<49} {_rate(audit[kind])}" for kind in kinds), false]


def _gate(gate: dict[str, Any]) -> str:
    mark = "passed " if gate["passed"] else "REFUSED"
    value = "-" if gate["value"] is None else f"{gate['value']:.4g}"
    return f"  {mark} {gate['gate']:<22} {value:>9} ({gate['bound']}): {gate['how']}"
