"""The one door to all worlds: refusal, quarantine, and what is told about a reading."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamrec_explain.errors import EventDataError, InvalidInputError, SettingsError
from streamrec_explain.events.readers import read_world
from streamrec_explain.events.schema import IMPRESSIONS
from tests.events.expectations import spoil


@pytest.fixture
def spoilt(latest: Path) -> Path:
    """A MovieLens folder with two bad ratings, one of them torn."""
    spoil(latest / "ratings.csv", "10,22,3.5", "10,22,nine")
    spoil(latest / "ratings.csv", "9,22,5.0,964981000\n", "9,22,5.0\n9,1,5.0,964981000\n")
    return latest


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_reader_keeps_the_schema(latest: Path, kuairand: Path, own: Path) -> None:
    """Same columns, same types, in time order, whatever the source."""
    for name, folder in (("movielens", latest), ("kuairand", kuairand), ("parquet", own)):
        impressions = read_world(name, folder).world.impressions
        assert impressions.schema.equals(IMPRESSIONS)
        keys = list(zip(*(impressions[key].to_pylist() for key in ("timestamp_ms", "impression_id")), strict=True))
        assert sorted(keys) == keys


def test_refusal_lists_all_problems_and_writes_nothing(spoilt: Path) -> None:
    """Without a quarantine the data is refused and left alone."""
    before = files(spoilt.parent)
    with pytest.raises(EventDataError) as refusal:
        read_world("movielens", spoilt)
    assert 2 == refusal.value.count == len(refusal.value.problems)
    assert before == files(spoilt.parent)


def test_quarantine_sets_rows_aside_and_goes_on(spoilt: Path, tmp_path: Path) -> None:
    """Good rows make the world; bad ones are counted and lie in the quarantine as they were."""
    result = read_world("movielens", spoilt, quarantine=tmp_path / "aside")
    assert ["9-1", "10-1"] == result.world.impressions["impression_id"].to_pylist()
    assert (6, 2) == (result.report.rows_read, result.report.rows_quarantined)
    aside = (tmp_path / "aside" / "ratings.csv").read_text()
    assert "userId,movieId,rating,timestamp\n10,22,nine,964982000\n9,22,5.0\n" == aside


def test_quarantine_says_what_is_wrong(spoilt: Path, tmp_path: Path) -> None:
    """A table beside the rows names line, column and code."""
    read_world("movielens", spoilt, quarantine=tmp_path / "aside")
    with (tmp_path / "aside" / "ratings.csv.problems.csv").open(encoding="utf-8") as stream:
        problems = [(row["row"], row["column"], row["code"]) for row in csv.DictReader(stream)]
    assert [("3", "rating", "wrong-type"), ("4", "", "wrong-field-count")] == problems


def test_quarantined_rows_can_be_repaired_and_put_back(spoilt: Path, tmp_path: Path) -> None:
    """The repaired lines, read as the file they came from, are good."""
    read_world("movielens", spoilt, quarantine=tmp_path / "aside")
    repaired = tmp_path / "aside" / "ratings.csv"
    repaired.write_text(repaired.read_text().replace("nine", "4.0").replace("5.0\n", "5.0,964981000\n"))
    repaired.rename(spoilt / "ratings.csv")
    assert 2 == read_world("movielens", spoilt).world.impressions.num_rows


def test_a_quarantined_film_takes_its_ratings_along(latest: Path, tmp_path: Path) -> None:
    """What would point to nowhere is set aside too, so that the world is whole."""
    spoil(latest / "movies.csv", "22,", "x,")
    result = read_world("movielens", latest, quarantine=tmp_path / "aside")
    assert ["10-1"] == result.world.impressions["impression_id"].to_pylist()
    assert ["ratings.csv", "movies.csv"] == sorted(
        (file.file for file in result.report.files if file.rows_quarantined), reverse=True
    )


def test_parquet_rows_are_set_aside_as_json_lines(own: Path, tmp_path: Path) -> None:
    """A row of a Parquet file becomes one line that a person can read."""
    table = pq.read_table(own / "impressions.parquet")
    bad = table.set_column(8, "watch_fraction", pa.array([0.5, -2.0, None]))
    pq.write_table(bad, own / "impressions.parquet")
    report = read_world("parquet", own, quarantine=tmp_path / "aside").report
    lines = (tmp_path / "aside" / "impressions.parquet.jsonl").read_text().splitlines()
    assert (1, ["a"], [-2.0]) == (
        report.rows_quarantined,
        [json.loads(line)["impression_id"] for line in lines],
        [json.loads(line)["watch_fraction"] for line in lines],
    )


def test_good_data_leaves_no_quarantine(latest: Path, tmp_path: Path) -> None:
    """Not even an empty folder."""
    read_world("movielens", latest, quarantine=tmp_path / "aside")
    assert not (tmp_path / "aside").exists()


def test_what_cannot_be_set_aside_is_refused(latest: Path, tmp_path: Path) -> None:
    """A missing column, and a file without one good row, stop a reading with a quarantine as well."""
    ratings = latest / "ratings.csv"
    ratings.write_text("userId,movieId,rating,timestamp\n1,1,bad,1\n")
    with pytest.raises(EventDataError, match="no impression is left"):
        read_world("movielens", latest, quarantine=tmp_path / "aside")
    spoil(ratings, "rating", "stars")
    with pytest.raises(EventDataError, match="missing-column"):
        read_world("movielens", latest, quarantine=tmp_path / "aside")
    assert not (tmp_path / "aside").exists()


def test_the_data_folder_is_no_quarantine(spoilt: Path) -> None:
    """It would overwrite the data."""
    before = files(spoilt)
    with pytest.raises(SettingsError, match="must not be the data folder"):
        read_world("movielens", spoilt, quarantine=spoilt / ".." / spoilt.name)
    assert before == files(spoilt)


def test_a_frequent_problem_does_not_hide_a_rare_one(latest: Path) -> None:
    """Rows are listed up to a bound per kind; the count is the full one."""
    lines = "".join(f"{user},999,4.0,964982000\n" for user in range(500))
    (latest / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n{lines}1,1,6,964982000\n")
    with pytest.raises(EventDataError) as refusal:
        read_world("movielens", latest)
    assert (501, 21) == (refusal.value.count, len(refusal.value.problems))
    assert {"unknown-item", "out-of-range"} == {problem.code for problem in refusal.value.problems}
    assert "[out-of-range]" in str(refusal.value) and "and 497 more" in str(refusal.value)


def test_one_bad_row_in_a_million_is_found(latest: Path) -> None:
    """The only bad line among a million has its number."""
    lines = [f"{row // 2},{1 + 21 * (row % 2)},4.0,964982000\n" for row in range(1_000_000)]
    lines[777_777] = "388888,22,4.O,964982000\n"
    (latest / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + "".join(lines))
    with pytest.raises(EventDataError) as refusal:
        read_world("movielens", latest)
    assert [(777_779, "rating", "wrong-type")] == [(p.row, p.column, p.code) for p in refusal.value.problems]


def test_the_synthetic_world_needs_no_folder() -> None:
    """Seed and scale make it; its tables are counted."""
    first, again = (read_world("synthetic", None, seed=3, scale=30) for _ in range(2))
    assert first.world.digests == again.world.digests
    assert 30 == first.world.users.num_rows
    assert first.world.impressions.num_rows == first.report.files[0].rows_read


@pytest.mark.parametrize(("name", "folder"), [("movielens", None), ("netflix", Path("x"))])
def test_a_world_that_cannot_be_meant(name: str, folder: Path | None) -> None:
    """An unknown name and a reader without a folder are the caller's mistake."""
    with pytest.raises(InvalidInputError):
        read_world(name, folder)
