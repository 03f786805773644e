"""Audit requests as rows of the audit table, and back.

Everything comes back exactly but for what the table keeps as float32 for queries: SHAP values, attention
weights, propensity and computation time. `as_stored` tells what a request looks like after the round trip.
The two scores are float32 columns too, but replay needs them exactly, so each row's `inputs` column carries
them as float64 beside the entry's own inputs.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

from streamrec_explain.audit_log.schema import ATTENTION_PLACES, ENTRIES, SHAP_PLACES, SORT_COLUMNS
from streamrec_explain.records import AuditEntry, AuditRequest, Claim

Pairs = tuple[tuple[str, float], ...]


class _StoredClaim(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    verdict: bool
    evidence: Mapping[str, float | int | str | tuple[str, ...] | None]


class _StoredInputs(msgspec.Struct, frozen=True, array_like=True):
    ranking_score: float
    reranking_score: float
    inputs: bytes


_ENCODER = msgspec.msgpack.Encoder()
_CLAIMS_DECODER = msgspec.msgpack.Decoder(tuple[_StoredClaim, ...])
_INPUTS_DECODER = msgspec.msgpack.Decoder(_StoredInputs)


def table_of(requests: Iterable[AuditRequest]) -> pa.Table:
    """Rows of the audit table, sorted by SORT_COLUMNS, for whole requests."""
    columns: dict[str, list[Any]] = {name: [] for name in ENTRIES.names}
    for request in requests:
        shared = _request_values(request)
        for ordinal, entry in enumerate(request.entries):
            values = {**shared, **_entry_values(entry), "ordinal": ordinal}
            values["request_inputs"] = request.inputs if ordinal == 0 else None
            for name, column in columns.items():
                column.append(values[name])
    return pa.table(columns, schema=ENTRIES).sort_by([(name, "ascending") for name in SORT_COLUMNS])


def requests_of(rows: pa.Table) -> list[AuditRequest]:
    """The requests whose rows these are, in order of their first row; inverse of `table_of`."""
    by_request: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        by_request.setdefault(row["request_id"], []).append(row)
    return [_request(sorted(group, key=lambda row: row["ordinal"])) for group in by_request.values()]


def entry_of(row: Mapping[str, Any]) -> AuditEntry:
    """The audit entry of one row given as a dict by column."""
    exact = _INPUTS_DECODER.decode(row["inputs"])
    return AuditEntry(
        item_id=row["item_id"],
        position=row["position"],
        ranking_score=exact.ranking_score,
        reranking_score=exact.reranking_score,
        explanation_type=row["explanation_type"],
        explanation_text_hash=row["explanation_text_hash"],
        template=row["template"],
        shap_top_3=_pairs(row, "shap", "feature", "value", SHAP_PLACES),
        attention_top_2=_pairs(row, "attention", "item", "weight", ATTENTION_PLACES),
        claims=tuple(Claim(c.kind, c.verdict, c.evidence) for c in _CLAIMS_DECODER.decode(row["claims"])),
        flags=tuple(row["flags"]),
        would_be_type=row["would_be_type"],
        propensity=row["propensity"],
        computation_time_ms=row["computation_time_ms"],
        inputs=exact.inputs,
    )


def as_stored(request: AuditRequest) -> AuditRequest:
    """The request as the table gives it back: float32 where it keeps float32, at most 3 and 2 pairs."""
    return msgspec.structs.replace(request, entries=tuple(_stored_entry(entry) for entry in request.entries))


def utc_day(timestamp_ms: int) -> str:
    """The UTC day of a Unix time in ms as YYYY-MM-DD: the date partition."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).date().isoformat()


def _stored_entry(entry: AuditEntry) -> AuditEntry:
    return msgspec.structs.replace(
        entry,
        shap_top_3=_rounded_pairs(entry.shap_top_3[: len(SHAP_PLACES)]),
        attention_top_2=_rounded_pairs(entry.attention_top_2[: len(ATTENTION_PLACES)]),
        propensity=None if entry.propensity is None else _float32(entry.propensity),
        computation_time_ms=_float32(entry.computation_time_ms),
    )


def _rounded_pairs(pairs: Pairs) -> Pairs:
    return tuple((name, _float32(value)) for name, value in pairs)


def _float32(value: float) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def _request_values(request: AuditRequest) -> dict[str, Any]:
    names = ("region", "user_id_hash", "timestamp_ms", "request_id", "model_version", "locale", "policy")
    origin = ("key_id", "trend_digest", "user_snapshot_digest", "schema_version")
    day = datetime.fromtimestamp(request.timestamp_ms / 1000, UTC).date()
    return {"date": day, **{name: getattr(request, name) for name in (*names, *origin)}}


def _entry_values(entry: AuditEntry) -> dict[str, Any]:
    claims = [_StoredClaim(claim.kind, claim.verdict, claim.evidence) for claim in entry.claims]
    inputs = _StoredInputs(entry.ranking_score, entry.reranking_score, entry.inputs)
    return {
        "position": entry.position,
        "item_id": entry.item_id,
        "explanation_type": entry.explanation_type,
        "explanation_text_hash": entry.explanation_text_hash,
        "template": entry.template,
        "ranking_score": entry.ranking_score,
        "reranking_score": entry.reranking_score,
        **_pair_values(entry.shap_top_3, "shap", "feature", "value", SHAP_PLACES),
        **_pair_values(entry.attention_top_2, "attention", "item", "weight", ATTENTION_PLACES),
        "claims": _ENCODER.encode(claims),
        "flags": list(entry.flags),
        "would_be_type": entry.would_be_type,
        "propensity": entry.propensity,
        "computation_time_ms": entry.computation_time_ms,
        "inputs": _ENCODER.encode(inputs),
    }


def _pair_values(pairs: Pairs, stem: str, label: str, number: str, places: Sequence[int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place in places:
        name, value = pairs[place - 1] if place <= len(pairs) else (None, None)
        values[f"{stem}_{place}_{label}"] = name
        values[f"{stem}_{place}_{number}"] = value
    return values


def _pairs(row: Mapping[str, Any], stem: str, label: str, number: str, places: Sequence[int]) -> Pairs:
    found = ((row[f"{stem}_{place}_{label}"], row[f"{stem}_{place}_{number}"]) for place in places)
    return tuple((name, value) for name, value in found if name is not None)


def _request(rows: list[dict[str, Any]]) -> AuditRequest:
    first = rows[0]
    return AuditRequest(
        request_id=first["request_id"],
        timestamp_ms=first["timestamp_ms"],
        user_id_hash=first["user_id_hash"],
        key_id=first["key_id"],
        region=first["region"],
        locale=first["locale"],
        policy=first["policy"],
        model_version=first["model_version"],
        trend_digest=first["trend_digest"],
        user_snapshot_digest=first["user_snapshot_digest"],
        inputs=first["request_inputs"],
        entries=tuple(entry_of(row) for row in rows),
        schema_version=first["schema_version"],
    )
