"""The audit end to end: a release that tells the truth, and sentences that are of another model."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.calibration import calibrate
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history_pull import random_attention
from streamrec_explain.faithfulness import audit as audit_module
from streamrec_explain.faithfulness.audit import audit
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.faithfulness.sampling import Moment, sample_lists
from streamrec_explain.records import ListContext
from streamrec_explain.release.gates import GateBounds
from tests.reference.transformer import random_transformer

USERS = np.arange(1, 60)
Spoken = Callable[[EngineBundle], FaithfulnessReport]


@pytest.fixture(scope="module")
def honest(bundle: EngineBundle, moment: Moment) -> FaithfulnessReport:
    """The audit of the tiny release."""
    return audit(bundle, moment, USERS, 600, seed=1)


@pytest.fixture
def spoken_by(monkeypatch: pytest.MonkeyPatch, bundle: EngineBundle, moment: Moment) -> Spoken:
    """The audit of the tiny release's model when another release speaks."""

    def judge(speaker: EngineBundle) -> FaithfulnessReport:
        deaf = msgspec.structs.replace(speaker.thresholds, score_tolerance=1e9)  # speaks of scores not its own
        monkeypatch.setattr(
            audit_module, "ExplanationEngine", lambda _: ExplanationEngine(replace(speaker, thresholds=deaf))
        )
        return audit(bundle, moment, USERS, 600, seed=1)

    return judge


def test_an_honest_release_is_right_every_time(honest: FaithfulnessReport) -> None:
    """Every type of sentence is said, and every one of them is true."""
    assert honest.history is not None
    assert honest.history.strict.n > 100
    others = (honest.category, honest.trending, honest.personalized, honest.promoted)
    assert [1.0] * 6 == [rate.value for rate in (honest.history.strict, honest.history.raises, *others)]
    assert honest.history.case_study.low > 0.95  # items that lower the score may fill its top five
    assert 1.0 == honest.history.strict_corrected
    assert 0 == honest.history.gradients_rejected


def test_the_controls_stay_at_chance(honest: FaithfulnessReport) -> None:
    """Random items of the same histories pass as often as computed, the latest ones are no explanation either."""
    found = honest.history
    assert found is not None
    assert found.random_strict.low <= found.strict_chance <= found.random_strict.high
    assert found.random_case_study.low <= found.case_study_chance <= found.random_case_study.high
    assert found.latest_strict.high < 0.5


def test_lengths_share_out_the_sentences(honest: FaithfulnessReport) -> None:
    """Every history sentence is in one band of length, and the types add up."""
    assert honest.history is not None
    assert honest.history.strict.n == sum(band.strict.n for band in honest.history.by_length.values())
    assert honest.history.strict.n == honest.types["watch_history"]
    assert 600 == honest.n_explanations == sum(honest.types.values())


def test_strata_share_out_the_frame(honest: FaithfulnessReport) -> None:
    """Every explanation of the lists is in one stratum, rare ones are judged too, and the shares are the frame's."""
    assert honest.n_frame == sum(stratum.frame for stratum in honest.strata)
    assert honest.n_explanations == sum(stratum.true.n for stratum in honest.strata)
    assert all(stratum.true.n >= min(stratum.frame, 600 // len(honest.strata)) for stratum in honest.strata)
    assert {"US"} == {stratum.market for stratum in honest.strata}
    assert {"0", "1-4", "5-9", "10-19", "20-49"} == {stratum.length for stratum in honest.strata}
    trending = sum(stratum.frame for stratum in honest.strata if stratum.explanation_type == "trending")
    assert trending / honest.n_frame == pytest.approx(honest.shares["trending"])


def test_no_claim_is_false_and_the_bound_tells_how_many_were_looked_at(honest: FaithfulnessReport) -> None:
    """None of 600: with that many the upper bound is below 1%; long histories are a part of them."""
    assert (0, 600) == (honest.false_claims.successes, honest.false_claims.n)
    assert 0.001 < honest.false_claims.high < 0.01
    assert honest.long_history is not None
    assert honest.long_history.strict.n < honest.history.strict.n
    assert 0 == honest.long_false_claims.successes < honest.long_false_claims.n < 600
    assert {"10-19", "20-49"} == set(honest.long_history.by_length)


def test_the_named_items_are_needed_and_nearly_enough(honest: FaithfulnessReport) -> None:
    """Without them the score falls by more than without random ones, with them alone it falls less."""
    found = honest.history
    assert found.comprehensiveness.low > found.random_comprehensiveness.high
    assert found.sufficiency.high < found.random_sufficiency.low
    assert found.closed_up.high < 1.0
    assert {"8": found.strict.n} == found.gradient_steps


def test_the_raw_score_falls_without_the_named_items(
    honest: FaithfulnessReport, bundle: EngineBundle, moment: Moment
) -> None:
    """More often than without random ones; always at request time where the release asks for it."""
    asking = replace(bundle, thresholds=msgspec.structs.replace(bundle.thresholds, history_raw_margin=0.0))
    asked = audit(asking, moment, USERS, 600, seed=1).history.end_to_end
    found = honest.history.end_to_end
    assert found.falls.low > found.random_falls.high
    assert found.loses_place.low > found.random_loses_place.high
    assert 1.0 == asked.falls_at_request.value > found.falls_at_request.value
    assert asked.falls.value > found.falls.value


def test_sentences_of_a_transformer_are_judged_by_removal_too(bundle: EngineBundle, moment: Moment) -> None:
    """Attention is normalised there: what a sentence names was found by removal, and gradients need more steps."""
    model = random_transformer(np.random.default_rng(4), len(bundle.catalogue), max_lag=60)
    thresholds = msgspec.structs.replace(bundle.thresholds, history_margin=0.1, history_single_margin=0.1)
    speaking = replace(bundle, session_model=model, thresholds=thresholds)
    found = audit(speaking, moment, USERS[20:30], 40, seed=1).history
    assert found.strict.n > 5
    assert 1.0 == found.strict.value == found.raises.value
    assert found.latest_strict.value < 1.0
    assert max(map(int, found.gradient_steps)) > 8


def test_random_attention_is_nearly_silent_after_calibration(bundle: EngineBundle, moment: Moment) -> None:
    """Calibrated on some users it rarely passes the margins for others; uncalibrated it does."""
    halves = USERS[::2], USERS[1::2]
    lists = list(sample_lists(bundle, moment, halves[0], 3))
    calibrated = calibrate(bundle, lists, np.random.default_rng(1)).thresholds
    loud, silent = (
        audit(replace(bundle, thresholds=thresholds), moment, halves[1], 100, seed=1).random_attention
        for thresholds in (bundle.thresholds, calibrated)
    )
    assert [1, 2, 5, 10, 50] == [row.length for row in silent]
    for row, unbounded in zip(silent[:4], loud[:4], strict=True):
        assert row.random.n > 500
        assert row.random.value < 0.05 < unbounded.random.value
        assert row.own.n == row.random.n / 3
    assert 0 == silent[4].random.n  # nobody has watched that much


def test_rates_of_a_sample_are_those_of_the_frame(bundle: EngineBundle, moment: Moment) -> None:
    """Weighted rates of a half lie around the rate of everything, though rare strata are over-drawn."""
    speaker = replace(bundle, policy="case_study")
    everything = audit(speaker, moment, USERS, 1_093, seed=1)
    assert everything.n_frame == everything.n_explanations
    half = audit(speaker, moment, USERS, 500, seed=1)
    assert (everything.n_frame, everything.shares) == (half.n_frame, half.shares)
    assert half.history.strict.low <= everything.history.strict.value <= half.history.strict.high
    assert half.false_claims.low <= everything.false_claims.value <= half.false_claims.high


def test_sentences_of_another_model_are_near_chance(spoken_by: Spoken, bundle: EngineBundle) -> None:
    """A model with permuted tables names items that mean nothing to the one that ranked: about zero, and refused."""
    other = random_attention(bundle.session_model, np.random.default_rng(9))
    report = spoken_by(replace(bundle, session_model=other))
    found = report.history
    assert found is not None
    assert found.strict.n > 100
    assert found.strict_corrected == pytest.approx(0.0, abs=0.1)
    assert found.raises.high < 0.75
    assert not GateBounds.packaged().judge("faithfulness", report.strict_lower_bound).passed


def test_the_case_studys_attention_names_items_that_lower_the_score(bundle: EngineBundle, moment: Moment) -> None:
    """Largest in absolute value is not what the sentence says: strict agreement falls, the case study's stays."""
    found = audit(replace(bundle, policy="case_study"), moment, USERS, 600, seed=1).history
    assert found is not None
    assert found.strict.high < 0.8
    assert found.raises.high < 0.8
    assert 1.0 == found.case_study.value


def test_a_model_with_random_attention_is_judged_by_itself(bundle: EngineBundle, moment: Moment) -> None:
    """Faithfulness is about the model that ranked, be it a bad one: its own sentences are true of it."""
    model = random_attention(bundle.session_model, np.random.default_rng(9))
    found = audit(replace(bundle, session_model=model), moment, USERS, 200, seed=1).history
    assert found is not None
    assert 1.0 == found.strict.value


@pytest.mark.parametrize(
    ("users", "wanted", "lists", "judged"),
    [
        pytest.param(59, 100, 25, 100, id="four of a list"),
        pytest.param(59, 98, 25, 98, id="not a multiple of four"),
        pytest.param(10, 100, 10, 100, id="ten of a list"),
        pytest.param(3, 20, 3, 20, id="seven of a list"),
        pytest.param(0, 20, 0, 0, id="nobody"),
    ],
)
def test_as_few_of_a_list_as_reach_the_number(
    bundle: EngineBundle, moment: Moment, users: int, wanted: int, lists: int, judged: int
) -> None:
    """At least four, more where users are few."""
    report = audit(bundle, moment, USERS[:users], wanted, seed=1)
    assert (lists, judged) == (report.n_lists, report.n_explanations)


def test_never_more_than_the_whole_lists(bundle: EngineBundle, moment: Moment) -> None:
    """Where users are too few, every explanation of theirs is judged once."""
    sizes: list[int] = []

    def count(contexts: Iterable[ListContext]) -> Iterator[ListContext]:
        for context in contexts:
            sizes.append(len(context.items))
            yield context

    report = audit(bundle, moment, USERS[:5], 10_000, seed=1, progress=count)
    assert (5, sum(sizes)) == (len(sizes), report.n_explanations)


def test_equal_seeds_give_equal_reports(bundle: EngineBundle, moment: Moment) -> None:
    """Byte for byte."""
    first, again = (audit(bundle, moment, USERS, 80, seed=4).to_json() for _ in range(2))
    assert first == again
