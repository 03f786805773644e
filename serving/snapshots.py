"""Snapshots: the newest sound user and trend snapshot of a home, read again when a newer one is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from streamrec_explain.errors import FeatureError
from streamrec_explain.features.snapshot_files import latest
from streamrec_explain.features.snapshots import TrendSnapshot, UserSnapshot

Snapshot = TypeVar("Snapshot", UserSnapshot, TrendSnapshot)


class SnapshotFolder(Generic[Snapshot]):
    """Follows the pointer of one folder; a bad newest snapshot leaves the one before in use."""

    def __init__(self, folder: Path, read: Callable[[Path], Snapshot]) -> None:
        self.current: Snapshot | None = None
        self.problem: str | None = None
        self._folder = folder
        self._read: Callable[[Path], Snapshot] = read

    def refresh(self) -> Snapshot | None:
        """The newest sound snapshot, None if there never was one; `problem` says what is wrong with the newest."""
        try:
            if self.current is None or latest(self._folder).digest != self.current.digest:
                self.current = self._read(self._folder)
            self.problem = None
        except FeatureError as error:
            self.problem = str(error)
        return self.current
