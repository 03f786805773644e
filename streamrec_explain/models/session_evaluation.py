"""Leave-one-out evaluation of a session model: full ranking, seen items excluded, against baselines."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.splits import RERANKER_PHASE, TEST_PHASE
from streamrec_explain.models.baselines import (
    CatalogueRanker,
    last_five_ranker,
    markov_ranker,
    popularity_ranker,
)
from streamrec_explain.models.ranking_metrics import hits, ndcg, target_ranks
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.models.session_training import training_sequences
from streamrec_explain.statistics.bootstrap import Estimate, paired_bootstrap

CELLS = 1 << 22  # scores held at once


@dataclass(frozen=True)
class Targets:
    """One held-out event per user: its place in the flat interactions and the history before it.

    place: int64 [M]; ranges: int64 [M, 2] (history start, end = place); repeats: users left out because
    their event's item was already in their history, so that it cannot be ranked among unseen items.
    """

    place: NDArray[np.int64]
    ranges: NDArray[np.int64]
    repeats: int


@dataclass(frozen=True)
class RankerResult:
    """One ranker's rank of every target (0 is the top) and its metrics over users with 95% intervals."""

    name: str
    ranks: NDArray[np.float64]
    hr_at_10: Estimate
    ndcg_at_10: Estimate


@dataclass(frozen=True)
class SessionReport:
    """The session model beside its baselines on the same users.

    `gain` is the paired difference of NDCG@10 to the best baseline (by NDCG@10 on these very users, which
    favours the baseline); promotable where gain.low > 0.
    """

    split: str
    users: NDArray[np.int32]
    repeats: int
    model: RankerResult
    baselines: tuple[RankerResult, ...]
    best_baseline: str
    gain: Estimate


def evaluate_session(
    model: SessionScorer,
    interactions: Interactions,
    phases: NDArray[np.int8],
    split: Literal["validation", "test"] = "test",
    seed: int = 0,
) -> SessionReport:
    """Rank each user's last engaged event of the split's phase after everything before it.

    The baselines are fitted on phase 0, as the model is. InvalidInputError where no user has such an event.
    """
    held_out = targets(interactions, phases, RERANKER_PHASE if split == "validation" else TEST_PHASE)
    if held_out.place.size == 0:
        raise InvalidInputError(f"no user has an engaged event to rank in the {split} phase")
    item, offsets = training_sequences(interactions, phases)
    rankers: list[tuple[str, CatalogueRanker]] = [
        ("session model", model),
        ("popularity", popularity_ranker(item, model.n_items)),
        ("first-order Markov", markov_ranker(item, offsets, model.n_items)),
        ("last five transitions", last_five_ranker(item, offsets, model.n_items)),
    ]
    own, *others = (_result(name, rank_targets(r, interactions, held_out, model.n_items), seed) for name, r in rankers)
    best = max(others, key=lambda result: result.ndcg_at_10.value)
    gain = paired_bootstrap(ndcg(own.ranks) - ndcg(best.ranks), seed)
    users = interactions.user[held_out.place]
    return SessionReport(split, users, held_out.repeats, own, tuple(others), best.name, gain)


def targets(interactions: Interactions, phases: NDArray[np.int8], phase: int) -> Targets:
    """Each user's last engaged event in `phase`, unless its item was already in the history."""
    events = np.flatnonzero(phases[interactions.row] == phase)
    user = interactions.user[events]
    last = events[np.append(user[1:] != user[:-1], True)] if events.size else events
    first = interactions.offsets[interactions.user[last]]
    seen = np.array(
        [interactions.item[p] in interactions.item[f:p] for f, p in zip(first, last, strict=True)], dtype=bool
    )
    ranges = np.stack([first, last], axis=1)[~seen].astype(np.int64)
    return Targets(last[~seen], ranges, int(seen.sum()))


def rank_targets(
    ranker: CatalogueRanker, interactions: Interactions, held_out: Targets, n_items: int
) -> NDArray[np.float64]:
    """Rank of every target among the items its user has not seen, in blocks of users."""
    block = max(1, CELLS // n_items)
    ranks = [
        _block_ranks(ranker, interactions, held_out.ranges[start : start + block])
        for start in range(0, len(held_out.ranges), block)
    ]
    return np.concatenate(ranks)


def _block_ranks(ranker: CatalogueRanker, interactions: Interactions, ranges: NDArray[np.int64]) -> NDArray[np.float64]:
    scores = ranker.catalogue_scores(interactions.item, interactions.sequence, ranges)
    length = ranges[:, 1] - ranges[:, 0]
    row = np.repeat(np.arange(len(ranges)), length)
    place = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length) + np.repeat(ranges[:, 0], length)
    scores[row, interactions.item[place]] = -np.inf
    return target_ranks(scores, interactions.item[ranges[:, 1]].astype(np.int64))


def _result(name: str, ranks: NDArray[np.float64], seed: int) -> RankerResult:
    return RankerResult(name, ranks, paired_bootstrap(hits(ranks), seed), paired_bootstrap(ndcg(ranks), seed))
