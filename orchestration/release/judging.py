"""Judging a candidate: the number behind each gate and the verdict of the bounds in its own bundle."""

import numpy as np

from orchestration.release.registered import registered_bundle
from orchestration.values import (
    BuiltExplainer,
    ReleaseCandidate,
    SessionQuality,
    TrainedReranker,
    TrainedSessionModel,
)
from streamrec_explain.attribution.shap_conformance import conformance
from streamrec_explain.errors import StreamRecError
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.report import ValidationReport
from streamrec_explain.events.splits import TEST_PHASE, split_phases
from streamrec_explain.events.world import World
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.leakage import leaking_rows
from streamrec_explain.models.ranking_metrics import ndcg
from streamrec_explain.models.reranker_dataset import RerankerDataset
from streamrec_explain.models.reranker_training import booster_of
from streamrec_explain.models.session_evaluation import rank_targets, targets
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.release.components import load_components
from streamrec_explain.release.gates import GATES_FILE, GateBounds, GateResult
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.statistics.bootstrap import paired_bootstrap

CONFORMANCE_ROWS = 500


def judge(
    store: MlflowRegistry,
    champion: int | None,
    candidate: ReleaseCandidate,
    events: World,
    validation: ValidationReport,
    catalogue: Catalogue,
    session_model: TrainedSessionModel,
    reranker: TrainedReranker,
    explainer: BuiltExplainer,
    rows: RerankerDataset,
    quality: SessionQuality,
    report: FaithfulnessReport,
    seed: int,
) -> list[GateResult]:
    """The verdict of every gate on the candidate."""
    bounds = _bounds(store, candidate.version)
    return [
        _data_contract(bounds, validation),
        _leakage(bounds, events, catalogue, session_model.model, seed),
        _conformance(bounds, reranker.text, explainer, rows),
        _against_baselines(bounds, quality),
        _against_champion(bounds, store, champion, events, session_model.model, catalogue, seed),
        _faithfulness(bounds, report),
    ]


def _bounds(store: MlflowRegistry, version: int) -> GateBounds:
    with registered_bundle(store, version) as folder:
        return GateBounds.from_json((folder / GATES_FILE).read_bytes())


def _data_contract(bounds: GateBounds, validation: ValidationReport) -> GateResult:
    share = validation.rows_quarantined / max(validation.rows_read, 1)
    detail = f"{validation.rows_quarantined} of {validation.rows_read} rows were set aside"
    return bounds.judge("data_contract", share, detail)


def _leakage(bounds: GateBounds, events: World, catalogue: Catalogue, model: SessionScorer, seed: int) -> GateResult:
    leaking, judged = leaking_rows(events, DEFAULT_SPEC, catalogue, model, np.random.default_rng(seed))
    detail = f"{leaking} of {judged} sampled rows have other features in a world that ends at their time"
    return bounds.judge("leakage", leaking, detail)


def _conformance(bounds: GateBounds, text: str, explainer: BuiltExplainer, rows: RerankerDataset) -> GateResult:
    sample = rows.test.features[:CONFORMANCE_ROWS]
    report = conformance(explainer.explainer, booster_of(text), sample)
    deviation = max(report.from_shap or 0.0, report.from_pred_contrib, report.additivity)
    peers = "LightGBM" if report.from_shap is None else "LightGBM and shap's C extension"
    detail = f"largest relative deviation from {peers} and from additivity on {len(sample)} test rows"
    return bounds.judge("explainer_conformance", deviation, detail)


def _against_baselines(bounds: GateBounds, quality: SessionQuality) -> GateResult:
    gain = quality.gain
    detail = (
        f"NDCG@10 {quality.model.ndcg_at_10.value:.4f}, {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] "
        f"to {quality.best_baseline}, {gain.n} users"
    )
    return bounds.judge("ranking_vs_baselines", gain.low, detail)


def _against_champion(
    bounds: GateBounds,
    store: MlflowRegistry,
    champion: int | None,
    events: World,
    model: SessionScorer,
    catalogue: Catalogue,
    seed: int,
) -> GateResult:
    if champion is None:
        return bounds.first_release()
    reigning = _comparable(store, champion, catalogue)
    if reigning is None:
        return bounds.incomparable(
            "the champion cannot be read or knows another catalogue, so the same events cannot be ranked by both"
        )
    history = interactions(events)
    held_out = targets(history, split_phases(events), TEST_PHASE)
    own, other = (rank_targets(each, history, held_out, len(catalogue)) for each in (model, reigning.session_model))
    gain = paired_bootstrap(ndcg(own) - ndcg(other), seed)
    detail = f"NDCG@10 {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] to version {champion}, {gain.n} users"
    return bounds.judge("ranking_vs_champion", gain.low, detail)


def _comparable(store: MlflowRegistry, version: int, catalogue: Catalogue) -> EngineBundle | None:
    """The champion's components if it ranks the same items; None if not, or if its bundle cannot be read."""
    try:
        with registered_bundle(store, version) as folder:
            reigning = load_components(folder)
    except StreamRecError:
        return None
    return reigning if reigning.catalogue.item_ids == catalogue.item_ids else None


def _faithfulness(bounds: GateBounds, report: FaithfulnessReport) -> GateResult:
    found = report.history
    detail = "no history sentence in the sample" if found is None else f"strict agreement {found.strict}"
    return bounds.judge("faithfulness", report.strict_lower_bound, detail)
