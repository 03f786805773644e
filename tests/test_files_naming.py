"""Which files name a person: whatever form holds the name, and no file that does not."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamrec_explain.files_naming import files_naming

NAME = "ada-lovelace"
OTHERS = [hashlib.sha256(b"%d" % number).hexdigest()[:12] for number in range(3000)]
PLAIN = pa.array([*OTHERS, NAME, None, *OTHERS])  # so many that the name itself is compressed
FORMS = {
    "text": PLAIN,
    "large text": PLAIN.cast(pa.large_string()),
    "coded": PLAIN.dictionary_encode(),
    "a list": pa.array([[name] for name in PLAIN.to_pylist()]),
    "a struct": pa.array([{"of": {"user": name}} for name in PLAIN.to_pylist()]),
    "a map": pa.array([[("user", name)] for name in PLAIN.to_pylist()], pa.map_(pa.string(), pa.string())),
}


def _write(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd", write_statistics=False)
        return
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(path), table.schema, options=options) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("suffix", ["arrow", "parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_compressed_text_is_looked_into(tmp_path: Path, form: str, suffix: str) -> None:
    """In every column type that holds text."""
    _write(tmp_path / f"a.{suffix}", pa.table({"n": range(len(PLAIN)), "v": FORMS[form]}))
    assert NAME.encode() not in (tmp_path / f"a.{suffix}").read_bytes()
    assert [tmp_path / f"a.{suffix}"] == files_naming(tmp_path, ["nobody", NAME])
    assert [] == files_naming(tmp_path, ["nobody", "ada-l0velace"])


def test_a_name_in_a_dictionary_that_no_row_uses_is_found(tmp_path: Path) -> None:
    """Removing rows alone leaves it in an Arrow file."""
    unused = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), PLAIN.drop_null())
    _write(tmp_path / "a.arrow", pa.table({"v": unused}))
    assert [tmp_path / "a.arrow"] == files_naming(tmp_path, [NAME])


def test_a_name_across_blocks_is_found(tmp_path: Path) -> None:
    """Files are read in blocks of 1 MiB."""
    (tmp_path / "block").write_bytes(bytes((1 << 20) - 4) + NAME.encode())
    assert [tmp_path / "block"] == files_naming(tmp_path, [NAME])


def test_a_torn_parquet_file_may_name_anybody(tmp_path: Path) -> None:
    """Nobody can tell what is in it."""
    (tmp_path / "torn.parquet").write_bytes(b"PAR1" + bytes(100))
    (tmp_path / "empty.arrow").write_bytes(b"")
    assert [tmp_path / "torn.parquet"] == files_naming(tmp_path, [NAME])
