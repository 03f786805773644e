"""Inputs by reference: what the trend snapshot said is not kept and comes back; what was sent is kept."""

from math import nan

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.audit_inputs import context_of, history_of
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine, ListExplanation
from streamrec_explain.explanation.ranking import Candidate
from streamrec_explain.records import AuditRequest, HistoryEvent, ListContext, Promotion
from tests.explanation.ranked_lists import random_list

VALUES = st.floats(allow_nan=True, width=64)
FEATURES = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def known_of(context: ListContext) -> list[Candidate]:
    """What the snapshot says of the items: exactly what the context has."""
    return [Candidate(item.item_id, item.item_features, item.item_facts) for item in context.items]


def record(engine: ExplanationEngine, context: ListContext, known: list[Candidate]) -> AuditRequest:
    """The audit record of the engine's answer, as the journal gives it back."""
    made = audit_request(
        context, engine.explain_list(context), model_version="v", key_id="k", policy="honest", trend_digest="t",
        user_snapshot_digest="u", computation_time_ms=0.1, known=known,
    )  # fmt: skip
    return msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=AuditRequest)


def alike(left: ListContext, right: ListContext) -> bool:
    """Equality under which NaN equals NaN."""
    return msgspec.msgpack.encode(left, order="sorted") == msgspec.msgpack.encode(right, order="sorted")


def test_what_was_resolved_is_not_kept(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Not one byte per item, and the resolver brings the same context back."""
    context = random_list(bundle, 1)
    kept = record(engine, context, known_of(context))
    assert {b""} == {entry.inputs for entry in kept.entries}
    assert context == context_of(kept, lambda _: known_of(context))


def test_a_snapshot_that_says_otherwise_gives_another_context(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """The values come from the resolver, not from the record."""
    context = random_list(bundle, 1)
    kept = record(engine, context, known_of(context))
    other = [msgspec.structs.replace(each, item_features={"item_click_rate": 5.0}) for each in known_of(context)]
    assert {"item_click_rate": 5.0} == context_of(kept, lambda _: other).items[0].item_features


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(FEATURES, FEATURES, FEATURES, FEATURES), min_size=10, max_size=10), st.booleans())
def test_any_mixture_comes_back(
    bundle: EngineBundle, values: list[tuple[dict[str, float], ...]], overridden: bool
) -> None:
    """Callers' values over the snapshot's, values the snapshot has and the item has not, facts of its own."""
    context = random_list(bundle, 3, boosts={1: 0.5})
    engine = ExplanationEngine(bundle)
    said = engine.explain_list(context)
    items, known = [], []
    for item, (features, sent, facts, own_facts) in zip(context.items, values, strict=True):
        merged = {**features, **sent} if overridden else sent
        items.append(msgspec.structs.replace(item, item_features=merged, item_facts=facts))
        known.append(Candidate(item.item_id, features, facts if overridden else own_facts))
    context = msgspec.structs.replace(context, items=tuple(items))
    made = audit_request(
        context, said, model_version="v", key_id="k", policy="honest", trend_digest="t",
        user_snapshot_digest="u", computation_time_ms=0.1, known=known,
    )  # fmt: skip
    assert alike(context, context_of(made, lambda _: known))


@given(
    st.lists(st.builds(HistoryEvent, st.text(max_size=3), st.integers(0, 2**40), st.none() | st.integers(0, 2**42))),
    st.integers(0, 2**42),
)
def test_any_history_comes_back(events: list[HistoryEvent], timestamp_ms: int) -> None:
    """Unknown times, times after the request, sequence numbers in any order."""
    context = ListContext("r", "u", "US", "en", timestamp_ms, tuple(events), {"x": nan}, ())
    made = audit_request(
        context, ListExplanation(()), model_version="v", key_id="k", policy="honest", trend_digest="t",
        user_snapshot_digest="u", computation_time_ms=0.1,
    )  # fmt: skip
    assert tuple(events) == history_of(made)


def test_an_entry_of_schema_version_1_is_read(bundle: EngineBundle) -> None:
    """Bytes as version 1 wrote them: events as triples, features and facts of every item as values."""
    context = random_list(bundle, 5, size=2)
    first, second = context.items
    names, facts = tuple(first.item_features), tuple(first.item_facts)
    history = [[e.item_id, e.sequence, e.timestamp_ms] for e in context.session_history]
    kept = [
        msgspec.msgpack.encode([[item.item_features[n] for n in names], [item.item_facts[n] for n in facts], sent])
        for item, sent in ((first, None), (second, ["Acme", 0.5]))
    ]
    written = record(ExplanationEngine(bundle), context, [])
    written = msgspec.structs.replace(
        written,
        schema_version=1,
        inputs=msgspec.msgpack.encode([history, context.user_features, names, facts]),
        entries=tuple(
            msgspec.structs.replace(entry, inputs=each) for entry, each in zip(written.entries, kept, strict=True)
        ),
    )
    items = (first, msgspec.structs.replace(second, promotion=Promotion("Acme", 0.5)))
    expected = msgspec.structs.replace(context, items=items)
    assert expected == context_of(written, lambda _: pytest.fail("version 1 has no references"))
    assert context.session_history == history_of(written)
