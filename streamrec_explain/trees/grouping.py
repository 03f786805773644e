"""Which leaves share a table: groups of games that together touch few features and few cells.

Shapley values are linear in the game, so any set of leaves may be tabulated together. What a row tells a group
is, per column, which of the group's leaves are satisfied there; a combination over the columns is a cell. A group
whose features or cells are too many for one table is factored: features on which all its leaves are alike (same
ratio, same conditions) move to a side of their own, with cells of its own; see `group_tables` for how the two
are put together again.

Leaves are taken in runs of 64, in depth-first order of the trees, so that a set of leaves is one 64-bit mask and
a run of small trees is merged across trees. Within a run the two groups whose union saves most are merged until
no union saves anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.compilation import Floats, Ints, kernel
from streamrec_explain.trees.leaf_games import LeafGames

LANES = 8  # features per table line: eight float64 are one cache line
BYTES_PER_LINE = 8 * LANES
BYTES_PER_PRODUCT = 8
MAX_CELLS = 1024  # per side
COMMON, OWN = 0, 1  # sides of a group
INFINITE = float("inf")
RUN = 64

Masks = NDArray[np.uint64]
Widths = NDArray[np.int64]


class Conditions(NamedTuple):
    """What the conditions of up to RUN games look like column by column; columns are sorted by feature.

    Column c is cut at its limits into intervals; `satisfied[intervals[c]:intervals[c + 1]]` are the games that a
    code in each interval satisfies. Feature f of the run has the columns `columns_of[f]:columns_of[f + 1]`.
    """

    columns_of: Ints  # [P + 1]
    holders: Masks  # [C] games with a condition on the column
    intervals: Ints  # [C + 1]
    satisfied: Masks
    players: Masks  # [P] games in which the feature plays
    alike: Masks  # [P, RUN] games whose player is the same as in this game


@dataclass(frozen=True, eq=False)
class Run:
    """Up to RUN consecutive games."""

    first_game: int
    n_games: int
    features: Ints  # [P] features of the run
    columns: Ints  # [C] column of the codes
    column_feature: Ints  # [C] index into features
    limits: tuple[tuple[int, ...], ...]  # [C] sorted limits
    conditions: Conditions


@dataclass(frozen=True, eq=False)
class Group:
    """Games of one run (as a mask), and the side of each of the run's features (-1: none)."""

    run: Run
    mask: int
    sides: tuple[int, ...]
    cost: float
    line_cost: int

    def games(self) -> list[int]:
        """Indices of the games."""
        return [self.run.first_game + i for i in range(self.run.n_games) if self.mask >> i & 1]

    @property
    def factored(self) -> bool:
        """Whether there is a side of common features."""
        return COMMON in self.sides

    @property
    def n_bytes(self) -> int:
        """Bytes of the tables."""
        return int(self.cost) - self.line_cost * sum(self.n_lines)

    @property
    def n_lines(self) -> tuple[int, int]:
        """Lines to look up per row on each side."""
        common, own = self.sides.count(COMMON), self.sides.count(OWN)
        return min(common, own + 1), min(own, common + 1)


@dataclass(frozen=True)
class Grouping:
    """Every game once: in a group or left over."""

    groups: tuple[Group, ...]
    left_over: tuple[int, ...]


def runs_of(games: LeafGames) -> list[Run]:
    """All games in runs."""
    n_games = len(games.value)
    return [_run(games, first, min(RUN, n_games - first)) for first in range(0, n_games, RUN)]


def group_games(runs: Sequence[Run], line_cost: int) -> Grouping:
    """Divide the games of runs into groups and the rest that no table fits.

    `line_cost` is what looking up one line less per row is worth, in bytes of tables.
    """
    groups: list[Group] = []
    left_over: list[int] = []
    for run in runs:
        masks = _merged(run.n_games, run.conditions, line_cost)
        for mask in masks.tolist():
            sides = np.full(len(run.features), -1, dtype=np.int32)
            cost = _cost(np.uint64(mask), run.conditions, line_cost, sides)
            groups.append(Group(run, mask, tuple(sides.tolist()), cost, line_cost))
        grouped = sum(masks.tolist())
        left_over += (run.first_game + i for i in range(run.n_games) if not grouped >> i & 1)
    return Grouping(tuple(groups), tuple(left_over))


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
    column_feature = np.array([features.index(feature) for feature, _ in keys], dtype=np.int32)
    conditions = Conditions(
        columns_of=np.searchsorted(column_feature, np.arange(len(features) + 1)).astype(np.int32),
        holders=np.array([_mask(per_column[key]) for key in keys], dtype=np.uint64),
        intervals=np.cumsum([0, *map(len, satisfied)]).astype(np.int32),
        satisfied=np.array([mask for masks in satisfied for mask in masks], dtype=np.uint64),
        players=np.array([_mask(per_feature[feature]) for feature in features], dtype=np.uint64),
        alike=np.array([_alike(per_feature[f]) for f in features], dtype=np.uint64).reshape(-1, RUN),
    )
    return Run(
        first_game=first,
        n_games=n_games,
        features=np.array(features, dtype=np.int32),
        columns=np.array([column for _, column in keys], dtype=np.int32),
        column_feature=column_feature,
        limits=tuple(limits),
        conditions=conditions,
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
def _feature_cells(mask: int, feature: int, of: Conditions) -> int:
    """Combinations that the columns of a feature can show the group."""
    cells = 1
    for column in range(of.columns_of[feature], of.columns_of[feature + 1]):
        if of.holders[column] & mask:
            cells *= _distinct(mask, of.satisfied, of.intervals[column], of.intervals[column + 1])
    return cells


@kernel
def _next_common(mask: int, of: Conditions, sides: Ints, cells: Ints) -> int:
    """The feature with most cells of those still on the own side on which all games are alike, or -1."""
    lowest = 0
    while not (mask >> np.uint64(lowest)) & np.uint64(1):
        lowest += 1
    best = -1
    for feature in range(sides.shape[0]):
        common = sides[feature] == OWN and of.alike[feature, lowest] & mask == mask
        if common and (best < 0 or cells[feature] > cells[best]):
            best = feature
    return best


@kernel
def _weighed(width: Widths, n_cells: Floats, line_cost: int) -> float:
    """Bytes of the tables of a group of two sides, and the price of its lines; infinite if it does not fit."""
    if max(width[0], width[1]) > LANES or max(n_cells[0], n_cells[1]) > MAX_CELLS:
        return INFINITE
    n_lines = min(width[0], width[1] + 1), min(width[1], width[0] + 1)
    n_bytes = n_cells[0] * (n_lines[0] * BYTES_PER_LINE + n_lines[1] * BYTES_PER_PRODUCT)
    n_bytes += n_cells[1] * (n_lines[1] * BYTES_PER_LINE + n_lines[0] * BYTES_PER_PRODUCT)
    return float(n_bytes + line_cost * (n_lines[0] + n_lines[1]))


@kernel
def _cost(mask: int, of: Conditions, line_cost: int, sides: Ints) -> float:
    """The lowest cost of a group, see `_weighed`; `sides` becomes the side of each feature, -1 where it has none.

    Features move to the common side one by one, those with most cells first.
    """
    width, n_cells = np.zeros(2, np.int64), np.ones(2)
    cells, moved = np.zeros(sides.shape[0], np.int32), np.empty(sides.shape[0], np.int32)
    for feature in range(sides.shape[0]):
        sides[feature] = -1
        if of.players[feature] & mask:
            cells[feature] = _feature_cells(mask, feature, of)
            sides[feature] = OWN
            width[OWN] += 1
            n_cells[OWN] *= cells[feature]
    if width[OWN] > 2 * LANES:
        return INFINITE
    best, best_moves, n_moves = _weighed(width, n_cells, line_cost), 0, 0
    while n_cells[COMMON] < n_cells[OWN]:
        feature = _next_common(mask, of, sides, cells)
        if feature < 0:
            break
        sides[feature] = COMMON
        moved[n_moves] = feature
        n_moves += 1
        width[COMMON], width[OWN] = width[COMMON] + 1, width[OWN] - 1
        n_cells[COMMON] *= cells[feature]
        n_cells[OWN] /= cells[feature]
        cost = _weighed(width, n_cells, line_cost)
        if cost < best:
            best, best_moves = cost, n_moves
    for move in range(best_moves, n_moves):
        sides[moved[move]] = OWN
    return float(best)


@kernel
def _merged(n_games: int, of: Conditions, line_cost: int) -> Masks:
    """Start with one group per game that fits; merge the two whose union saves most until none saves anything."""
    groups = np.zeros(n_games, np.uint64)
    sides = np.empty(of.players.shape[0], np.int32)
    cost = np.full((n_games, n_games), INFINITE)  # of the union of i < j; on the diagonal of the group itself
    for i in range(n_games):
        groups[i] = np.uint64(1) << np.uint64(i)
        cost[i, i] = _cost(groups[i], of, line_cost, sides)
        if cost[i, i] == INFINITE:
            groups[i] = 0
    for i in range(n_games):
        for j in range(i + 1, n_games):
            if groups[i] and groups[j]:
                cost[i, j] = _cost(groups[i] | groups[j], of, line_cost, sides)
    while True:
        best, left, right = 0.0, -1, -1
        for i in range(n_games):
            for j in range(i + 1, n_games):
                if cost[i, j] < INFINITE and cost[i, j] - cost[i, i] - cost[j, j] < best:
                    best, left, right = cost[i, j] - cost[i, i] - cost[j, j], i, j
        if left < 0:
            return groups[groups > 0]
        groups[left] |= groups[right]
        groups[right] = 0
        cost[left, left] = cost[left, right]
        for k in range(n_games):
            cost[min(right, k), max(right, k)] = INFINITE
            if k not in (left, right) and groups[k]:
                cost[min(left, k), max(left, k)] = _cost(groups[left] | groups[k], of, line_cost, sides)
