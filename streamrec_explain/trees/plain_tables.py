"""Plain tables: one 64-byte line per cell of a group, the Shapley values of the group's features there."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import LANES
from streamrec_explain.trees.leaf_games import game_terms, rules_up_to
from streamrec_explain.trees.sides import Sides, find_cells, set_codes_of_cell
from streamrec_explain.trees.vectors import BYTES_PER_VECTOR, add_to_floats, load_floats, transpose

BYTES_PER_CELL = 8 * LANES


@dataclass(frozen=True, eq=False)
class PlainTables:
    """The lines of each side, float64 [cells, LANES]."""

    sides: Sides
    lines: Floats

    @classmethod
    def filled(cls, sides: Sides, n_columns: int) -> "PlainTables":
        """Fill every line by the leaf-wise formula on a row that lies in its cell."""
        lines = np.zeros((int(sides.cell_offsets[-1]), LANES))
        games = sides.games
        _fill(
            sides.cell_offsets, sides.digit_offsets, sides.digit_column, sides.sample_offsets, sides.samples,
            sides.game_offsets, games.value, games.player_offsets, games.ratio, games.condition_offsets,
            games.column, games.limit, games.above, sides.player_lane, *rules_up_to(games.most_players()),
            np.zeros((n_columns, 1), dtype=np.uint8), lines,
        )  # fmt: skip
        return cls(sides, lines)

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the values of rows to phi, float64 [F + 1, 64 per block]; codes come from `encode`."""
        sides = self.sides
        lookup = (
            sides.cell_offsets, sides.node_offsets, sides.node_column, sides.node_limit, sides.node_delta,
            sides.lanes, self.lines,
        )  # fmt: skip
        if n_rows == 1:
            _add_one(codes, *lookup, phi_Fn)
        else:
            _add(codes, n_rows, *lookup, phi_Fn)


@kernel
def _fill(
    cell_offsets: Offsets,
    digit_offsets: Offsets,
    digit_column: Ints,
    sample_offsets: Offsets,
    samples: Bytes,
    game_offsets: Offsets,
    value: Floats,
    player_offsets: Offsets,
    ratio: Floats,
    condition_offsets: Offsets,
    column: Ints,
    limit: Bytes,
    above: Flags,
    player_lane: Ints,
    rule_offsets: Offsets,
    nodes: Floats,
    weights: Floats,
    codes: Bytes,
    lines: Floats,
) -> None:
    bits, suffix, terms = np.empty(LANES + 1), np.empty(LANES + 1), np.empty(LANES + 1)
    for side in range(cell_offsets.shape[0] - 1):
        for cell in range(cell_offsets[side + 1] - cell_offsets[side]):
            set_codes_of_cell(
                cell, digit_offsets[side], digit_offsets[side + 1], digit_column, sample_offsets, samples, codes
            )
            for game in range(game_offsets[side], game_offsets[side + 1]):
                first = player_offsets[game]
                d = player_offsets[game + 1] - first
                game_terms(
                    first, d, ratio, condition_offsets, column, limit, above, rule_offsets, nodes, weights, codes,
                    bits, suffix, terms,
                )  # fmt: skip
                for p in range(d):
                    lines[cell_offsets[side] + cell, player_lane[first + p]] += value[game] * terms[p]


@kernel
def _add(
    codes: Bytes,
    n_rows: int,
    cell_offsets: Offsets,
    node_offsets: Offsets,
    node_column: Ints,
    node_limit: Bytes,
    node_delta: Bytes,
    lanes: Ints,
    lines: Floats,
    phi_Fn: Floats,
) -> None:
    cells = np.empty(BYTES_PER_VECTOR, np.uint8)
    for side in range(lanes.shape[0]):
        base = cell_offsets[side]
        for block in range(codes.shape[0]):
            find_cells(
                codes, block, node_offsets[side], node_offsets[side + 1], node_column, node_limit, node_delta, cells
            )
            first = block * BYTES_PER_VECTOR
            for row in range(0, min(n_rows - first, BYTES_PER_VECTOR), LANES):
                columns = transpose(
                    load_floats(lines, (base + cells[row]) * LANES),
                    load_floats(lines, (base + cells[row + 1]) * LANES),
                    load_floats(lines, (base + cells[row + 2]) * LANES),
                    load_floats(lines, (base + cells[row + 3]) * LANES),
                    load_floats(lines, (base + cells[row + 4]) * LANES),
                    load_floats(lines, (base + cells[row + 5]) * LANES),
                    load_floats(lines, (base + cells[row + 6]) * LANES),
                    load_floats(lines, (base + cells[row + 7]) * LANES),
                )
                add_columns(phi_Fn, lanes, side, first + row, columns)


@kernel
def add_columns(phi_Fn: Floats, lanes: Ints, side: int, row: int, columns: tuple[Any, ...]) -> None:
    """Add the transposed lines of eight rows, from `row` on, to the features of a side's lanes."""
    stride = phi_Fn.shape[1]
    add_to_floats(phi_Fn, lanes[side, 0] * stride + row, columns[0])
    add_to_floats(phi_Fn, lanes[side, 1] * stride + row, columns[1])
    add_to_floats(phi_Fn, lanes[side, 2] * stride + row, columns[2])
    add_to_floats(phi_Fn, lanes[side, 3] * stride + row, columns[3])
    add_to_floats(phi_Fn, lanes[side, 4] * stride + row, columns[4])
    add_to_floats(phi_Fn, lanes[side, 5] * stride + row, columns[5])
    add_to_floats(phi_Fn, lanes[side, 6] * stride + row, columns[6])
    add_to_floats(phi_Fn, lanes[side, 7] * stride + row, columns[7])


@kernel
def _add_one(
    codes: Bytes,
    cell_offsets: Offsets,
    node_offsets: Offsets,
    node_column: Ints,
    node_limit: Bytes,
    node_delta: Bytes,
    lanes: Ints,
    lines: Floats,
    phi_Fn: Floats,
) -> None:
    """One row: find all its lines first, so that the fetches from memory overlap."""
    cells, found = np.empty(BYTES_PER_VECTOR, np.uint8), np.empty(lanes.shape[0], np.int64)
    for side in range(lanes.shape[0]):
        find_cells(
            codes, 0, node_offsets[side], node_offsets[side + 1], node_column, node_limit, node_delta, cells
        )
        found[side] = cell_offsets[side] + cells[0]
    for side in range(lanes.shape[0]):
        for lane in range(LANES):
            phi_Fn[lanes[side, lane], 0] += lines[found[side], lane]
