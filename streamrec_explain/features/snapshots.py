"""Snapshots: the user features and the trends of one refresh tick, as values with a digest."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.world import World
from streamrec_explain.features import snapshot_files as files
from streamrec_explain.features.catalogue import UNKNOWN, Catalogue
from streamrec_explain.features.item_features import static_columns
from streamrec_explain.features.observations import ALL_MARKETS
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.features.ticks import Windows, tick
from streamrec_explain.features.trends import FACT_NAMES, UNSEEN_FACTS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class UserSnapshot:
    """The user features of every user from events strictly before `as_of_ms`.

    `values` float64 [n_users, n_names], NaN is missing. `digest` names time and content. Personal:
    kept outside every release, erasable.
    """

    as_of_ms: int
    names: tuple[str, ...]
    user_ids: tuple[str, ...]
    values: Floats
    digest: str = ""

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", files.content_digest(self._header(), self._table()))

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {user_id: row for row, user_id in enumerate(self.user_ids)}

    def lookup(self, user_id: str) -> Floats | None:
        """The feature values of a user, float64 [n_names], or None if the snapshot does not know the user."""
        row = self._row_of.get(user_id)
        return None if row is None else self.values[row]

    def erase(self, user_id: str) -> "UserSnapshot":
        """The snapshot without this user, its digest its own; equal content if the user is not in it."""
        kept = [row for row, known in enumerate(self.user_ids) if known != user_id]
        user_ids = tuple(self.user_ids[row] for row in kept)
        return UserSnapshot(self.as_of_ms, self.names, user_ids, self.values[kept])

    def save(self, path: Path) -> None:
        """Write an Arrow IPC file, atomically."""
        files.write_file(path, self._header(), self._table(), self.digest)

    @classmethod
    def load(cls, path: Path) -> "UserSnapshot":
        """Read a file; FeatureError if it is unreadable or its content does not match its digest."""
        header, table, digest = files.read_file(path, "users")
        names = tuple(table.schema.names[1:])
        user_ids = tuple(table["user_id"].to_pylist())
        return cls(header.as_of_ms, names, user_ids, files.matrix(table, names), digest)

    def _header(self) -> files.Header:
        return files.Header("users", self.as_of_ms)

    def _table(self) -> pa.Table:
        columns = [pa.array(self.user_ids, pa.string()), *(pa.array(column) for column in self.values.T)]
        return pa.table(columns, names=["user_id", *self.names])


@dataclass(frozen=True, eq=False)
class TrendSnapshot:
    """The item features and trend facts of every market and item from events strictly before `as_of_ms`.

    `values` float64 [n_markets, n_items, n_names] and `facts` float64 [n_markets, n_items, 5] (`FACT_NAMES`);
    the market "ALL" (all events) stands in for markets never seen. `missing` [n_names] are the features of
    an item never seen. `window_ms` is the window of `trend_count`, `baseline_window_ms` the longer one that
    ends with it. `digest` names the content that was computed: an aligned snapshot keeps it.
    """

    as_of_ms: int
    window_ms: int
    baseline_window_ms: int
    names: tuple[str, ...]
    markets: tuple[str, ...]
    item_ids: tuple[str, ...]
    values: Floats
    facts: Floats
    missing: Floats
    digest: str = ""

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", files.content_digest(self._header(), self._table()))

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {market: index for index, market in enumerate(self.markets)}

    def market_index(self, market: str) -> int:
        """The index of a market, that of "ALL" if it was never seen."""
        return self._index_of.get(market, self._index_of[ALL_MARKETS])

    def lookup(self, item_code: int, market: str) -> tuple[Floats, Floats]:
        """Features [n_names] and facts [5] of an item; those of an item never seen for code -1."""
        features, facts = self.lookup_many(np.array([item_code], np.int32), market)
        return features[0], facts[0]

    def lookup_many(self, item_codes: npt.NDArray[np.int32], market: str) -> tuple[Floats, Floats]:
        """Features [n, n_names] and facts [n, 5] of items in one market, as new arrays."""
        index = self.market_index(market)
        features, facts = self.values[index, item_codes], self.facts[index, item_codes]
        unknown = item_codes == UNKNOWN
        if unknown.any():
            features[unknown], facts[unknown] = self.missing, UNSEEN_FACTS
        return features, facts

    def aligned_to(self, catalogue: Catalogue) -> "TrendSnapshot":
        """The snapshot with the items of a release's catalogue, in its order and with its category codes.

        Items that the snapshot does not have become items never seen; static features are the catalogue's.
        """
        row_of = {item_id: row for row, item_id in enumerate(self.item_ids)}
        rows = np.array([row_of.get(item_id, UNKNOWN) for item_id in catalogue.item_ids], np.int64)
        absent = (rows == UNKNOWN)[:, None]
        values = np.where(absent, self.missing, self.values[:, rows])
        facts = np.where(absent, UNSEEN_FACTS, self.facts[:, rows])
        codes = np.arange(len(catalogue), dtype=np.int32)
        for name, column in static_columns(catalogue, codes, np.full(len(codes), self.as_of_ms)).items():
            if name in self.names:
                index = self.names.index(name)
                values[:, :, index] = np.where(np.isnan(column), self.missing[index], column)
        return replace(self, item_ids=catalogue.item_ids, values=values, facts=facts)

    def save(self, path: Path) -> None:
        """Write an Arrow IPC file, atomically; FeatureError if the snapshot was aligned to a catalogue."""
        header, table = self._header(), self._table()
        if files.content_digest(header, table) != self.digest:
            raise FeatureError("an aligned trend snapshot cannot be saved; save the one it was made from")
        files.write_file(path, header, table, self.digest)

    @classmethod
    def load(cls, path: Path) -> "TrendSnapshot":
        """Read a file; FeatureError if it is unreadable or its content does not match its digest."""
        header, table, digest = files.read_file(path, "trends")
        names = tuple(table.schema.names[2 : -len(FACT_NAMES)])
        markets = tuple(dict.fromkeys(table["market"].to_pylist()))
        shape = (len(markets), table.num_rows // max(len(markets), 1), -1)
        return cls(
            header.as_of_ms,
            header.window_ms,
            header.baseline_window_ms,
            names,
            markets,
            tuple(table["item_id"].to_pylist()[: shape[1]]),
            files.matrix(table, names).reshape(shape),
            files.matrix(table, FACT_NAMES).reshape(shape),
            np.array([np.nan if value is None else value for value in header.missing]),
            digest,
        )

    def _header(self) -> files.Header:
        missing = tuple(None if np.isnan(value) else float(value) for value in self.missing)
        return files.Header("trends", self.as_of_ms, self.window_ms, self.baseline_window_ms, missing)

    def _table(self) -> pa.Table:
        market = pa.array(np.repeat(self.markets, len(self.item_ids)), pa.string())
        item_id = pa.array(self.item_ids * len(self.markets), pa.string())
        numbers = np.concatenate([self.values, self.facts], axis=2).reshape(len(market), -1)
        columns = [market, item_id, *(pa.array(column) for column in numbers.T)]
        return pa.table(columns, names=["market", "item_id", *self.names, *FACT_NAMES])


def user_snapshot(world: World, spec: FeatureSpec, as_of_ms: int) -> UserSnapshot:
    """The user features of all users of a world at the last tick at or before `as_of_ms`."""
    history = PointInTime(world, spec, Catalogue.from_items(world.items))
    as_of_ms = tick(as_of_ms, world.refresh_ms)
    users = np.arange(world.users.num_rows, dtype=np.int32)
    values = history.user_values(users, np.full(len(users), as_of_ms))
    return UserSnapshot(as_of_ms, spec.names_of("user"), tuple(world.users["user_id"].to_pylist()), values)


def trend_snapshot(world: World, spec: FeatureSpec, catalogue: Catalogue, as_of_ms: int) -> TrendSnapshot:
    """The trends of all markets and items of a world at the last tick at or before `as_of_ms`."""
    history = PointInTime(world, spec, catalogue)
    as_of_ms, windows = tick(as_of_ms, world.refresh_ms), Windows.of(world.refresh_ms)
    shape = (len(history.markets), len(catalogue), -1)
    market, item = (axis.ravel().astype(np.int32) for axis in np.indices(shape[:2]))
    values, facts = history.item_values(item, market, np.full(len(item), as_of_ms))
    return TrendSnapshot(
        as_of_ms,
        windows.short_ms,
        windows.long_ms,
        spec.names_of("item"),
        history.markets,
        catalogue.item_ids,
        values.reshape(shape),
        facts.reshape(shape),
        spec.missing("item"),
    )


def write_snapshot(folder: Path, snapshot: UserSnapshot | TrendSnapshot) -> Path:
    """Save a snapshot as `<as_of>-<digest8>.arrow` and make it the folder's latest; the path of the file."""
    path = folder / files.file_name(snapshot.as_of_ms, snapshot.digest)
    snapshot.save(path)
    files.point_to(folder, files.Pointer(path.name, snapshot.as_of_ms, snapshot.digest))
    return path


def latest_user_snapshot(folder: Path) -> UserSnapshot:
    """The latest user snapshot of a folder; FeatureError if there is none or it is corrupt."""
    pointer = files.latest(folder)
    snapshot = UserSnapshot.load(folder / pointer.file)
    _check(snapshot.digest, pointer, folder)
    return snapshot


def latest_trend_snapshot(folder: Path) -> TrendSnapshot:
    """The latest trend snapshot of a folder; FeatureError if there is none or it is corrupt."""
    pointer = files.latest(folder)
    snapshot = TrendSnapshot.load(folder / pointer.file)
    _check(snapshot.digest, pointer, folder)
    return snapshot


def _check(digest: str, pointer: files.Pointer, folder: Path) -> None:
    if digest != pointer.digest:
        raise FeatureError(
            f"{folder / pointer.file}: digest {digest[:8]} is not the {pointer.digest[:8]} that "
            f"{files.LATEST} names; write a snapshot again"
        )
