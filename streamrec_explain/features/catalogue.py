"""The catalogue: static facts of every item as arrays, where an item's code is its row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.schema import ITEMS

MAX_CATEGORIES = 4
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Static facts of `n_items` items; what is unknown is None, NaN or -1 (codes, times).

    `categories` int32 [n_items, 4] are indices into `category_names` (sorted), the main one first, padded
    with -1; an item's fifth and later categories are not kept. `creators` int32 [n_items] are indices into
    `creator_names`. `creator_subscribers`, `duration_s` float64, `publish_time_ms` int64 (Unix ms).
    """

    item_ids: tuple[str, ...]
    titles: tuple[str | None, ...]
    category_names: tuple[str, ...]
    categories: npt.NDArray[np.int32]
    creator_names: tuple[str, ...]
    creators: npt.NDArray[np.int32]
    creator_subscribers: npt.NDArray[np.float64]
    duration_s: npt.NDArray[np.float64]
    publish_time_ms: npt.NDArray[np.int64]
    sponsored: npt.NDArray[np.bool_]
    sensitive: npt.NDArray[np.bool_]

    @classmethod
    def from_items(cls, items: pa.Table) -> "Catalogue":
        """Build the catalogue of an items table (`events.schema.ITEMS`); FeatureError if an id repeats."""
        columns = {name: items.column(name).to_pylist() for name in ITEMS.names}
        _refuse_repeated(columns["item_id"])
        labels = [tuple(dict.fromkeys(row))[:MAX_CATEGORIES] for row in columns["categories"]]
        category_names = _names(label for row in labels for label in row)
        creator_names = _names(columns["creator"])
        return cls(
            item_ids=tuple(columns["item_id"]),
            titles=tuple(columns["title"]),
            category_names=category_names,
            categories=_padded_codes(labels, category_names),
            creator_names=creator_names,
            creators=_codes(columns["creator"], creator_names),
            creator_subscribers=_floats(columns["creator_subscribers"]),
            duration_s=_floats(columns["duration_s"]),
            publish_time_ms=_times(columns["publish_time_ms"]),
            sponsored=np.array(columns["sponsored"], np.bool_),
            sensitive=np.array(columns["sensitive"], np.bool_),
        )

    def to_items(self) -> pa.Table:
        """The items table this catalogue was built from (without fifth and later categories)."""
        subscribers = [None if np.isnan(value) else int(value) for value in self.creator_subscribers]
        columns = {
            "item_id": self.item_ids,
            "title": self.titles,
            "categories": [self.categories_of(code) for code in range(len(self))],
            "creator": [self.creator_of(code) for code in range(len(self))],
            "creator_subscribers": subscribers,
            "duration_s": [None if np.isnan(value) else float(value) for value in self.duration_s],
            "publish_time_ms": [None if t == UNKNOWN else int(t) for t in self.publish_time_ms],
            "sponsored": self.sponsored.tolist(),
            "sensitive": self.sensitive.tolist(),
        }
        return pa.table({name: list(values) for name, values in columns.items()}, schema=ITEMS)

    def save(self, path: Path) -> None:
        """Write the catalogue as an Arrow IPC file; equal catalogues give equal bytes."""
        table = self.to_items()
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def load(cls, path: Path) -> "Catalogue":
        """Read a saved catalogue; FeatureError names the file if it is not one."""
        try:
            with pa.OSFile(str(path), "rb") as source:
                table = pa.ipc.open_file(source).read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise FeatureError(f"{path}: not a readable catalogue ({error}); build it again") from error
        if not table.schema.equals(ITEMS):
            raise FeatureError(f"{path}: columns {table.schema.names}; a catalogue has {ITEMS.names}")
        return cls.from_items(table)

    def __len__(self) -> int:
        """The number of items."""
        return len(self.item_ids)

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {item_id: code for code, item_id in enumerate(self.item_ids)}

    def code(self, item_id: str) -> int:
        """The code of an item, -1 if the catalogue does not have it."""
        return self._code_of.get(item_id, UNKNOWN)

    def codes(self, item_ids: Iterable[str]) -> npt.NDArray[np.int32]:
        """The codes of items, int32 [n], -1 where the catalogue does not have one."""
        code_of = self._code_of
        return np.array([code_of.get(item_id, UNKNOWN) for item_id in item_ids], np.int32)

    def categories_of(self, code: int) -> tuple[str, ...]:
        """The names of an item's categories, the main one first; empty for code -1."""
        if code == UNKNOWN:
            return ()
        return tuple(self.category_names[c] for c in self.categories[code] if c != UNKNOWN)

    def creator_of(self, code: int) -> str | None:
        """The name of an item's creator, None where unknown."""
        creator = UNKNOWN if code == UNKNOWN else int(self.creators[code])
        return None if creator == UNKNOWN else self.creator_names[creator]


def _refuse_repeated(item_ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for item_id in item_ids:
        if item_id in seen:
            raise FeatureError(f"items: item_id {item_id!r} occurs twice; an item has one row")
        seen.add(item_id)


def _names(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value is not None}))


def _codes(values: Iterable[str | None], names: Sequence[str]) -> npt.NDArray[np.int32]:
    code_of: dict[str | None, int] = {name: code for code, name in enumerate(names)}
    return np.array([code_of.get(value, UNKNOWN) for value in values], np.int32)


def _padded_codes(labels: Sequence[Sequence[str]], names: Sequence[str]) -> npt.NDArray[np.int32]:
    codes = np.full((len(labels), MAX_CATEGORIES), UNKNOWN, np.int32)
    for row, row_labels in enumerate(labels):
        codes[row, : len(row_labels)] = _codes(row_labels, names)
    return codes


def _times(values: Iterable[int | None]) -> npt.NDArray[np.int64]:
    return np.array([UNKNOWN if value is None else value for value in values], np.int64)


def _floats(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)
