"""Assets of the release: thresholds, the registered bundle, gate verdicts, the champion."""

import getpass
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import msgspec
import numpy as np

from orchestration.metadata import table
from orchestration.release.candidate import pins, world_pin
from orchestration.release.judging import judge
from orchestration.release.moment import SNAPSHOTS, moment_of
from orchestration.resources import HomeFolder, Registry, TrainingSettings, now_ms
from orchestration.values import (
    BuiltExplainer,
    ReleaseCandidate,
    SessionQuality,
    TrainedReranker,
    TrainedSessionModel,
)
from streamrec_explain.events.report import ValidationReport
from streamrec_explain.events.world import World
from streamrec_explain.explanation.calibration import calibrate
from streamrec_explain.explanation.components import EngineBundle, PolicyName
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.faithfulness.sampling import folds, sample_lists
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.reranker_dataset import RerankerDataset
from streamrec_explain.release.bundle import verify_bundle, write_bundle
from streamrec_explain.release.components import release_contents
from streamrec_explain.release.gates import GateBounds
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registration import CHAMPION

OWNERS = ["team:ml-platform"]
CALIBRATION_LISTS = 400
@dg.asset(group_name="release", kinds={"json"}, owners=OWNERS, code_version="1", deps=SNAPSHOTS)
def thresholds(
    context: dg.AssetExecutionContext,
    events: World,
    catalogue: Catalogue,
    session_model: TrainedSessionModel,
    shap_explainer: BuiltExplainer,
    home: HomeFolder,
    settings: TrainingSettings,
) -> Thresholds:
    """Margins at which a model with random attention has nothing to say, chosen on users no audit sees."""
    bundle = _bundle(catalogue, session_model, shap_explainer, Thresholds(), settings)
    moment = moment_of(events, home.home)
    users, _ = folds(moment.events, settings.seed)
    lists = list(sample_lists(bundle, moment, users[:CALIBRATION_LISTS], settings.seed))
    found = calibrate(bundle, lists, np.random.default_rng(settings.seed), version=f"calibrated-{settings.seed}")
    report = found.report
    context.add_output_metadata(
        {
            "history margin": found.thresholds.history_margin,
            "thresholds": dg.MetadataValue.json(msgspec.to_builtins(found.thresholds)),
            "trigger rates by history length": table(
                [
                    {
                        "length": rate.length,
                        "random attention": rate.random_triggered / max(rate.random_n, 1),
                        "random attention, upper 95% bound": rate.random_high,
                        "this model": rate.triggered / max(rate.n, 1),
                        "n": rate.n,
                    }
                    for rate in report.history
                ]
            ),
            "trending share": report.trending_fired / max(report.trending_n, 1),
        }
    )
    return found.thresholds


@dg.asset(group_name="release", kinds={"mlflow"}, owners=OWNERS, code_version="1")
def release_candidate(
    context: dg.AssetExecutionContext,
    events: World,
    catalogue: Catalogue,
    session_model: TrainedSessionModel,
    reranker: TrainedReranker,
    shap_explainer: BuiltExplainer,
    thresholds: Thresholds,
    registry: Registry,
    settings: TrainingSettings,
) -> ReleaseCandidate:
    """One self-contained, hashed bundle of everything an explanation depends on, registered as a version."""
    bundle = _bundle(catalogue, session_model, shap_explainer, thresholds, settings)
    parts = {
        "session_model": session_model.registered,
        "reranker": reranker.registered,
        "shap_explainer": shap_explainer.registered,
    }
    with registry.run(context) as (store, log), tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "bundle"
        digest = write_bundle(
            folder,
            release_contents(bundle, reranker.text, GateBounds.packaged()),
            created_ms=now_ms(),
            world=world_pin(events),
            pins=pins(parts, DEFAULT_SPEC.digest(), context.run.run_id),
        )
        files = verify_bundle(folder, digest).files
        version = store.register_release(folder, log.run_id)
    model_version = str(ModelVersion.of(version, digest))
    context.add_output_metadata(
        {
            "model_version": model_version,
            "registry": dg.MetadataValue.url(registry.release_url(version)),
            "files": table([{"file": file, "sha256": each} for file, each in files.items()]),
            "components": table([msgspec.to_builtins(part) for part in parts.values()]),
        }
    )
    return ReleaseCandidate(version, model_version, log.run_id)


@dg.asset(
    group_name="release",
    kinds={"mlflow"},
    owners=OWNERS,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(gate, asset="gate_verdicts", blocking=True, description=bound.measures)
        for gate, bound in GateBounds.packaged().bounds.items()
    ],
)
def gate_verdicts(
    context: dg.AssetExecutionContext,
    events: World,
    event_validation: ValidationReport,
    catalogue: Catalogue,
    session_model: TrainedSessionModel,
    reranker: TrainedReranker,
    shap_explainer: BuiltExplainer,
    reranker_rows: RerankerDataset,
    session_quality: SessionQuality,
    faithfulness_audit: FaithfulnessReport,
    release_candidate: ReleaseCandidate,
    registry: Registry,
    settings: TrainingSettings,
) -> Iterator[dg.Output[None] | dg.AssetCheckResult]:
    """The six gates of the candidate, stored on that very version with the bounds of its own bundle."""
    store = registry.open()
    champion = store.alias(CHAMPION)
    results = judge(
        store, champion, release_candidate, events, event_validation, catalogue, session_model, reranker,
        shap_explainer, reranker_rows, session_quality, faithfulness_audit, settings.seed,
    )  # fmt: skip
    store.record_gates(release_candidate.version, results, champion)
    rows = [
        {"gate": each.gate, "passed": each.passed, "value": each.value, "bound": str(each.bound), "detail": each.detail}
        for each in results
    ]
    yield dg.Output(None, metadata={"model_version": release_candidate.model_version, "verdicts": table(rows)})
    for each in results:
        value = {} if each.value is None else {"value": each.value}
        yield dg.AssetCheckResult(
            passed=each.passed, check_name=each.gate, metadata={**value, "bound": str(each.bound), "how": each.detail}
        )


@dg.asset(
    group_name="release",
    kinds={"mlflow"},
    owners=OWNERS,
    code_version="1",
    deps=["gate_verdicts", "release_comparison"],
    pool="promotion",
)
def champion(
    release_candidate: ReleaseCandidate, registry: Registry, settings: TrainingSettings
) -> dg.MaterializeResult[None]:
    """The release being served: promotion re-reads the verdicts stored on the version and moves the alias last."""
    entry = registry.promoter().promote(
        release_candidate.version, who=settings.who or getpass.getuser(), why=settings.why
    )
    return dg.MaterializeResult(
        metadata={
            "model_version": entry.model_version,
            "replaced version": entry.from_version or 0,
            "who": entry.who,
            "registry": dg.MetadataValue.url(registry.release_url(entry.to_version)),
        }
    )


def _bundle(
    catalogue: Catalogue,
    session_model: TrainedSessionModel,
    explainer: BuiltExplainer,
    bounds: Thresholds,
    settings: TrainingSettings,
) -> EngineBundle:
    policy: PolicyName = "case_study" if settings.policy == "case_study" else "honest"
    templates = Templates.packaged()
    return EngineBundle(
        catalogue, DEFAULT_SPEC, session_model.model, explainer.explainer, bounds, templates, policy=policy
    )
