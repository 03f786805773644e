"""Audit entries by the million for benchmarks: whole columns drawn at once, in the product's schema.

Lists of 20 of distinct users over one UTC day, in the order in which a day's batches arrive. Shares of types,
flags and evidence are those of `streamrec demo`; SHAP values, weights and scores are continuous, ids random, and
the inputs of a request are bytes that do not compress, as many as ours take after compression.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamrec_explain.audit_log.table import arrow_columns as arrow
from streamrec_explain.audit_log.table import precision
from streamrec_explain.audit_log.table.request_ids import new_request_id
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.schema import ENTRIES
from streamrec_explain.records import AUDIT_SCHEMA_VERSION

DAY_MS = 86_400_000
LIST_SIZE = 20
ITEMS = 20_000
REQUEST_INPUT_BYTES = 235
TYPES = ("watch_history", "generic", "category_match", "promoted", "personalized", "trending")
SHARES = (0.48, 0.29, 0.11, 0.08, 0.03, 0.01)
FEATURES = tuple(f"user_or_item_feature_{number}" for number in range(49))
FORMS = (
    '[["watch_history",true,[["items","attention_2"],["least_contribution","number"],["margin","number"],'
    '["session_score_shap","shap_1"],["removal","text"]]]]',
    "[]",
    '[["category_match",true,[["category","text"],["feature","text"],["rank","integer"],["shap","shap_2"],'
    '["category_shap","number"],["from_history","integer"],["watched_in_category","integer"]]]]',
    '[["promoted",true,[["sponsor","text"],["boost","number"],["place","integer"],["place_without_boost","integer"]]]]',
    '[["personalized",true,[["history_contribution","number"],["margin","number"],["session_score_shap","shap_1"]]]]',
    '[["trending",true,[["market","text"],["count","number"],["baseline_count","number"],["growth","number"],'
    '["rank","number"],["percentile","number"]]]]',
)
Codes = NDArray[np.int64]


def batches(
    rows: int, day: int, region: str, seed: int, batch_rows: int = 100_000, users: int | None = None
) -> Iterator[pa.Table]:
    """About `rows` rows of one day (days since 1970) and region, in batches as a shipper commits them.

    With `users` the same users come back on every day with the same seed; otherwise each has one list.
    """
    rng = np.random.default_rng((seed, day))
    requests = rows // LIST_SIZE
    for start in range(0, requests, batch_rows // LIST_SIZE):
        count = min(batch_rows // LIST_SIZE, requests - start)
        times = day * DAY_MS + (start + np.sort(rng.random(count)) * count) / requests * (DAY_MS - 1)
        yield _batch(rng, times.astype(np.int64), region, users, seed)


def _batch(rng: np.random.Generator, times: Codes, region: str, users: int | None, seed: int) -> pa.Table:
    requests, rows = len(times), len(times) * LIST_SIZE
    request_of = np.repeat(np.arange(requests), LIST_SIZE)
    position = np.tile(np.arange(LIST_SIZE), requests)
    kind = rng.choice(len(TYPES), rows, p=SHARES)
    columns = {
        **_identity(rng, times, request_of, region, users, seed),
        "position": arrow.numbers(position.astype(np.int16)),
        "ordinal": arrow.numbers(position.astype(np.int16)),
        "item_id": _items(rng, rows),
        "explanation_type": _named(TYPES, kind),
        "template": _named([f"{name}.one" for name in TYPES], kind),
        "explanation_text_hash": _hashes(rng, kind),
        **_scores(rng, position, requests),
        **_rankings(rng, rows),
        **_claims(rng, kind),
        "flags": arrow.text_lists([()] * rows),
        "would_be_type": _nothing(pa.string(), rows),
        "propensity": _nothing(pa.float32(), rows),
        "computation_time_ms": arrow.numbers(precision.kept(np.repeat(rng.gamma(4.0, 0.02, requests), LIST_SIZE))),
        "inputs": arrow.binaries([b""]).take(arrow.numbers(np.zeros(rows, np.int64))),
        "request_inputs": _request_inputs(rng, position),
    }
    return sorted_rows(pa.table([columns[name] for name in ENTRIES.names], schema=ENTRIES))


def _identity(
    rng: np.random.Generator, times: Codes, request_of: Codes, region: str, users: int | None, seed: int
) -> dict[str, pa.Array]:
    requests, rows = len(times), len(request_of)
    same = {
        "region": region, "model_version": "streamrec-release/1@dd0ede81", "locale": "en", "policy": "honest",
        "key_id": "k1", "trend_digest": "7" * 64, "user_snapshot_digest": "8" * 64,
    }  # fmt: skip
    if users is None:
        pseudonyms = hex_texts(rng.bytes(16 * requests), requests)
    else:
        pseudonyms = pseudonyms_of(users, seed).take(arrow.numbers(rng.integers(0, users, requests)))
    of_request = {
        "user_id_hash": pseudonyms,
        "request_id": _request_ids(rng, times),
        "timestamp_ms": arrow.numbers(times),
        "date": arrow.numbers((times // DAY_MS).astype(np.int32)).view(pa.date32()),
    }
    taken = {name: column.take(arrow.numbers(request_of)) for name, column in of_request.items()}
    repeated = {name: _named([value], np.zeros(rows, np.int64)) for name, value in same.items()}
    versions = arrow.numbers(np.full(rows, AUDIT_SCHEMA_VERSION, np.int16))
    return {**taken, **repeated, "schema_version": versions}


def _request_ids(rng: np.random.Generator, times: Codes) -> pa.Array:
    """Ids as the service makes them: version 7 UUIDs of the request's time."""
    random = rng.bytes(10 * len(times))
    return arrow.texts([new_request_id(time, random[10 * n : 10 * n + 10]) for n, time in enumerate(times.tolist())])


def pseudonyms_of(users: int, seed: int) -> pa.Array:
    """The pseudonyms of so many returning users."""
    return hex_texts(np.random.default_rng(seed).bytes(16 * users), users)


def hex_texts(data: bytes, count: int) -> pa.Array:
    """`count` texts, the hex digits of equal parts of `data`."""
    width = 2 * len(data) // max(count, 1)
    offsets = np.arange(count + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data.hex().encode()))


def _named(names: Sequence[str], codes: Codes) -> pa.Array:
    return arrow.texts(list(names)).take(arrow.numbers(codes))


def _nothing(kind: pa.DataType, rows: int) -> pa.Array:
    return pa.nulls(rows, kind)


def _items(rng: np.random.Generator, rows: int) -> pa.Array:
    """Items by a popularity that falls like 1/rank."""
    ranks = np.exp(rng.random(rows) * np.log(ITEMS)).astype(np.int64) - 1
    return _named([f"v{number:06d}" for number in range(ITEMS)], ranks)


def _hashes(rng: np.random.Generator, kind: Codes) -> pa.Array:
    """Half of the watch-history sentences are unique, the other sentences come from small sets."""
    pool = hex_texts(rng.bytes(8 * 3000), 3000)
    own = hex_texts(rng.bytes(8 * len(kind)), len(kind))
    unique = (kind == 0) & (rng.random(len(kind)) < 0.5)
    places = np.where(unique, 3000 + np.arange(len(kind)), np.where(kind == 1, 0, rng.integers(1, 3000, len(kind))))
    return pa.concat_arrays([pool, own]).take(arrow.numbers(places))


def _scores(rng: np.random.Generator, position: Codes, requests: int) -> dict[str, pa.Array]:
    ranking = rng.normal(5.0, 1.0, len(position))
    reranking = np.sort(rng.normal(0.0, 0.6, (requests, LIST_SIZE)), axis=1)[:, ::-1].ravel()
    columns = {}
    for name, values in (("ranking_score", ranking), ("reranking_score", reranking)):
        columns[name] = arrow.numbers(precision.kept(values))
        columns[f"{name}_rest"] = arrow.numbers(precision.rest(values))
    return columns


def _rankings(rng: np.random.Generator, rows: int) -> dict[str, pa.Array]:
    columns = {}
    for place in (1, 2, 3):
        feature = np.minimum(rng.geometric(0.12, rows) - 1, len(FEATURES) - 1)
        columns[f"shap_{place}_feature"] = _named(FEATURES, feature)
        columns[f"shap_{place}_value"] = arrow.numbers(precision.kept(rng.normal(0.0, 0.5 / place, rows)))
    for place in (1, 2):
        columns[f"attention_{place}_item"] = _items(rng, rows)
        columns[f"attention_{place}_weight"] = arrow.numbers(precision.kept(rng.beta(1.5, 4.0 * place, rows)))
    return columns


def _claims(rng: np.random.Generator, kind: Codes) -> dict[str, pa.Array]:
    rows = len(kind)
    columns = {"claims": _named(FORMS, kind), "claim_rest": _nothing(pa.binary(), rows)}
    first = _named(
        ["others_keep_sequence", *(f"category or sponsor {number}" for number in range(40))],
        np.where(kind == 0, 0, rng.integers(1, 41, rows)),
    )
    has_text, has_integer = np.isin(kind, (0, 2, 3, 5)), np.isin(kind, (2, 3))
    columns["claim_text_1"] = _where(first, has_text)
    columns["claim_text_2"] = _where(_named(FEATURES, rng.integers(0, 4, rows)), kind == 2)
    columns["claim_text_3"] = _nothing(pa.string(), rows)
    for place in (1, 2, 3):
        values = arrow.numbers(rng.integers(0, 20, rows), has_integer if place < 3 else kind == 2)
        columns[f"claim_integer_{place}"] = values
    random = [rng.gamma(2.0, 0.4, rows), np.where(np.isin(kind, (0, 4)), 0.223, rng.gamma(2.0, 0.4, rows))]
    random += [rng.gamma(2.0, 0.4, rows) for _ in range(3)]
    for place, values in enumerate(random, start=1):
        valid = np.isin(kind, (0, 2, 3, 4, 5) if place == 1 else (0, 4, 5) if place == 2 else (5,))
        columns[f"claim_number_{place}"] = arrow.numbers(precision.kept(values), valid)
    return columns


def _where(values: pa.Array, valid: NDArray[np.bool_]) -> pa.Array:
    return values.take(arrow.numbers(np.arange(len(values)), valid))


def _request_inputs(rng: np.random.Generator, position: Codes) -> pa.Array:
    first = position == 0
    lengths = np.where(first, REQUEST_INPUT_BYTES, 0)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = pa.py_buffer(rng.bytes(int(offsets[-1])))
    bitmap = pa.py_buffer(np.packbits(first, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(), len(position), [bitmap, pa.py_buffer(offsets), data])
