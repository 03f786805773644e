"""Plain tables: one 64-byte line per cell of a group, the Shapley values of the group's features there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamrec_explain.trees.bundles import Bundles, bundle_sides
from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import LANES, Group
from streamrec_explain.trees.leaf_games import LeafGames, game_terms, rules_up_to
from streamrec_explain.trees.sides import Sides, features_of, find_cells, lay_out, set_codes_of_cell
from streamrec_explain.trees.vectors import (
    BYTES_PER_VECTOR,
    add_floats,
    add_to_floats,
    load_floats,
    prefetch,
    store_floats,
    transpose,
)

BYTES_PER_CELL = 8 * LANES


@dataclass(frozen=True, eq=False)
class PlainTables:
    """The lines of each side, float64 [cells, LANES]; sides are in the order of their bundles."""

    sides: Sides
    bundles: Bundles
    lines: Floats

    @classmethod
    def filled(
        cls, groups: Sequence[Group], games: LeafGames, n_columns: int, n_features: int
    ) -> "PlainTables":
        """Fill every line by the leaf-wise formula on a row that lies in its cell."""
        bundles = bundle_sides([features_of((group, 0)) for group in groups], n_features)
        sides = lay_out([(groups[i], 0) for i in bundles.order], bundles.lanes_of_sides(), games)
        lines = np.zeros((int(sides.cell_offsets[-1]), LANES))
        own = sides.games
        _fill(
            sides.cell_offsets, sides.digit_offsets, sides.digit_column, sides.sample_offsets, sides.samples,
            sides.game_offsets, own.value, own.player_offsets, own.ratio, own.condition_offsets,
            own.column, own.limit, own.above, sides.player_lane, *rules_up_to(own.most_players()),
            np.zeros((n_columns, 1), dtype=np.uint8), lines,
        )  # fmt: skip
        return cls(sides, bundles, lines)

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the values of rows to phi, float64 [F + 1, 64 per block]; codes come from `encode`."""
        sides = self.sides
        lookup = (
            sides.cell_offsets, sides.node_offsets, sides.node_column, sides.node_limit, sides.node_delta,
            self.bundles.offsets, self.bundles.lanes, self.lines,
        )  # fmt: skip
        if not len(self.bundles.lanes):
            return
        if n_rows == 1:
            _add_one(codes, *lookup, phi_Fn)
        else:
            _add(codes, n_rows, self.bundles.most_sides(), *lookup, phi_Fn)


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
                cell,
                digit_offsets[side],
                digit_offsets[side + 1],
                digit_column,
                sample_offsets,
                samples,
                codes,
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
def _find_bundle(
    codes: Bytes,
    first_side: int,
    last_side: int,
    cell_offsets: Offsets,
    node_offsets: Offsets,
    node_column: Ints,
    node_limit: Bytes,
    node_delta: Bytes,
    cells: Bytes,
    entries: Offsets,
) -> None:
    """Write where the lines of all rows on a bundle's sides begin: entries [sides of a bundle, n], in floats."""
    for side in range(first_side, last_side):
        start, stop = node_offsets[side], node_offsets[side + 1]
        for block in range(codes.shape[0]):
            find_cells(codes, block, start, stop, node_column, node_limit, node_delta, cells)
            for row in range(BYTES_PER_VECTOR):
                line = cell_offsets[side] + cells[row]
                entries[side - first_side, block * BYTES_PER_VECTOR + row] = line * LANES


@kernel
def _sum(lines: Floats, entries: Offsets, n_sides: int, row: int) -> Any:
    """The sum of a row's lines on the sides of one bundle."""
    total = load_floats(lines, entries[0, row])
    for side in range(1, n_sides):
        total = add_floats(total, load_floats(lines, entries[side, row]))
    return total


@kernel
def _add(
    codes: Bytes,
    n_rows: int,
    widest: int,
    cell_offsets: Offsets,
    node_offsets: Offsets,
    node_column: Ints,
    node_limit: Bytes,
    node_delta: Bytes,
    bundle_offsets: Offsets,
    lanes: Ints,
    lines: Floats,
    phi_Fn: Floats,
) -> None:
    n_bundles = lanes.shape[0]
    cells = np.empty(BYTES_PER_VECTOR, np.uint8)
    entries = np.empty((2, widest, phi_Fn.shape[1]), np.int64)
    for step in range(n_bundles + 1):  # finds the lines of one bundle while those of the bundle before arrive
        if step < n_bundles:
            first, last = bundle_offsets[step], bundle_offsets[step + 1]
            found = entries[step % 2]
            _find_bundle(
                codes,
                first,
                last,
                cell_offsets,
                node_offsets,
                node_column,
                node_limit,
                node_delta,
                cells,
                found,
            )
            if n_rows <= BYTES_PER_VECTOR:
                for side in range(last - first):
                    for row in range(n_rows):
                        prefetch(lines, found[side, row])
        if step > 0:
            found = entries[(step - 1) % 2]
            n_sides = bundle_offsets[step] - bundle_offsets[step - 1]
            for row in range(0, n_rows, LANES):
                columns = transpose(
                    _sum(lines, found, n_sides, row),
                    _sum(lines, found, n_sides, row + 1),
                    _sum(lines, found, n_sides, row + 2),
                    _sum(lines, found, n_sides, row + 3),
                    _sum(lines, found, n_sides, row + 4),
                    _sum(lines, found, n_sides, row + 5),
                    _sum(lines, found, n_sides, row + 6),
                    _sum(lines, found, n_sides, row + 7),
                )
                add_columns(phi_Fn, lanes, step - 1, row, columns)


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
    bundle_offsets: Offsets,
    lanes: Ints,
    lines: Floats,
    phi_Fn: Floats,
) -> None:
    """One row, in the same order: its lines are asked for as soon as they are known."""
    cells, total = np.empty(BYTES_PER_VECTOR, np.uint8), np.empty(LANES)
    entries = np.empty((node_offsets.shape[0], 1), np.int64)
    for side in range(node_offsets.shape[0] - 1):
        start, stop = node_offsets[side], node_offsets[side + 1]
        find_cells(codes, 0, start, stop, node_column, node_limit, node_delta, cells)
        entries[side, 0] = (cell_offsets[side] + cells[0]) * LANES
        prefetch(lines, entries[side, 0])
    for bundle in range(lanes.shape[0]):
        first, last = bundle_offsets[bundle], bundle_offsets[bundle + 1]
        store_floats(total, 0, _sum(lines, entries[first:last], last - first, 0))
        for lane in range(LANES):
            phi_Fn[lanes[bundle, lane], 0] += total[lane]
