"""Rules for columns: each function types one column of a sheet and flags the rows that break the rule.

The typed column has one value per row of the sheet, null where the row was flagged (or may be null).
All rules look at whole columns; text is parsed once per distinct value.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from streamrec_explain.events.problems import Code, file_error
from streamrec_explain.events.sheet import Mask, Sheet, as_mask

_INTEGER = r"^[+-]?[0-9]{1,18}$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_KEY_LIMIT = 2**62  # a row key is a product of dictionary sizes; beyond this it is made dense first
EARLIEST_MS = 631_152_000_000  # 1990: an earlier time in milliseconds is a time in seconds
LATEST_MS = 4_102_444_800_000  # 2100: a later time in seconds is a time in milliseconds


def integers(
    sheet: Sheet, name: str, *, low: int | None = None, high: int | None = None, nullable: bool = False
) -> pa.Array:
    """A column of whole numbers within [low, high], int64."""
    values = _typed(sheet, name, pa.int64(), _INTEGER, "is not a whole number", nullable)
    return _within(sheet, name, values, low, high)


def numbers(
    sheet: Sheet, name: str, *, low: float | None = None, high: float | None = None, nullable: bool = False
) -> pa.Array:
    """A column of finite numbers within [low, high], float64."""
    values = _typed(sheet, name, pa.float64(), _NUMBER, "is not a number", nullable)
    infinite = pc.invert(pc.is_finite(values))
    sheet.flag(infinite, name, Code.OUT_OF_RANGE, "is not a finite number")
    return _within(sheet, name, _without(values, infinite), low, high)


def flags(sheet: Sheet, name: str, *, nullable: bool = False) -> pa.Array:
    """A column of 0 and 1 (or of booleans), boolean."""
    if pa.types.is_boolean(sheet.column(name).type):
        return _present(sheet, name, sheet.column(name), nullable)
    return integers(sheet, name, low=0, high=1, nullable=nullable).cast(pa.bool_())


def texts(sheet: Sheet, name: str, *, nullable: bool = False) -> pa.Array:
    """A column of text; empty text is null."""
    raw = sheet.column(name)
    if not is_text(raw.type):
        raise wrong_type(sheet, name, "text")
    values = raw.cast(pa.string())
    return _present(sheet, name, _without(values, pc.equal(values, "")), nullable)


def lists(sheet: Sheet, name: str) -> pa.Array:
    """A column of lists of text, none of them null and none with an empty member."""
    raw = sheet.column(name)
    if not (pa.types.is_list(raw.type) or pa.types.is_large_list(raw.type)) or not is_text(raw.type.value_type):
        raise wrong_type(sheet, name, "lists of text")
    values = _present(sheet, name, raw.cast(pa.list_(pa.string())), nullable=False)
    members = values.flatten()
    empty = as_mask(pc.or_kleene(pc.is_null(members), pc.equal(members, "")))
    bad = np.zeros(len(values), dtype=bool)
    bad[pc.list_parent_indices(values).to_numpy()[empty]] = True
    sheet.flag(bad, name, Code.NULL_VALUE, "has an empty member")
    return values


def timestamps(sheet: Sheet, name: str, *, unit_ms: int, nullable: bool = False) -> pa.Array:
    """A column of Unix times counted in `unit_ms` milliseconds, as int64 milliseconds from 1990 to 2100."""
    values = integers(sheet, name, nullable=nullable)
    low, high = EARLIEST_MS // unit_ms, LATEST_MS // unit_ms
    bad = pc.or_(pc.less(values, low), pc.greater(values, high))
    unit = "milliseconds" if unit_ms == 1 else "seconds"
    sheet.flag(bad, name, Code.BAD_TIMESTAMP, f"is not a Unix time in {unit} between 1990 and 2100")
    return pc.multiply(_without(values, bad), unit_ms)


def dates(sheet: Sheet, name: str, *, utc_offset_ms: int) -> pa.Array:
    """A column of days (2022-04-30, or an Arrow date) as the int64 ms of their start in local time."""
    values = sheet.column(name)
    if is_text(values.type):
        days = pc.strptime(values, format="%Y-%m-%d", unit="ms", error_is_null=True)
        sheet.flag(pc.is_null(days), name, Code.WRONG_TYPE, "is not a day like 2022-04-30")
    elif pa.types.is_temporal(values.type):
        days = _present(sheet, name, values.cast(pa.timestamp("ms")), nullable=False)
    else:
        raise wrong_type(sheet, name, "days")
    return pc.subtract(days.cast(pa.int64()), utc_offset_ms)


def known(sheet: Sheet, name: str, values: pa.Array, ids: pa.Array, code: Code, where: str) -> None:
    """Flag the rows whose value is in no (good) row of another table."""
    unknown = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=ids)))
    sheet.flag(unknown, name, code, f"is in no valid row of {where}")


def unique(sheet: Sheet, name: str, *values: pa.Array, what: str) -> None:
    """Flag every row but the first of those with the same values; `what` names the key."""
    sheet.flag(repeated(*values), name, Code.DUPLICATE_KEY, f"repeats the {what} of an earlier row")


def repeated(*values: pa.Array) -> Mask:
    """Which rows repeat the values of an earlier row; rows with a null never do."""
    return occurrence(row_keys(*values)) > 0


def occurrence(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many earlier rows have the same key; 0 for negative keys."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    rank = np.arange(len(keys)) - np.repeat(starts, np.diff(starts, append=len(keys)))
    earlier = np.empty_like(rank)
    earlier[order] = rank
    return np.where(keys < 0, 0, earlier)


def row_keys(*values: pa.Array) -> NDArray[np.int64]:
    """A number per row, the same for rows with the same values; -1 for rows with a null."""
    keys, size = np.zeros(len(values[0]), dtype=np.int64), 1
    null = np.zeros(len(values[0]), dtype=bool)
    for column in values:
        encoded = column.dictionary_encode()
        if size * len(encoded.dictionary) > _KEY_LIMIT:
            distinct, keys = np.unique(keys, return_inverse=True)
            size = len(distinct)
        keys = keys * max(1, len(encoded.dictionary)) + encoded.indices.fill_null(0).to_numpy()
        size *= max(1, len(encoded.dictionary))
        null |= as_mask(pc.is_null(column))
    return np.where(null, -1, keys)


def wrong_type(sheet: Sheet, name: str, needed: str) -> Exception:
    """The error for a column that is as a whole of another type."""
    message = f"the column holds {sheet.column(name).type}, not {needed}"
    return file_error(sheet.file, Code.WRONG_TYPE, message, name)


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds text."""
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def _typed(sheet: Sheet, name: str, kind: pa.DataType, pattern: str, rule: str, nullable: bool) -> pa.Array:
    """A column of text or numbers as numbers of one kind."""
    raw = sheet.column(name)
    if is_text(raw.type):
        parse: Callable[[pa.Array], pa.Array] = lambda values: _parsed(values, kind, pattern)  # noqa: E731
        raw = _without(raw, pc.equal(raw, ""))
    elif pa.types.is_integer(raw.type) or pa.types.is_floating(raw.type):
        parse = lambda values: _converted(values, kind)  # noqa: E731
    else:
        raise wrong_type(sheet, name, "numbers")
    values = parse(raw)
    sheet.flag(pc.and_(pc.is_valid(raw), pc.is_null(values)), name, Code.WRONG_TYPE, rule)
    if not nullable:
        sheet.flag(pc.is_null(raw), name, Code.NULL_VALUE, "is needed here")
    return values


def _parsed(values: pa.Array, kind: pa.DataType, pattern: str) -> pa.Array:
    """Text as numbers, null where it does not look like one."""
    distinct = values.dictionary_encode()
    wrong = pc.invert(pc.match_substring_regex(distinct.dictionary, pattern))
    return _without(distinct.dictionary, wrong).cast(kind).take(distinct.indices)


def _converted(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Numbers as numbers of another kind, null where a fraction would be lost."""
    if pa.types.is_integer(kind) and pa.types.is_floating(values.type):
        values = _without(values, pc.not_equal(values, pc.floor(values)))
    return values.cast(kind, safe=False)


def _within(sheet: Sheet, name: str, values: pa.Array, low: float | None, high: float | None) -> pa.Array:
    """Flag values outside [low, high]: a bound of zero below is the rule that a value is not negative."""
    bad = pa.array(np.zeros(len(values), dtype=bool))
    if low == 0:
        bad = pc.less(values, 0)
        sheet.flag(bad, name, Code.NEGATIVE_VALUE, "must not be negative")
    elif low is not None:
        bad = pc.less(values, low)
        sheet.flag(bad, name, Code.OUT_OF_RANGE, f"must be at least {low}")
    if high is not None:
        above = pc.greater(values, high)
        sheet.flag(above, name, Code.OUT_OF_RANGE, f"must be at most {high}")
        bad = pc.or_kleene(bad, above)
    return _without(values, bad)


def _present(sheet: Sheet, name: str, values: pa.Array, nullable: bool) -> pa.Array:
    if not nullable:
        sheet.flag(pc.is_null(values), name, Code.NULL_VALUE, "is needed here")
    return values


def _without(values: pa.Array, bad: pa.Array) -> pa.Array:
    """The values with null where `bad`."""
    return pc.if_else(pc.fill_null(bad, False), pa.scalar(None, values.type), values)
