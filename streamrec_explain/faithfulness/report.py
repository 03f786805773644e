"""The report of a faithfulness audit: rates with their numerators, denominators and intervals."""

from collections.abc import Mapping, Sequence

import msgspec

from streamrec_explain.statistics.intervals import Rate


class MeasuredRate(msgspec.Struct, frozen=True):
    """`successes` of `n` with the 95% Wilson interval; value and interval are NaN-free only where n > 0."""

    successes: int
    n: int
    value: float | None
    low: float
    high: float

    @classmethod
    def of(cls, outcomes: Sequence[bool]) -> "MeasuredRate":
        """The rate of true outcomes."""
        rate = Rate(sum(outcomes), len(outcomes))
        interval = rate.interval()
        return cls(rate.successes, rate.n, rate.value if rate.n else None, interval.low, interval.high)

    def __str__(self) -> str:
        if self.value is None:
            return "none in the sample"
        return f"{100 * self.value:.1f}% [{100 * self.low:.1f}, {100 * self.high:.1f}] ({self.successes}/{self.n})"


class HistoryFaithfulness(msgspec.Struct, frozen=True, kw_only=True):
    """Watch-history sentences, and two controls that name other items of the same histories.

    `strict`: the named items are those with the largest drops under real removal; `raises`: each really raises
    the score; `case_study`: all named are in the top five by integrated gradients. `strict_chance` and
    `case_study_chance` are what random items reach at the same lengths; the corrected rates are 0 at chance.
    `gradients_rejected` counts sentences left out of `case_study` because completeness failed by more than 1%.
    """

    strict: MeasuredRate
    strict_chance: float
    strict_corrected: float
    raises: MeasuredRate
    case_study: MeasuredRate
    case_study_chance: float
    case_study_corrected: float | None
    gradients_rejected: int
    random_strict: MeasuredRate
    random_case_study: MeasuredRate
    latest_strict: MeasuredRate
    latest_case_study: MeasuredRate
    by_length: Mapping[str, MeasuredRate]


class FaithfulnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found true of the sentences of one release; `types` counts the sampled explanations by type.

    `category`: the category feature is in the top three by |SHAP| and positive, recomputed; `trending`: the
    counts recounted from the events are those claimed; `personalized`: the score really falls without history;
    `promoted`: the place really differs without the boost.
    """

    n_lists: int
    n_explanations: int
    types: Mapping[str, int]
    history: HistoryFaithfulness | None
    category: MeasuredRate
    trending: MeasuredRate
    personalized: MeasuredRate
    promoted: MeasuredRate

    def to_json(self) -> bytes:
        """Indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    @classmethod
    def from_json(cls, data: bytes) -> "FaithfulnessReport":
        """Read what `to_json` wrote."""
        return msgspec.json.decode(data, type=cls)

    @property
    def strict_lower_bound(self) -> float:
        """The lower 95% bound of strict agreement; NaN where no history sentence was said."""
        return self.history.strict.low if self.history and self.history.strict.n else float("nan")
