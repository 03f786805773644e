"""How the audit table's Parquet files are written in each tier: encodings, compression, filters."""

from typing import Any, Literal

import pyarrow.parquet as pq

from streamrec_explain.audit_log.table.schema import (
    BINARY_COLUMNS,
    FILE_SCHEMA,
    FLOAT_COLUMNS,
    REST_COLUMNS,
    SORT_COLUMNS,
    STORED_COLUMNS,
)

Tier = Literal["hot", "cold"]

# What a reader decodes of each column that it asks for, and that column's dictionary, to find one request. Groups of
# 55,000 make large tables 1.5 bytes an entry shorter, and such a question take a quarter longer.
# Cold files are hardly asked, and compress best in large ones.
ROW_GROUP_ROWS = {"hot": 40_000, "cold": 262_144}
TARGET_FILE_BYTES = 128 << 20  # some 4 million entries: what an erasure rewrites for one person on one day
# A page holds a column's whole row group. In one of 20,000 floats, split by bytes, Zstandard codes all four kinds of
# bytes alike, for they lie in one of its blocks of 128 KiB, and they take a tenth more.
_PAGE_ROWS = 2 * max(ROW_GROUP_ROWS.values())
# Ids of a whole row group, 36 bytes each: past this the writer would give up coding and repeat them.
_DICTIONARY_BYTES = 16 << 20
_COMPRESSION_LEVEL = {"hot": 3, "cold": 12}
# Columns by whose ranges a reader skips row groups: those of the order, and no other, since every range makes footers
# longer, which each question reads.
_RANGED = ("user_id_hash", "timestamp_ms")

_ENCODINGS = {
    **dict.fromkeys((*FLOAT_COLUMNS, *REST_COLUMNS), "BYTE_STREAM_SPLIT"),
    **dict.fromkeys(BINARY_COLUMNS, "PLAIN"),
    "timestamp_ms": "DELTA_BINARY_PACKED",
}
_BY_DICTIONARY = [name for name in STORED_COLUMNS if name not in _ENCODINGS and name != "flags"] + [
    "flags.list.element"
]
_ORDER = [pq.SortingColumn(STORED_COLUMNS.index(name)) for name in SORT_COLUMNS]


def writer_options(tier: Tier, distinct: dict[str, int]) -> dict[str, Any]:
    """Options of `pyarrow.parquet.ParquetWriter`: Zstandard, BYTE_STREAM_SPLIT floats, delta-packed times.

    When hot also Bloom filters; `distinct` tells how many values a row group has of each of their columns. Files say
    that they are in order: `declares_order`.
    """
    filters = {name: {"ndv": max(1, count), "fpp": 0.01} for name, count in distinct.items()}
    return {
        "schema": FILE_SCHEMA,
        "compression": "zstd",
        "compression_level": _COMPRESSION_LEVEL[tier],
        "use_dictionary": _BY_DICTIONARY,
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
        "column_encoding": _ENCODINGS,
        "write_statistics": list(_RANGED),
        "write_page_checksum": True,
        "max_rows_per_page": _PAGE_ROWS,
        "bloom_filter_options": filters if tier == "hot" else None,
        "sorting_columns": _ORDER,
        "store_schema": False,
    }


def declares_order(footer: pq.FileMetaData) -> bool:
    """Whether the file says that its rows are in order and that no row group ends within a request."""
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    return all(list(group.sorting_columns or ()) == _ORDER for group in groups)
