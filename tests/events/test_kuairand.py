"""KuaiRand-Pure as csv and as Parquet: what is read, dropped, left unknown and refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from streamrec_explain.events.kuairand import STANDARD_LOGS, read_kuairand
from streamrec_explain.events.readers import read_world
from tests.events.expectations import problems, spoil

LOG = "log_standard_4_22_to_5_08_pure.csv"
VIDEOS = "video_features_basic_pure.csv"


def as_parquet(folder: Path, stem: str) -> None:
    """Turn a csv file of the folder into Parquet with the types Arrow infers."""
    pq.write_table(arrow_csv.read_csv(folder / f"{stem}.csv"), folder / f"{stem}.parquet")
    (folder / f"{stem}.csv").unlink()


def test_impressions_in_time_order_with_unique_ids(kuairand: Path) -> None:
    """A whole-row duplicate is read once; another row of the same key keeps its own id."""
    impressions = read_kuairand(kuairand).world.impressions
    ids = ["5-1-1650812741000", "5-0-1650812741436", "5-0-1650812741436~2"]
    assert ids == impressions["impression_id"].to_pylist()
    assert [False, True, False] == impressions["clicked"].to_pylist()
    assert [True, False, False] == impressions["not_interested"].to_pylist()


def test_watch_fraction_is_unknown_where_the_length_is(kuairand: Path) -> None:
    """Played time over duration; a duration of zero gives null, not infinity."""
    assert [None, 1.5, 0.0] == read_kuairand(kuairand).world.impressions["watch_fraction"].to_pylist()


def test_what_was_dropped_or_left_unknown_is_told(kuairand: Path) -> None:
    """Notes count the duplicates and the unknown lengths; they are no problems."""
    report = read_kuairand(kuairand).report()
    assert [(LOG, 1), (LOG, 1)] == [(note.file, note.rows) for note in report.notes]
    assert ((), 0) == (report.problems, report.rows_quarantined)


def test_videos(kuairand: Path) -> None:
    """All tags, the author, seconds, the upload day in Chinese time, adverts as sponsored."""
    expected = {"categories": [["39", "12"], []], "title": ["Video 0", "Video 1"], "creator": ["77", "78"]}
    expected |= {"duration_s": [4.0, None], "sponsored": [False, True]}
    expected |= {"publish_time_ms": [1649520000000, 1649433600000]}
    items = read_kuairand(kuairand).world.items
    assert expected == {name: items[name].to_pylist() for name in expected}


def test_users_are_the_file_of_users(kuairand: Path) -> None:
    """Users without an impression are there too; no attribute measured during the log is."""
    users = read_kuairand(kuairand).world.users
    assert ["5", "6"] == users["user_id"].to_pylist()
    assert 2 == users["age_group"].null_count == users["signup_time_ms"].null_count


@pytest.mark.parametrize("stems", [(LOG[:-4],), (LOG[:-4], VIDEOS[:-4], "user_features_pure")])
def test_parquet_stems_give_the_same_world(kuairand: Path, stems: tuple[str, ...]) -> None:
    """Each stem may be in either form."""
    before = read_kuairand(kuairand).world
    for stem in stems:
        as_parquet(kuairand, stem)
    after = read_kuairand(kuairand).world
    assert before.impressions.equals(after.impressions)
    assert before.items.equals(after.items)


def test_the_published_folder_has_its_files_in_data(kuairand: Path, tmp_path: Path) -> None:
    """The unpacked archive can be named as it is."""
    published = tmp_path / "KuaiRand-Pure"
    published.mkdir()
    kuairand.rename(published / "data")
    assert 3 == read_kuairand(published).world.impressions.num_rows


def test_both_logs_and_the_random_log_are_read(kuairand: Path) -> None:
    """Logs add up; ids stay unique over them."""
    for stem in (STANDARD_LOGS[0], "log_random_4_22_to_5_08_pure"):
        (kuairand / f"{stem}.csv").write_bytes((kuairand / LOG).read_bytes())
    ids = read_kuairand(kuairand).world.impressions["impression_id"].to_pylist()
    assert (9, 9) == (len(ids), len(set(ids)))


def test_statistics_of_the_future_are_not_read(kuairand: Path) -> None:
    """Not even a broken file of daily video statistics matters."""
    (kuairand / "video_features_statistic_pure.csv").write_text("broken")
    assert 3 == read_kuairand(kuairand).world.impressions.num_rows


@pytest.mark.parametrize(
    ("old", "new", "code", "column"),
    [
        ("1,100,0,1", "1,-100,0,1", "negative-value", "play_time_ms"),
        ("1,100,0,1", "1,100,-1,1", "negative-value", "duration_ms"),
        ("1,100,0,1", "2,100,0,1", "out-of-range", "is_hate"),
        ("1,100,0,1", "1,,0,1", "null-value", "play_time_ms"),
        ("5,1,1650812741000", "5,9,1650812741000", "unknown-item", "video_id"),
        ("5,1,1650812741000", "9,1,1650812741000", "unknown-user", "user_id"),
        ("5,1,1650812741000", "5,1,1650812741", "bad-timestamp", "time_ms"),
    ],
)
def test_a_bad_log_row_is_named(kuairand: Path, old: str, new: str, code: str, column: str) -> None:
    """Line, column and code, in the csv file and, by row, in the Parquet file."""
    spoil(kuairand / LOG, old, new)
    assert [(LOG, 5, column, code)] == problems("kuairand", kuairand)
    as_parquet(kuairand, LOG[:-4])
    assert [(LOG.replace(".csv", ".parquet"), 3, column, code)] == problems("kuairand", kuairand)


@pytest.mark.parametrize(
    ("old", "new", "code", "column"),
    [
        ("2022-04-09", "09.04.2022", "wrong-type", "upload_dt"),
        ("1,78,AD", "0,78,AD", "duplicate-key", "video_id"),
        ("1,78,AD", "1,78,", "null-value", "video_type"),
    ],
)
def test_a_bad_video_is_named_first(kuairand: Path, old: str, new: str, code: str, column: str) -> None:
    """The cause comes before the impressions that miss the video."""
    spoil(kuairand / VIDEOS, old, new)
    assert (VIDEOS, 3, column, code) == problems("kuairand", kuairand)[0]


@pytest.mark.parametrize("file", [LOG, VIDEOS, "user_features_pure.csv"])
def test_a_missing_stem_is_named(kuairand: Path, file: str) -> None:
    """No log, no videos and no users are each refused."""
    (kuairand / file).unlink()
    assert [(file, None, None, "missing-file")] == problems("kuairand", kuairand)


def test_a_stem_in_both_forms_is_ambiguous(kuairand: Path) -> None:
    """Which of two files is meant is not guessed."""
    pq.write_table(pa.table({"x": [1]}), kuairand / LOG.replace(".csv", ".parquet"))
    assert "ambiguous-folder" == problems("kuairand", kuairand)[0][3]


def test_real_log(shared_data: Path) -> None:
    """The public log passes: 4,390 whole-row duplicates, 349 further repeated keys, 2,646 unknown lengths."""
    result = read_world("kuairand", shared_data / "kuairand-pure")
    impressions = result.world.impressions
    assert (167_281, 7_583, 27_285) == (impressions.num_rows, result.world.items.num_rows, result.world.users.num_rows)
    assert [4_390, 2_646] == [note.rows for note in result.report.notes]
    assert 349 == sum("~" in name for name in impressions["impression_id"].to_pylist())
    assert 2_646 == impressions["watch_fraction"].null_count
