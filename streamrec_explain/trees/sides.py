"""Groups laid out for lookup: how a row's codes become a cell of a side, and which players each side holds.

A plain group has one side, a factored group two. The cell of a row is the sum, modulo 65536, of `delta`
over the side's nodes with code > limit: no branches, and two bytes per row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Cells, Ints, Offsets
from streamrec_explain.trees.grouping import Group
from streamrec_explain.trees.leaf_games import LeafGames, offsets_of

_CELL_MODULUS = 1 << 16


@dataclass(frozen=True, eq=False)
class Sides:
    """S sides. Arrays named `*_offsets` say where each side's part begins and ends.

    `digit_*` describe the inverse of the lookup, for filling: a cell is a number whose digits, one per column,
    count the column's distinct signatures; `samples` holds one code for each value of each digit.
    """

    n_cells: Offsets  # [S]
    node_offsets: Offsets  # [S + 1]
    node_column: Ints
    node_limit: Bytes
    node_delta: Cells
    digit_offsets: Offsets  # [S + 1]
    digit_column: Ints
    sample_offsets: Offsets  # [digits + 1]
    samples: Bytes
    game_offsets: Offsets  # [S + 1]
    games: LeafGames  # the games of each side with the players on that side only
    player_lane: Ints  # [players of games]


@dataclass(frozen=True)
class _Digit:
    """One column of a side: a code for each signature, and the steps of the signature at its limits."""

    column: int
    samples: list[int]
    steps: list[tuple[int, int]]  # (limit, change of signature when the code exceeds it)


Part = tuple[Group, int]


def features_of(part: Part) -> list[int]:
    """The features on one side of a group."""
    group, side = part
    return [int(f) for f, of in zip(group.run.features, group.sides, strict=True) if of == side]


def lay_out(parts: Sequence[Part], lanes: Ints, games: LeafGames) -> Sides:
    """Lay out sides, given as (group, side) pairs with the lanes [sides, LANES] of their features."""
    shape = _Shape()
    for part in parts:
        shape.add(_digits(*part))
    members = [group.games() for group, _ in parts]
    chosen = games.subset(np.array([g for own in members for g in own], dtype=np.int64))
    game_offsets = offsets_of(map(len, members))
    lane = _player_lanes(parts, lanes, chosen, game_offsets)
    return Sides(
        n_cells=np.array(shape.n_cells, dtype=np.int64),
        node_offsets=offsets_of(shape.n_nodes),
        node_column=np.array(shape.node_column, dtype=np.int32),
        node_limit=np.array(shape.node_limit, dtype=np.uint8),
        node_delta=np.array(shape.node_delta, dtype=np.uint16),
        digit_offsets=offsets_of(shape.n_digits),
        digit_column=np.array(shape.digit_column, dtype=np.int32),
        sample_offsets=offsets_of(shape.n_samples),
        samples=np.array(shape.samples, dtype=np.uint8),
        game_offsets=game_offsets,
        games=chosen.with_players(lane >= 0),
        player_lane=lane[lane >= 0],
    )


def _digits(group: Group, side: int) -> list[_Digit]:
    run, conditions = group.run, group.run.conditions
    found = []
    for c, feature in enumerate(run.column_feature.tolist()):
        if group.sides[feature] != side or not int(conditions.holders[c]) & group.mask:
            continue
        satisfied = conditions.satisfied[conditions.intervals[c] : conditions.intervals[c + 1]]
        signatures = [mask & group.mask for mask in satisfied.tolist()]
        value = {signature: i for i, signature in enumerate(dict.fromkeys(signatures))}
        codes = (*run.limits[c], 255)
        samples = [codes[signatures.index(signature)] for signature in value]
        steps = [
            (limit, value[after] - value[before])
            for limit, (before, after) in zip(run.limits[c], pairwise(signatures), strict=True)
        ]
        found.append(_Digit(int(run.columns[c]), samples, steps))
    return found


@dataclass
class _Shape:
    """The digits and nodes of sides in flat lists: models have many sides, and small objects would take much room."""

    n_cells: list[int] = field(default_factory=list)
    n_nodes: list[int] = field(default_factory=list)
    node_column: list[int] = field(default_factory=list)
    node_limit: list[int] = field(default_factory=list)
    node_delta: list[int] = field(default_factory=list)
    n_digits: list[int] = field(default_factory=list)
    digit_column: list[int] = field(default_factory=list)
    n_samples: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)

    def add(self, digits: list[_Digit]) -> None:
        """Append a side with these digits, the first one counting cells one by one."""
        stride, n_nodes_before = 1, len(self.node_column)
        for digit in digits:
            steps = [(limit, step) for limit, step in digit.steps if step]
            self.node_column += [digit.column] * len(steps)
            self.node_limit += [limit for limit, _ in steps]
            self.node_delta += [step * stride % _CELL_MODULUS for _, step in steps]
            self.digit_column.append(digit.column)
            self.n_samples.append(len(digit.samples))
            self.samples += digit.samples
            stride *= len(digit.samples)
        self.n_cells.append(stride)
        self.n_nodes.append(len(self.node_column) - n_nodes_before)
        self.n_digits.append(len(digits))


def _player_lanes(parts: Sequence[Part], lanes: Ints, games: LeafGames, game_offsets: Offsets) -> Ints:
    """The lane of each player on its side, or -1 where its feature is not on it."""
    n_features = int(max(games.feature.max(initial=0), lanes.max(initial=0))) + 1
    lane_of = np.full((len(parts), n_features), -1, dtype=np.int32)
    for s, part in enumerate(parts):
        own = features_of(part)
        lane_of[s, own] = np.flatnonzero(np.isin(lanes[s], own))
    side_of_game = np.repeat(np.arange(len(parts)), np.diff(game_offsets))
    side_of_player = np.repeat(side_of_game, np.diff(games.player_offsets))
    return np.asarray(lane_of[side_of_player, games.feature], dtype=np.int32)
