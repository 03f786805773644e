"""Plain tables: one 64-byte line per cell of a group, the Shapley values of the group's features there."""

from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import LANES
from streamrec_explain.trees.leaf_games import game_terms, rules_up_to
from streamrec_explain.trees.sides import Sides, cells_of_rows, set_codes_of_cell

BYTES_PER_CELL = 8 * LANES
FEW_ROWS = 8  # up to here all cells of a row are found before its lines are fetched


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
        """Add the values of rows to phi, float64 [F + 1, n or more]; codes are uint8 [n_columns, n or more]."""
        sides = self.sides
        add = _add_few if n_rows <= FEW_ROWS else _add_many
        add(
            codes, n_rows, sides.cell_offsets, sides.node_offsets, sides.node_column, sides.node_limit,
            sides.node_delta, sides.lanes, self.lines, phi_Fn,
        )  # fmt: skip


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
                    0, bits, suffix, terms,
                )  # fmt: skip
                for p in range(d):
                    lines[cell_offsets[side] + cell, player_lane[first + p]] += value[game] * terms[p]


@kernel
def _add_many(
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
    cells = np.empty(codes.shape[1], np.uint8)
    for side in range(lanes.shape[0]):
        cells_of_rows(codes, node_offsets[side], node_offsets[side + 1], node_column, node_limit, node_delta, cells)
        table = lines[cell_offsets[side] : cell_offsets[side + 1]]
        add_lanes(table, cells, n_rows, lanes[side], phi_Fn)


@kernel
def add_lanes(table: Floats, cells: Bytes, n_rows: int, lanes: Ints, phi_Fn: Floats) -> None:
    """Add each row's line of a table [cells, LANES] to the features of its lanes."""
    phi_0, phi_1, phi_2, phi_3 = phi_Fn[lanes[0]], phi_Fn[lanes[1]], phi_Fn[lanes[2]], phi_Fn[lanes[3]]
    phi_4, phi_5, phi_6, phi_7 = phi_Fn[lanes[4]], phi_Fn[lanes[5]], phi_Fn[lanes[6]], phi_Fn[lanes[7]]
    for row in range(n_rows):
        cell = cells[row]
        phi_0[row] += table[cell, 0]
        phi_1[row] += table[cell, 1]
        phi_2[row] += table[cell, 2]
        phi_3[row] += table[cell, 3]
        phi_4[row] += table[cell, 4]
        phi_5[row] += table[cell, 5]
        phi_6[row] += table[cell, 6]
        phi_7[row] += table[cell, 7]


@kernel
def _add_few(
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
    found = np.empty(lanes.shape[0], np.int64)
    for row in range(n_rows):
        for side in range(lanes.shape[0]):
            cell = np.uint8(0)
            for node in range(node_offsets[side], node_offsets[side + 1]):
                above = codes[node_column[node], row] > node_limit[node]
                cell = np.uint8(cell + (node_delta[node] if above else np.uint8(0)))
            found[side] = cell_offsets[side] + cell
        for side in range(lanes.shape[0]):
            for lane in range(LANES):
                phi_Fn[lanes[side, lane], row] += lines[found[side], lane]
