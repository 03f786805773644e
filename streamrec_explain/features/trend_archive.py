"""Kept trend snapshots by digest: what replay resolves the items of an old list with."""

from collections import OrderedDict
from pathlib import Path

from streamrec_explain.errors import SnapshotNotFoundError
from streamrec_explain.features.snapshots import TrendSnapshot


class TrendArchive:
    """The trend snapshots of one folder; the last few that were asked for stay in memory.

    They hold nothing personal. A snapshot must be kept as long as any audit entry names it.
    """

    def __init__(self, folder: Path, remembered: int = 4) -> None:
        self._folder = folder
        self._remembered = remembered
        self._loaded: OrderedDict[str, TrendSnapshot] = OrderedDict()

    def __call__(self, digest: str) -> TrendSnapshot:
        """The snapshot with exactly that digest, its content verified.

        SnapshotNotFoundError if the folder does not have it; FeatureError if its file was changed.
        """
        found = self._loaded.pop(digest, None) or self._load(digest)
        self._loaded[digest] = found
        if len(self._loaded) > self._remembered:
            self._loaded.popitem(last=False)
        return found

    def _load(self, digest: str) -> TrendSnapshot:
        for path in sorted(self._folder.glob(f"*-{digest[:8]}.arrow")):
            snapshot = TrendSnapshot.load(path)
            if snapshot.digest == digest:
                return snapshot
        raise SnapshotNotFoundError(
            f"trend snapshot {digest} is not in {self._folder}; restore it from a backup: entries that refer to it "
            "can be read but not replayed"
        )
