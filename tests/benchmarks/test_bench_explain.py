"""What explaining a list costs in the serving process, part by part: 20 items, 50 events, 300 trees x 31 leaves.

Times are CPU time of the thread; in each round every part explains all lists, one part after the other.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
import pytest

from streamrec_explain.attribution.removal import group_events
from streamrec_explain.events.splits import split_phases
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import numbered, resolve_history
from streamrec_explain.explanation.ranking import Candidate, rank_list
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.reranker_dataset import reranker_dataset
from streamrec_explain.models.reranker_training import RerankerTrainingConfig, train_reranker
from streamrec_explain.records import ListContext
from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.reference.engine_release import SmallRelease, contexts, small_release

ITEMS, EVENTS, ROUNDS = 20, 50, 15
MUST_ATTRIBUTION_US = 60.0


def _released(folder: Path) -> SmallRelease:
    """A small world's release with a re-ranker of full size."""
    small = small_release(folder, users=300)
    world, bundle = small.moment.world, small.bundle
    rows = reranker_dataset(world, DEFAULT_SPEC, bundle.catalogue, bundle.session_model, split_phases(world), 0)
    train, stop = rows.training, rows.validation
    config = RerankerTrainingConfig(min_trees=300, min_leaf_rows=(20, 20), threads=1)
    text = train_reranker(train.features, train.labels, stop.features, stop.labels, DEFAULT_SPEC, config, 0)
    return replace(small, bundle=replace(bundle, explainer=TreeShapExplainer.from_lightgbm(text)))


def _lists(release: SmallRelease) -> list[ListContext]:
    """Lists of ITEMS items with EVENTS events: the world's users' own, filled up from its catalogue."""
    rng, bundle = np.random.default_rng(0), release.bundle
    lists = []
    for context in list(contexts(release, 0, 20))[3:]:
        others = rng.choice(bundle.catalogue.item_ids, EVENTS, replace=False).tolist()
        own = [event.item_id for event in context.session_history]
        history = numbered([*others, *own][-EVENTS:])
        of_items = [Candidate(i.item_id, i.item_features, i.item_facts) for i in context.items]
        ranked = rank_list(bundle, history, context.user_features, of_items[:ITEMS], context.timestamp_ms)
        lists.append(msgspec.structs.replace(context, session_history=history, items=ranked))
    return [context for context in lists if len(context.items) == ITEMS]


def _parts(bundle: EngineBundle, engine: ExplanationEngine, context: ListContext) -> dict[str, Callable[[], object]]:
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    values = item_matrix(bundle, [item.item_features for item in context.items], "items")
    scored = score_list(bundle, history, context.user_features, codes, values)
    seen, said = scored.history, engine.explain_list(context)
    groups = group_events(seen.codes)
    assert (EVENTS, ITEMS) == (len(seen.codes), len(codes))
    return {
        "history": lambda: resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms),
        "scores and features": lambda: score_list(bundle, history, context.user_features, codes, values),
        "SHAP": lambda: bundle.explainer.shap_values(scored.features),
        "session attribution": lambda: bundle.session_model.effects(seen.codes, seen.lags, codes, groups),
        "whole explanation": lambda: engine.explain_list(context),
        "audit record": lambda: audit_request(
            context, said, model_version="1", key_id="1", policy=bundle.policy, trend_digest="",
            user_snapshot_digest="", computation_time_ms=0.1,
        ),
        "answer as JSON": lambda: msgspec.json.encode(said.explanations),
    }  # fmt: skip


def _microseconds(part: Callable[[], object]) -> float:
    start = time.thread_time_ns()
    part()
    return (time.thread_time_ns() - start) / 1e3


@pytest.mark.benchmark
def test_bench_explain(tmp_path: Path) -> None:
    """Microseconds per list by part; the session attribution keeps its bound in the quietest round."""
    release = _released(tmp_path / "bundle")
    engine, lists = ExplanationEngine(release.bundle), _lists(release)
    per_list = [_parts(release.bundle, engine, context) for context in lists]
    times: dict[str, list[float]] = {name: [] for name in per_list[0]}
    for _ in range(ROUNDS):
        for name, rounds in times.items():
            rounds.append(median(_microseconds(parts[name]) for parts in per_list))
    medians = {name: median(values) for name, values in times.items()}
    counted = sum(medians[name] for name in ("history", "scores and features", "SHAP", "session attribution"))
    medians["selection and narration"] = medians["whole explanation"] - counted
    print(
        f"\nmicroseconds per list of {ITEMS} with {EVENTS} events, median of {ROUNDS} rounds over {len(lists)} lists:"
    )
    for name, taken in medians.items():
        print(f"{name:>24} {taken:8.1f}")
    assert min(times["session attribution"]) <= MUST_ATTRIBUTION_US
