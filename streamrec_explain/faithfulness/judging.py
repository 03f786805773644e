"""Judging: one sentence of the sample against the model, the events and two controls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory, resolve_history
from streamrec_explain.faithfulness.chance import random_named
from streamrec_explain.faithfulness.criteria import HistoryTruth, NamedHistory, Rationale, history_truth, rationale
from streamrec_explain.faithfulness.end_to_end import EndToEnd, NamedInList, RemovalEffect
from streamrec_explain.faithfulness.recheck import Recheck
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.faithfulness.strata import Stratum
from streamrec_explain.records import Explanation, ListContext

BLOCK = 256  # sentences whose users' pasts are written out without the named events at a time


@dataclass(frozen=True)
class Said:
    """One explanation of the frame: whose list, where in it, what was said."""

    user: int
    context: ListContext
    place: int
    explanation: Explanation
    stratum: Stratum


@dataclass(frozen=True)
class Naming:
    """Items (catalogue rows) named for a recommendation, and what taking them away does."""

    items: tuple[int, ...]
    rationale: Rationale
    effect: RemovalEffect


@dataclass(frozen=True)
class HistoryJudgement:
    """A watch-history sentence beside its controls: as many items at random, and the latest ones."""

    truth: HistoryTruth
    named: Naming
    random: Naming
    latest: tuple[int, ...]


@dataclass(frozen=True)
class Judged:
    """One judged explanation; `weight` is how many of the frame it stands for, `last` whether it ends its list.

    `events` is the history's length; `history` is None for other types.
    """

    user: int
    stratum: Stratum
    events: int
    weight: float
    last: bool
    true: bool
    history: HistoryJudgement | None = None


class Judge:
    """Judges sentences of one release at one moment; the random control draws from `rng`."""

    def __init__(self, bundle: EngineBundle, moment: Moment, rng: np.random.Generator) -> None:
        self._bundle = bundle
        self._recheck = Recheck(bundle, moment)
        self._end_to_end = EndToEnd(bundle, moment)
        self._rng = rng

    def judge(self, said: Sequence[Said], weights: Sequence[float]) -> list[Judged]:
        """The judgement of each sentence, in order."""
        judged: list[Judged] = []
        for start in range(0, len(said), BLOCK):
            block = slice(start, start + BLOCK)
            judged += self._block(said[block], weights[block])
        return judged

    def _block(self, said: Sequence[Said], weights: Sequence[float]) -> list[Judged]:
        named = [each for each in said if each.explanation.explanation_type == "watch_history"]
        found = iter(self._histories(named))
        return [
            self._judged(each, weight, next(found) if each.explanation.explanation_type == "watch_history" else None)
            for each, weight in zip(said, weights, strict=True)
        ]

    def _judged(self, said: Said, weight: float, history: HistoryJudgement | None) -> Judged:
        return Judged(
            user=said.user,
            stratum=said.stratum,
            events=len(self._history(said).codes),
            weight=weight,
            last=said.place == len(said.context.items) - 1,
            true=self._is_true(history)
            if history
            else self._recheck.holds(said.context, said.explanation, said.place),
            history=history,
        )

    def _is_true(self, judgement: HistoryJudgement) -> bool:
        """All that the sentence claims: the largest drops, each a drop, and the raw score falls where that is asked."""
        named, asked = judgement.named, self._bundle.thresholds.history_raw_margin
        falls = asked is None or named.effect.request_drop > asked
        return judgement.truth.strict(named.items) and judgement.truth.all_raise(named.items) and falls

    def _histories(self, said: Sequence[Said]) -> list[HistoryJudgement]:
        cases = [self._case(each) for each in said]
        truths = [history_truth(self._bundle.session_model, case) for case in cases]
        at_random = [
            replace(case, named=self._drawn(truth, len(case.named)))
            for case, truth in zip(cases, truths, strict=True)
        ]
        judgements = zip(truths, self._namings(said, cases), self._namings(said, at_random), strict=True)
        return [
            HistoryJudgement(truth, named, random, _latest(truth, len(named.items)))
            for truth, named, random in judgements
        ]

    def _namings(self, said: Sequence[Said], cases: Sequence[NamedHistory]) -> list[Naming]:
        ids = self._bundle.catalogue.item_ids
        effects = self._end_to_end.effects(
            [
                NamedInList(each.user, each.context, each.place, tuple(ids[code] for code in case.named))
                for each, case in zip(said, cases, strict=True)
            ]
        )
        return [
            Naming(case.named, rationale(self._bundle.session_model, case), effect)
            for case, effect in zip(cases, effects, strict=True)
        ]

    def _case(self, said: Said) -> NamedHistory:
        catalogue, items = self._bundle.catalogue, said.explanation.claims[0].evidence["items"]
        named = tuple(catalogue.code(item) for item in items) if isinstance(items, tuple | list) else ()
        return NamedHistory(self._history(said), catalogue.code(said.explanation.item_id), named)

    def _history(self, said: Said) -> ResolvedHistory:
        context = said.context
        return resolve_history(context.session_history, self._bundle.catalogue, context.timestamp_ms)

    def _drawn(self, truth: HistoryTruth, count: int) -> tuple[int, ...]:
        return tuple(truth.codes[random_named(len(truth.codes), count, self._rng)].tolist())


def _latest(truth: HistoryTruth, count: int) -> tuple[int, ...]:
    return tuple(truth.codes[:count].tolist())
