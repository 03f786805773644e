"""The report of a faithfulness audit: rates with their numerators, denominators and intervals."""

from collections.abc import Mapping, Sequence
from math import isfinite

import msgspec

from streamrec_explain.statistics.clustered import ClusteredSample, clustered_mean, clustered_rate
from streamrec_explain.statistics.intervals import Rate


class MeasuredRate(msgspec.Struct, frozen=True):
    """`successes` of `n` with a 95% interval; `value` is None where n is 0.

    `of` is for one stratum: the plain rate with its Wilson interval. `weighted` is for the whole sample: the rate in
    the frame that the sample stands for, its interval at the effective sample size, over `users` users.
    """

    successes: int
    n: int
    value: float | None
    low: float
    high: float
    users: int | None = None

    @classmethod
    def of(cls, outcomes: Sequence[bool]) -> "MeasuredRate":
        """The rate of true outcomes."""
        rate = Rate(sum(outcomes), len(outcomes))
        interval = rate.interval()
        return cls(rate.successes, rate.n, rate.value if rate.n else None, interval.low, interval.high)

    @classmethod
    def weighted(cls, outcomes: Sequence[bool], sample: ClusteredSample) -> "MeasuredRate":
        """The rate of true outcomes in the frame; sentences of one user count as alike as they turn out to be."""
        found = clustered_rate(outcomes, sample)
        value = found.value if found.n else None
        return cls(sum(outcomes), found.n, value, found.low, found.high, found.clusters)

    def __str__(self) -> str:
        if self.value is None:
            return "none in the sample"
        return f"{100 * self.value:.1f}% [{100 * self.low:.1f}, {100 * self.high:.1f}] ({self.successes}/{self.n})"


class MeasuredMean(msgspec.Struct, frozen=True):
    """A weighted mean with its 95% interval between users; None where there is nothing, or only one user."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @classmethod
    def weighted(cls, values: Sequence[float], sample: ClusteredSample) -> "MeasuredMean":
        """The mean in the frame that the sample stands for."""
        found = clustered_mean(values, sample)
        value, low, high = (each if isfinite(each) else None for each in (found.value, found.low, found.high))
        return cls(value, low, high, found.n)

    def __str__(self) -> str:
        if self.value is None:
            return "none in the sample"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{interval}"


class EndToEndFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to the recommended item without the named items, in the history and in every feature from it.

    `falls`: its raw score falls; `falls_at_request`: it falls with the user features left as their snapshot has them;
    `loses_place`: it stands further down when the list is ranked again (items that were not last anyway); `drop`
    in log-odds, `places_lost` in places. `random_falls` and `random_loses_place`: the same for random items.
    """

    falls: MeasuredRate
    falls_at_request: MeasuredRate
    loses_place: MeasuredRate
    drop: MeasuredMean
    places_lost: MeasuredMean
    random_falls: MeasuredRate
    random_loses_place: MeasuredRate


class LengthFaithfulness(msgspec.Struct, frozen=True, kw_only=True):
    """Watch-history sentences of one band of history length, with what random items reach at these lengths."""

    strict: MeasuredRate
    strict_chance: float
    case_study: MeasuredRate
    case_study_chance: float
    falls: MeasuredRate
    random_falls: MeasuredRate


class HistoryFaithfulness(msgspec.Struct, frozen=True, kw_only=True):
    """Watch-history sentences, and two controls that name other items of the same histories.

    `strict`: the named items are those with the largest drops under real removal; `raises`: each really raises
    the score; `closed_up`: they would also have the largest drops had the others moved up; `case_study`: all named
    are in the top five by integrated gradients. `strict_chance` and `case_study_chance` are what random items reach at
    the same lengths; the corrected rates are 0 at chance and 1 at certainty. `gradients_rejected` counts sentences left
    out of `case_study` because completeness failed by more than 1%; `gradient_steps` counts rows by steps taken.
    `comprehensiveness` and `sufficiency` are ERASER's, in units of the session score.
    """

    strict: MeasuredRate
    strict_chance: float
    strict_corrected: float | None
    raises: MeasuredRate
    closed_up: MeasuredRate
    case_study: MeasuredRate
    case_study_chance: float
    case_study_corrected: float | None
    gradients_rejected: int
    gradient_steps: Mapping[str, int]
    comprehensiveness: MeasuredMean
    sufficiency: MeasuredMean
    random_comprehensiveness: MeasuredMean
    random_sufficiency: MeasuredMean
    end_to_end: EndToEndFindings
    random_strict: MeasuredRate
    random_case_study: MeasuredRate
    latest_strict: MeasuredRate
    latest_case_study: MeasuredRate
    by_length: Mapping[str, LengthFaithfulness]


class StratumRate(msgspec.Struct, frozen=True, kw_only=True):
    """One stratum: how many of the frame are in it, and how many of those judged are true."""

    explanation_type: str
    market: str
    length: str
    frame: int
    true: MeasuredRate


class RandomTriggers(msgspec.Struct, frozen=True, kw_only=True):
    """How often the margins of watch_history are passed after `length` events, by items of lists.

    `random`: with the model's tables shuffled among items, so that it knows nothing; `own`: by the model itself.
    """

    length: int
    random: MeasuredRate
    own: MeasuredRate


class FaithfulnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found true of the sentences of one release; `types` counts the judged explanations by type.

    `shares` is each type's share of the frame of `n_frame` explanations from `n_lists` lists, one per user.
    `category`: the category feature is in the top three by |SHAP| and positive, recomputed; `trending`: the
    counts recounted from the events are those claimed; `personalized`: the score really falls without history;
    `promoted`: the place really differs without the boost. `false_claims` are those of every type; the `long_`
    numbers are of histories of at least `long_length` events.
    """

    n_lists: int
    n_frame: int
    n_explanations: int
    types: Mapping[str, int]
    shares: Mapping[str, float]
    history: HistoryFaithfulness | None
    category: MeasuredRate
    trending: MeasuredRate
    personalized: MeasuredRate
    promoted: MeasuredRate
    false_claims: MeasuredRate
    long_length: int
    long_history: HistoryFaithfulness | None
    long_false_claims: MeasuredRate
    strata: tuple[StratumRate, ...]
    random_attention: tuple[RandomTriggers, ...]

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
