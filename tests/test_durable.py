"""Flushing to the disk: files and folders, and an error for what is not there."""

from pathlib import Path

import pytest

from streamrec_explain.durable import sync


def test_files_and_folders_are_flushed_and_left_as_they_are(tmp_path: Path) -> None:
    """No file handle stays open, nothing is written."""
    file = tmp_path / "a"
    file.write_bytes(b"bytes")
    before, handles = file.stat().st_mtime_ns, len(list(Path("/proc/self/fd").iterdir()))
    for path in (file, tmp_path):
        sync(path)
    assert (before, handles) == (file.stat().st_mtime_ns, len(list(Path("/proc/self/fd").iterdir())))
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "b")
