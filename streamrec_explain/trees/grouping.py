"""Which leaves share a table: groups of games that together touch few features and few cells.

Shapley values are linear in the game, so any set of leaves may be tabulated together. What a row tells a group
is, per column, which of the group's leaves are satisfied there; a combination over the columns is a cell. Leaves
are taken in runs of 64, in depth-first order of the trees, so that a set of leaves is one 64-bit mask and a run
of small trees is merged across trees; within a run the two groups whose union costs the fewest additional cells
are merged until nothing fits.

A leaf with too many features for one table is factored: its group's features are divided over two sides of at
most LANES features and MAX_CELLS cells each. On side 0 all leaves of the group are alike (same ratio, same
conditions), which makes their Shapley values a short sum of products of a side-0 and a side-1 entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.compilation import Ints, kernel
from streamrec_explain.trees.leaf_games import LeafGames

LANES = 8  # features per table line: eight float64 are one cache line
MAX_CELLS = 256  # lines per table, so that an index is one byte
RUN = 64

Masks = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Run:
    """Up to RUN games and what their conditions look like column by column.

    Column c is cut at its limits into intervals; `satisfied[intervals[c]:intervals[c + 1]]` are the games that a
    code in each interval satisfies. Columns are sorted by feature.
    """

    first_game: int
    n_games: int
    columns: Ints  # [C] column of the codes
    features: Ints  # [P] features of the run
    column_feature: Ints  # [C] index into features
    holders: Masks  # [C] games with a condition on the column
    intervals: Ints  # [C + 1]
    satisfied: Masks
    limits: tuple[tuple[int, ...], ...]  # [C] sorted limits
    players: Masks  # [P] games in which the feature plays
    alike: Masks  # [P, RUN] games whose player is the same as in this game


@dataclass(frozen=True, eq=False)
class Group:
    """Games of one run (as a mask), the side of each of the run's features (-1: none), cells of all sides."""

    run: Run
    mask: int
    sides: tuple[int, ...]
    factored: bool
    n_cells: int

    def games(self) -> list[int]:
        """Indices of the games."""
        return [self.run.first_game + i for i in range(self.run.n_games) if self.mask >> i & 1]


@dataclass(frozen=True)
class Grouping:
    """Every game once: in a plain group, in a factored group, or left over."""

    groups: tuple[Group, ...]
    left_over: tuple[int, ...]


def group_games(games: LeafGames) -> Grouping:
    """Divide games into plain groups, factored groups and the rest that no table fits."""
    groups: list[Group] = []
    left_over: list[int] = []
    for run in _runs(games):
        shapes = (run.column_feature, run.holders, run.intervals, run.satisfied, run.players, run.alike)
        kinds = _kinds(run.n_games, *shapes)
        for kind in (0, 1):
            chosen = np.uint64(1) << np.flatnonzero(kinds == kind).astype(np.uint64)
            for mask in _merged(chosen, kind == 1, *shapes).tolist():
                sides = np.full(len(run.features), -1, dtype=np.int32)
                n_cells = int(_cost(np.uint64(mask), kind == 1, *shapes, sides))
                groups.append(Group(run, mask, tuple(sides.tolist()), kind == 1, n_cells))
        left_over += (run.first_game + np.flatnonzero(kinds == 2)).tolist()
    return Grouping(tuple(groups), tuple(left_over))


def _runs(games: LeafGames) -> Iterator[Run]:
    for first in range(0, len(games.value), RUN):
        yield _run(games, first, min(RUN, len(games.value) - first))


Interval = tuple[int, int]  # codes in (low, high] satisfy
ALL_CODES: Interval = (-1, 255)


def _run(games: LeafGames, first: int, n_games: int) -> Run:
    per_column: dict[tuple[int, int], dict[int, Interval]] = {}
    per_feature: dict[int, dict[int, object]] = {}
    for i in range(n_games):
        for p in range(*games.player_offsets[first + i : first + i + 2].tolist()):
            feature = int(games.feature[p])
            wanted = _intervals(games, p)
            per_feature.setdefault(feature, {})[i] = (float(games.ratio[p]), tuple(sorted(wanted.items())))
            for column, interval in wanted.items():
                per_column.setdefault((feature, column), {})[i] = interval
    features = sorted(per_feature)
    keys = sorted(per_column)
    limits = [_limits(per_column[key].values()) for key in keys]
    satisfied = [_satisfied(per_column[key], cuts, n_games) for key, cuts in zip(keys, limits, strict=True)]
    return Run(
        first_game=first,
        n_games=n_games,
        columns=np.array([column for _, column in keys], dtype=np.int32),
        features=np.array(features, dtype=np.int32),
        column_feature=np.array([features.index(feature) for feature, _ in keys], dtype=np.int32),
        holders=np.array([_mask(per_column[key]) for key in keys], dtype=np.uint64),
        intervals=np.cumsum([0, *map(len, satisfied)]).astype(np.int32),
        satisfied=np.array([mask for masks in satisfied for mask in masks], dtype=np.uint64),
        limits=tuple(limits),
        players=np.array([_mask(per_feature[feature]) for feature in features], dtype=np.uint64),
        alike=np.array([_alike(per_feature[feature]) for feature in features], dtype=np.uint64).reshape(
            -1, RUN
        ),
    )


def _intervals(games: LeafGames, player: int) -> dict[int, Interval]:
    """The codes that satisfy a player, per column."""
    wanted: dict[int, Interval] = {}
    for c in range(*games.condition_offsets[player : player + 2].tolist()):
        low, high = wanted.get(int(games.column[c]), ALL_CODES)
        limit = int(games.limit[c])
        wanted[int(games.column[c])] = (max(low, limit), high) if games.above[c] else (low, min(high, limit))
    return wanted


def _limits(intervals: Iterable[Interval]) -> tuple[int, ...]:
    return tuple(sorted({limit for interval in intervals for limit in interval} - set(ALL_CODES)))


def _satisfied(wanted: dict[int, Interval], limits: tuple[int, ...], n_games: int) -> list[int]:
    everyone = (1 << n_games) - 1
    masks = []
    for code in (*limits, ALL_CODES[1]):
        refused = _mask(i for i, (low, high) in wanted.items() if not low < code <= high)
        masks.append(everyone & ~refused)
    return masks


def _mask(games: Iterable[int]) -> int:
    return sum(1 << i for i in games)


def _alike(players: dict[int, object]) -> list[int]:
    classes: dict[object, int] = {}
    for i, player in players.items():
        classes[player] = classes.get(player, 0) | 1 << i
    return [classes[players[i]] if i in players else 0 for i in range(RUN)]


@kernel
def _distinct(mask: int, satisfied: Masks, start: int, stop: int) -> int:
    found = 0
    for i in range(start, stop):
        new = 1
        for j in range(start, i):
            if satisfied[i] & mask == satisfied[j] & mask:
                new = 0
                break
        found += new
    return found


@kernel
def _feature_cells(
    mask: int, first: int, column_feature: Ints, holders: Masks, intervals: Ints, satisfied: Masks
) -> int:
    """Combinations that the columns of one feature, from column `first` on, can show the group."""
    cells = 1
    column = first
    while column < column_feature.shape[0] and column_feature[column] == column_feature[first]:
        if holders[column] & mask:
            cells *= _distinct(mask, satisfied, intervals[column], intervals[column + 1])
        column += 1
    return cells


@kernel
def _plain_cost(
    mask: int,
    column_feature: Ints,
    holders: Masks,
    intervals: Ints,
    satisfied: Masks,
    players: Masks,
    sides: Ints,
) -> int:
    """Cells of the group as one table, or 0 if it does not fit; `sides` becomes 0 for its features."""
    width, cells, column = 0, 1, 0
    for feature in range(players.shape[0]):
        first = column
        while column < column_feature.shape[0] and column_feature[column] == feature:
            column += 1
        if players[feature] & mask:
            width += 1
            if width > LANES:
                return 0
            sides[feature] = 0
            cells *= _feature_cells(mask, first, column_feature, holders, intervals, satisfied)
            if cells > MAX_CELLS:
                return 0
    return cells


@kernel
def _factored_cost(
    mask: int,
    column_feature: Ints,
    holders: Masks,
    intervals: Ints,
    satisfied: Masks,
    players: Masks,
    alike: Masks,
    sides: Ints,
) -> int:
    """Cells of both sides, or 0 if they do not fit; `sides` becomes the side of each of the group's features."""
    lowest = 0
    while not (mask >> np.uint64(lowest)) & np.uint64(1):
        lowest += 1
    width, cells = np.zeros(2, np.int64), np.ones(2, np.int64)
    for common in (False, True):
        column = 0
        for feature in range(players.shape[0]):
            first = column
            while column < column_feature.shape[0] and column_feature[column] == feature:
                column += 1
            if players[feature] & mask == 0 or (alike[feature, lowest] & mask == mask) != common:
                continue
            side = 0 if common and width[0] < LANES and (cells[0] <= cells[1] or width[1] == LANES) else 1
            sides[feature] = side
            width[side] += 1
            cells[side] *= _feature_cells(mask, first, column_feature, holders, intervals, satisfied)
            if width[side] > LANES or cells[side] > MAX_CELLS:
                return 0
    return int(cells[0] + cells[1])


@kernel
def _cost(
    mask: int,
    factored: bool,
    column_feature: Ints,
    holders: Masks,
    intervals: Ints,
    satisfied: Masks,
    players: Masks,
    alike: Masks,
    sides: Ints,
) -> int:
    bits = np.uint64(mask)
    if factored:
        return int(_factored_cost(bits, column_feature, holders, intervals, satisfied, players, alike, sides))
    return int(_plain_cost(bits, column_feature, holders, intervals, satisfied, players, sides))


@kernel
def _kinds(
    n_games: int,
    column_feature: Ints,
    holders: Masks,
    intervals: Ints,
    satisfied: Masks,
    players: Masks,
    alike: Masks,
) -> Ints:
    """Per game 0 where a plain table fits it, 1 where a factored one does, 2 otherwise."""
    kinds, sides = np.full(n_games, 2, np.int32), np.empty(players.shape[0], np.int32)
    for game in range(n_games):
        mask = np.uint64(1) << np.uint64(game)
        for kind in (1, 0):
            if _cost(mask, kind == 1, column_feature, holders, intervals, satisfied, players, alike, sides):
                kinds[game] = kind
    return kinds


@kernel
def _merged(
    masks: Masks,
    factored: bool,
    column_feature: Ints,
    holders: Masks,
    intervals: Ints,
    satisfied: Masks,
    players: Masks,
    alike: Masks,
) -> Masks:
    """Merge the two groups with the smallest growth in cells until no union fits; returns the groups' masks."""
    n = masks.shape[0]
    groups = masks.copy()
    sides = np.empty(players.shape[0], np.int32)
    cost = np.zeros(
        (n, n), np.int32
    )  # of the union of i < j; 0 where it does not fit; own cost on the diagonal
    for i in range(n):
        for j in range(i, n):
            cost[i, j] = _cost(
                groups[i] | groups[j],
                factored,
                column_feature,
                holders,
                intervals,
                satisfied,
                players,
                alike,
                sides,
            )
    while True:
        best, left, right = np.int64(1) << 40, -1, -1
        for i in range(n):
            for j in range(i + 1, n):
                growth = cost[i, j] - cost[i, i] - cost[j, j]
                if cost[i, j] > 0 and growth < best:
                    best, left, right = growth, i, j
        if left < 0:
            return groups[groups > 0]
        groups[left] |= groups[right]
        groups[right] = 0
        cost[left, left] = cost[left, right]
        for k in range(n):
            low, high = min(left, k), max(left, k)
            cost[min(right, k), max(right, k)] = 0
            if k not in (left, right) and groups[k]:
                cost[low, high] = _cost(
                    groups[left] | groups[k], factored, column_feature, holders, intervals, satisfied, players,
                    alike, sides,
                )  # fmt: skip
