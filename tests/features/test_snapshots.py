"""Snapshots keep what was computed, notice what was changed, and forget whom they are told to forget."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.schema import ITEMS
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshot_files import superseded, torn
from streamrec_explain.features.snapshots import (
    TrendSnapshot,
    UserSnapshot,
    latest_trend_snapshot,
    latest_user_snapshot,
    trend_snapshot,
    user_snapshot,
    write_snapshot,
)
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.features.trends import UNSEEN_FACTS
from tests.reference.small_world import HOUR_MS, START_MS, item

AS_OF = START_MS + 50 * HOUR_MS

READER = """
import sys
from pathlib import Path
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import latest_trend_snapshot, latest_user_snapshot
folder = Path(sys.argv[1])
latest_user_snapshot(folder / "users")
latest_trend_snapshot(folder / "trends").aligned_to(Catalogue.load(folder / "catalogue.arrow"))
print("pandas" in sys.modules)
"""


@pytest.fixture(scope="module")
def users(world: World) -> UserSnapshot:
    """The user snapshot of hour 50."""
    return user_snapshot(world, DEFAULT_SPEC, AS_OF + 1)


@pytest.fixture(scope="module")
def trends(world: World, catalogue: Catalogue) -> TrendSnapshot:
    """The trend snapshot of hour 50."""
    return trend_snapshot(world, DEFAULT_SPEC, catalogue, AS_OF + 1)


def test_snapshots_are_as_of_the_last_tick(users: UserSnapshot, trends: TrendSnapshot) -> None:
    """Whatever the time asked for, a snapshot is of a refresh."""
    assert (AS_OF, AS_OF) == (users.as_of_ms, trends.as_of_ms)
    assert (24 * HOUR_MS, 168 * HOUR_MS) == (trends.window_ms, trends.baseline_window_ms)


def test_user_snapshot_survives_the_disk(users: UserSnapshot, tmp_path: Path) -> None:
    """Written and read back it is the same, digest included."""
    path = write_snapshot(tmp_path, users)
    loaded = latest_user_snapshot(tmp_path)
    assert f"{AS_OF}-{users.digest[:8]}.arrow" == path.name
    assert (users.digest, users.user_ids, users.names) == (loaded.digest, loaded.user_ids, loaded.names)
    np.testing.assert_array_equal(loaded.values, users.values)


def test_trend_snapshot_survives_the_disk(trends: TrendSnapshot, tmp_path: Path) -> None:
    """Written and read back it answers the same in every market."""
    write_snapshot(tmp_path, trends)
    loaded = latest_trend_snapshot(tmp_path)
    assert (trends.digest, trends.markets, trends.item_ids) == (loaded.digest, loaded.markets, loaded.item_ids)
    for name in ("values", "facts", "missing"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(trends, name))


def test_unknown_user_is_none_and_known_one_a_row(users: UserSnapshot) -> None:
    """A user the snapshot does not have is not an error."""
    assert users.lookup("nobody") is None
    np.testing.assert_array_equal(users.lookup("u2"), users.values[2])


def test_unknown_market_falls_back_to_all(trends: TrendSnapshot) -> None:
    """A market never seen has the trends of all markets together."""
    assert ("EU", "JP", "US", "ALL") == trends.markets
    for fallback, expected in zip(trends.lookup(1, "Mars"), trends.lookup(1, "ALL"), strict=True):
        np.testing.assert_array_equal(fallback, expected)


def test_unknown_item_is_unseen(trends: TrendSnapshot) -> None:
    """Code -1 in a list has missing features and no trend; the others keep theirs."""
    features, facts = trends.lookup_many(np.array([-1, 3], np.int32), "EU")
    np.testing.assert_array_equal(features, [DEFAULT_SPEC.missing("item"), trends.values[0, 3]])
    np.testing.assert_array_equal(facts, [UNSEEN_FACTS, trends.facts[0, 3]])


def test_erased_user_is_gone_and_others_stay(users: UserSnapshot) -> None:
    """Erasing removes one row and changes the digest; erasing a stranger changes nothing."""
    erased = users.erase("u1")
    assert erased.lookup("u1") is None
    np.testing.assert_array_equal(erased.lookup("u5"), users.lookup("u5"))
    assert erased.digest != users.digest == users.erase("nobody").digest


def test_a_file_is_superseded_when_the_next_one_is_written(users: UserSnapshot, tmp_path: Path) -> None:
    """However old it is itself; the latest never is, not even where the pointer was set back."""
    assert () == superseded(tmp_path, 10_000)
    old = write_snapshot(tmp_path, users)
    new = write_snapshot(tmp_path, users.erase("u1"))
    os.utime(old, (1, 1))
    os.utime(new, (5, 5))
    assert (old,) == superseded(tmp_path, 5_001)
    assert () == superseded(tmp_path, 5_000)
    files = sorted((old, new))
    write_snapshot(tmp_path, users)  # the older content is the latest again, and the younger one replaced
    assert (new,) == superseded(tmp_path, 1 << 60)
    assert files == sorted(tmp_path.glob("*.arrow"))


def test_what_killed_writers_left_is_found(users: UserSnapshot, tmp_path: Path) -> None:
    """Once it is old enough to belong to nobody."""
    write_snapshot(tmp_path, users)
    left = tmp_path / ".1-abcdef01.arrow.77.tmp"
    left.write_bytes(b"torn")
    os.utime(left, (5, 5))
    assert ((left,), ()) == (torn(tmp_path, 5_001), torn(tmp_path, 5_000))


@pytest.mark.parametrize("column", ["user_click_rate", "user_id"])
def test_changed_content_is_refused(users: UserSnapshot, tmp_path: Path, column: str) -> None:
    """A file whose values are not those its digest names cannot be loaded."""
    path = write_snapshot(tmp_path, users)
    table = pa.ipc.open_file(path.read_bytes()).read_all()
    place = table.schema.get_field_index(column)
    changed = table.set_column(place, table.schema.field(place), table[column].take(pa.array([1, 0, 2, 3, 4, 5])))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(changed)
    with pytest.raises(FeatureError, match="does not match its digest"):
        latest_user_snapshot(tmp_path)


def test_torn_file_is_refused(trends: TrendSnapshot, tmp_path: Path) -> None:
    """Half a file is named in the error."""
    path = write_snapshot(tmp_path, trends)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FeatureError, match=path.name):
        latest_trend_snapshot(tmp_path)


def test_another_valid_file_under_the_name_is_refused(users: UserSnapshot, tmp_path: Path) -> None:
    """The pointer's digest decides, not the file's own."""
    path = write_snapshot(tmp_path, users)
    users.erase("u1").save(path)
    with pytest.raises(FeatureError, match=r"latest\.json"):
        latest_user_snapshot(tmp_path)


def test_snapshot_of_the_other_kind_is_refused(users: UserSnapshot, tmp_path: Path) -> None:
    """User features are not trends."""
    write_snapshot(tmp_path, users)
    with pytest.raises(FeatureError, match="expected trends"):
        latest_trend_snapshot(tmp_path)


@pytest.mark.parametrize("content", [None, b"{", json.dumps({"file": 3}).encode()], ids=["none", "torn", "wrong"])
def test_folder_without_a_readable_pointer_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """An empty folder and a broken pointer are told apart from a snapshot."""
    if content is not None:
        (tmp_path / "latest.json").write_bytes(content)
    with pytest.raises(FeatureError, match=str(tmp_path)):
        latest_user_snapshot(tmp_path)


def test_reading_loads_no_pandas(
    users: UserSnapshot, trends: TrendSnapshot, catalogue: Catalogue, tmp_path: Path
) -> None:
    """A process that only reads snapshots and catalogue stays small."""
    write_snapshot(tmp_path / "users", users)
    write_snapshot(tmp_path / "trends", trends)
    catalogue.save(tmp_path / "catalogue.arrow")
    done = subprocess.run([sys.executable, "-c", READER, tmp_path], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()


def test_no_temporary_file_is_left(users: UserSnapshot, tmp_path: Path) -> None:
    """After writing, the folder holds the snapshot and the pointer, nothing else."""
    path = write_snapshot(tmp_path, users)
    assert {path.name, "latest.json"} == {found.name for found in tmp_path.iterdir()}


def test_alignment_follows_the_releases_catalogue(trends: TrendSnapshot, world: World, catalogue: Catalogue) -> None:
    """Items are found by id, new ones are unseen, category codes are the release's."""
    rows = [item("new", ["Zebra"]), *world.items.to_pylist()[::-1]]
    release = Catalogue.from_items(pa.Table.from_pylist(rows, schema=ITEMS))
    aligned = trends.aligned_to(release)
    features, facts = aligned.lookup(release.code("v3"), "US")
    np.testing.assert_array_equal(facts, trends.lookup(catalogue.code("v3"), "US")[1])
    place = DEFAULT_SPEC.place("item_category")
    main = release.categories[release.code("v3"), 0]
    assert (np.isnan(features[place]) and main < 0) or main == features[place]
    np.testing.assert_array_equal(aligned.lookup(0, "US")[1], UNSEEN_FACTS)
    assert trends.digest == aligned.digest


def test_aligned_to_its_own_catalogue_nothing_changes(trends: TrendSnapshot, catalogue: Catalogue) -> None:
    """Static features recomputed from the same catalogue have the same bits."""
    aligned = trends.aligned_to(catalogue)
    np.testing.assert_array_equal(aligned.values, trends.values)


def test_aligned_snapshot_is_not_saved(trends: TrendSnapshot, catalogue: Catalogue, tmp_path: Path) -> None:
    """Its content is no longer what its digest names."""
    fewer = Catalogue.from_items(catalogue.to_items().slice(0, 3))
    with pytest.raises(FeatureError, match="aligned"):
        trends.aligned_to(fewer).save(tmp_path / "aligned.arrow")
