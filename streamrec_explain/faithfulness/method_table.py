"""The method table: which two history items each attribution method would name, and how often that is true.

True are the two whose real removal lowers the score most. Beside it stand the case study's criterion, which is far
weaker, and on a synthetic world how often the strongest planted cause is among the two: a statement about users'
motives, which no faithful attribution of a model makes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.integrated_gradients import gradient_times_input
from streamrec_explain.attribution.removal import group_events, largest
from streamrec_explain.attribution.rollout import attention_rollout
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.faithfulness.gradients import history_gradients
from streamrec_explain.faithfulness.report import MeasuredRate
from streamrec_explain.models.session_gradients import embedded_score
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.models.transformer_model import TransformerModel

TOP_K = 5
NAMED = 2
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MethodCase:
    """A recommendation to explain: known events within the model's horizon, and what was recommended.

    `cause` is the catalogue row of the strongest planted cause; None where nothing is planted.
    """

    history: ResolvedHistory
    candidate: int
    cause: int | None = None


@dataclass(frozen=True)
class MethodRow:
    """How often the two items that a method names are the true top two, both raise the score, both are in the top
    five by |integrated gradients| (rows with a residual above 1% left out), and include the planted cause."""

    method: str
    strict: MeasuredRate
    both_raise: MeasuredRate
    case_study: MeasuredRate
    planted: MeasuredRate


@dataclass(frozen=True)
class MethodTable:
    """One row per method; `gradients_rejected` of `n` cases had integrated gradients that do not add up."""

    n: int
    gradients_rejected: int
    median_steps: int
    rows: tuple[MethodRow, ...]


@dataclass(frozen=True)
class _Judged:
    """Of one case and one method: the verdict by each criterion, None where it cannot be said."""

    strict: bool
    both_raise: bool
    case_study: bool | None
    planted: bool | None


def method_table(model: SessionScorer, cases: Sequence[MethodCase], rng: np.random.Generator) -> MethodTable:
    """Judge every method on cases of at least three distinct history items."""
    verdicts: dict[str, list[_Judged]] = {}
    steps, rejected = [], 0
    for case in cases:
        found = _Attributed.of(model, case, rng)
        steps.append(found.steps)
        rejected += not found.complete
        for method, values in found.by_method.items():
            verdicts.setdefault(method, []).append(found.judge(values))
    rows = tuple(_row(method, judged) for method, judged in verdicts.items())
    return MethodTable(len(cases), rejected, int(np.median(steps)), rows)


@dataclass(frozen=True)
class _Attributed:
    """One case taken apart: what each method says of each distinct item [G], the drops and |gradients| beside it."""

    codes: NDArray[np.int32]
    drops: Floats
    gradients: Floats
    complete: bool
    steps: int
    cause: int | None
    by_method: Mapping[str, Floats]

    @classmethod
    def of(cls, model: SessionScorer, case: MethodCase, rng: np.random.Generator) -> "_Attributed":
        history, groups = case.history, group_events(case.history.codes)
        drops = model.effects(history.codes, history.lags, [case.candidate], groups).drops[0]
        path = history_gradients(model, history, case.candidate)
        slope = gradient_times_input(*embedded_score(model, history.codes, history.lags, case.candidate))
        by_event = {**_own(model, history, case.candidate), "gradient x input": slope[0]}
        by_item = {method: groups.sums(values[None])[0] for method, values in by_event.items()}
        gradients = groups.sums(path.values[None])[0]
        by_item |= {
            "integrated gradients": gradients,
            "removal": drops,
            "the latest items": -np.arange(len(groups.codes), dtype=np.float64),
            "random": rng.random(len(groups.codes)),
        }
        return cls(groups.codes, drops, np.abs(gradients), path.complete, path.steps, case.cause, by_item)

    def judge(self, values: Floats) -> _Judged:
        named = largest(values[None], NAMED)[0]
        top_five = set(largest(self.gradients[None], TOP_K)[0].tolist())
        return _Judged(
            strict=set(named.tolist()) == set(largest(self.drops[None], NAMED)[0].tolist()),
            both_raise=bool((self.drops[named] > 0.0).all()),
            case_study=set(named.tolist()) <= top_five if self.complete else None,
            planted=None if self.cause is None else self.cause in self.codes[named],
        )


def _own(model: SessionScorer, history: ResolvedHistory, candidate: int) -> dict[str, Floats]:
    """What only this kind of model can say of its events, [L] each."""
    if isinstance(model, TransformerModel):
        attention = model.attention(history.codes, history.lags)
        return {"raw attention": attention[-1, -1], "attention rollout": attention_rollout(attention)}
    if isinstance(model, SessionModel):
        return {"contributions": model.contributions(history.codes, history.lags, [candidate])[0]}
    return {}


def _row(method: str, judged: Sequence[_Judged]) -> MethodRow:
    def rate(verdict: Callable[[_Judged], bool | None]) -> MeasuredRate:
        return MeasuredRate.of([said for said in map(verdict, judged) if said is not None])

    return MethodRow(
        method,
        rate(lambda each: each.strict),
        rate(lambda each: each.both_raise),
        rate(lambda each: each.case_study),
        rate(lambda each: each.planted),
    )
