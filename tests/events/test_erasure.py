"""Erasing a person from event files of every form: their rows go, every other byte or value stays."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import EventDataError
from streamrec_explain.events import erasure
from streamrec_explain.events.erasure import apply_event_erasure, plan_event_erasure
from streamrec_explain.events.readers import READERS


def erased(folder: Path, user: str) -> dict[str, int]:
    """Rows removed by file; afterwards there are none."""
    plan = plan_event_erasure(folder, user)
    assert plan.rows == apply_event_erasure(plan, user)
    assert 0 == plan_event_erasure(folder, user).rows
    return {each.path.name: each.of_person for each in plan.files}


FORMS = [
    ("latest", "movielens", "10", {"ratings.csv": 2}),
    ("million", "movielens", "7", {"ratings.dat": 2, "users.dat": 1}),
    ("hundred", "movielens", "196", {"u.data": 2, "u.user": 1}),
    ("own", "parquet", "u1", {"impressions.parquet": 2, "users.parquet": 1}),
    (
        "kuairand",
        "kuairand",
        "5",
        {"log_standard_4_22_to_5_08_pure.csv": 4, "user_features_pure.csv": 1},
    ),
]


@pytest.mark.parametrize(("form", "world", "user", "expected"), FORMS, ids=[form[0] for form in FORMS])
def test_the_rows_of_the_person_go(
    form: str, world: str, user: str, expected: dict[str, int], request: pytest.FixtureRequest
) -> None:
    """From every file with a column of users; an item of the same number stays."""
    folder: Path = request.getfixturevalue(form)
    assert expected == erased(folder, user)
    if form in ("latest", "own"):  # the others hold one person only
        world_left = READERS[world](folder).world
        assert user not in world_left.impressions["user_id"].to_pylist()
        assert 1 == world_left.impressions.num_rows


def test_lines_of_others_keep_their_bytes(tmp_path: Path) -> None:
    """Byte order mark, Windows line ends, blank lines, quotes and a line without an end included."""
    file = tmp_path / "ratings.csv"
    file.write_bytes(b'\xef\xbb\xbfuserId,movieId,rating\r\n\r\n5,1,4\r\n"5",2,3\r\n 5 ,3,3\r\n55,5,5\r\n5,9,1')
    file.chmod(0o640)
    assert {"ratings.csv": 4} == erased(tmp_path, "5")
    assert b"\xef\xbb\xbfuserId,movieId,rating\r\n\r\n55,5,5\r\n" == file.read_bytes()
    assert (["ratings.csv"], 0o640) == ([path.name for path in tmp_path.iterdir()], file.stat().st_mode & 0o777)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_parquet_keeps_schema_metadata_and_compression(tmp_path: Path, compression: str) -> None:
    """Dictionaries, numbers as ids and nulls too."""
    users = pa.array(["a", "b", None, "a"]).dictionary_encode()
    table = pa.table({"user_id": users, "x": [1, 2, 3, 4]}).replace_schema_metadata({"made": "by us"})
    pq.write_table(table, tmp_path / "e.parquet", compression=compression)
    pq.write_table(pa.table({"user_id": pa.array([1, 2], pa.int32())}), tmp_path / "n.parquet")
    assert {"e.parquet": 2} == erased(tmp_path, "a")
    assert table.filter(pa.array([False, True, True, False])).equals(pq.read_table(tmp_path / "e.parquet"), True)
    found = pq.ParquetFile(tmp_path / "e.parquet").metadata.row_group(0).column(0).compression
    assert compression.replace("none", "uncompressed") == found.lower()
    assert {"n.parquet": 1} == erased(tmp_path, "2")


def test_torn_lines_and_unknown_files_are_told(tmp_path: Path) -> None:
    """They are never changed: a person must look."""
    (tmp_path / "ratings.csv").write_text('userId,movieId\n5,1\n6,1\n"5,2\n', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("5", encoding="utf-8")
    plan = plan_event_erasure(tmp_path, "5")
    assert (1, 1, ("notes.txt",)) == (plan.rows, plan.torn, plan.unread)
    assert "1 of 3 rows; 1 torn lines hold the id too" in str(plan)
    assert 1 == apply_event_erasure(plan, "5")
    assert 'userId,movieId\n6,1\n"5,2\n' == (tmp_path / "ratings.csv").read_text(encoding="utf-8")


def test_a_file_that_is_written_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever appended to it loses nothing."""
    file = tmp_path / "ratings.csv"
    file.write_text("userId,movieId\n5,1\n6,1\n", encoding="utf-8")
    plan, check = plan_event_erasure(tmp_path, "5"), erasure._check

    def appended(*words: object) -> None:
        with file.open("a") as stream:
            stream.write("7,1\n")
        check(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(erasure, "_check", appended)
    with pytest.raises(EventDataError, match="was written meanwhile"):
        apply_event_erasure(plan, "5")
    assert "userId,movieId\n5,1\n6,1\n7,1\n" == file.read_text(encoding="utf-8")
    assert [file] == list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """It holds rows of everybody else."""
    (tmp_path / "ratings.csv").write_text("userId,movieId\n5,1\n6,1\n", encoding="utf-8")
    (tmp_path / ".erasing-x").mkdir()
    (tmp_path / ".erasing-x" / "ratings.csv").write_text("userId,movieId\n6,1\n", encoding="utf-8")
    erased(tmp_path, "5")
    assert ["ratings.csv"] == os.listdir(tmp_path)


def test_a_folder_that_is_absent_is_bad_input(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(EventDataError, match="none"):
        plan_event_erasure(tmp_path / "none", "5")


IDS = st.lists(st.sampled_from(["5", "55", "6", "", "x5"]), min_size=1, max_size=30)


@given(users=IDS)
def test_exactly_the_others_stay(tmp_path_factory: pytest.TempPathFactory, users: list[str]) -> None:
    """In their order, whatever the mixture."""
    folder = tmp_path_factory.mktemp("events")
    lines = [f"{user},{number}\n" for number, user in enumerate(users)]
    (folder / "log.csv").write_text("user_id,movieId\n" + "".join(lines), encoding="utf-8")
    apply_event_erasure(plan_event_erasure(folder, "5"), "5")
    left = [line for line, user in zip(lines, users, strict=True) if user != "5"]
    assert "user_id,movieId\n" + "".join(left) == (folder / "log.csv").read_text(encoding="utf-8")
