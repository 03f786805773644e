"""Audit requests as rows of the audit table, and back.

Everything comes back exactly but for what the table keeps with 11 significant bits for queries: SHAP values,
attention weights, numbers of claims, propensity and computation time (`precision`). `as_stored` tells what a
request looks like after the round trip. The two scores come back exactly: replay needs them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from streamrec_explain.audit_log.table import arrow_columns as arrow
from streamrec_explain.audit_log.table import precision
from streamrec_explain.audit_log.table.claim_columns import claim_columns, claims_of
from streamrec_explain.audit_log.table.coded_rows import joined
from streamrec_explain.audit_log.table.rankings import Rankings, ranking_of
from streamrec_explain.audit_log.table.schema import ATTENTION_PLACES, ENTRIES, ROWS, SCORES, SHAP_PLACES
from streamrec_explain.records import AuditEntry, AuditRequest, Claim

_SHAP = ("shap", "feature", "value", SHAP_PLACES)
_ATTENTION = ("attention", "item", "weight", ATTENTION_PLACES)
_DAY_MS = 86_400_000
_REQUESTS_AT_ONCE = 100  # each column is one more pass over all entries, which should stay in the processor's cache
_REQUEST_TEXTS = (
    *("region", "user_id_hash", "request_id", "model_version", "locale", "policy"),
    *("key_id", "trend_digest", "user_snapshot_digest"),
)
_ENTRY_TEXTS = ("item_id", "explanation_type", "template", "would_be_type")


def table_of(requests: Iterable[AuditRequest]) -> pa.Table:
    """Rows of the audit table (ROWS), sorted by SORT_COLUMNS, for whole requests."""
    ordered = sorted(requests, key=lambda each: (each.user_id_hash, each.timestamp_ms, each.request_id))
    starts = range(0, len(ordered), _REQUESTS_AT_ONCE)
    parts = [_rows(ordered[start : start + _REQUESTS_AT_ONCE]) for start in starts]
    return parts[0] if len(parts) == 1 else joined(parts)


def requests_of(rows: pa.Table) -> list[AuditRequest]:
    """The requests whose rows these are, in order of their first row; inverse of `table_of`."""
    plain = rows if rows.schema.equals(ENTRIES) else rows.cast(ENTRIES)
    by_request: dict[str, list[dict[str, Any]]] = {}
    for row in _with_exact_scores(plain).to_pylist():
        by_request.setdefault(row["request_id"], []).append(row)
    return [_request(sorted(group, key=lambda row: row["ordinal"])) for group in by_request.values()]


def as_stored(request: AuditRequest) -> AuditRequest:
    """The request as the table gives it back: rounded where it rounds, at most 3 and 2 pairs."""
    return msgspec.structs.replace(request, entries=tuple(_stored_entry(entry) for entry in request.entries))


def utc_day(timestamp_ms: int) -> str:
    """The UTC day of a Unix time in ms as YYYY-MM-DD: the date partition."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).date().isoformat()


def _rows(requests: Sequence[AuditRequest]) -> pa.Table:
    """The rows of requests in order."""
    entries = [each for request in requests for each in request.entries]
    columns = {**_request_columns(requests), **entry_columns(entries)}
    return _by_position(pa.table([columns[name] for name in ROWS.names], schema=ROWS), requests)


def _request_columns(requests: Sequence[AuditRequest]) -> dict[str, pa.Array]:
    """The columns that a request's rows share."""
    counts = arrow.lengths([request.entries for request in requests])
    row_of = np.repeat(np.arange(len(requests)), counts)
    times = np.array([request.timestamp_ms for request in requests], np.int64)
    versions = np.array([request.schema_version for request in requests], np.int16)
    first = [(request.inputs, *[None] * (len(request.entries) - 1)) for request in requests]
    ordinals = np.arange(len(row_of)) - (np.cumsum(counts) - counts)[row_of]
    return {
        **{name: _coded(name, requests).at(row_of) for name in _REQUEST_TEXTS},
        "timestamp_ms": arrow.numbers(times[row_of]),
        "date": arrow.numbers((times // _DAY_MS).astype(np.int32)[row_of]).view(pa.date32()),
        "schema_version": arrow.numbers(versions[row_of]),
        "request_inputs": arrow.binaries(list(chain.from_iterable(first))),
        "ordinal": arrow.numbers(ordinals.astype(np.int16)),
    }


def entry_columns(entries: Sequence[AuditEntry]) -> dict[str, pa.Array]:
    """The columns of the entries themselves, in their order."""
    columns = {name: _coded(name, entries).column() for name in _ENTRY_TEXTS}
    columns["explanation_text_hash"] = arrow.texts([each.explanation_text_hash for each in entries])
    columns["position"] = arrow.numbers(np.array([each.position for each in entries], np.int16))
    for name in SCORES:
        values = np.array([getattr(each, name) for each in entries], np.float64)
        columns[name] = arrow.numbers(precision.kept(values))
        columns[f"{name}_rest"] = arrow.numbers(precision.rest(values))
    columns["flags"] = arrow.text_lists([each.flags for each in entries])
    columns["propensity"] = _numbers([each.propensity for each in entries])
    columns["computation_time_ms"] = _numbers([each.computation_time_ms for each in entries])
    columns["inputs"] = arrow.binaries([each.inputs for each in entries])
    shap = Rankings.of([each.shap_top_3 for each in entries])
    attention = Rankings.of([each.attention_top_2 for each in entries])
    claims = claim_columns([each.claims for each in entries], shap, attention)
    return {**columns, **shap.columns(*_SHAP), **attention.columns(*_ATTENTION), **claims}


def _coded(name: str, records: Sequence[AuditEntry] | Sequence[AuditRequest]) -> arrow.CodedTexts:
    return arrow.CodedTexts.of([getattr(each, name) for each in records])


def _numbers(values: Sequence[float | None]) -> pa.Array:
    valid = np.array([value is not None for value in values], np.bool_)
    return arrow.numbers(precision.kept(np.array(values, np.float64)), valid)


def _by_position(rows: pa.Table, requests: Sequence[AuditRequest]) -> pa.Table:
    """The rows with each request's in order of position; they mostly are."""
    positions = [entry.position for request in requests for entry in request.entries]
    starts = np.repeat(np.arange(len(requests)), [len(request.entries) for request in requests])
    order = np.lexsort((np.array(positions, np.int64), starts))
    if (order[1:] > order[:-1]).all():
        return rows
    return rows.take(arrow.numbers(order)).combine_chunks()


def _with_exact_scores(rows: pa.Table) -> pa.Table:
    for name in SCORES:
        values = np.asarray(np.from_dlpack(rows[name].combine_chunks()), np.float32)
        rests = np.asarray(np.from_dlpack(rows[f"{name}_rest"].combine_chunks()), np.int64)
        exact = pa.py_buffer(precision.exact(values, rests))
        column = pa.Array.from_buffers(pa.float64(), len(values), [None, exact])
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    shap, attention = ranking_of(row, *_SHAP), ranking_of(row, *_ATTENTION)
    return AuditEntry(
        item_id=row["item_id"],
        position=row["position"],
        ranking_score=row["ranking_score"],
        reranking_score=row["reranking_score"],
        explanation_type=row["explanation_type"],
        explanation_text_hash=row["explanation_text_hash"],
        template=row["template"],
        shap_top_3=shap,
        attention_top_2=attention,
        claims=claims_of(row, shap, attention),
        flags=tuple(row["flags"]),
        would_be_type=row["would_be_type"],
        propensity=row["propensity"],
        computation_time_ms=row["computation_time_ms"],
        inputs=row["inputs"],
    )


def _stored_entry(entry: AuditEntry) -> AuditEntry:
    return msgspec.structs.replace(
        entry,
        shap_top_3=_kept_pairs(entry.shap_top_3[: len(SHAP_PLACES)]),
        attention_top_2=_kept_pairs(entry.attention_top_2[: len(ATTENTION_PLACES)]),
        claims=tuple(map(_stored_claim, entry.claims)),
        propensity=None if entry.propensity is None else _kept([entry.propensity])[0],
        computation_time_ms=_kept([entry.computation_time_ms])[0],
    )


def _stored_claim(claim: Claim) -> Claim:
    numbers = {name: value for name, value in claim.evidence.items() if isinstance(value, float)}
    stored = dict(zip(numbers, _kept(list(numbers.values())), strict=True))
    return Claim(claim.kind, claim.verdict, {**claim.evidence, **stored})


def _kept_pairs(pairs: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple(zip([name for name, _ in pairs], _kept([value for _, value in pairs]), strict=True))


def _kept(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(precision.kept(np.array(values, np.float64)).tolist())


def _request(rows: list[dict[str, Any]]) -> AuditRequest:
    first = rows[0]
    return AuditRequest(
        inputs=first["request_inputs"],
        entries=tuple(_entry(row) for row in rows),
        timestamp_ms=first["timestamp_ms"],
        schema_version=first["schema_version"],
        **{name: first[name] for name in _REQUEST_TEXTS},
    )
