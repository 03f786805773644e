"""Assets that judge the models on test data: the session model and the re-ranker beside honest comparators."""

import dagster as dg
import numpy as np

from orchestration.metadata import Cell, picture, table
from orchestration.models.plots import intervals
from orchestration.resources import Registry
from orchestration.values import RankedBy, SessionQuality, TrainedReranker, TrainedSessionModel
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.splits import split_phases
from streamrec_explain.events.world import World
from streamrec_explain.features.spec import DEFAULT_SPEC, SESSION_SCORE
from streamrec_explain.models.reranker_dataset import RerankerDataset
from streamrec_explain.models.reranker_evaluation import RerankerReport, evaluate_reranker
from streamrec_explain.models.session_evaluation import RankerResult, evaluate_session
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from streamrec_explain.trees.predict import predict_raw

OWNERS = ["team:ml-platform"]


@dg.asset(group_name="models", kinds={"numpy"}, owners=OWNERS, code_version="1")
def session_quality(
    context: dg.AssetExecutionContext, events: World, session_model: TrainedSessionModel, registry: Registry
) -> SessionQuality:
    """Leave-one-out over the full catalogue, seen items excluded, against popularity and transitions."""
    report = evaluate_session(session_model.model, interactions(events), split_phases(events))
    ranked = [_ranked(result) for result in (report.model, *report.baselines)]
    with registry.run(context) as (_, log):
        log.log(
            metrics={
                "users": len(report.users),
                "hr_at_10": report.model.hr_at_10.value,
                "ndcg_at_10": report.model.ndcg_at_10.value,
                "ndcg_gain_low": report.gain.low,
                "ndcg_gain": report.gain.value,
            }
        )
    context.add_output_metadata(
        {
            "NDCG@10": report.model.ndcg_at_10.value,
            "gain over best baseline": report.gain.value,
            "gain, lower 95% bound": report.gain.low,
            "users": len(report.users),
            "rankers": table([_row(each) for each in ranked]),
            "plot": picture(intervals({each.name: each.ndcg_at_10 for each in ranked}, "NDCG@10"), "NDCG@10"),
        }
    )
    return SessionQuality(
        len(report.users), report.repeats, ranked[0], tuple(ranked[1:]), report.best_baseline, report.gain
    )


@dg.asset(group_name="models", kinds={"numpy"}, owners=OWNERS, code_version="2")
def reranker_quality(
    context: dg.AssetExecutionContext, reranker: TrainedReranker, reranker_rows: RerankerDataset, registry: Registry
) -> RerankerReport:
    """AUC over all and within users on test impressions, also with user features held, and the session score."""
    test = reranker_rows.test
    trees = parse_lightgbm_text(reranker.text)
    raw, held = (predict_raw(trees, rows) for rows in (test.features, test.at_one_moment(DEFAULT_SPEC)))
    session = np.ascontiguousarray(test.features[:, DEFAULT_SPEC.index(SESSION_SCORE)])
    comparators = (("as in one list", held), ("session score alone", session))
    report = evaluate_reranker(test.labels, test.users, raw, comparators)
    with registry.run(context) as (_, log):
        log.log(
            metrics={
                "auc": report.reranker.auc,
                "within_user_auc": report.reranker.within_user_auc.value,
                "within_user_auc_as_in_one_list": report.comparators[0].within_user_auc.value,
                "within_user_ndcg": report.reranker.within_user_ndcg.value,
                "log_loss": report.log_loss,
                "calibration_error": report.calibration_error,
            }
        )
    rows: list[dict[str, Cell]] = [
        {
            "score": each.name,
            "AUC": each.auc,
            "within-user AUC": each.within_user_auc.value,
            "low": each.within_user_auc.low,
            "high": each.within_user_auc.high,
            "within-user NDCG": each.within_user_ndcg.value,
        }
        for each in (report.reranker, *report.comparators)
    ]
    context.add_output_metadata(
        {
            "AUC": report.reranker.auc,
            "within-user AUC": report.reranker.within_user_auc.value,
            "calibration error": report.calibration_error,
            "test rows": report.rows,
            "order": table(rows),
        }
    )
    return report


def _ranked(result: RankerResult) -> RankedBy:
    return RankedBy(result.name, result.hr_at_10, result.ndcg_at_10)


def _row(ranked: RankedBy) -> dict[str, Cell]:
    ndcg, hits = ranked.ndcg_at_10, ranked.hr_at_10
    return {"ranker": ranked.name, "HR@10": hits.value, "NDCG@10": ndcg.value, "low": ndcg.low, "high": ndcg.high}
