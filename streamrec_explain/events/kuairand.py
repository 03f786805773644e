"""Reader of KuaiRand-Pure: the folder as published (csv), or the same stems as Parquet.

The log holds whole rows twice, which are read once, and videos of unknown (zero) length, whose watch fraction
is unknown. What the published features know of the time after an impression is not read: not the daily
statistics of videos, not the activity of users.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.events.folder import file_names
from streamrec_explain.events.parquet_file import read_parquet
from streamrec_explain.events.problems import Code, file_error
from streamrec_explain.events.report import Note, Reading
from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, SURVEYS, USERS
from streamrec_explain.events.sheet import Mask, Sheet
from streamrec_explain.events.table_building import build_table, in_time_order
from streamrec_explain.events.text_file import CSV, read_text
from streamrec_explain.events.validation import (
    dates,
    flags,
    integers,
    known,
    numbers,
    occurrence,
    repeated,
    row_keys,
    texts,
    timestamps,
    unique,
)
from streamrec_explain.events.world import World

MARKET: Final = "CN"
HOUR_MS: Final = 3_600_000
CHINA_OFFSET_MS: Final = 8 * HOUR_MS
STANDARD_LOGS: Final = ("log_standard_4_08_to_4_21_pure", "log_standard_4_22_to_5_08_pure")
RANDOM_LOG: Final = "log_random_4_22_to_5_08_pure"
USER_FEATURES: Final = "user_features_pure"
VIDEO_FEATURES: Final = "video_features_basic_pure"


def read_kuairand(folder: Path) -> Reading:
    """Read a KuaiRand-Pure folder (or the one that has it as `data`); at least one standard log is needed."""
    folder = folder / "data" if (folder / "data").is_dir() else folder
    logs_there = _logs(folder)
    videos, people = _sheet(folder, VIDEO_FEATURES), _sheet(folder, USER_FEATURES)
    items, users = _items(videos), _users(people)
    logs = [_sheet(folder, stem) for stem in logs_there]
    tables, notes = [], []
    for log in logs:
        table, log_notes = _impressions(log, items, videos.file, users, people.file)
        tables.append(table)
        notes.extend(log_notes)
    world = World(
        name="kuairand",
        impressions=in_time_order(_with_ids(pa.concat_tables(tables))),
        items=items,
        users=users,
        surveys=SURVEYS.empty_table(),
        refresh_ms=HOUR_MS,
        source=str(folder),
    )
    return Reading(world, (videos, people, *logs), tuple(notes))


def _logs(folder: Path) -> Sequence[str]:
    """The stems of the logs that are there."""
    there = {Path(name).stem for name in file_names(folder) if name.endswith((".csv", ".parquet"))}
    standard = [stem for stem in STANDARD_LOGS if stem in there]
    if not standard:
        message = f"no standard log in {folder}; at least one is needed: " + ", ".join(STANDARD_LOGS)
        raise file_error(f"{STANDARD_LOGS[-1]}.csv", Code.MISSING_FILE, message)
    return [*standard, *(stem for stem in (RANDOM_LOG,) if stem in there)]


def _sheet(folder: Path, stem: str) -> Sheet:
    """The file of a stem, in whichever form it is there."""
    there = file_names(folder)
    forms = [name for name in (f"{stem}.csv", f"{stem}.parquet") if name in there]
    if not forms:
        raise file_error(f"{stem}.csv", Code.MISSING_FILE, f"there is neither it nor {stem}.parquet in {folder}")
    if len(forms) > 1:
        raise file_error(stem, Code.AMBIGUOUS_FOLDER, f"{folder} has it as csv and as Parquet; keep one of them")
    return read_text(folder / forms[0], CSV) if forms[0].endswith(".csv") else read_parquet(folder / forms[0])


def _items(sheet: Sheet) -> pa.Table:
    """The videos in file order; they have no titles, so their ids name them."""
    ids = integers(sheet, "video_id", low=0)
    unique(sheet, "video_id", ids, what="video")
    names = ids.cast(pa.string())
    tags = texts(sheet, "tag", nullable=True)
    columns = {
        "item_id": names,
        "title": pc.binary_join_element_wise("Video", names, " "),
        "categories": pc.split_pattern(tags, ",").fill_null(pa.scalar([], pa.list_(pa.string()))),
        "creator": integers(sheet, "author_id", low=0).cast(pa.string()),
        "duration_s": pc.divide(numbers(sheet, "video_duration", low=0, nullable=True), 1000.0),
        "publish_time_ms": dates(sheet, "upload_dt", utc_offset_ms=CHINA_OFFSET_MS),
        "sponsored": pc.equal(texts(sheet, "video_type"), "AD"),
    }
    return build_table(ITEMS, sheet.good(), {**columns, "sensitive": False})


def _users(sheet: Sheet) -> pa.Table:
    """The users in file order: who they are, not what they did during the log."""
    ids = integers(sheet, "user_id", low=0)
    unique(sheet, "user_id", ids, what="user")
    return build_table(USERS, sheet.good(), {"user_id": ids.cast(pa.string()), "market": MARKET})


def _impressions(
    sheet: Sheet, items: pa.Table, items_file: str, users: pa.Table, users_file: str
) -> tuple[pa.Table, list[Note]]:
    """One log's impressions, each whole row once, and notes on what was dropped or left unknown."""
    user = integers(sheet, "user_id", low=0).cast(pa.string())
    video = integers(sheet, "video_id", low=0).cast(pa.string())
    time_ms = timestamps(sheet, "time_ms", unit_ms=1)
    known(sheet, "video_id", video, items["item_id"].combine_chunks(), Code.UNKNOWN_ITEM, items_file)
    known(sheet, "user_id", user, users["user_id"].combine_chunks(), Code.UNKNOWN_USER, users_file)
    played = numbers(sheet, "play_time_ms", low=0)
    duration = numbers(sheet, "duration_ms", low=0)
    unknown_length = pc.equal(duration, 0.0)
    columns = {
        "user_id": user,
        "item_id": video,
        "timestamp_ms": time_ms,
        "clicked": flags(sheet, "is_click"),
        "not_interested": flags(sheet, "is_hate"),
        "watch_fraction": pc.divide(played, pc.if_else(unknown_length, None, duration)),
    }
    twice = _whole_rows_again(sheet, user, video, time_ms)
    keep = sheet.good() & ~twice
    # The ids follow when all logs are together, since only then repeats of a key can be counted.
    constants: dict[str, str | bool] = {"impression_id": "", "market": MARKET, "shown": True}
    table = build_table(IMPRESSIONS, keep, {**columns, **constants})
    notes = (
        Note(sheet.file, "whole rows that repeat an earlier one were dropped", int((twice & sheet.good()).sum())),
        Note(sheet.file, "durations of zero: watch fraction unknown", table["watch_fraction"].null_count),
    )
    return table, [note for note in notes if note.rows]


def _whole_rows_again(sheet: Sheet, *key: pa.Array) -> Mask:
    """Which rows are, in all columns of the file, a row that came before; only equal keys are compared."""
    keys = row_keys(*key)
    candidates = np.flatnonzero(np.isin(keys, keys[occurrence(keys) > 0]))
    again = np.zeros(len(sheet), dtype=bool)
    again[candidates] = repeated(pa.array(sheet.originals(sheet.places[candidates]), pa.string()))
    return again


def _with_ids(impressions: pa.Table) -> pa.Table:
    """Impression ids "user-video-time", and "~2", "~3" for further rows of the same key, in file order."""
    key = [impressions[name].combine_chunks() for name in ("user_id", "item_id", "timestamp_ms")]
    nth = pa.array(occurrence(row_keys(*key)) + 1)
    ids = pc.binary_join_element_wise(*(part.cast(pa.string()) for part in key), "-")
    numbered = pc.binary_join_element_wise(ids, nth.cast(pa.string()), "~")
    ids = pc.if_else(pc.greater(nth, 1), numbered, ids)
    return impressions.set_column(0, impressions.schema.field("impression_id"), ids)
