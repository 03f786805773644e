"""The audit end to end: a release that tells the truth, and sentences that are of another model."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history_pull import random_attention
from streamrec_explain.faithfulness import audit as audit_module
from streamrec_explain.faithfulness.audit import audit
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.records import ListContext

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
    assert honest.history.strict.n == sum(rate.n for rate in honest.history.by_length.values())
    assert honest.history.strict.n == honest.types["watch_history"]
    assert 600 == honest.n_explanations == sum(honest.types.values())


def test_sentences_of_another_model_are_near_chance(spoken_by: Spoken, bundle: EngineBundle) -> None:
    """A model with permuted tables names items that mean nothing to the one that ranked."""
    other = random_attention(bundle.session_model, np.random.default_rng(9))
    found = spoken_by(replace(bundle, session_model=other)).history
    assert found is not None
    assert found.strict.n > 100
    assert found.strict_corrected == pytest.approx(0.0, abs=0.1)
    assert found.raises.high < 0.75


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
