"""Digests of bytes, files, tables and JSON values."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa


def digest(data: bytes) -> str:
    """SHA-256 of bytes as 64 hex characters."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces of 1 MiB."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, so that equal values have equal bytes; NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def json_digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return digest(canonical_json(value))


class _HashSink:
    """A write-only file whose bytes go into a hash, so that a table is hashed without a copy."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self.hash.update(view)
        return view.nbytes

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing to release."""


def table_digest(table: pa.Table) -> str:
    """SHA-256 of a table's schema and content as one Arrow stream of fixed batches (chunking is irrelevant).

    Rows are copied first: a copy has zeros under its nulls, where the original may hold anything.
    """
    sink = _HashSink()
    # pa.array would import pandas where it is installed.
    rows = pa.Array.from_buffers(pa.int64(), table.num_rows, [None, pa.py_buffer(np.arange(table.num_rows))])
    whole = table.replace_schema_metadata(None).take(rows).combine_chunks()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), whole.schema) as writer:
        writer.write_table(whole, max_chunksize=65536)
    return sink.hash.hexdigest()


def text_hash(text: str) -> str:
    """The first 16 hex characters of a text's SHA-256 (the audit entry's explanation_text_hash)."""
    return digest(text.encode())[:16]
