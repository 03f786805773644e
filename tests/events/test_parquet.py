"""Own events as Parquet: the documented schema is accepted, anything else refused with its place."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from streamrec_explain.events.parquet import read_own_parquet
from streamrec_explain.events.schema import SURVEYS, USERS
from tests.events.expectations import problems

IMPRESSIONS = "impressions.parquet"


def change(folder: Path, table: str, column: str, values: pa.Array) -> None:
    """Write a table again with other values in one column."""
    path = folder / f"{table}.parquet"
    content = pq.read_table(path)
    pq.write_table(content.set_column(content.schema.get_field_index(column), column, values), path)


def drop(folder: Path, table: str, column: str) -> None:
    """Write a table again without one column."""
    path = folder / f"{table}.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)


def test_rows_come_in_time_order(own: Path) -> None:
    """Order in the file is free; equal times are ordered by id."""
    assert ["a", "b", "c"] == read_own_parquet(own).world.impressions["impression_id"].to_pylist()


def test_tables_come_through_unchanged(own: Path, own_tables: dict[str, pa.Table]) -> None:
    """Items and users keep their rows and order; surveys are empty where there are none."""
    world = read_own_parquet(own).world
    assert world.items.equals(own_tables["items"])
    assert world.users.equals(own_tables["users"])
    assert world.surveys.equals(SURVEYS.empty_table())


def test_users_are_derived_from_impressions(own: Path) -> None:
    """Without users.parquet: in the order of their first impression, with its market."""
    (own / "users.parquet").unlink()
    change(own, "impressions", "market", pa.array(["JP", "US", "EU"]))
    users = read_own_parquet(own).world.users
    assert [("u2", "US"), ("u1", "EU")] == list(
        zip(users["user_id"].to_pylist(), users["market"].to_pylist(), strict=True)
    )
    assert users.schema.equals(USERS)


def test_nullable_columns_may_be_left_out(own: Path) -> None:
    """A column that may be null may be absent."""
    drop(own, "impressions", "watch_fraction")
    assert 3 == read_own_parquet(own).world.impressions["watch_fraction"].null_count


def test_wider_and_encoded_types_are_accepted(own: Path) -> None:
    """Large and dictionary text, narrow integers and doubles are the same values."""
    change(own, "impressions", "user_id", pa.array(["u1", "u2", "u1"]).dictionary_encode())
    change(own, "impressions", "item_id", pa.array(["i1", "i2", "i2"], pa.large_string()))
    change(own, "impressions", "position", pa.array([0, 1, None], pa.int64()))
    impressions = read_own_parquet(own).world.impressions
    assert ["u2", "u1", "u1"] == impressions["user_id"].to_pylist()
    assert [1, None, 0] == impressions["position"].to_pylist()


def test_negatives_are_sampled_where_only_clicks_are_known(own: Path) -> None:
    """A world without unclicked impressions says so."""
    assert "shown" == read_own_parquet(own).world.negatives
    change(own, "impressions", "clicked", pa.array([True] * 3))
    assert "sampled" == read_own_parquet(own).world.negatives


@pytest.mark.parametrize(
    ("column", "values", "row", "code"),
    [
        ("watch_fraction", [0.5, -0.1, None], 1, "negative-value"),
        ("watch_fraction", [0.5, float("nan"), None], 1, "out-of-range"),
        ("watch_fraction", [0.5, float("inf"), None], 1, "out-of-range"),
        ("position", [0, 1, 40_000], 2, "out-of-range"),
        ("explanation_propensity", [0.5, 1.5, None], 1, "out-of-range"),
        ("explanation_propensity", [0.5, 0.0, None], 1, "out-of-range"),
        ("timestamp_ms", [1_700_000_002, 1_700_000_001_000, 1_700_000_001_000], 0, "bad-timestamp"),
        ("timestamp_ms", [1_700_000_002_000, None, 1_700_000_001_000], 1, "null-value"),
        ("impression_id", ["a", "b", "a"], 2, "duplicate-key"),
        ("impression_id", ["a", "", "c"], 1, "null-value"),
        ("item_id", ["i1", "i3", "i2"], 1, "unknown-item"),
        ("user_id", ["u1", "u2", "u9"], 2, "unknown-user"),
        ("shown", [True, None, True], 1, "null-value"),
        ("shown", [False, True, True], 0, "inconsistent-value"),
    ],
)
def test_a_bad_impression_is_named(own: Path, column: str, values: list[object], row: int, code: str) -> None:
    """The row in the file, from 0, the column and the code."""
    change(own, "impressions", column, pa.array(values))
    named = "clicked" if code == "inconsistent-value" else column
    assert [(IMPRESSIONS, row, named, code)] == problems("parquet", own)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("timestamp_ms", pa.array(["1", "2", "3"])),
        ("user_id", pa.array([1, 2, 3])),
        ("clicked", pa.array(["yes", "no", "no"])),
        ("watch_fraction", pa.array([True, False, True])),
    ],
)
def test_a_column_of_another_type_is_refused_whole(own: Path, column: str, values: pa.Array) -> None:
    """A typed file is not parsed: a wrong type is a wrong column."""
    change(own, "impressions", column, values)
    assert [(IMPRESSIONS, None, column, "wrong-type")] == problems("parquet", own)


@pytest.mark.parametrize("categories", [[["news"], [""]], [["news"], [None]], [["news"], None]])
def test_categories_have_no_gaps(own: Path, categories: list[object]) -> None:
    """A null list and an empty member are refused; the orphaned impressions follow."""
    change(own, "items", "categories", pa.array(categories, pa.list_(pa.string())))
    assert ("items.parquet", 1, "categories", "null-value") == problems("parquet", own)[0]


def test_a_survey_answer_is_from_1_to_5_and_of_a_user(own: Path) -> None:
    """Both rules name their row."""
    answers = {"user_id": ["u1", "u7"], "timestamp_ms": [1_700_000_000_000] * 2, "satisfaction": [6.0, 2.0]}
    pq.write_table(pa.table(answers), own / "surveys.parquet")
    assert [
        ("surveys.parquet", 0, "satisfaction", "out-of-range"),
        ("surveys.parquet", 1, "user_id", "unknown-user"),
    ] == problems("parquet", own)


@pytest.mark.parametrize("file", [IMPRESSIONS, "items.parquet"])
def test_needed_tables(own: Path, file: str) -> None:
    """Without impressions or items there is no world."""
    (own / file).unlink()
    assert [(file, None, None, "missing-file")] == problems("parquet", own)


def test_needed_columns(own: Path) -> None:
    """A column that must not be null must be there."""
    drop(own, "impressions", "clicked")
    assert [(IMPRESSIONS, None, "clicked", "missing-column")] == problems("parquet", own)


def test_what_is_no_parquet_file_is_unreadable(own: Path) -> None:
    """Text under a Parquet name is named as such."""
    (own / IMPRESSIONS).write_text("impression_id\n1\n")
    assert [(IMPRESSIONS, None, None, "unreadable-file")] == problems("parquet", own)


def test_an_empty_table_is_refused(own: Path) -> None:
    """No impressions, no world."""
    pq.write_table(pq.read_table(own / IMPRESSIONS).slice(0, 0), own / IMPRESSIONS)
    assert [(IMPRESSIONS, None, None, "empty-file")] == problems("parquet", own)


def test_one_bad_row_in_many_is_found(own: Path) -> None:
    """The only negative watch fraction among 300,000 rows, in a file of many row groups."""
    path = own / IMPRESSIONS
    many = pq.read_table(path).take(pa.array([0] * 300_000))
    ids = pa.array([f"{row}" for row in range(300_000)])
    watched = pc.if_else(pc.equal(ids, "123456"), -0.5, 0.5).cast(pa.float32())
    pq.write_table(many.set_column(0, "impression_id", ids).set_column(8, "watch_fraction", watched), path)
    assert [(IMPRESSIONS, 123_456, "watch_fraction", "negative-value")] == problems("parquet", own)
