"""Which files name a person: their bytes, and text that Arrow and Parquet files hold compressed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_BLOCK = 1 << 20


def files_naming(root: Path, names: Sequence[str]) -> list[Path]:
    """The files below a folder that hold any of the names; a Parquet file that cannot be read may, and counts."""
    wanted = [name.encode() for name in names]
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [path for path in files if _names_any(path, wanted)]


def _names_any(path: Path, wanted: Sequence[bytes]) -> bool:
    if any(name in block for block in _overlapping_blocks(path, max(map(len, wanted))) for name in wanted):
        return True
    try:
        return any(name in text for text in _texts(path) for name in wanted)
    except pa.ArrowInvalid:
        return path.suffix == ".parquet"


def _overlapping_blocks(path: Path, overlap: int) -> Iterator[bytes]:
    tail = b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield tail + block
            tail = block[-overlap:]


def _texts(path: Path) -> Iterator[bytes]:
    """The text of a file's string columns, decompressed; of an Arrow dictionary also what no row refers to."""
    if path.suffix == ".arrow":
        with pa.OSFile(str(path), "rb") as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                yield from map(_text, reader.get_batch(number).columns)
    elif path.suffix == ".parquet":
        schema = pq.read_schema(path)
        texts = [field.name for field in schema if _is_text(field.type) or pa.types.is_dictionary(field.type)]
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for group in range(file.num_row_groups):
                for column in file.read_row_group(group, columns=texts + nested, use_threads=False).columns:
                    yield from map(_text, column.chunks)


def _text(values: pa.Array) -> bytes:
    kind = values.type
    if pa.types.is_struct(kind):
        return b"".join(map(_text, values.flatten()))
    if pa.types.is_map(kind):
        return _text(values.keys) + _text(values.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _text(values.values)
    if pa.types.is_dictionary(kind):
        return _text(values.dictionary)
    return b"".join(bytes(buffer) for buffer in values.buffers()[2:] if buffer) if _is_text(kind) else b""


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
