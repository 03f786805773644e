"""The faithfulness audit of a release candidate: an asset, its metadata, and the report kept beside the version."""

from typing import Any

import dagster as dg

from orchestration.metadata import Cell, picture, table
from orchestration.release.moment import SNAPSHOTS, moment_of
from orchestration.release.registered import registered_bundle
from orchestration.resources import HomeFolder, Registry, TrainingSettings
from orchestration.values import ReleaseCandidate
from streamrec_explain.events.world import World
from streamrec_explain.faithfulness.audit import audit
from streamrec_explain.faithfulness.page import CAPTIONS, audit_files
from streamrec_explain.faithfulness.report import FaithfulnessReport, HistoryFaithfulness
from streamrec_explain.faithfulness.sampling import folds
from streamrec_explain.release.components import load_components

OWNERS = ["team:ml-platform"]
FOLDER = "faithfulness"


@dg.asset(group_name="release", kinds={"captum"}, owners=OWNERS, code_version="2", deps=SNAPSHOTS)
def faithfulness_audit(
    context: dg.AssetExecutionContext,
    events: World,
    release_candidate: ReleaseCandidate,
    home: HomeFolder,
    registry: Registry,
    settings: TrainingSettings,
) -> FaithfulnessReport:
    """Are the sentences of exactly this bundle true of its model? Judged by removal and by integrated gradients."""
    moment = moment_of(events, home.home)
    _, users = folds(moment.events, settings.seed)
    with registry.run(context) as (store, log):
        with registered_bundle(store, release_candidate.version) as folder:
            bundle = load_components(folder)
        report = audit(bundle, moment, users, settings.audited_explanations, settings.seed)
        files = audit_files(report, release_candidate.model_version, events.name)
        store.beside(release_candidate.version).log_files(files, FOLDER)
        log.log(metrics=_metrics(report))
    link = registry.artifacts_url(release_candidate.run_id, f"{FOLDER}/faithfulness.html")
    context.add_output_metadata(_metadata(report) | {"report": dg.MetadataValue.url(link)} | _pictures(files))
    return report


def _pictures(files: dict[str, bytes]) -> dict[str, Any]:
    return {name: picture(files[f"{name}.png"], text) for name, text in CAPTIONS.items() if f"{name}.png" in files}


def _metrics(report: FaithfulnessReport) -> dict[str, float]:
    shares = {f"share.{kind}": share for kind, share in report.shares.items()}
    bounds = {"false_claims_high": report.false_claims.high, "long_false_claims_high": report.long_false_claims.high}
    return shares | bounds | (_history_metrics(report.history) if report.history else {})


def _history_metrics(found: HistoryFaithfulness) -> dict[str, float]:
    rates = {
        "strict": found.strict,
        "raises": found.raises,
        "case_study": found.case_study,
        "closed_up": found.closed_up,
        "end_to_end_falls": found.end_to_end.falls,
        "end_to_end_loses_place": found.end_to_end.loses_place,
    }
    values = {name: rate.value for name, rate in rates.items() if rate.value is not None}
    lows = {f"{name}_low": rate.low for name, rate in rates.items()}
    return values | lows | {"strict_chance": found.strict_chance, "case_study_chance": found.case_study_chance}


def _metadata(report: FaithfulnessReport) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "explanations": report.n_explanations,
        "types": table([{"type": kind, "share": share} for kind, share in report.shares.items()]),
        "false claims, upper 95% bound": report.false_claims.high,
        "false claims": str(report.false_claims),
        "category": str(report.category),
        "trending": str(report.trending),
        "personalized": str(report.personalized),
        "promoted": str(report.promoted),
        "watch_history with random attention": table(
            [{"length": row.length, "random": str(row.random), "own": str(row.own)} for row in report.random_attention]
        ),
    }
    found = report.history
    if found is None:
        return facts
    return facts | {"strict, lower 95% bound": found.strict.low, "watch_history": table(_rows(found))}


def _rows(found: HistoryFaithfulness) -> list[dict[str, Cell]]:
    ends = found.end_to_end
    return [
        {"criterion": "named = largest drops when removed", "rate": str(found.strict), "chance": found.strict_chance},
        {"criterion": "every named item raises the score", "rate": str(found.raises), "chance": None},
        {"criterion": "end to end: the raw score falls", "rate": str(ends.falls), "chance": ends.random_falls.value},
        {
            "criterion": "end to end: the item loses its place",
            "rate": str(ends.loses_place),
            "chance": ends.random_loses_place.value,
        },
        {"criterion": "case study (top 5 by IG)", "rate": str(found.case_study), "chance": found.case_study_chance},
        {"criterion": "control: random items, strict", "rate": str(found.random_strict), "chance": None},
        {"criterion": "control: latest items, strict", "rate": str(found.latest_strict), "chance": None},
        {"criterion": "control: latest items, case study", "rate": str(found.latest_case_study), "chance": None},
    ]
