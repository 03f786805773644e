"""Audit entries: an answered list as the audit log keeps it."""

from collections.abc import Sequence

from streamrec_explain.explanation.audit_inputs import inputs_of
from streamrec_explain.explanation.engine import ListExplanation
from streamrec_explain.explanation.ranking import Candidate
from streamrec_explain.hashing import text_hash
from streamrec_explain.records import AuditEntry, AuditRequest, Explanation, ListContext, ListItem


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
    known: Sequence[Candidate] = (),
) -> AuditRequest:
    """The audit record of an answered list; `computation_time_ms` is the list's time divided by its items.

    `known` is what the trend snapshot of `trend_digest` says of the items (see `audit_inputs`): what was taken
    from there is kept as a reference.
    """
    inputs, item_inputs = inputs_of(context, known)
    rows = zip(context.items, result.explanations, item_inputs, strict=True)
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
        inputs=inputs,
        entries=tuple(_entry(item, said, kept, computation_time_ms) for item, said, kept in rows),
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
