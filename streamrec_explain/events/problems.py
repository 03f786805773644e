"""Problems of event data: their codes, how findings become problems, and the error that lists them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamrec_explain.errors import EventDataError, Problem

LISTED = 20  # rows listed per finding: a file wrong in every row must not fill the screen
SHOWN = 3  # of those in an error's message


class Code(StrEnum):
    """What is wrong, as a stable word."""

    MISSING_FOLDER = "missing-folder"
    EMPTY_FOLDER = "empty-folder"
    AMBIGUOUS_FOLDER = "ambiguous-folder"
    MISSING_FILE = "missing-file"
    EMPTY_FILE = "empty-file"
    UNREADABLE_FILE = "unreadable-file"
    BAD_ENCODING = "bad-encoding"
    MISSING_COLUMN = "missing-column"
    DUPLICATE_COLUMN = "duplicate-column"
    WRONG_FIELD_COUNT = "wrong-field-count"
    WRONG_TYPE = "wrong-type"
    NULL_VALUE = "null-value"
    NEGATIVE_VALUE = "negative-value"
    OUT_OF_RANGE = "out-of-range"
    INCONSISTENT_VALUE = "inconsistent-value"
    BAD_TIMESTAMP = "bad-timestamp"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_ITEM = "unknown-item"
    UNKNOWN_USER = "unknown-user"


@dataclass(frozen=True)
class Finding:
    """One broken rule in one column of a file: the places of all rows that break it, and their values.

    `rule` continues the value to a sentence: "must not be negative".
    """

    file: str
    column: str | None
    code: Code
    rule: str
    places: NDArray[np.int64]
    values: pa.Array

    def problems(self, limit: int | None = None) -> tuple[Problem, ...]:
        """The first `limit` problems of this finding, all by default."""
        return tuple(
            Problem(self.file, int(place), self.column, self.code.value, f"{_shown(value)} {self.rule}")
            for place, value in zip(self.places[:limit], self.values[:limit].to_pylist(), strict=True)
        )


def _shown(value: object) -> str:
    text = "an empty value" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def file_error(file: str, code: Code, message: str, column: str | None = None) -> EventDataError:
    """The error for a file that cannot be read row by row at all."""
    return data_error([Problem(file, None, column, code.value, message)])


def data_error(problems: Sequence[Problem], count: int | None = None) -> EventDataError:
    """The error that lists problems, the first of which is the likeliest cause; `count` if not all are listed."""
    total = len(problems) if count is None else count
    lines = [describe(problem) for problem in headlines(problems)]
    if total > len(lines):
        lines.append(f"... and {total - len(lines)} more")
    return EventDataError("\n".join(lines), problems, total)


def headlines(problems: Sequence[Problem]) -> list[Problem]:
    """The problems to show to people: a few of each kind, so that a frequent kind does not hide the others."""
    seen: Counter[tuple[str, str | None, str]] = Counter()
    shown = []
    for problem in problems:
        kind = (problem.file, problem.column, problem.code)
        seen[kind] += 1
        if seen[kind] <= SHOWN:
            shown.append(problem)
    return shown


def describe(problem: Problem) -> str:
    """A problem as one line for people."""
    unit = "row" if problem.file.endswith(".parquet") else "line"
    row = "" if problem.row is None else f" {unit} {problem.row}"
    column = "" if problem.column is None else f" column {problem.column}"
    return f"{problem.file}{row}{column}: {problem.message} [{problem.code}]"
