"""What a session model costs to serve and what it is worth after the re-ranker, beside another kind of model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.removal import group_events
from streamrec_explain.errors import InvalidInputError
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.models.ranking_metrics import auc_per_group, ndcg_per_group
from streamrec_explain.models.reranker_dataset import RerankerDataset, reranker_dataset
from streamrec_explain.models.reranker_training import RerankerTrainingConfig, train_reranker
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.statistics.bootstrap import Estimate, paired_bootstrap
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from streamrec_explain.trees.predict import predict_raw

LIST_SIZE = 20
EVENTS = 50
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class ServingCost:
    """Median microseconds by the clock for one list of 20 after 50 events, of `n` interleaved repeats.

    `scores_us`: the scores alone; `effects_us`: what every distinct item of the history does to each score.
    """

    kind: str
    scores_us: float
    effects_us: float
    n: int


@dataclass(frozen=True)
class RerankerPrice:
    """The re-ranker trained with the session score of each kind: order within users of test rows, means over users."""

    rows: int
    kinds: tuple[str, str]
    within_user_auc: tuple[Estimate, Estimate]
    within_user_ndcg: tuple[Estimate, Estimate]
    auc_difference: Estimate
    ndcg_difference: Estimate


def serving_costs(
    models: Mapping[str, SessionScorer], rng: np.random.Generator, clock: Callable[[], float], repeats: int = 200
) -> tuple[ServingCost, ...]:
    """Time scoring, and the effect of every history item, on the same random histories and lists in turn."""
    n_items = min(model.n_items for model in models.values())
    if n_items < EVENTS:
        raise InvalidInputError(f"histories of {EVENTS} distinct items need as many items, there are {n_items}")
    lags = np.arange(EVENTS, 0, -1, dtype=np.int32)
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in models}
    for turn in range(repeats + 1):
        history = rng.choice(n_items, EVENTS, replace=False).astype(np.int32)
        candidates = rng.choice(n_items, LIST_SIZE, replace=False).astype(np.int32)
        for kind, model in models.items():
            found = _one_list(model, history, lags, candidates, clock)
            if turn:  # the first compiles
                taken[kind].append(found)
    return tuple(ServingCost(kind, *_medians_us(rows), repeats) for kind, rows in taken.items())


def _medians_us(rows: list[tuple[float, float]]) -> tuple[float, float]:
    scores, effects = np.median(np.array(rows), axis=0) * 1e6
    return float(scores), float(effects)


def _one_list(
    model: SessionScorer,
    history: NDArray[np.int32],
    lags: NDArray[np.int32],
    candidates: NDArray[np.int32],
    clock: Callable[[], float],
) -> tuple[float, float]:
    started = clock()
    model.scores(history, lags, candidates)
    scored = clock()
    model.effects(history, lags, candidates, group_events(history))
    return scored - started, clock() - scored


def reranker_price(
    world: World,
    spec: FeatureSpec,
    catalogue: Catalogue,
    models: Mapping[str, SessionScorer],
    phases: NDArray[np.int8],
    seed: int,
) -> RerankerPrice:
    """Train and judge the re-ranker once with each of two models' scores, on the same rows with the same seed."""
    first, second = models
    rows = {kind: reranker_dataset(world, spec, catalogue, models[kind], phases, seed) for kind in models}
    raw = {kind: _test_scores(rows[kind], spec, seed) for kind in models}
    test = rows[first].test
    aucs = [auc_per_group(test.labels, raw[kind], test.users) for kind in models]
    ndcgs = [ndcg_per_group(test.labels, raw[kind], test.users) for kind in models]
    return RerankerPrice(
        rows=len(test),
        kinds=(first, second),
        within_user_auc=(paired_bootstrap(aucs[0], seed), paired_bootstrap(aucs[1], seed)),
        within_user_ndcg=(paired_bootstrap(ndcgs[0], seed), paired_bootstrap(ndcgs[1], seed)),
        auc_difference=paired_bootstrap(aucs[0] - aucs[1], seed),
        ndcg_difference=paired_bootstrap(ndcgs[0] - ndcgs[1], seed),
    )


def _test_scores(rows: RerankerDataset, spec: FeatureSpec, seed: int) -> Float64:
    """Raw scores of the test rows by a re-ranker trained on the others."""
    train, stop = rows.training, rows.validation
    config = RerankerTrainingConfig()
    text = train_reranker(train.features, train.labels, stop.features, stop.labels, spec, config, seed)
    return np.asarray(predict_raw(parse_lightgbm_text(text), rows.test.features))
