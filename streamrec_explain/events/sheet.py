"""A sheet: the rows of one file while they are validated, and what was found wrong with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamrec_explain.events.problems import Code, Finding, file_error

Mask = NDArray[np.bool_]


@dataclass
class Sheet:
    """One file under validation.

    `columns` holds the rows that could be split into fields, as the file has them; `places` says where each
    stands in the file (`errors.Problem.row`). `rows_read` counts the rows that could not be split, too.
    `originals` gives the rows at some places as text, one line each, to be set aside for repair; `header` is
    the file's own first line, if it has one.
    """

    file: str
    columns: pa.Table
    places: NDArray[np.int64]
    rows_read: int
    originals: Callable[[NDArray[np.int64]], Sequence[str]]
    header: str | None = None
    findings: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def column(self, name: str) -> pa.Array:
        """A raw column in one chunk; EventDataError if the file lacks it."""
        if name not in self.columns.column_names:
            there = ", ".join(self.columns.column_names)
            message = f"there is no column {name}; the file has {there}"
            raise file_error(self.file, Code.MISSING_COLUMN, message, name)
        return self.columns[name].combine_chunks()

    def flag(self, bad: Any, column: str, code: Code, rule: str) -> None:
        """Note that the rows where `bad` (a mask, Arrow or NumPy; null counts as good) break a rule."""
        rows = np.flatnonzero(as_mask(bad))
        if rows.size:
            values = self.columns[column].take(pa.array(rows)).combine_chunks()
            self.findings.append(Finding(self.file, column, code, rule, self.places[rows], values))

    def good(self) -> Mask:
        """Which rows broke no rule so far."""
        return ~np.isin(self.places, self.bad_places())

    def bad_places(self) -> NDArray[np.int64]:
        """The places of all rows that broke a rule, ascending, each once."""
        found = [finding.places for finding in self.findings]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *found]))


def as_mask(condition: Any) -> Mask:
    """An Arrow or NumPy condition as a NumPy mask, null as false."""
    if isinstance(condition, np.ndarray):
        return condition
    return np.asarray(condition.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
