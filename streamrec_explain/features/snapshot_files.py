"""Snapshot files: an Arrow table with header and digest, and the pointer to the latest one of a folder."""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamrec_explain.durable import sync
from streamrec_explain.errors import FeatureError
from streamrec_explain.hashing import json_digest, table_digest

LATEST = "latest.json"
_HEADER_KEY = b"streamrec_snapshot"


class Header(msgspec.Struct, frozen=True):
    """What a snapshot file says of itself besides its table; times in Unix ms, windows in ms."""

    kind: str
    as_of_ms: int
    window_ms: int = 0
    baseline_window_ms: int = 0
    missing: tuple[float | None, ...] = ()


class Pointer(msgspec.Struct, frozen=True):
    """The content of `latest.json`: which file is the latest and what its digest is."""

    file: str
    as_of_ms: int
    digest: str


class _Stored(msgspec.Struct, frozen=True):
    header: Header
    digest: str


def content_digest(header: Header, table: pa.Table) -> str:
    """SHA-256 over header and content, independent of chunking and file format."""
    return json_digest({"header": msgspec.to_builtins(header), "table": table_digest(table)})


def write_file(path: Path, header: Header, table: pa.Table, digest: str) -> None:
    """Write the file so that a reader sees all of it or nothing (temporary name, fsync, rename)."""
    metadata = {_HEADER_KEY: msgspec.json.encode(_Stored(header, digest))}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table.replace_schema_metadata(metadata))
    _replace(path, sink.getvalue())


def read_file(path: Path, kind: str) -> tuple[Header, pa.Table, str]:
    """Header, table and verified digest of a file; FeatureError says what is wrong with it."""
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
        stored = msgspec.json.decode((table.schema.metadata or {})[_HEADER_KEY], type=_Stored)
    except (pa.ArrowInvalid, OSError, KeyError, msgspec.DecodeError) as error:
        raise FeatureError(f"{path}: not a readable snapshot ({error}); write it again") from error
    if stored.header.kind != kind:
        raise FeatureError(f"{path}: holds a snapshot of {stored.header.kind}, expected {kind}")
    table = table.replace_schema_metadata(None)
    if content_digest(stored.header, table) != stored.digest:
        raise FeatureError(f"{path}: content does not match its digest {stored.digest[:8]}; write it again")
    return stored.header, table, stored.digest


def file_name(as_of_ms: int, digest: str) -> str:
    """The name of a snapshot's file: its tick and the first eight characters of its digest."""
    return f"{as_of_ms}-{digest[:8]}.arrow"


def point_to(folder: Path, pointer: Pointer) -> None:
    """Make a file of the folder the latest one, atomically."""
    _replace(folder / LATEST, msgspec.json.encode(pointer))


def latest(folder: Path) -> Pointer:
    """The pointer of a folder; FeatureError if there is none yet or it is unreadable."""
    try:
        return msgspec.json.decode((folder / LATEST).read_bytes(), type=Pointer)
    except FileNotFoundError:
        raise FeatureError(f"{folder}: no snapshot was written here yet") from None
    except msgspec.DecodeError as error:
        raise FeatureError(f"{folder / LATEST}: {error}; write a snapshot again") from error


def superseded(folder: Path, before_ms: int) -> tuple[Path, ...]:
    """The snapshot files in whose place another one was written before a moment (Unix ms), the oldest first.

    The file system's clock counts. Never among them is the one that `latest.json` names.
    """
    if not (folder / LATEST).exists():
        return ()
    current, written = latest(folder).file, sorted(_written(folder, "*.arrow"))
    replaced = (path for (_, path), (after_ms, _) in pairwise(written) if after_ms < before_ms)
    return tuple(path for path in replaced if path.name != current)


def torn(folder: Path, before_ms: int) -> tuple[Path, ...]:
    """The temporary files that writers who were killed before a moment (Unix ms) left behind."""
    return tuple(path for moment_ms, path in sorted(_written(folder, ".*.tmp")) if moment_ms < before_ms)


def _written(folder: Path, pattern: str) -> Iterator[tuple[int, Path]]:
    """Files and when they were written, in Unix ms; one that is deleted meanwhile is left out."""
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            yield path.stat().st_mtime_ns // 1_000_000, path


def digest_start(path: Path) -> str:
    """The first eight characters of the digest of a snapshot's file, from its name."""
    return path.stem.rpartition("-")[2]


def matrix(table: pa.Table, names: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """The named float columns of a table as float64 [n_rows, n_names]."""
    values = np.empty((table.num_rows, len(names)))
    for index, name in enumerate(names):
        # Not to_numpy(): it would import pandas (0.3 s, 40 MB) into the serving process.
        values[:, index] = np.from_dlpack(table[name].combine_chunks())
    return values


def _replace(path: Path, data: bytes | pa.Buffer) -> None:
    """Write a file under a temporary name, flush it to the disk, rename it, flush the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync(path.parent)
