"""A registered release as files: downloaded, verified, and gone again when it has been read."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.mlflow_registry import MlflowRegistry


@contextmanager
def registered_bundle(store: MlflowRegistry, version: int) -> Iterator[Path]:
    """The verified folder of a release for the block; CorruptReleaseError names a file that was changed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "bundle"
        store.download(version, folder)
        verify_bundle(folder)
        yield folder
