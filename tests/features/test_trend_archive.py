"""Kept trend snapshots are found by their whole digest, or the error says what to do."""

from pathlib import Path

import numpy as np
import pytest

from streamrec_explain.errors import FeatureError, SnapshotNotFoundError
from streamrec_explain.features.snapshots import TrendSnapshot, write_snapshot
from streamrec_explain.features.trend_archive import TrendArchive


def snapshot(as_of_ms: int) -> TrendSnapshot:
    """Two items in two markets."""
    return TrendSnapshot(
        as_of_ms, 1, 2, ("x",), ("ALL", "US"), ("a", "b"), np.full((2, 2, 1), float(as_of_ms)), np.zeros((2, 2, 5)),
        np.array([0.0]),
    )  # fmt: skip


def test_every_kept_snapshot_is_found(tmp_path: Path) -> None:
    """Not only the latest one, and again after others were asked for."""
    kept = [snapshot(tick) for tick in range(6)]
    for each in kept:
        write_snapshot(tmp_path, each)
    archive = TrendArchive(tmp_path, remembered=2)
    for each in [*kept, *kept]:
        found = archive(each.digest)
        assert (each.digest, each.as_of_ms) == (found.digest, found.as_of_ms)
        np.testing.assert_array_equal(each.values, found.values)


def test_a_deleted_snapshot_is_named(tmp_path: Path) -> None:
    """The digest, the folder and what still works."""
    gone = snapshot(1)
    write_snapshot(tmp_path, gone).unlink()
    with pytest.raises(SnapshotNotFoundError, match=f"{gone.digest} is not in {tmp_path}.*read but not replayed"):
        TrendArchive(tmp_path)(gone.digest)


def test_the_first_characters_are_not_enough(tmp_path: Path) -> None:
    """A file whose name fits but whose content is another snapshot is not taken."""
    kept = snapshot(1)
    write_snapshot(tmp_path, kept)
    with pytest.raises(SnapshotNotFoundError):
        TrendArchive(tmp_path)(kept.digest[:8] + "0" * 56)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """One flipped byte of the content fails the digest."""
    kept = snapshot(1)
    path = write_snapshot(tmp_path, kept)
    data = path.read_bytes()
    place = data.index(np.float64(1.0).tobytes())
    path.write_bytes(data[:place] + np.float64(2.0).tobytes() + data[place + 8 :])
    with pytest.raises(FeatureError, match="digest"):
        TrendArchive(tmp_path)(kept.digest)
