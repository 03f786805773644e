"""Audit requests as rows of the audit table, and back.

Everything comes back exactly but for what the table keeps with 11 significant bits for queries: SHAP values,
attention weights, numbers of claims, propensity and computation time (`precision`). `as_stored` tells what a
request looks like after the round trip. The two scores come back exactly: replay needs them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from streamrec_explain.audit_log.table import arrow_columns as arrow
from streamrec_explain.audit_log.table import precision
from streamrec_explain.audit_log.table.claim_columns import FlatClaims, claims_of, flat_claims
from streamrec_explain.audit_log.table.schema import (
    ATTENTION_PLACES,
    CLAIM_INTEGER_PLACES,
    CLAIM_NUMBER_PLACES,
    CLAIM_TEXT_PLACES,
    ENTRIES,
    SCORES,
    SHAP_PLACES,
)
from streamrec_explain.records import AuditEntry, AuditRequest

Pairs = tuple[tuple[str, float], ...]
_DAY_MS = 86_400_000
_REQUEST_TEXTS = (
    *("region", "user_id_hash", "request_id", "model_version", "locale", "policy"),
    *("key_id", "trend_digest", "user_snapshot_digest"),
)
_ENTRY_TEXTS = ("item_id", "explanation_type", "explanation_text_hash", "template", "would_be_type")


def table_of(requests: Iterable[AuditRequest]) -> pa.Table:
    """Rows of the audit table, sorted by SORT_COLUMNS, for whole requests."""
    ordered = sorted(requests, key=lambda each: (each.user_id_hash, each.timestamp_ms, each.request_id))
    entries = list(chain.from_iterable(request.entries for request in ordered))
    columns = {**_request_columns(ordered), **entry_columns(entries)}
    rows = pa.table([columns[name] for name in ENTRIES.names], schema=ENTRIES)
    return _by_position(rows, ordered)


def requests_of(rows: pa.Table) -> list[AuditRequest]:
    """The requests whose rows these are, in order of their first row; inverse of `table_of`."""
    by_request: dict[str, list[dict[str, Any]]] = {}
    for row in _with_exact_scores(rows).to_pylist():
        by_request.setdefault(row["request_id"], []).append(row)
    return [_request(sorted(group, key=lambda row: row["ordinal"])) for group in by_request.values()]


def as_stored(request: AuditRequest) -> AuditRequest:
    """The request as the table gives it back: rounded where it rounds, at most 3 and 2 pairs."""
    return msgspec.structs.replace(request, entries=tuple(_stored_entry(entry) for entry in request.entries))


def utc_day(timestamp_ms: int) -> str:
    """The UTC day of a Unix time in ms as YYYY-MM-DD: the date partition."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).date().isoformat()


def _request_columns(requests: Sequence[AuditRequest]) -> dict[str, pa.Array]:
    """The columns that a request's rows share."""
    counts = np.fromiter((len(request.entries) for request in requests), np.int64, len(requests))
    row_of = arrow.numbers(np.repeat(np.arange(len(requests)), counts))
    times = np.fromiter((request.timestamp_ms for request in requests), np.int64, len(requests))
    versions = np.fromiter((request.schema_version for request in requests), np.int16, len(requests))
    columns = {name: arrow.texts([getattr(each, name) for each in requests]) for name in _REQUEST_TEXTS}
    columns["timestamp_ms"] = arrow.numbers(times)
    columns["date"] = arrow.numbers((times // _DAY_MS).astype(np.int32)).view(pa.date32())
    columns["schema_version"] = arrow.numbers(versions)
    shared = {name: column.take(row_of) for name, column in columns.items()}
    ordinals = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first = [(request.inputs, *[None] * (len(request.entries) - 1)) for request in requests]
    shared["request_inputs"] = arrow.binaries(list(chain.from_iterable(first)))
    return {**shared, "ordinal": arrow.numbers(ordinals.astype(np.int16))}


def entry_columns(entries: Sequence[AuditEntry]) -> dict[str, pa.Array]:
    """The columns of the entries themselves, in their order."""
    columns = {name: arrow.texts([getattr(each, name) for each in entries]) for name in _ENTRY_TEXTS}
    columns["position"] = arrow.numbers(np.fromiter((each.position for each in entries), np.int16, len(entries)))
    for name in SCORES:
        values = np.fromiter((getattr(each, name) for each in entries), np.float64, len(entries))
        columns[name] = arrow.numbers(precision.kept(values))
        columns[f"{name}_rest"] = arrow.numbers(precision.rest(values))
    columns |= _pair_columns([each.shap_top_3 for each in entries], "shap", "feature", "value", SHAP_PLACES)
    columns |= _pair_columns(
        [each.attention_top_2 for each in entries], "attention", "item", "weight", ATTENTION_PLACES
    )
    columns["flags"] = arrow.text_lists([each.flags for each in entries])
    propensities = [() if each.propensity is None else (each.propensity,) for each in entries]
    columns |= _placed("propensity", (1,), propensities, _numbers)
    columns["computation_time_ms"] = _numbers([each.computation_time_ms for each in entries])
    columns["inputs"] = arrow.binaries([each.inputs for each in entries])
    return {**columns, **_claim_columns(entries)}


def _claim_columns(entries: Sequence[AuditEntry]) -> dict[str, pa.Array]:
    flat = [flat_claims(each.claims, each.shap_top_3, each.attention_top_2) for each in entries]
    return {
        "claims": arrow.texts([each.form for each in flat]),
        **_placed("claim_text_{}", CLAIM_TEXT_PLACES, [each.texts for each in flat], arrow.texts),
        **_placed("claim_integer_{}", CLAIM_INTEGER_PLACES, [each.integers for each in flat], _integers),
        **_placed("claim_number_{}", CLAIM_NUMBER_PLACES, [each.numbers for each in flat], _numbers),
        "claim_rest": arrow.binaries([each.rest for each in flat]),
    }


def _pair_columns(pairs: Sequence[Pairs], stem: str, label: str, number: str, places: Sequence[int]) -> dict[str, Any]:
    names = [[name for name, _ in each] for each in pairs]
    values = [[value for _, value in each] for each in pairs]
    return {
        **_placed(f"{stem}_{{}}_{label}", places, names, arrow.texts),
        **_placed(f"{stem}_{{}}_{number}", places, values, _numbers),
    }


def _placed(
    name: str, places: Sequence[int], values: Sequence[Sequence[Any]], column: Callable[[list[Any]], pa.Array]
) -> dict[str, pa.Array]:
    """One column per place: the value there of each sequence, null where it is shorter."""
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    starts = np.cumsum(lengths) - lengths
    flat = column(list(chain.from_iterable(values)))
    return {name.format(place): flat.take(arrow.numbers(starts + (place - 1), lengths >= place)) for place in places}


def _numbers(values: Sequence[float]) -> pa.Array:
    return arrow.numbers(precision.kept(np.fromiter(values, np.float64, len(values))))


def _integers(values: Sequence[int]) -> pa.Array:
    return arrow.numbers(np.fromiter(values, np.int64, len(values)))


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
    shap = _pairs(row, "shap", "feature", "value", SHAP_PLACES)
    attention = _pairs(row, "attention", "item", "weight", ATTENTION_PLACES)
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
        claims=claims_of(FlatClaims.of_row(row), shap, attention),
        flags=tuple(row["flags"]),
        would_be_type=row["would_be_type"],
        propensity=row["propensity"],
        computation_time_ms=row["computation_time_ms"],
        inputs=row["inputs"],
    )


def _stored_entry(entry: AuditEntry) -> AuditEntry:
    shap, attention = entry.shap_top_3[: len(SHAP_PLACES)], entry.attention_top_2[: len(ATTENTION_PLACES)]
    flat = flat_claims(entry.claims, shap, attention)
    flat = msgspec.structs.replace(flat, numbers=_kept(flat.numbers))
    return msgspec.structs.replace(
        entry,
        shap_top_3=_kept_pairs(shap),
        attention_top_2=_kept_pairs(attention),
        claims=claims_of(flat, _kept_pairs(shap), _kept_pairs(attention)),
        propensity=None if entry.propensity is None else _kept([entry.propensity])[0],
        computation_time_ms=_kept([entry.computation_time_ms])[0],
    )


def _kept_pairs(pairs: Pairs) -> Pairs:
    return tuple(zip([name for name, _ in pairs], _kept([value for _, value in pairs]), strict=True))


def _kept(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(precision.kept(np.array(values, np.float64)).tolist())


def _pairs(row: Mapping[str, Any], stem: str, label: str, number: str, places: Sequence[int]) -> Pairs:
    found = ((row[f"{stem}_{place}_{label}"], row[f"{stem}_{place}_{number}"]) for place in places)
    return tuple((name, value) for name, value in found if name is not None)


def _request(rows: list[dict[str, Any]]) -> AuditRequest:
    first = rows[0]
    return AuditRequest(
        inputs=first["request_inputs"],
        entries=tuple(_entry(row) for row in rows),
        timestamp_ms=first["timestamp_ms"],
        schema_version=first["schema_version"],
        **{name: first[name] for name in _REQUEST_TEXTS},
    )
