"""Leaves as cooperative games (players are features), and their Shapley values leaf by leaf.

A leaf with value v pays v if all its players agree. For player f with ratio r_f (the share of training rows
that its splits on the path let through) and bit b_f (the row satisfies them all), the path-dependent Shapley
value and the expected value are

    phi_f = v (b_f - r_f) Integral_0^1 Prod_{g != f} (t b_g + (1 - t) r_g) dt,     v Prod_f r_f.

The integrand is a polynomial of degree d - 1 in t, so Gauss-Legendre with ceil(d / 2) nodes is exact; all
factors are >= 0 and nothing is divided, hence errors of some 1e-16 (Quadrature-TreeSHAP, arXiv 2605.04497).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets
from streamrec_explain.trees.conditions import COLUMN_LIMITS, Axes, SplitRanks
from streamrec_explain.trees.ensemble import TreeEnsemble
from streamrec_explain.trees.quadrature import gauss_legendre, node_count


@dataclass(frozen=True, eq=False)
class LeafGames:
    """Games with players with conditions; game g has players `player_offsets[g]:player_offsets[g + 1]`.

    A condition holds if (code of column > limit) == above. Leaves of trees without splits have no players and
    are not games; they only add to the expected value.
    """

    value: Floats  # [games]
    player_offsets: Offsets  # [games + 1]
    feature: Ints  # [players]
    ratio: Floats  # [players]
    condition_offsets: Offsets  # [players + 1]
    column: Ints  # [conditions]
    limit: Bytes  # [conditions]
    above: Flags  # [conditions]

    def subset(self, games: Ints | Offsets) -> "LeafGames":
        """The given games only, in the given order."""
        players = _ranges(self.player_offsets, games)
        conditions = _ranges(self.condition_offsets, players)
        return LeafGames(
            value=self.value[games],
            player_offsets=offsets_of(np.diff(self.player_offsets)[games]),
            feature=self.feature[players],
            ratio=self.ratio[players],
            condition_offsets=offsets_of(np.diff(self.condition_offsets)[players]),
            column=self.column[conditions],
            limit=self.limit[conditions],
            above=self.above[conditions],
        )

    def with_players(self, keep: Flags) -> "LeafGames":
        """The same games with only the players where `keep` (bool [players]) is true."""
        players = np.flatnonzero(keep)
        conditions = _ranges(self.condition_offsets, players)
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        return replace(
            self,
            player_offsets=kept_before[self.player_offsets].astype(np.int64),
            feature=self.feature[players],
            ratio=self.ratio[players],
            condition_offsets=offsets_of(np.diff(self.condition_offsets)[players]),
            column=self.column[conditions],
            limit=self.limit[conditions],
            above=self.above[conditions],
        )

    def most_players(self) -> int:
        """The largest number of players of a game, 0 without games."""
        return int(np.diff(self.player_offsets).max(initial=0))

    def expected_value(self) -> float:
        """Sum over games of value times the product of ratios."""
        ratios = [
            np.prod(self.ratio[start:stop])
            for start, stop in zip(self.player_offsets[:-1], self.player_offsets[1:], strict=True)
        ]
        return float(np.dot(self.value, ratios))


def offsets_of(lengths: Iterable[int]) -> Offsets:
    """Where consecutive parts of the given lengths begin, and at last where they end: int64 [parts + 1]."""
    return np.cumsum([0, *lengths]).astype(np.int64)


def _ranges(offsets: Offsets, chosen: Ints | Offsets) -> Offsets:
    """The places in the chosen parts, one part after the other."""
    starts, lengths = offsets[:-1][chosen], np.diff(offsets)[chosen]
    shifts = starts - (np.cumsum(lengths) - lengths)
    return np.asarray(np.arange(lengths.sum()) + np.repeat(shifts, lengths), dtype=np.int64)


@dataclass
class _Player:
    """What a path demands of one feature: its ratio and, per axis, rank > low and rank <= high."""

    ratio: float
    low: dict[int, int]
    high: dict[int, int]

    def after(self, ratio: float, axis: int, limit: int, goes_left: bool) -> "_Player":
        low, high = dict(self.low), dict(self.high)
        if goes_left:
            high[axis] = min(limit, high.get(axis, limit))
        else:
            low[axis] = max(limit, low.get(axis, limit))
        return _Player(self.ratio * ratio, low, high)

    def conditions(self, axes: Axes) -> list[tuple[int, int, bool]]:
        below = [(*_column(axes, axis, limit), False) for axis, limit in self.high.items()]
        above = [(*_column(axes, axis, limit), True) for axis, limit in self.low.items()]
        return sorted(below + above)


def _column(axes: Axes, axis: int, limit: int) -> tuple[int, int]:
    return int(axes.first_column[axis]) + limit // COLUMN_LIMITS, limit % COLUMN_LIMITS


_Path = dict[int, _Player]


def leaf_games(ensemble: TreeEnsemble, axes: Axes, splits: SplitRanks) -> LeafGames:
    """One game per leaf of every tree with splits, in the order of a depth-first walk."""
    leaves, players, ratios, features = [], [], [], []
    widths, columns, limits, above = [], [], [], []
    for root in ensemble.root[ensemble.root >= 0].tolist():
        for leaf, path in _paths(ensemble, splits, root):
            leaves.append(leaf)
            players.append(len(path))
            for feature, player in sorted(path.items()):
                conditions = player.conditions(axes)
                features.append(feature)
                ratios.append(player.ratio)
                widths.append(len(conditions))
                columns += [column for column, _, _ in conditions]
                limits += [limit for _, limit, _ in conditions]
                above += [is_above for _, _, is_above in conditions]
    return LeafGames(
        value=ensemble.leaf_value[np.array(leaves, dtype=np.int64)],
        player_offsets=offsets_of(players),
        feature=np.array(features, dtype=np.int32),
        ratio=np.array(ratios, dtype=np.float64),
        condition_offsets=offsets_of(widths),
        column=np.array(columns, dtype=np.int32),
        limit=np.array(limits, dtype=np.uint8),
        above=np.array(above, dtype=np.bool_),
    )


def _paths(ensemble: TreeEnsemble, splits: SplitRanks, root: int) -> Iterator[tuple[int, _Path]]:
    """Each leaf below a split with what its path demands; one at a time, since paths are large."""
    stack: list[tuple[int, _Path]] = [(root, {})]
    while stack:
        node, path = stack.pop()
        if node < 0:
            yield ~node, path
            continue
        for child, goes_left in ((int(ensemble.right[node]), False), (int(ensemble.left[node]), True)):
            stack.append((child, _extended(ensemble, splits, path, node, child, goes_left)))


def _extended(ensemble: TreeEnsemble, splits: SplitRanks, path: _Path, node: int, child: int, goes_left: bool) -> _Path:
    feature = int(ensemble.feature[node])
    ratio = ensemble.child_count(child) / float(ensemble.split_count[node])
    before = path.get(feature, _Player(1.0, {}, {}))
    return {**path, feature: before.after(ratio, int(splits.axis[node]), int(splits.limit[node]), goes_left)}


def rules_up_to(n_players: int) -> tuple[Offsets, Floats, Floats]:
    """Offsets [n_players + 2], nodes and weights of the exact quadrature rule for each number of players."""
    rules = [gauss_legendre(node_count(d)) for d in range(n_players + 1)]
    nodes, weights = (np.concatenate([rule[i] for rule in rules]) for i in (0, 1))
    return offsets_of(len(t) for t, _ in rules), nodes, weights
