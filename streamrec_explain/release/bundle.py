"""The bundle: a folder that holds a whole release, with a manifest that hashes every file of it."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from streamrec_explain.errors import CorruptReleaseError, ReleaseError
from streamrec_explain.hashing import digest as sha256
from streamrec_explain.hashing import file_digest
from streamrec_explain.release.manifest import MANIFEST, Manifest, Pins, WorldPin
from streamrec_explain.release.model_version import SHORT

Writer = Callable[[Path], object]
Contents = Mapping[str, bytes | Writer]


def write_bundle(folder: Path, contents: Contents, *, created_ms: int, world: WorldPin, pins: Pins) -> str:
    """Write a bundle into `folder`, whole or not at all; returns its digest.

    `contents` maps a relative path to its bytes or to a writer, which is handed the path and makes a file or
    a folder there. ReleaseError if the folder exists: a bundle is never changed.
    """
    if folder.exists():
        raise ReleaseError(f"{folder} exists; a bundle is never overwritten, choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".bundle-", dir=folder.parent))
    try:
        for name, content in contents.items():
            _write(staging / name, content)
        manifest = Manifest(created_ms=created_ms, world=world, pins=pins, files=_digests(staging))
        (staging / MANIFEST).write_bytes(manifest.to_json())
        staging.chmod(0o755)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest.digest()


def verify_bundle(folder: Path, digest: str | None = None) -> Manifest:
    """Check every file of a bundle against its manifest, and the manifest against `digest` where given.

    `digest` is the full SHA-256 or at least its first 8 characters. CorruptReleaseError names the first file that is
    missing, changed or not of the release; a manifest that is not the expected one counts as changed.
    """
    manifest = read_manifest(folder, digest)
    present = set(_paths(folder)) - {MANIFEST}
    for name in sorted(manifest.files.keys() - present):
        raise CorruptReleaseError(f"release file {name} is missing in {folder}; {_REMEDY}", name)
    for name in sorted(present - manifest.files.keys()):
        raise CorruptReleaseError(f"file {name} in {folder} is not of the release; {_REMEDY}", name)
    for name, expected in sorted(manifest.files.items()):
        _compare(name, file_digest(folder / name), expected)
    return manifest


def read_manifest(folder: Path, digest: str | None = None) -> Manifest:
    """Read a bundle's manifest, checked against `digest` (see `verify_bundle`); no other file is read."""
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError as error:
        message = f"release file {MANIFEST} cannot be read: {error}; {_REMEDY}"
        raise CorruptReleaseError(message, MANIFEST) from error
    if digest is not None:
        _require_digest(data, digest)
    return Manifest.from_json(data)


_REMEDY = "restore the bundle from the registry, or promote another release"


def _require_digest(data: bytes, expected: str) -> None:
    if len(expected) < SHORT:
        raise CorruptReleaseError(f"no digest is recorded for the release, so nothing proves {MANIFEST}", MANIFEST)
    _compare(MANIFEST, sha256(data)[: len(expected)], expected)


def _compare(name: str, found: str, expected: str) -> None:
    if found != expected:
        hashes = f"its SHA-256 begins {found[:8]}, recorded is {expected[:8]}"
        raise CorruptReleaseError(f"release file {name} was changed: {hashes}; {_REMEDY}", name)


def _write(path: Path, content: bytes | Writer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)


def _paths(folder: Path) -> list[str]:
    """Relative POSIX paths of everything below a folder that is not itself a plain folder."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _digests(folder: Path) -> dict[str, str]:
    return {name: file_digest(folder / name) for name in _paths(folder)}
