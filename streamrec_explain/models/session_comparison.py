"""Two kinds of session model trained for equal time and ranked on the same users: what one costs against the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.splits import TEST_PHASE
from streamrec_explain.models.ranking_metrics import hits, ndcg
from streamrec_explain.models.session_evaluation import evaluate_session, rank_targets, targets
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.models.session_training import TrainingConfig, seconds_per_step, train_session_model
from streamrec_explain.statistics.bootstrap import Estimate, paired_bootstrap, paired_ratio

Clock = Callable[[], float]
Phases = NDArray[np.int8]


@dataclass(frozen=True)
class Training:
    """How one model was trained: `seconds` by the clock that bounds the time, `loss` (nats) of the last epoch begun."""

    kind: str
    seed: int
    steps: int
    epochs: int
    seconds: float
    loss: float


@dataclass(frozen=True)
class Contestant:
    """A trained model and how it came about."""

    training: Training
    model: SessionScorer


@dataclass(frozen=True)
class Ranked:
    """What one trained model reaches: means over users with 95% intervals."""

    training: Training
    hr_at_10: Estimate
    ndcg_at_10: Estimate


@dataclass(frozen=True)
class KindResult:
    """A kind of model: per user the mean over seeds, then over users; and its gain over the best baseline."""

    kind: str
    ndcg_at_10: Estimate
    gain_over_baseline: Estimate


@dataclass(frozen=True)
class RankingComparison:
    """The first kind against the second by NDCG@10, paired by user, the seeds of each averaged per user.

    `ratio` is first / second, `difference` first - second; bootstrap over users with 95% intervals.
    """

    users: int
    n_items: int
    best_baseline: str
    baseline_ndcg_at_10: Estimate
    runs: tuple[Ranked, ...]
    kinds: tuple[KindResult, KindResult]
    ratio: Estimate
    difference: Estimate


def train_for(
    kind: str,
    interactions: Interactions,
    phases: Phases,
    n_items: int,
    config: TrainingConfig,
    seconds: float,
    clock: Clock,
) -> Contestant:
    """Train as many steps as fit into `seconds` by `clock`, the whole schedule of the learning rate within them."""
    cost = seconds_per_step(interactions, phases, n_items, config, clock)
    steps = max(1, round(seconds / cost))
    started = clock()
    trained = train_session_model(interactions, phases, n_items, replace(config, steps=steps))
    training = Training(
        kind, config.seed, steps, len(trained.losses), round(clock() - started, 1), trained.losses[-1]
    )
    return Contestant(training, trained.model)


def compare_ranking(
    first: Sequence[Contestant], second: Sequence[Contestant], interactions: Interactions, phases: Phases, seed: int = 0
) -> RankingComparison:
    """Rank each user's last event of the test phase with every model; InvalidInputError where a kind has none."""
    if not first or not second:
        raise InvalidInputError("a comparison needs a trained model of each kind")
    report = evaluate_session(first[0].model, interactions, phases, seed=seed)
    baseline = next(each for each in report.baselines if each.name == report.best_baseline)
    held_out = targets(interactions, phases, TEST_PHASE)
    n_items = first[0].model.n_items
    ranks = [rank_targets(each.model, interactions, held_out, n_items) for each in (*first, *second)]
    own, other = (np.mean([ndcg(each) for each in part], axis=0) for part in (ranks[: len(first)], ranks[len(first) :]))
    return RankingComparison(
        users=len(report.users),
        n_items=n_items,
        best_baseline=baseline.name,
        baseline_ndcg_at_10=baseline.ndcg_at_10,
        runs=tuple(_ranked(each.training, found, seed) for each, found in zip((*first, *second), ranks, strict=True)),
        kinds=(
            _kind(first[0].training.kind, own, ndcg(baseline.ranks), seed),
            _kind(second[0].training.kind, other, ndcg(baseline.ranks), seed),
        ),
        ratio=paired_ratio(own, other, seed),
        difference=paired_bootstrap(own - other, seed),
    )


def _ranked(training: Training, ranks: NDArray[np.float64], seed: int) -> Ranked:
    return Ranked(training, paired_bootstrap(hits(ranks), seed), paired_bootstrap(ndcg(ranks), seed))


def _kind(kind: str, own: NDArray[np.float64], baseline: NDArray[np.float64], seed: int) -> KindResult:
    return KindResult(kind, paired_bootstrap(own, seed), paired_bootstrap(own - baseline, seed))
