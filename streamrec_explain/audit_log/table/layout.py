"""How the audit table's Parquet files are written in each tier: encodings, compression, indexes."""

from typing import Literal

from deltalake import BloomFilterProperties, ColumnProperties, WriterProperties

from streamrec_explain.audit_log.table.schema import BINARY_COLUMNS, BLOOM_COLUMNS, FLOAT_COLUMNS, REST_COLUMNS

Tier = Literal["hot", "cold"]

SHARED_IDS = ("user_id_hash", "request_id")
ROW_GROUP_ROWS = 262_144
TARGET_FILE_BYTES = 512 << 20
_COMPRESSION_LEVEL = {"hot": 3, "cold": 12}


def writer_properties(tier: Tier) -> WriterProperties:
    """Zstandard, BYTE_STREAM_SPLIT floats, delta-packed times; Bloom filters and a page index when hot.

    Ids that the rows of one request share are coded as what they have in common with the row before.
    """
    names = {*FLOAT_COLUMNS, *REST_COLUMNS, *BLOOM_COLUMNS, *BINARY_COLUMNS, *SHARED_IDS, "timestamp_ms"}
    return WriterProperties(
        compression="ZSTD",
        compression_level=_COMPRESSION_LEVEL[tier],
        max_row_group_size=ROW_GROUP_ROWS,
        default_column_properties=ColumnProperties(dictionary_enabled=True, statistics_enabled="CHUNK"),
        column_properties={name: _column_properties(name, tier) for name in sorted(names)},
    )


def _column_properties(name: str, tier: Tier) -> ColumnProperties:
    if name in FLOAT_COLUMNS or name in REST_COLUMNS:
        return ColumnProperties(dictionary_enabled=False, encoding="BYTE_STREAM_SPLIT", statistics_enabled="NONE")
    if name == "timestamp_ms":
        return ColumnProperties(
            dictionary_enabled=False, encoding="DELTA_BINARY_PACKED", statistics_enabled=_statistics(tier)
        )
    if name in BINARY_COLUMNS:
        return ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
    bloom = _bloom(name, tier)
    if name in SHARED_IDS:
        return ColumnProperties(
            dictionary_enabled=False,
            encoding="DELTA_BYTE_ARRAY",
            statistics_enabled=_statistics(tier),
            bloom_filter_properties=bloom,
        )
    return ColumnProperties(
        dictionary_enabled=True, statistics_enabled=_statistics(tier), bloom_filter_properties=bloom
    )


def _bloom(name: str, tier: Tier) -> BloomFilterProperties | None:
    return BloomFilterProperties(True, fpp=0.01) if tier == "hot" and name in BLOOM_COLUMNS else None


def _statistics(tier: Tier) -> Literal["PAGE", "CHUNK"]:
    return "PAGE" if tier == "hot" else "CHUNK"
