"""The engine on a tiny real release: every sentence checked against slow recomputation."""

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine, explanation_bytes
from streamrec_explain.explanation.history import numbered, resolve_history
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.records import HistoryEvent, ListContext, Promotion, RecommendationContext
from tests.explanation.ranked_lists import NOW_MS, random_list

RELAXED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = st.integers(0, 10_000)
LENGTHS = st.sampled_from([0, 1, 2, 5, 20, 60])


def changed(context: ListContext, index: int, **fields: object) -> ListContext:
    """The context with some fields of one item changed."""
    items = list(context.items)
    items[index] = msgspec.structs.replace(items[index], **fields)
    return msgspec.structs.replace(context, items=tuple(items))


def session_scores_without(bundle: EngineBundle, context: ListContext, removed: int | None) -> np.ndarray:
    """Session scores of the list when every event of one catalogue row is really taken away."""
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    kept = history if removed is None else history.without([removed])
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    return bundle.session_model.scores(kept.codes, kept.lags, codes)


@RELAXED
@given(SEEDS, LENGTHS)
def test_named_items_have_the_largest_real_drops(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int
) -> None:
    """Whatever watch_history names costs most when removed, each item more than the margin."""
    context = random_list(bundle, seed, length)
    full = session_scores_without(bundle, context, None)
    watched = {bundle.catalogue.code(event.item_id) for event in context.session_history}
    drops = {code: full - session_scores_without(bundle, context, code) for code in watched}
    for row, said in enumerate(engine.explain_list(context).explanations):
        if said.explanation_type == "watch_history":
            named = [bundle.catalogue.code(item_id) for item_id in said.claims[0].evidence["items"]]
            strongest = sorted(watched, key=lambda code: -drops[code][row])[: len(named)]
            assert strongest == named
            assert min(drops[code][row] for code in named) > bundle.thresholds.history_margin


@RELAXED
@given(SEEDS, LENGTHS, st.sampled_from(["en", "de", "ja"]))
def test_every_shown_claim_holds(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int, locale: str
) -> None:
    """The honest policy shows a claim that holds, of the type it says, or none at all."""
    for said in engine.explain_list(random_list(bundle, seed, length, boosts={0: 0.7}, locale=locale)).explanations:
        expected = [] if said.explanation_type == "generic" else [(said.explanation_type, True)]
        assert expected == [(claim.kind, claim.verdict) for claim in said.claims]


@RELAXED
@given(SEEDS, LENGTHS)
def test_no_positive_sentence_from_a_negative_contribution(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int
) -> None:
    """History sentences need a positive SHAP value of the session score, category ones of the category."""
    context = random_list(bundle, seed, length)
    for said, signals in zip(engine.explain_list(context).explanations, engine.signals(context), strict=True):
        if said.explanation_type in {"watch_history", "personalized"}:
            assert signals.session_score_shap > 0
        if said.explanation_type == "category_match":
            assert dict(signals.shap_top_features[:3])[said.claims[0].evidence["feature"]] > 0


@RELAXED
@given(SEEDS, LENGTHS)
def test_items_are_explained_independently(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int
) -> None:
    """Without promotions a list of n is n lists of one, byte for byte."""
    context = random_list(bundle, seed, length)
    together = engine.explain_list(context).explanations
    for item, said in zip(context.items, together, strict=True):
        alone = engine.explain_list(msgspec.structs.replace(context, items=(item,))).explanations[0]
        assert explanation_bytes(said) == explanation_bytes(alone)


@RELAXED
@given(SEEDS)
def test_equal_contexts_give_equal_bytes(bundle: EngineBundle, engine: ExplanationEngine, seed: int) -> None:
    """A second engine of the same release says the same, byte for byte."""
    context = random_list(bundle, seed, boosts={1: 0.5})
    again = ExplanationEngine(bundle).explain_list(context)
    expected = [explanation_bytes(said) for said in engine.explain_list(context).explanations]
    assert expected == [explanation_bytes(said) for said in again.explanations]


@RELAXED
@given(SEEDS, LENGTHS)
def test_top_features_add_up_with_the_rest(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int
) -> None:
    """The session score's SHAP value is the explainer's own, and group shares sum to 1."""
    context = random_list(bundle, seed, length)
    history = resolve_history(context.session_history, bundle.catalogue)
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    values = item_matrix(bundle, [item.item_features for item in context.items], "items")
    shap = bundle.explainer.shap_values(score_list(bundle, history, context.user_features, codes, values).features)
    for row, signals in zip(shap, engine.signals(context), strict=True):
        order = np.argsort(-np.abs(row), kind="stable")[:5]
        assert [(bundle.spec.names[i], row[i]) for i in order] == list(signals.shap_top_features)
        shares = signals.shap_user_share + signals.shap_item_share + signals.shap_cross_share
        assert 1.0 == pytest.approx(shares, abs=1e-12)


@RELAXED
@given(SEEDS)
def test_an_empty_history_is_never_mentioned(bundle: EngineBundle, engine: ExplanationEngine, seed: int) -> None:
    """Nothing was watched: no history, no personal sentence, no interest."""
    for said in engine.explain_list(random_list(bundle, seed, length=0)).explanations:
        assert said.explanation_type in {"category_match", "trending", "generic"}
        assert said.template != "category_match.interest"
        assert () == said.attention_top_items


def test_a_score_of_another_release_gets_the_generic_sentence(
    bundle: EngineBundle, engine: ExplanationEngine
) -> None:
    """Beyond the tolerance the item is flagged; the others are explained as before."""
    context = random_list(bundle, 1)
    other = changed(context, 2, reranking_score=context.items[2].reranking_score - 1e-3)
    said = engine.explain_list(other).explanations
    assert ("generic", ("score_mismatch",), ()) == (said[2].explanation_type, said[2].flags, said[2].claims)
    expected = [*engine.explain_list(context).explanations]
    assert [*expected[:2], *expected[3:]] == [*said[:2], *said[3:]]


def test_an_unknown_item_gets_the_generic_sentence(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """The list does not fail; the item carries a flag and only the controls that make sense."""
    said = engine.explain_list(changed(random_list(bundle, 1), 0, item_id="nobody knows it")).explanations[0]
    assert ("generic", ("unknown_item",)) == (said.explanation_type, said.flags)
    assert ["item", "personalisation"] == [control.kind for control in said.controls]


def test_a_list_of_unknown_items_only(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Nothing to score is no reason to fail."""
    context = changed(random_list(bundle, 1, size=1), 0, item_id="?")
    assert ["generic"] == [said.explanation_type for said in engine.explain_list(context).explanations]
    assert () == engine.explain_list(msgspec.structs.replace(context, items=())).explanations


def test_an_unknown_locale_falls_back_to_english(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """The sentences are the English ones, and say so by a flag."""
    english = engine.explain_list(random_list(bundle, 4)).explanations
    other = engine.explain_list(random_list(bundle, 4, locale="tlh")).explanations
    assert [said.text for said in english] == [said.text for said in other]
    assert {("locale_fallback",)} == {said.flags for said in other}


def test_events_newer_than_the_request_do_not_count(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """The explanation is that of the history without them, with a flag."""
    context = random_list(bundle, 5, length=8)
    future = HistoryEvent("i4", 9, NOW_MS + 1)
    later = msgspec.structs.replace(context, session_history=(*context.session_history, future))
    expected = [said.text for said in engine.explain_list(context).explanations]
    result = engine.explain_list(later).explanations
    assert expected == [said.text for said in result]
    assert {("future_events_dropped",)} == {said.flags for said in result}


def test_a_history_of_ten_thousand_events(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Only the events within the model's horizon speak; every claim still holds."""
    said = engine.explain_list(random_list(bundle, 6, length=10_000)).explanations
    assert all(claim.verdict for one in said for claim in one.claims)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        pytest.param("items[1].reranking_score", {"reranking_score": float("nan")}, id="score NaN"),
        pytest.param("items[1].ranking_score", {"ranking_score": float("inf")}, id="score infinite"),
        pytest.param("items[1].position", {"position": 0}, id="position twice"),
        pytest.param("items[1].position", {"position": -1}, id="position negative"),
        pytest.param("items[1].item_features.x", {"item_features": {"x": 1.0}}, id="unknown feature"),
        pytest.param(
            "items[1].item_features.item_click_rate",
            {"item_features": {"item_click_rate": float("-inf")}},
            id="infinite feature",
        ),
        pytest.param("items[1].item_facts.trend_count", {"item_facts": {"trend_count": float("inf")}}, id="fact"),
        pytest.param(
            "items[1].promotion.boost", {"promotion": Promotion("A", float("nan"))}, id="boost not a number"
        ),
    ],
)
def test_impossible_items_are_refused_by_field(
    bundle: EngineBundle, engine: ExplanationEngine, field: str, fields: dict[str, object]
) -> None:
    """The error names the field."""
    with pytest.raises(RequestError) as caught:
        engine.explain_list(changed(random_list(bundle, 1), 1, **fields))
    assert field == caught.value.field


def test_an_infinite_user_feature_is_refused(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Infinity is no value of a feature; NaN is."""
    context = random_list(bundle, 1)
    features = {**context.user_features, "user_click_rate": float("inf")}
    with pytest.raises(RequestError, match=r"user_features\.user_click_rate"):
        engine.explain_list(msgspec.structs.replace(context, user_features=features))


def test_missing_and_nan_features_are_the_same(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Leaving a feature out or giving NaN explains the same; order does not matter; nothing is NaN."""
    context = random_list(bundle, 7)
    absent = {name: value for name, value in context.user_features.items() if name != "user_click_rate"}
    given_nan = dict(reversed({**absent, "user_click_rate": float("nan")}.items()))
    left, right = (
        engine.explain_list(msgspec.structs.replace(context, user_features=features))
        for features in (absent, given_nan)
    )
    assert left == right
    assert b"null" not in explanation_bytes(left.explanations[0]).replace(b'"would_be_type":null', b"").replace(
        b'"propensity":null', b""
    )


def test_a_boost_that_changed_the_place_is_always_said(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Also of an item whose score or name this release does not know; a harmless boost is not."""
    context = random_list(bundle, 3, boosts={0: 50.0})
    top = context.items[0]
    mismatch = changed(context, 0, reranking_score=top.reranking_score - 0.01)
    for list_context in (context, mismatch, changed(context, 0, item_id="?")):
        said = engine.explain_list(list_context).explanations[0]
        assert ("promoted", 1) == (said.explanation_type, said.claims[0].evidence["place"])
    harmless = changed(context, 0, promotion=Promotion("Acme", 0.0))
    assert "promoted" not in {said.explanation_type for said in engine.explain_list(harmless).explanations}


def test_one_recommendation_is_a_list_of_one(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """`explain` says what `explain_list` says of the same item."""
    context = random_list(bundle, 8)
    item = msgspec.structs.replace(context.items[3], item_facts={})
    single = RecommendationContext(
        context.user_id_hash, item.item_id, context.session_history, context.user_features, item.item_features,
        item.ranking_score, item.reranking_score, item.position, "US", "en", NOW_MS, context.request_id,
    )  # fmt: skip
    expected = engine.explain_list(msgspec.structs.replace(context, items=(item,))).explanations[0]
    assert expected == engine.explain(single)


@RELAXED
@given(SEEDS, LENGTHS)
def test_case_study_policy_never_fails_and_tells_its_false_claims(
    bundle: EngineBundle, case_study_engine: ExplanationEngine, seed: int, length: int
) -> None:
    """Its sentence follows the case study's thresholds; the verdict is the honest one."""
    context, engine = random_list(bundle, seed, length), case_study_engine
    for said, signals in zip(engine.explain_list(context).explanations, engine.signals(context), strict=True):
        heavy = sum(weight for _, weight in signals.attention_top_items[:2]) > 0.5
        assert heavy == (said.explanation_type == "watch_history")
        assert length > 0 or not (said.explanation_type == "personalized" and said.claims[0].verdict)


def test_case_study_policy_says_false_things(
    bundle: EngineBundle, case_study_engine: ExplanationEngine
) -> None:
    """The comparison has something to compare: some of its claims do not hold."""
    said = [one for seed in range(10) for one in case_study_engine.explain_list(random_list(bundle, seed)).explanations]
    assert 0 < sum(not claim.verdict for one in said for claim in one.claims) < len(said)


def test_sensitive_untitled_and_equal_titles_are_never_named(
    bundle: EngineBundle, engine: ExplanationEngine
) -> None:
    """Where one of the two strongest cannot be named, no history sentence is said."""
    seen = 0
    for seed in range(60):
        order = np.random.default_rng(seed).permutation([7, 11, 12, 13, 5])
        history = numbered([f"i{code}" for code in order])
        context = msgspec.structs.replace(random_list(bundle, seed, size=8), session_history=history)
        for said in engine.explain_list(rescored(bundle, context)).explanations:
            named = set(said.claims[0].evidence["items"]) if said.explanation_type == "watch_history" else set()
            assert not named & {"i7", "i11"} and not {"i12", "i13"} <= named and said.item_id not in named
            seen += bool(named)
    assert seen


def rescored(bundle: EngineBundle, context: ListContext) -> ListContext:
    """The context with the scores of this release for its history."""
    history = resolve_history(context.session_history, bundle.catalogue)
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    values = item_matrix(bundle, [item.item_features for item in context.items], "items")
    scored = score_list(bundle, history, context.user_features, codes, values)
    items = zip(context.items, scored.raw_scores.tolist(), strict=True)
    replaced = tuple(msgspec.structs.replace(item, reranking_score=raw) for item, raw in items)
    return msgspec.structs.replace(context, items=replaced)
