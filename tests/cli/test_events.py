"""`streamrec events validate` as a user runs it: what it prints, where, and with which exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamrec_explain.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A correct MovieLens folder."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Action\n", encoding="utf-8")
    (data / "ratings.csv").write_text("userId,movieId,rating,timestamp\n5,1,4.5,964982703\n6,1,2,964982704\n")
    return data


@pytest.fixture
def bad(folder: Path) -> Path:
    """The same with a bad rating in line 3."""
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n5,1,4.5,964982703\n6,1,two,964982704\n")
    return folder


def validate(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["events", "validate", *map(str, arguments)])


def test_good_data(folder: Path) -> None:
    """Exit 0 and the numbers of rows, as text."""
    result = validate("--world", "movielens", "--data", folder)
    assert 0 == result.exit_code
    assert "valid: 2 impressions, 1 items, 2 users" in result.stdout


def test_good_data_as_json(folder: Path) -> None:
    """The same as one JSON object, with the digests of the tables."""
    result = validate("--world", "movielens", "--data", folder, "--json")
    report = json.loads(result.stdout)
    assert (3, 0, []) == (report["rows_read"], report["rows_quarantined"], report["problems"])
    assert (2, 64) == (report["tables"]["impressions"]["rows"], len(report["tables"]["impressions"]["digest"]))


def test_bad_data(bad: Path) -> None:
    """Exit 2, nothing on standard output, file, line, column and code on standard error."""
    result = validate("--world", "movielens", "--data", bad)
    assert (2, "") == (result.exit_code, result.stdout)
    assert "ratings.csv line 3 column rating: 'two' is not a number [wrong-type]" in result.stderr


def test_bad_data_as_json(bad: Path) -> None:
    """Exit 2 and an error object whose problems a program can read."""
    result = validate("--world", "movielens", "--data", bad, "--json")
    error = json.loads(result.stdout)["error"]
    assert (2, "EventDataError", 1) == (result.exit_code, error["type"], error["count"])
    problem = {"file": "ratings.csv", "row": 3, "column": "rating", "code": "wrong-type"}
    assert problem.items() <= error["problems"][0].items()


def test_validation_writes_nothing(bad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither beside the data nor in the working folder."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    validate("--world", "movielens", "--data", bad)
    assert before == sorted(tmp_path.rglob("*"))


def test_quarantine(bad: Path, tmp_path: Path) -> None:
    """Exit 0, the bad row counted and set aside."""
    result = validate("--world", "movielens", "--data", bad, "--quarantine", tmp_path / "aside")
    assert 0 == result.exit_code
    assert "1 bad rows set aside" in result.stdout
    assert "valid: 1 impressions" in result.stdout
    assert "6,1,two,964982704" == (tmp_path / "aside" / "ratings.csv").read_text().splitlines()[1]


@pytest.mark.parametrize("arguments", [("--world", "movielens"), ("--world", "netflix"), ("--data",)])
def test_wrong_arguments(arguments: tuple[str, ...]) -> None:
    """A world without its folder, an unknown world and a torn option exit with 2 as well."""
    assert 2 == validate(*arguments).exit_code


def test_the_synthetic_world() -> None:
    """No folder needed; seed and users are options."""
    result = validate("--users", 30, "--seed", 2, "--json")
    assert 30 == json.loads(result.stdout)["tables"]["users"]["rows"]


def test_a_person_is_erased_from_a_folder(folder: Path) -> None:
    """A dry run by default; with --apply the rows are gone, and a second run finds none."""
    words = ["events", "erase", "5", "--data", str(folder)]
    planned = CliRunner().invoke(main, words)
    assert (0, True) == (planned.exit_code, "ratings.csv: 1 of 2 rows" in planned.stdout)
    assert "nothing was changed" in planned.stdout
    done = json.loads(CliRunner().invoke(main, [*words, "--apply", "--json"]).stdout)
    assert (1, 1) == (done["removed"], done["found"]["files"][0]["of_person"])
    assert "valid: 1 impressions, 1 items, 1 users" in validate("--world", "movielens", "--data", folder).stdout
    assert 0 == json.loads(CliRunner().invoke(main, [*words, "--apply", "--json"]).stdout)["removed"]
    assert 2 == CliRunner().invoke(main, [*words[:-1], str(folder / "none")]).exit_code
