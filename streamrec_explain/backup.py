"""Backup and restore of a home folder: what cannot be made again, as verified copies.

sqlite files are copied through sqlite's own backup, which a running service does not disturb; a local table is
copied at one version, the files that it names; everything else byte for byte. Left out is what can be made again:
values between Dagster steps and Dagster's own history. Journals come first and tables after them, so that an
entry shipped in between is in both, never in neither; seals, ledger and whom holds are about are copied while nobody
can seal, remove or place a hold.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from streamrec_explain.audit_log.home_log import evidence_of, log_of
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.durable import sync
from streamrec_explain.errors import BackupError
from streamrec_explain.hashing import file_digest
from streamrec_explain.home import Home

MANIFEST = "backup.json"
_SQLITE = b"SQLite format 3\0"
_LEFT_OUT = ("dagster", "values")
_BLOCK = 1 << 20
_VOLATILE = ("-wal", "-shm", "-journal", ".lock", ".tmp", ".new")


class BackupManifest(msgspec.Struct, frozen=True):
    """SHA-256 of every file by its path below the home, when it was made (Unix ms) and of which home."""

    created_ms: int
    home: str
    files: dict[str, str]


def backup(home: Home, folder: Path, *, now_ms: int) -> BackupManifest:
    """Copy a home into a folder that does not exist or is empty; BackupError otherwise or if a copy differs.

    The manifest is written last: without one a folder is no backup.
    """
    _require_empty(folder)
    files: dict[str, str] = {}
    for path in _in_order(home):
        files[path] = _copy(home.root / path, folder / path)
    evidence = evidence_of(home)
    with evidence.ledger.locked(), evidence.leaves.locked():  # in the order in which a removal takes them
        for path in _below(home.root, home.audit_ledger, home.seals, home.holds):
            files[path] = _copy(home.root / path, folder / path)
        for table in log_of(home).tables():
            files |= {path: _copy(home.root / path, folder / path) for path in _files_of(table, home)}
    manifest = BackupManifest(now_ms, str(home.root.resolve()), files)
    _write_durably(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def read_manifest(folder: Path) -> BackupManifest:
    """The manifest of a backup whose every file is what was written; BackupError names the one that is not."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=BackupManifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise BackupError(f"{folder} is no finished backup: {error}") from error
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file() or file_digest(path) != digest:
            raise BackupError(f"{path} is not what was backed up: use another backup")
    return manifest


def restore(folder: Path, home: Path) -> BackupManifest:
    """Make a home of a backup, wholly or not at all; BackupError if the home is not empty or a file is not sound."""
    _require_empty(home)
    manifest = read_manifest(folder)
    staging = home.with_name(f".{home.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)
    for name, digest in manifest.files.items():
        if _copy(folder / name, staging / name, _copy_bytes) != digest:
            raise BackupError(f"{name} changed while it was restored: restore again")
    if home.exists():
        home.rmdir()
    staging.rename(home)
    return manifest


def _in_order(home: Home) -> list[str]:
    """Every file but seals, ledger, holds and tables: journals first."""
    seen = set(_below(home.root, home.audit_ledger, home.seals, Path(home.audit_log_hot), Path(home.audit_log_cold)))
    journals = _below(home.root, home.journal)
    rest = [path for path in _below(home.root, home.root) if path not in seen and path not in set(journals)]
    later = (*_LEFT_OUT, home.holds.name)  # by name: its files come and go
    return [*journals, *(path for path in rest if Path(path).parts[0] not in later)]


def _below(root: Path, *places: Path) -> list[str]:
    """The lasting files at or below some places, by path below the root."""
    found = (path for place in places for path in ([place] if place.is_file() else place.rglob("*")))
    lasting = (path for path in found if path.is_file() and not path.name.endswith(_VOLATILE) and path.name != "lock")
    return sorted(path.resolve().relative_to(root.resolve()).as_posix() for path in lasting)


def _files_of(table: AuditTable, home: Home) -> Iterator[str]:
    """A local table's transaction log up to one version, and the data files that version names."""
    if "://" in table.uri:
        return
    seen = table.open()
    log = Path(table.uri) / "_delta_log"
    for name in _below(home.root, log):
        number = Path(name).name.split(".")[0]
        if not number.isdigit() or int(number) <= seen.version():
            yield name
    for uri in seen.file_uris():
        path = Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri)
        yield path.resolve().relative_to(home.root.resolve()).as_posix()


def _copy(source: Path, target: Path, how: Callable[[Path, Path], str] | None = None) -> str:
    """Copy one file durably, its mode too, and return the SHA-256 of the copy; BackupError if it differs."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        digest = (how or _fitting(source))(source, target)
        shutil.copymode(source, target)
        sync(target)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{source} cannot be copied to {target}: {error}") from error
    if file_digest(target) != digest:
        raise BackupError(f"the copy {target} differs from {source}: is the disk sound?")
    return digest


def _fitting(source: Path) -> Callable[[Path, Path], str]:
    with source.open("rb") as stream:
        return _copy_sqlite if stream.read(len(_SQLITE)) == _SQLITE else _copy_bytes


def _copy_bytes(source: Path, target: Path) -> str:
    """Copy what there is now and return the SHA-256 of what was read: a file that grows is copied as it began."""
    sha = hashlib.sha256()
    with source.open("rb") as there, target.open("wb") as here:
        while block := there.read(_BLOCK):
            sha.update(block)
            here.write(block)
    return sha.hexdigest()


def _copy_sqlite(source: Path, target: Path) -> str:
    """A consistent copy beside writers, checked by sqlite itself; its SHA-256."""
    # Not read-only: a writer that was killed left a transaction to roll back, which only a writer may.
    there = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=30)
    with closing(there), closing(sqlite3.connect(target)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode = DELETE")  # one file; whoever opens it next chooses again
        (sound,) = here.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        raise BackupError(f"{source} is damaged: {sound}")
    return file_digest(target)


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty: nothing is ever written over it")


def _write_durably(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sync(path)
    sync(path.parent)
