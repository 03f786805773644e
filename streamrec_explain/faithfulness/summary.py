"""Summary: judged explanations as the rates of a report."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from streamrec_explain.faithfulness.chance import chance_corrected, exact_set_chance, top_k_chance
from streamrec_explain.faithfulness.criteria import TOP_K
from streamrec_explain.faithfulness.judging import HistoryJudgement, Judged
from streamrec_explain.faithfulness.report import (
    EndToEndFindings,
    FaithfulnessReport,
    HistoryFaithfulness,
    LengthFaithfulness,
    MeasuredMean,
    MeasuredRate,
    RandomTriggers,
    StratumRate,
)
from streamrec_explain.faithfulness.strata import LENGTHS, Stratum, length_band
from streamrec_explain.statistics.clustered import ClusteredSample

LONG = 10


def summarize(
    n_lists: int,
    frame: Mapping[Stratum, int],
    judged: Sequence[Judged],
    random_attention: tuple[RandomTriggers, ...],
) -> FaithfulnessReport:
    """The report on judged explanations of a frame with so many explanations per stratum."""
    by_type = {kind: [row for row in judged if row.stratum.explanation_type == kind] for kind in _types(judged)}
    n_frame, of_type = sum(frame.values()), Counter[str]()
    for stratum, size in frame.items():
        of_type[stratum.explanation_type] += size
    long = [row for row in judged if row.events >= LONG]
    category, trending, personalized, promoted = (
        _true(by_type.get(kind, [])) for kind in ("category_match", "trending", "personalized", "promoted")
    )
    return FaithfulnessReport(
        n_lists=n_lists,
        n_frame=n_frame,
        n_explanations=len(judged),
        types={kind: len(rows) for kind, rows in by_type.items()},
        shares={kind: size / n_frame for kind, size in sorted(of_type.items())},
        history=_history(by_type.get("watch_history", [])),
        category=category,
        trending=trending,
        personalized=personalized,
        promoted=promoted,
        false_claims=_false(judged),
        long_length=LONG,
        long_history=_history([row for row in long if row.history]),
        long_false_claims=_false(long),
        strata=tuple(_stratum(stratum, size, judged) for stratum, size in sorted(frame.items())),
        random_attention=random_attention,
    )


def _types(judged: Iterable[Judged]) -> list[str]:
    return sorted({row.stratum.explanation_type for row in judged})


def _sample(rows: Sequence[Judged]) -> ClusteredSample:
    return ClusteredSample.of([row.weight for row in rows], [row.user for row in rows])


def _true(rows: Sequence[Judged]) -> MeasuredRate:
    return MeasuredRate.weighted([row.true for row in rows], _sample(rows))


def _false(rows: Sequence[Judged]) -> MeasuredRate:
    return MeasuredRate.weighted([not row.true for row in rows], _sample(rows))


def _stratum(stratum: Stratum, size: int, judged: Sequence[Judged]) -> StratumRate:
    return StratumRate(
        explanation_type=stratum.explanation_type,
        market=stratum.market,
        length=stratum.length,
        frame=size,
        true=MeasuredRate.of([row.true for row in judged if row.stratum == stratum]),
    )


class _Histories:
    """Watch-history sentences with their weights; every rate and mean of them is made here."""

    def __init__(self, rows: Sequence[Judged]) -> None:
        self.found = [row.history for row in rows if row.history is not None]
        self.rows = [row for row in rows if row.history is not None]
        self._sample = _sample(self.rows)

    def rate(self, outcome: Callable[[HistoryJudgement], bool]) -> MeasuredRate:
        return MeasuredRate.weighted([outcome(each) for each in self.found], self._sample)

    def mean(self, number: Callable[[HistoryJudgement], float]) -> MeasuredMean:
        return MeasuredMean.weighted([number(each) for each in self.found], self._sample)

    def chance(self, level: Callable[[int, int], float]) -> float:
        """The mean chance of naming as many items of as many distinct ones at random."""
        return self._sample.mean([level(len(each.truth.codes), len(each.named.items)) for each in self.found])

    def where(self, chosen: Callable[[Judged, HistoryJudgement], bool]) -> "_Histories":
        pairs = zip(self.rows, self.found, strict=True)
        return _Histories([row for row, each in pairs if chosen(row, each)])


def _history(rows: Sequence[Judged]) -> HistoryFaithfulness | None:
    if not rows:
        return None
    every = _Histories(rows)
    complete = every.where(lambda _, each: each.truth.complete)
    strict = every.rate(lambda each: each.truth.strict(each.named.items))
    case_study = complete.rate(lambda each: each.truth.case_study(each.named.items))
    strict_chance = every.chance(exact_set_chance)
    top_chance = (complete if complete.found else every).chance(_top_chance)
    steps = Counter(each.truth.steps for each in every.found)
    return HistoryFaithfulness(
        strict=strict,
        strict_chance=strict_chance,
        strict_corrected=_corrected(strict, strict_chance),
        raises=every.rate(lambda each: each.truth.all_raise(each.named.items)),
        closed_up=every.rate(lambda each: each.truth.strict_closed_up(each.named.items)),
        case_study=case_study,
        case_study_chance=top_chance,
        case_study_corrected=_corrected(case_study, top_chance),
        gradients_rejected=len(every.found) - len(complete.found),
        gradient_steps={str(number): count for number, count in sorted(steps.items())},
        comprehensiveness=every.mean(lambda each: each.named.rationale.comprehensiveness),
        sufficiency=every.mean(lambda each: each.named.rationale.sufficiency),
        random_comprehensiveness=every.mean(lambda each: each.random.rationale.comprehensiveness),
        random_sufficiency=every.mean(lambda each: each.random.rationale.sufficiency),
        end_to_end=_end_to_end(every),
        random_strict=every.rate(lambda each: each.truth.strict(each.random.items)),
        random_case_study=complete.rate(lambda each: each.truth.case_study(each.random.items)),
        latest_strict=every.rate(lambda each: each.truth.strict(each.latest)),
        latest_case_study=complete.rate(lambda each: each.truth.case_study(each.latest)),
        by_length={band: _of_length(every, band) for band in _bands(every.rows)},
    )


def _end_to_end(every: _Histories) -> EndToEndFindings:
    # The last item of a list has no lower place in it.
    losable = every.where(lambda row, _: not row.last)
    return EndToEndFindings(
        falls=every.rate(lambda each: each.named.effect.drop > 0.0),
        falls_at_request=every.rate(lambda each: each.named.effect.request_drop > 0.0),
        loses_place=losable.rate(lambda each: each.named.effect.places_lost > 0),
        drop=every.mean(lambda each: each.named.effect.drop),
        places_lost=every.mean(lambda each: each.named.effect.places_lost),
        random_falls=every.rate(lambda each: each.random.effect.drop > 0.0),
        random_loses_place=losable.rate(lambda each: each.random.effect.places_lost > 0),
    )


def _of_length(every: _Histories, band: str) -> LengthFaithfulness:
    """Per-stratum rates: plain counts with Wilson intervals."""
    own = every.where(lambda row, _: row.stratum.length == band).found
    complete = [each for each in own if each.truth.complete]

    def chance(level: Callable[[int, int], float], rows: Sequence[HistoryJudgement]) -> float:
        return float(np.mean([level(len(each.truth.codes), len(each.named.items)) for each in rows]))

    return LengthFaithfulness(
        strict=MeasuredRate.of([each.truth.strict(each.named.items) for each in own]),
        strict_chance=chance(exact_set_chance, own),
        case_study=MeasuredRate.of([each.truth.case_study(each.named.items) for each in complete]),
        case_study_chance=chance(_top_chance, complete or own),
        falls=MeasuredRate.of([each.named.effect.drop > 0.0 for each in own]),
        random_falls=MeasuredRate.of([each.random.effect.drop > 0.0 for each in own]),
    )


def _bands(rows: Sequence[Judged]) -> list[str]:
    present = {row.stratum.length for row in rows}
    return [band for band in (length_band(low) for low, _ in LENGTHS) if band in present]


def _top_chance(distinct_items: int, named: int) -> float:
    return top_k_chance(distinct_items, named, TOP_K)


def _corrected(rate: MeasuredRate, chance: float) -> float | None:
    """None where there is no rate, or where chance alone is certain to pass."""
    return None if rate.value is None or chance >= 1.0 else chance_corrected(rate.value, chance)
