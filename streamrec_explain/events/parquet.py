"""Reader of a service's own events: Parquet tables in the documented schema (`events.schema`).

`impressions.parquet` and `items.parquet` are needed; `users.parquet` is derived from the impressions where it
is absent, `surveys.parquet` is empty. Nullable columns may be left out, further columns are not read. Rows may
be in any order; an id that should be unique and is not is a problem.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.events.folder import file_names, require
from streamrec_explain.events.parquet_file import read_parquet
from streamrec_explain.events.problems import Code
from streamrec_explain.events.report import Reading
from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, SURVEYS, USERS
from streamrec_explain.events.sheet import Sheet
from streamrec_explain.events.table_building import build_table, in_time_order
from streamrec_explain.events.validation import (
    flags,
    integers,
    is_text,
    known,
    lists,
    numbers,
    repeated,
    texts,
    timestamps,
    unique,
    wrong_type,
)
from streamrec_explain.events.world import World

IMPRESSIONS_FILE: Final = "impressions.parquet"
ITEMS_FILE: Final = "items.parquet"
USERS_FILE: Final = "users.parquet"
SURVEYS_FILE: Final = "surveys.parquet"

# Bounds of the columns that have some, beyond those of their type.
_BOUNDS: Final = {
    "position": (0, 32_767),
    "watch_fraction": (0, None),
    "explanation_propensity": (0, 1),
    "creator_subscribers": (0, None),
    "duration_s": (0, None),
    "satisfaction": (1, 5),
}


def read_own_parquet(folder: Path) -> Reading:
    """Read a folder of own events; EventDataError if a table is absent or has a column of another type."""
    require(folder, (IMPRESSIONS_FILE, ITEMS_FILE))
    item_sheet = read_parquet(folder / ITEMS_FILE)
    items = _keyed(item_sheet, ITEMS, "item_id")
    user_sheet = _optional(folder, USERS_FILE)
    users = None if user_sheet is None else _keyed(user_sheet, USERS, "user_id")
    sheet = read_parquet(folder / IMPRESSIONS_FILE)
    impressions = _impressions(sheet, items, users)
    users = _viewers(impressions) if users is None else users
    survey_sheet = _optional(folder, SURVEYS_FILE)
    surveys = SURVEYS.empty_table() if survey_sheet is None else _surveys(survey_sheet, users)
    world = World(
        name="parquet",
        impressions=impressions,
        items=items,
        users=users,
        surveys=surveys,
        negatives="shown" if _has_negatives(impressions) else "sampled",
        source=str(folder),
    )
    sheets = (item_sheet, user_sheet, sheet, survey_sheet)
    return Reading(world, tuple(part for part in sheets if part is not None))


def _optional(folder: Path, file: str) -> Sheet | None:
    return read_parquet(folder / file, may_be_empty=True) if file in file_names(folder) else None


def _keyed(sheet: Sheet, schema: pa.Schema, key: str) -> pa.Table:
    """A table of items or users, one row per id, in file order."""
    columns = _columns(sheet, schema)
    unique(sheet, key, columns[key], what="id")
    return build_table(schema, sheet.good(), columns)


def _impressions(sheet: Sheet, items: pa.Table, users: pa.Table | None) -> pa.Table:
    """The impressions in time order."""
    columns = _columns(sheet, IMPRESSIONS)
    unique(sheet, "impression_id", columns["impression_id"], what="id")
    known(sheet, "item_id", columns["item_id"], _ids(items, "item_id"), Code.UNKNOWN_ITEM, ITEMS_FILE)
    if users is not None:
        known(sheet, "user_id", columns["user_id"], _ids(users, "user_id"), Code.UNKNOWN_USER, USERS_FILE)
    unseen = pc.and_(columns["clicked"], pc.invert(columns["shown"]))
    sheet.flag(unseen, "clicked", Code.INCONSISTENT_VALUE, "cannot be where shown is false")
    if "explanation_propensity" in columns:
        never = pc.equal(columns["explanation_propensity"], 0.0)
        sheet.flag(never, "explanation_propensity", Code.OUT_OF_RANGE, "must be above 0: it was served")
    return in_time_order(build_table(IMPRESSIONS, sheet.good(), columns))


def _surveys(sheet: Sheet, users: pa.Table) -> pa.Table:
    columns = _columns(sheet, SURVEYS)
    known(sheet, "user_id", columns["user_id"], _ids(users, "user_id"), Code.UNKNOWN_USER, "the users")
    return build_table(SURVEYS, sheet.good(), columns)


def _viewers(impressions: pa.Table) -> pa.Table:
    """The users of a world without a table of users: in the order and market of their first impression."""
    users = impressions.select(["user_id", "market"]).combine_chunks()
    first = ~repeated(_ids(users, "user_id"))
    return build_table(USERS, first, {name: users[name].combine_chunks() for name in users.column_names})


def _columns(sheet: Sheet, schema: pa.Schema) -> dict[str, pa.Array]:
    """The schema's columns as far as the file has them; EventDataError if a needed one is absent."""
    there = set(sheet.columns.column_names)
    return {field.name: _column(sheet, field) for field in schema if field.name in there or not field.nullable}


def _column(sheet: Sheet, field: pa.Field) -> pa.Array:
    """One column, typed and checked by the rules of its field."""
    name, kind, nullable = field.name, field.type, field.nullable
    if pa.types.is_list(kind):
        return lists(sheet, name)
    if is_text(kind):
        return texts(sheet, name, nullable=nullable)
    if is_text(sheet.column(name).type):
        raise wrong_type(sheet, name, str(kind))
    if pa.types.is_boolean(kind):
        return flags(sheet, name, nullable=nullable)
    if name.endswith("_ms"):
        return timestamps(sheet, name, unit_ms=1, nullable=nullable)
    low, high = _BOUNDS.get(name, (None, None))
    if pa.types.is_integer(kind):
        return integers(sheet, name, low=low, high=high, nullable=nullable)
    return numbers(sheet, name, low=low, high=high, nullable=nullable)


def _ids(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _has_negatives(impressions: pa.Table) -> bool:
    """Whether something was shown and not clicked."""
    return bool(np.any(impressions["shown"].to_numpy() & ~impressions["clicked"].to_numpy()))
