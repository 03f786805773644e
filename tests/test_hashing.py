"""Digests: equal content, equal digest, whatever its chunks and whatever lies under its nulls."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.hashing import canonical_json, digest, file_digest, json_digest, table_digest, text_hash


def columns() -> dict[str, list[object]]:
    """Columns of every type the events have, with nulls."""
    return {
        "a": list(range(1000)),
        "b": [None if i % 3 == 0 else i / 7 for i in range(1000)],
        "c": [None if i % 5 == 0 else f"text {i}" for i in range(1000)],
        "d": [[], ["x"], ["y", "z"], None] * 250,
        "e": [None, True, False, True] * 250,
    }


def test_chunking_does_not_matter() -> None:
    """A table in three chunks has the digest of the same table in one."""
    table = pa.table(columns())
    chunked = pa.concat_tables([table.slice(0, 10), table.slice(10, 333), table.slice(343)])
    assert table_digest(table) == table_digest(chunked)


def test_values_under_nulls_do_not_matter() -> None:
    """Two arrays that differ only where they are null have the same digest."""
    null = np.array([False, True, False])
    one, other = (pa.table({"x": pa.array(np.array([1, hidden, 3]), mask=null)}) for hidden in (2, 99))
    assert table_digest(one) == table_digest(other)


@pytest.mark.parametrize("column", ["a", "b", "c", "d", "e"])
def test_one_changed_cell_changes_the_digest(column: str) -> None:
    """Every cell of every column type counts."""
    changed = columns()
    changed[column][4] = {"a": -1, "b": -1.0, "c": "other", "d": ["other"], "e": True}[column]
    assert table_digest(pa.table(columns())) != table_digest(pa.table(changed))


def test_file_digest_is_sha256(tmp_path: Path) -> None:
    """Files are hashed as they are."""
    (tmp_path / "file").write_bytes(b"content")
    assert hashlib.sha256(b"content").hexdigest() == file_digest(tmp_path / "file") == digest(b"content")


def test_canonical_json_sorts_keys_and_refuses_nan() -> None:
    """Equal values have equal bytes; NaN is no JSON."""
    assert b'{"a":[1,2],"b":"\xc3\xa9"}' == canonical_json({"b": "é", "a": [1, 2]})
    assert json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_text_hash_is_16_hex_characters() -> None:
    """The audit entry keeps 64 bits of a text's SHA-256."""
    assert hashlib.sha256("テキスト".encode()).hexdigest()[:16] == text_hash("テキスト")
