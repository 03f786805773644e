"""The faithfulness audit: explain sampled lists with a release and test every sentence against its model."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.faithfulness.chance import chance_corrected, exact_set_chance, random_named, top_k_chance
from streamrec_explain.faithfulness.criteria import IG_TOLERANCE, TOP_K, HistoryTruth, NamedHistory, history_truth
from streamrec_explain.faithfulness.recheck import Recheck
from streamrec_explain.faithfulness.report import FaithfulnessReport, HistoryFaithfulness, MeasuredRate
from streamrec_explain.faithfulness.sampling import Moment, sample_lists
from streamrec_explain.records import Explanation, ListContext

LEAST_PER_LIST = 4
LENGTHS = ((1, 4), (5, 9), (10, 19), (20, 49), (50, 1000))

Progress = Callable[[Iterable[ListContext]], Iterable[ListContext]]


@dataclass(frozen=True)
class Judged:
    """One explanation of the sample and what was found; `truth` only for watch-history sentences."""

    explanation_type: str
    verdict: bool
    named: tuple[int, ...] = ()
    truth: HistoryTruth | None = None


def audit(
    bundle: EngineBundle,
    moment: Moment,
    users: np.typing.NDArray[np.int64],
    n_explanations: int,
    seed: int,
    progress: Progress = iter,
) -> FaithfulnessReport:
    """Judge `n_explanations` drawn at random from lists of the given user codes, one list for each user.

    A list gives four, or as many more as it takes to reach `n_explanations` with the users there are, up to the
    whole list; fewer are judged only where every explanation of every user has been.
    """
    per_list = max(LEAST_PER_LIST, ceil(n_explanations / max(len(users), 1)))
    n_lists = min(len(users), ceil(n_explanations / per_list))
    lists = sample_lists(bundle, moment, users[:n_lists], seed)
    engine, recheck = ExplanationEngine(bundle), Recheck(bundle, moment)
    rng = np.random.default_rng(seed)
    judged: list[Judged] = []
    for context in progress(lists):
        explanations = engine.explain_list(context).explanations
        for place in rng.permutation(len(explanations))[:per_list].tolist():
            judged.append(_judge(bundle, recheck, context, explanations[place], place))
    return _report(n_lists, judged[:n_explanations], rng)


def _judge(bundle: EngineBundle, recheck: Recheck, context: ListContext, said: Explanation, place: int) -> Judged:
    if said.explanation_type != "watch_history":
        return Judged(said.explanation_type, recheck.holds(context, said, place))
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    items = said.claims[0].evidence["items"]
    named = tuple(bundle.catalogue.code(item) for item in items) if isinstance(items, tuple | list) else ()
    case = NamedHistory(history, bundle.catalogue.code(said.item_id), named)
    truth = history_truth(bundle.session_model, case)
    return Judged(said.explanation_type, truth.strict(named), named, truth)


def _report(n_lists: int, judged: Sequence[Judged], rng: np.random.Generator) -> FaithfulnessReport:
    def rate(kind: str) -> MeasuredRate:
        return MeasuredRate.of([row.verdict for row in judged if row.explanation_type == kind])

    history = [(row.truth, row.named) for row in judged if row.truth is not None]
    return FaithfulnessReport(
        n_lists=n_lists,
        n_explanations=len(judged),
        types=dict(sorted(Counter(row.explanation_type for row in judged).items())),
        history=_history(history, rng) if history else None,
        category=rate("category_match"),
        trending=rate("trending"),
        personalized=rate("personalized"),
        promoted=rate("promoted"),
    )


def _history(
    judged: Sequence[tuple[HistoryTruth, tuple[int, ...]]], rng: np.random.Generator
) -> HistoryFaithfulness:
    complete = [(truth, named) for truth, named in judged if truth.residual <= IG_TOLERANCE]
    strict = MeasuredRate.of([truth.strict(named) for truth, named in judged])
    case_study = MeasuredRate.of([truth.case_study(named) for truth, named in complete])
    strict_chance = _mean([exact_set_chance(len(truth.codes), len(named)) for truth, named in judged])
    top_chance = _mean([top_k_chance(len(truth.codes), len(named), TOP_K) for truth, named in complete])
    at_random = [
        (truth, tuple(truth.codes[random_named(len(truth.codes), len(named), rng)].tolist())) for truth, named in judged
    ]
    latest = [(truth, tuple(truth.codes[: len(named)].tolist())) for truth, named in judged]
    corrected = None if case_study.value is None else chance_corrected(case_study.value, top_chance)
    return HistoryFaithfulness(
        strict=strict,
        strict_chance=strict_chance,
        strict_corrected=chance_corrected(strict.value or 0.0, strict_chance),
        raises=MeasuredRate.of([truth.all_raise(named) for truth, named in judged]),
        case_study=case_study,
        case_study_chance=top_chance,
        case_study_corrected=corrected,
        gradients_rejected=len(judged) - len(complete),
        random_strict=MeasuredRate.of([truth.strict(named) for truth, named in at_random]),
        random_case_study=MeasuredRate.of([truth.case_study(named) for truth, named in at_random]),
        latest_strict=MeasuredRate.of([truth.strict(named) for truth, named in latest]),
        latest_case_study=MeasuredRate.of([truth.case_study(named) for truth, named in latest]),
        by_length={
            f"{low}-{high}": MeasuredRate.of(
                [truth.strict(named) for truth, named in judged if low <= len(truth.codes) <= high]
            )
            for low, high in LENGTHS
        },
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
