"""Audit entries: an answered list as the audit log keeps it, and the list's context read back from it."""

from collections.abc import Iterable, Mapping

import msgspec

from streamrec_explain.errors import CorruptRecordError
from streamrec_explain.explanation.engine import ListExplanation
from streamrec_explain.hashing import text_hash
from streamrec_explain.records import (
    AuditEntry,
    AuditRequest,
    Explanation,
    HistoryEvent,
    ListContext,
    ListItem,
    Promotion,
)


class _RequestInputs(msgspec.Struct, frozen=True, array_like=True):
    """Inputs of a whole list; the names of item features and facts stand here once."""

    session_history: tuple[tuple[str, int, int | None], ...]
    user_features: dict[str, float]
    feature_names: tuple[str, ...]
    fact_names: tuple[str, ...]


class _ItemInputs(msgspec.Struct, frozen=True, array_like=True):
    """Inputs of one item, by the request's names; None: not given (NaN: given as missing)."""

    features: tuple[float | None, ...]
    facts: tuple[float | None, ...]
    promotion: tuple[str, float] | None


def audit_request(
    context: ListContext,
    result: ListExplanation,
    *,
    model_version: str,
    key_id: str,
    policy: str,
    trend_digest: str,
    user_snapshot_digest: str,
    computation_time_ms: float,
) -> AuditRequest:
    """The audit record of an answered list; `computation_time_ms` is the list's time divided by its items."""
    shared = _RequestInputs(
        tuple((event.item_id, event.sequence, event.timestamp_ms) for event in context.session_history),
        dict(context.user_features),
        _names(item.item_features for item in context.items),
        _names(item.item_facts for item in context.items),
    )
    return AuditRequest(
        request_id=context.request_id,
        timestamp_ms=context.timestamp_ms,
        user_id_hash=context.user_id_hash,
        key_id=key_id,
        region=context.region,
        locale=context.locale,
        policy=policy,
        model_version=model_version,
        trend_digest=trend_digest,
        user_snapshot_digest=user_snapshot_digest,
        inputs=msgspec.msgpack.encode(shared),
        entries=tuple(
            _entry(item, explanation, _item_inputs(item, shared), computation_time_ms)
            for item, explanation in zip(context.items, result.explanations, strict=True)
        ),
    )


def context_of(request: AuditRequest) -> ListContext:
    """The context an audit record was made from, exactly; CorruptRecordError if it is unreadable."""
    try:
        shared = msgspec.msgpack.decode(request.inputs, type=_RequestInputs)
        items = tuple(_list_item(entry, shared) for entry in request.entries)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptRecordError(f"inputs of request {request.request_id!r}: {error}") from error
    return ListContext(
        request_id=request.request_id,
        user_id_hash=request.user_id_hash,
        region=request.region,
        locale=request.locale,
        timestamp_ms=request.timestamp_ms,
        session_history=tuple(HistoryEvent(*event) for event in shared.session_history),
        user_features=shared.user_features,
        items=items,
    )


def _entry(item: ListItem, said: Explanation, inputs: bytes, computation_time_ms: float) -> AuditEntry:
    return AuditEntry(
        item_id=item.item_id,
        position=item.position,
        ranking_score=item.ranking_score,
        reranking_score=item.reranking_score,
        explanation_type=said.explanation_type,
        explanation_text_hash=text_hash(said.text),
        template=said.template,
        shap_top_3=said.shap_top_features[:3],
        attention_top_2=said.attention_top_items[:2],
        claims=said.claims,
        flags=said.flags,
        would_be_type=said.would_be_type,
        propensity=said.propensity,
        computation_time_ms=computation_time_ms,
        inputs=inputs,
    )


def _item_inputs(item: ListItem, shared: _RequestInputs) -> bytes:
    features = tuple(item.item_features.get(name) for name in shared.feature_names)
    facts = tuple(item.item_facts.get(name) for name in shared.fact_names)
    promotion = (item.promotion.sponsor, item.promotion.boost) if item.promotion else None
    return msgspec.msgpack.encode(_ItemInputs(features, facts, promotion))


def _list_item(entry: AuditEntry, shared: _RequestInputs) -> ListItem:
    inputs = msgspec.msgpack.decode(entry.inputs, type=_ItemInputs)
    return ListItem(
        item_id=entry.item_id,
        position=entry.position,
        ranking_score=entry.ranking_score,
        reranking_score=entry.reranking_score,
        item_features=_named(shared.feature_names, inputs.features),
        item_facts=_named(shared.fact_names, inputs.facts),
        promotion=Promotion(*inputs.promotion) if inputs.promotion else None,
    )


def _named(names: tuple[str, ...], values: tuple[float | None, ...]) -> dict[str, float]:
    pairs = zip(names, values, strict=True)
    return {name: value for name, value in pairs if value is not None}


def _names(mappings: Iterable[Mapping[str, float]]) -> tuple[str, ...]:
    """Every name that occurs, in order of first appearance."""
    return tuple(dict.fromkeys(name for mapping in mappings for name in mapping))
