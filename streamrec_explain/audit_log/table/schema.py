"""The Arrow schema of the audit table: one flat row per explanation, partitioned by date and region."""

import pyarrow as pa

PARTITION_COLUMNS = ("date", "region")
# Total order of a partition's rows: one user's explanations lie together, which is also what compresses best.
SORT_COLUMNS = ("user_id_hash", "timestamp_ms", "request_id", "position")
SCORES = ("ranking_score", "reranking_score")
SHAP_PLACES = (1, 2, 3)
ATTENTION_PLACES = (1, 2)
CLAIM_TEXT_PLACES = (1, 2, 3)
CLAIM_INTEGER_PLACES = (1, 2, 3)
CLAIM_NUMBER_PLACES = (1, 2, 3, 4, 5)


def _text(name: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, pa.string(), nullable=nullable)


def _ranked(stem: str, label: str, number: str, places: tuple[int, ...]) -> list[pa.Field]:
    """The nullable pairs `stem_1_label`, `stem_1_number`, ... of a short ranking."""
    return [
        field
        for place in places
        for field in (
            _text(f"{stem}_{place}_{label}", nullable=True),
            pa.field(f"{stem}_{place}_{number}", pa.float32()),
        )
    ]


ENTRIES = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),  # UTC day of timestamp_ms
        _text("region"),
        _text("user_id_hash"),  # HMAC pseudonym under key_id
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        _text("request_id"),
        pa.field("position", pa.int16(), nullable=False),
        pa.field("ordinal", pa.int16(), nullable=False),  # place in the request as it was sent
        _text("item_id"),
        _text("model_version"),
        _text("explanation_type"),
        _text("explanation_text_hash"),
        _text("template"),
        _text("locale"),
        _text("policy"),
        *(pa.field(name, pa.float32(), nullable=False) for name in SCORES),
        *_ranked("shap", "feature", "value", SHAP_PLACES),
        *_ranked("attention", "item", "weight", ATTENTION_PLACES),
        _text("claims"),  # kinds, verdicts and names of the evidence, whose values follow (`claim_columns`)
        *(_text(f"claim_text_{place}", nullable=True) for place in CLAIM_TEXT_PLACES),
        *(pa.field(f"claim_integer_{place}", pa.int64()) for place in CLAIM_INTEGER_PLACES),
        *(pa.field(f"claim_number_{place}", pa.float32()) for place in CLAIM_NUMBER_PLACES),
        pa.field("claim_rest", pa.binary()),  # msgpack: evidence for which the columns are too few
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        _text("would_be_type", nullable=True),
        pa.field("propensity", pa.float32()),
        pa.field("computation_time_ms", pa.float32(), nullable=False),
        _text("key_id"),
        _text("trend_digest"),
        _text("user_snapshot_digest"),
        pa.field("schema_version", pa.int16(), nullable=False),
        # What replay needs beside the release and the trend snapshot:
        *(pa.field(f"{name}_rest", pa.int64(), nullable=False) for name in SCORES),  # see `precision`
        pa.field("inputs", pa.binary(), nullable=False),
        pa.field("request_inputs", pa.binary()),  # on the row with ordinal 0 only
    ]
)

# Of text that repeats the rows in memory hold numbers and a dictionary, as the files do: sorting moves numbers only.
# Half of the sentences are like no other, so that theirs would be hashed for nothing.
CODED_COLUMNS = tuple(
    field.name for field in ENTRIES if field.type == pa.string() and field.name != "explanation_text_hash"
)
_CODED = pa.dictionary(pa.int32(), pa.string())
ROWS = pa.schema([field.with_type(_CODED) if field.name in CODED_COLUMNS else field for field in ENTRIES])
# The columns of a data file: its partition stands in the transaction log.
STORED_COLUMNS = tuple(name for name in ENTRIES.names if name not in PARTITION_COLUMNS)
FILE_SCHEMA = pa.schema([ROWS.field(name) for name in STORED_COLUMNS])

FLOAT_COLUMNS = tuple(field.name for field in ENTRIES if field.type == pa.float32())
BINARY_COLUMNS = tuple(field.name for field in ENTRIES if field.type == pa.binary())
REST_COLUMNS = tuple(f"{name}_rest" for name in SCORES)
REPLAY_COLUMNS = (*REST_COLUMNS, "inputs", "request_inputs")
# Columns whose ranges let a reader skip whole files. The table property `delta.dataSkippingStatsColumns`
# names exactly these: statistics for other columns than declared make some readers return no rows.
STATISTICS_COLUMNS = ("user_id_hash", "timestamp_ms", "item_id", "model_version", "explanation_type")
# Looked up by equality, scattered over every file: only a Bloom filter can skip them. Users are in order, but a day's
# file has the range of them all.
BLOOM_COLUMNS = ("user_id_hash", "request_id", "item_id")
