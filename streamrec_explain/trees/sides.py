"""Groups laid out for lookup: how a row's codes become a cell of a side, and which players each side holds.

A plain group has one side, a factored group two. The cell of a row is the sum, modulo 256, of `delta` over the
side's nodes with code > limit: no branches, and one byte per row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.trees.compilation import Bytes, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import Group
from streamrec_explain.trees.leaf_games import LeafGames, offsets_of
from streamrec_explain.trees.vectors import (
    BYTES_PER_VECTOR,
    add_where_above,
    load_bytes,
    store_bytes,
    zero_bytes,
)


@dataclass(frozen=True, eq=False)
class Sides:
    """S sides. Arrays named `*_offsets` say where each side's part begins and ends.

    `digit_*` describe the inverse of the lookup, for filling: a cell is a number whose digits, one per column,
    count the column's distinct signatures; `samples` holds one code for each value of each digit.
    """

    cell_offsets: Offsets  # [S + 1] cumulated number of cells
    node_offsets: Offsets  # [S + 1]
    node_column: Ints
    node_limit: Bytes
    node_delta: Bytes
    digit_offsets: Offsets  # [S + 1]
    digit_column: Ints
    sample_offsets: Offsets  # [digits + 1]
    samples: Bytes
    lanes: Ints  # [S, LANES] feature of each lane; n_features where the lane is empty
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
    digits = [_digits(group, side) for group, side in parts]
    nodes = [_nodes(own) for own in digits]
    members = [group.games() for group, _ in parts]
    chosen = games.subset(np.array([g for own in members for g in own], dtype=np.int64))
    game_offsets = offsets_of(map(len, members))
    lane = _player_lanes(chosen, game_offsets, lanes)
    flat_digits = [digit for own in digits for digit in own]
    flat_nodes = [node for own in nodes for node in own]
    return Sides(
        cell_offsets=offsets_of(prod(len(digit.samples) for digit in own) for own in digits),
        node_offsets=offsets_of(map(len, nodes)),
        node_column=np.array([column for column, _, _ in flat_nodes], dtype=np.int32),
        node_limit=np.array([limit for _, limit, _ in flat_nodes], dtype=np.uint8),
        node_delta=np.array([delta for _, _, delta in flat_nodes], dtype=np.uint8),
        digit_offsets=offsets_of(map(len, digits)),
        digit_column=np.array([digit.column for digit in flat_digits], dtype=np.int32),
        sample_offsets=offsets_of(len(digit.samples) for digit in flat_digits),
        samples=np.array([code for digit in flat_digits for code in digit.samples], dtype=np.uint8),
        lanes=lanes,
        game_offsets=game_offsets,
        games=chosen.with_players(lane >= 0),
        player_lane=lane[lane >= 0],
    )


def _digits(group: Group, side: int) -> list[_Digit]:
    run = group.run
    found = []
    for c, feature in enumerate(run.column_feature.tolist()):
        if group.sides[feature] != side or not int(run.holders[c]) & group.mask:
            continue
        signatures = [
            mask & group.mask for mask in run.satisfied[run.intervals[c] : run.intervals[c + 1]].tolist()
        ]
        value = {signature: i for i, signature in enumerate(dict.fromkeys(signatures))}
        codes = (*run.limits[c], 255)
        samples = [codes[signatures.index(signature)] for signature in value]
        steps = [
            (limit, value[after] - value[before])
            for limit, (before, after) in zip(run.limits[c], pairwise(signatures), strict=True)
        ]
        found.append(_Digit(int(run.columns[c]), samples, steps))
    return found


def _nodes(digits: list[_Digit]) -> list[tuple[int, int, int]]:
    """(column, limit, delta) of each step of each digit."""
    found, stride = [], 1
    for digit in digits:
        found += [(digit.column, limit, step * stride % 256) for limit, step in digit.steps if step]
        stride *= len(digit.samples)
    return found


def _player_lanes(games: LeafGames, game_offsets: Offsets, lanes: Ints) -> Ints:
    """The lane of each player on its side, or -1 where its feature is not on it."""
    side_of_game = np.repeat(np.arange(len(lanes)), np.diff(game_offsets))
    side_of_player = np.repeat(side_of_game, np.diff(games.player_offsets))
    matches = lanes[side_of_player] == games.feature[:, None]
    return np.where(matches.any(axis=1), matches.argmax(axis=1), -1).astype(np.int32)


@kernel
def set_codes_of_cell(
    cell: int,
    first_digit: int,
    last_digit: int,
    digit_column: Ints,
    sample_offsets: Offsets,
    samples: Bytes,
    codes: NDArray[np.uint8],
) -> None:
    """Write codes [n_columns, 1] of a row that lies in the given cell of a side."""
    rest = cell
    for digit in range(first_digit, last_digit):
        start = sample_offsets[digit]
        size = sample_offsets[digit + 1] - start
        codes[digit_column[digit], 0] = samples[start + rest % size]
        rest //= size


@kernel
def find_cells(
    codes: Bytes,
    block: int,
    first_node: int,
    last_node: int,
    column: Ints,
    limit: Bytes,
    delta: Bytes,
    cells: Bytes,
) -> None:
    """Write the cells of a block's 64 rows on one side; codes are [blocks, n_columns, 64]."""
    found = zero_bytes()
    for node in range(first_node, last_node):
        own = load_bytes(codes, (block * codes.shape[1] + column[node]) * BYTES_PER_VECTOR)
        found = add_where_above(found, own, limit[node], delta[node])
    store_bytes(cells, 0, found)
