"""An audit record gives back the exact context it was made from, and with it the same bytes."""

from math import isnan, nan

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.errors import CorruptRecordError
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.audit_inputs import context_of
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine, explanation_bytes
from streamrec_explain.hashing import text_hash
from streamrec_explain.records import AuditRequest, ListContext
from tests.explanation.ranked_lists import random_list


def record(engine: ExplanationEngine, context: ListContext) -> AuditRequest:
    """The audit record of the engine's answer."""
    return audit_request(
        context,
        engine.explain_list(context),
        model_version="streamrec-release/1@00000000",
        key_id="k1",
        policy="honest",
        trend_digest="t",
        user_snapshot_digest="u",
        computation_time_ms=0.25,
    )


def inline(request: AuditRequest) -> ListContext:
    """The context of a record that keeps every value itself."""
    return context_of(request, lambda _: pytest.fail("nothing refers to a snapshot"))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 3, 30]))
def test_the_context_comes_back_exactly(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int
) -> None:
    """Also through msgpack, as the journal stores it; the replayed sentences have the same bytes."""
    context = random_list(bundle, seed, length, boosts={2: 0.4}, locale="ja")
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(record(engine, context)), type=AuditRequest)
    assert context == inline(stored)
    expected = [explanation_bytes(said) for said in engine.explain_list(context).explanations]
    assert expected == [explanation_bytes(said) for said in engine.explain_list(inline(stored)).explanations]


def test_absent_and_nan_features_stay_what_they_were(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """One item lacks a feature that another gives as NaN."""
    context = random_list(bundle, 1, size=2)
    partial = {"item_click_rate": nan}, {"item_duration_s": 3.0}
    items = (msgspec.structs.replace(i, item_features=f) for i, f in zip(context.items, partial, strict=True))
    back = inline(record(engine, msgspec.structs.replace(context, items=tuple(items))))
    assert ["item_click_rate"] == list(back.items[0].item_features)
    assert isnan(back.items[0].item_features["item_click_rate"])
    assert {"item_duration_s": 3.0} == back.items[1].item_features


def test_an_entry_keeps_what_was_said(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Type, hash of the text, top three and two, claims and flags."""
    context = random_list(bundle, 2, locale="??")
    said = engine.explain_list(context).explanations
    for one, entry in zip(said, record(engine, context).entries, strict=True):
        assert (one.explanation_type, text_hash(one.text)) == (entry.explanation_type, entry.explanation_text_hash)
        assert (one.shap_top_features[:3], one.attention_top_items[:2]) == (entry.shap_top_3, entry.attention_top_2)
        assert (one.claims, ("locale_fallback",)) == (entry.claims, entry.flags)


def test_damaged_inputs_are_refused(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """The error names the request."""
    damaged = msgspec.structs.replace(record(engine, random_list(bundle, 3)), inputs=b"\xc1")
    with pytest.raises(CorruptRecordError, match="r3"):
        inline(damaged)
