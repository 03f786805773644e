"""MovieLens in its three forms: what is read, and what is refused where."""

from pathlib import Path

import pyarrow.compute as pc
import pytest

from streamrec_explain.events.movielens import read_movielens
from streamrec_explain.events.readers import read_world
from tests.events.expectations import problems, spoil


def column(folder: Path, table: str, name: str) -> list[object]:
    """A column of the world in a folder."""
    values: list[object] = getattr(read_world("movielens", folder).world, table)[name].to_pylist()
    return values


def test_latest_films_keep_commas_quotes_and_accents(latest: Path) -> None:
    """A quoted CSV title comes out as written; films without genres have none."""
    assert ['Cry, the "Beloved" Amélie (1995)', "Toy Story (1995)"] == column(latest, "items", "title")
    assert [["Drama", "War"], []] == column(latest, "items", "categories")


def test_ratings_become_impressions_in_time_order(latest: Path) -> None:
    """Lines in any order are fine; 4 and more count as a click; users come by number."""
    assert ["9-22", "10-22", "10-1"] == column(latest, "impressions", "impression_id")
    assert [964981000000, 964982000000, 964982703000] == column(latest, "impressions", "timestamp_ms")
    assert [True, False, True] == column(latest, "impressions", "clicked")
    assert ["9", "10"] == column(latest, "users", "user_id")


def test_the_world_says_how_it_is_to_be_used(latest: Path) -> None:
    """Positives only, split within users, one market, one tick a day."""
    world = read_world("movielens", latest).world
    assert ("sampled", "per_user_time", 86_400_000) == (world.negatives, world.split, world.refresh_ms)
    assert ["ALL"] == pc.unique(world.impressions["market"]).to_pylist()


def test_million_form_reads_latin_1_and_ages(million: Path) -> None:
    """Double colons, Latin-1 titles with commas and quotes, published age groups, silent users."""
    assert ['Misérables, "Les" (1995)', "Jumanji (1995)"] == column(million, "items", "title")
    assert [["Drama", "Musical"], ["Adventure"]] == column(million, "items", "categories")
    assert [("7", "25-34"), ("8", "under 18")] == list(
        zip(column(million, "users", "user_id"), column(million, "users", "age_group"), strict=True)
    )
    assert ["7-1", "7-2"] == column(million, "impressions", "impression_id")


def test_hundred_form_reads_genre_flags(hundred: Path) -> None:
    """Tabs, pipes, genre flags in the published order; the flag "unknown" is no genre."""
    assert ["Toy Story (1995)", "Zoé (1994)"] == column(hundred, "items", "title")
    assert [["Animation", "Children's", "Comedy"], []] == column(hundred, "items", "categories")
    assert ["45-49"] == column(hundred, "users", "age_group")
    assert ["196-2", "196-1"] == column(hundred, "impressions", "impression_id")


def test_a_latin_1_form_saved_as_utf_8_is_read_as_such(million: Path) -> None:
    """A re-encoded movies.dat does not become mojibake."""
    films = million / "movies.dat"
    films.write_text(films.read_text("latin-1"), "utf-8")
    assert 'Misérables, "Les" (1995)' == column(million, "items", "title")[0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("10,22,3.5", "10,22,good", ("ratings.csv", 3, "rating", "wrong-type")),
        ("10,22,3.5", "10,22,7", ("ratings.csv", 3, "rating", "out-of-range")),
        ("10,22,3.5", "10,22,-1", ("ratings.csv", 3, "rating", "out-of-range")),
        ("10,22,3.5", "10,22,", ("ratings.csv", 3, "rating", "null-value")),
        ("10,22,3.5", "10,22,nan", ("ratings.csv", 3, "rating", "wrong-type")),
        ("10,22,3.5", "10,23,3.5", ("ratings.csv", 3, "movieId", "unknown-item")),
        ("10,22,3.5", "10,2.2,3.5", ("ratings.csv", 3, "movieId", "wrong-type")),
        ("10,22,3.5", "-10,22,3.5", ("ratings.csv", 3, "userId", "negative-value")),
        ("10,22,3.5", "10,1,3.5", ("ratings.csv", 3, "movieId", "duplicate-key")),
        ("964982000", "964982000000", ("ratings.csv", 3, "timestamp", "bad-timestamp")),
        ("10,22,3.5", "10,3.5", ("ratings.csv", 3, None, "wrong-field-count")),
        ("10,22,3.5", '10,"22,3.5', ("ratings.csv", 3, None, "wrong-field-count")),
        ("movieId,", "film,", ("ratings.csv", None, "movieId", "missing-column")),
        ("movieId,", "userId,", ("ratings.csv", None, "userId", "duplicate-column")),
    ],
)
def test_a_bad_rating_is_named(latest: Path, old: str, new: str, expected: tuple[object, ...]) -> None:
    """File, line, column and code of each kind of damage, and nothing else."""
    spoil(latest / "ratings.csv", old, new)
    assert [expected] == problems("movielens", latest)


def test_a_bad_film_comes_before_the_ratings_it_orphans(latest: Path) -> None:
    """Latin-1 in a UTF-8 file is named first; the ratings of that film follow."""
    films = latest / "movies.csv"
    films.write_bytes(films.read_text("utf-8").encode("latin-1"))
    assert [
        ("movies.csv", 2, "title", "bad-encoding"),
        ("ratings.csv", 2, "movieId", "unknown-item"),
    ] == problems("movielens", latest)


def test_utf_16_is_refused(latest: Path) -> None:
    """A file saved as UTF-16 is not read as something else."""
    films = latest / "movies.csv"
    films.write_bytes(films.read_text("utf-8").encode("utf-16"))
    assert [("movies.csv", None, None, "bad-encoding")] == problems("movielens", latest)


@pytest.mark.parametrize("file", ["users.dat", "movies.dat", "ratings.dat"])
def test_a_missing_file_of_the_form_is_named(million: Path, file: str) -> None:
    """What is there tells the form, and so what is missing."""
    (million / file).unlink()
    assert [(file, None, None, "missing-file")] == problems("movielens", million)


def test_a_rater_must_be_in_the_file_of_users(million: Path) -> None:
    """Where a form lists its users, others are unknown."""
    spoil(million / "ratings.dat", "7::2", "9::2")
    assert [("ratings.dat", 2, "userId", "unknown-user")] == problems("movielens", million)


def test_a_genre_flag_is_zero_or_one(hundred: Path) -> None:
    """A flag of 2 is out of range, in its own column."""
    spoil(hundred / "u.item", "http://a|0|0", "http://a|0|2")
    assert ("u.item", 1, "Action", "out-of-range") == problems("movielens", hundred)[0]


def test_folders_that_are_none(tmp_path: Path, latest: Path) -> None:
    """Absent, empty, foreign and mixed folders are told apart."""
    empty, foreign = tmp_path / "empty", tmp_path / "foreign"
    empty.mkdir()
    foreign.mkdir()
    (foreign / "notes.txt").write_text("x")
    (latest / "u.data").write_text("x")
    folders = (tmp_path / "absent", empty, foreign, latest)
    codes = [problems("movielens", folder)[0][3] for folder in folders]
    assert ["missing-folder", "empty-folder", "missing-file", "ambiguous-folder"] == codes


def test_real_films_and_ratings(shared_data: Path) -> None:
    """ml-latest-small has the published numbers, no problem, and titles with quotes in full."""
    reading = read_movielens(shared_data / "ml-latest-small")
    world = reading.world
    assert (100_836, 9_742, 610) == (world.impressions.num_rows, world.items.num_rows, world.users.num_rows)
    assert () == reading.report().problems
    assert 48_580 == pc.sum(world.impressions["clicked"]).as_py()
    titles = set(world.items["title"].to_pylist())
    assert {"Misérables, Les (1995)", "11'09\"01 - September 11 (2002)"} <= titles
