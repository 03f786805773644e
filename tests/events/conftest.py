"""Small folders of events in every form, complete and correct; tests spoil one thing each."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, USERS
from streamrec_explain.events.sheet import Mask
from streamrec_explain.events.table_building import build_table

FLAGS_TOY_STORY = "|".join("1" if genre in (3, 4, 5) else "0" for genre in range(19))
FLAGS_NONE = "|".join(["1"] + ["0"] * 18)


def write(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> Path:
    """Write text files into a new folder."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode(encoding))
    return folder


@pytest.fixture
def latest(tmp_path: Path) -> Path:
    """The ml-latest form: two films, three ratings out of time order."""
    return write(
        tmp_path / "latest",
        {
            "movies.csv": 'movieId,title,genres\n1,"Cry, the ""Beloved"" Amélie (1995)",Drama|War\n'
            "22,Toy Story (1995),(no genres listed)\n",
            "ratings.csv": "userId,movieId,rating,timestamp\n10,1,4.0,964982703\n10,22,3.5,964982000\n"
            "9,22,5.0,964981000\n",
        },
    )


@pytest.fixture
def million(tmp_path: Path) -> Path:
    """The ml-1m form, in Latin-1."""
    return write(
        tmp_path / "million",
        {
            "movies.dat": '1::Misérables, "Les" (1995)::Drama|Musical\n2::Jumanji (1995)::Adventure\n',
            "ratings.dat": "7::1::5::978300760\n7::2::3::978302109\n",
            "users.dat": "7::F::25::10::48067\n8::M::1::16::70072\n",
        },
        "latin-1",
    )


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    """The ml-100k form, in Latin-1."""
    return write(
        tmp_path / "hundred",
        {
            "u.item": f"1|Toy Story (1995)|01-Jan-1995||http://a|{FLAGS_TOY_STORY}\n2|Zoé (1994)||||{FLAGS_NONE}\n",
            "u.data": "196\t2\t4\t881250949\n196\t1\t3\t881250950\n",
            "u.user": "196|49|M|writer|55105\n",
        },
        "latin-1",
    )


LOG_HEADER = "user_id,video_id,time_ms,is_click,is_hate,play_time_ms,duration_ms,tab"


@pytest.fixture
def kuairand(tmp_path: Path) -> Path:
    """KuaiRand's csv files with one whole-row duplicate, one repeated key and one zero duration."""
    return write(
        tmp_path / "kuairand",
        {
            "log_standard_4_22_to_5_08_pure.csv": f"{LOG_HEADER}\n5,0,1650812741436,1,0,6000,4000,1\n"
            "5,0,1650812741436,1,0,6000,4000,1\n5,0,1650812741436,0,0,0,4000,2\n5,1,1650812741000,0,1,100,0,1\n",
            "user_features_pure.csv": 'user_id,fans_user_num_range\n5,"[100,1k)"\n6,0\n',
            "video_features_basic_pure.csv": "video_id,author_id,video_type,upload_dt,video_duration,tag\n"
            '0,77,NORMAL,2022-04-10,4000.0,"39,12"\n1,78,AD,2022-04-09,,\n',
        },
    )


def every(rows: int) -> Mask:
    """A mask that keeps all rows."""
    return pa.array([True] * rows).to_numpy(zero_copy_only=False)


@pytest.fixture
def own_tables() -> dict[str, pa.Table]:
    """Own events: three impressions out of time order of two users and two items."""
    impressions = {
        "impression_id": pa.array(["c", "a", "b"]),
        "user_id": pa.array(["u1", "u2", "u1"]),
        "item_id": pa.array(["i1", "i2", "i2"]),
        "timestamp_ms": pa.array([1_700_000_002_000, 1_700_000_001_000, 1_700_000_001_000]),
        "clicked": pa.array([True, False, False]),
        "watch_fraction": pa.array([0.5, None, 0.0]),
    }
    items = {"item_id": pa.array(["i1", "i2"]), "categories": pa.array([["news"], []], pa.list_(pa.string()))}
    marks: dict[str, str | bool] = {"sponsored": False, "sensitive": False}
    return {
        "impressions": build_table(IMPRESSIONS, every(3), {**impressions, "market": "US", "shown": True}),
        "items": build_table(ITEMS, every(2), {**items, **marks}),
        "users": build_table(USERS, every(2), {"user_id": pa.array(["u1", "u2"]), "market": "US"}),
    }


@pytest.fixture
def own(tmp_path: Path, own_tables: dict[str, pa.Table]) -> Path:
    """The own tables as Parquet files."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, table in own_tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder
