"""Factored tables for deep leaves: per cell of each side K products and K lines of Shapley terms.

With the features of a group divided over sides A and B, and f_g(t) = t b_g + (1 - t) r_g at the K nodes t_k, the
Shapley value of feature i of side A is, since all leaves l of the group are alike on A,

    phi_i = Sum_k PB[k] EA[k, i],     PB[k] = Sum_l v_l w_k Prod_{g in B} f_g(t_k),
                                      EA[k, i] = (b_i - r_i) Prod_{g in A, g != i} f_g(t_k),

and for j of side B it is Sum_k PA[k] EB[k, j], with values and weights again on B's part. A depends only on the
row's cell on A and B only on its cell on B, so both are tabulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import LANES, Group
from streamrec_explain.trees.leaf_games import LeafGames, offsets_of
from streamrec_explain.trees.plain_tables import add_columns
from streamrec_explain.trees.quadrature import gauss_legendre, node_count
from streamrec_explain.trees.sides import Sides, features_of, find_cells, lay_out, set_codes_of_cell
from streamrec_explain.trees.vectors import (
    BYTES_PER_VECTOR,
    add_floats,
    fill_floats,
    load_floats,
    multiply_floats,
    store_floats,
    transpose,
)

BYTES_PER_NODE = 8 * (LANES + 1)  # one product and one line


@dataclass(frozen=True, eq=False)
class FactoredTables:
    """Group g has sides 2g (all its leaves alike) and 2g + 1.

    Node k of cell c of side s is entry `entry_offsets[s] + c * n_nodes[s] + k` of products and lines.
    """

    sides: Sides
    n_nodes: Ints  # [S] quadrature nodes, equal on both sides of a group
    entry_offsets: Offsets  # [S + 1]
    products: Floats  # [entries]
    lines: Floats  # [entries, LANES]

    @classmethod
    def filled(
        cls, groups: Sequence[Group], games: LeafGames, n_columns: int, n_features: int
    ) -> "FactoredTables":
        """Tabulate both sides of every group."""
        parts = [(group, side) for group in groups for side in (0, 1)]
        lanes = np.full((len(parts), LANES), n_features, dtype=np.int32)
        for s, features in enumerate(map(features_of, parts)):
            lanes[s, : len(features)] = features
        sides = lay_out(parts, lanes, games)
        n_nodes = np.repeat(np.array([nodes_of(group, games) for group in groups], dtype=np.int32), 2)
        entry_offsets = offsets_of(np.diff(sides.cell_offsets) * n_nodes)
        products, lines = np.zeros(int(entry_offsets[-1])), np.zeros((int(entry_offsets[-1]), LANES))
        rules = [gauss_legendre(k) for k in range(1, int(n_nodes.max(initial=0)) + 1)]
        own = sides.games
        _fill(
            sides.cell_offsets, sides.digit_offsets, sides.digit_column, sides.sample_offsets, sides.samples,
            sides.game_offsets, own.value, own.player_offsets, own.ratio, own.condition_offsets,
            own.column, own.limit, own.above, sides.player_lane, n_nodes, entry_offsets,
            offsets_of([0, *(len(t) for t, _ in rules)]), np.concatenate([np.zeros(0), *(t for t, _ in rules)]),
            np.concatenate([np.zeros(0), *(w for _, w in rules)]), np.zeros((n_columns, 1), dtype=np.uint8),
            products, lines,
        )  # fmt: skip
        return cls(sides, n_nodes, entry_offsets, products, lines)

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the values of rows to phi, float64 [F + 1, 64 per block]; codes come from `encode`."""
        sides = self.sides
        add = _add_one if n_rows == 1 else _add
        add(
            codes, n_rows, sides.node_offsets, sides.node_column, sides.node_limit, sides.node_delta, sides.lanes,
            self.n_nodes, self.entry_offsets, self.products, self.lines, phi_Fn,
        )  # fmt: skip


def nodes_of(group: Group, games: LeafGames) -> int:
    """Quadrature nodes that integrate the deepest leaf of a group exactly."""
    return node_count(max(int(games.player_offsets[g + 1] - games.player_offsets[g]) for g in group.games()))


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
    n_nodes: Ints,
    entry_offsets: Offsets,
    rule_offsets: Offsets,
    nodes: Floats,
    weights: Floats,
    codes: Bytes,
    products: Floats,
    lines: Floats,
) -> None:
    bits, suffix = np.empty(LANES + 1), np.empty(LANES + 1)
    for side in range(n_nodes.shape[0]):
        n_games = game_offsets[side + 1] - game_offsets[side] if side % 2 else 1  # on side 0 all are alike
        rule = rule_offsets[n_nodes[side]]
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
            entry = entry_offsets[side] + cell * n_nodes[side]
            for game in range(game_offsets[side], game_offsets[side] + n_games):
                first = player_offsets[game]
                d = player_offsets[game + 1] - first
                for p in range(d):
                    bits[p] = 1.0
                    for c in range(condition_offsets[first + p], condition_offsets[first + p + 1]):
                        if (codes[column[c], 0] > limit[c]) != above[c]:
                            bits[p] = 0.0
                for k in range(n_nodes[side]):
                    t = nodes[rule + k]
                    suffix[d] = 1.0
                    for p in range(d - 1, -1, -1):
                        suffix[p] = suffix[p + 1] * (t * bits[p] + (1.0 - t) * ratio[first + p])
                    prefix = value[game] * weights[rule + k] if side % 2 else 1.0
                    products[entry + k] += prefix * suffix[0]
                    for p in range(d):
                        lane = player_lane[first + p]
                        lines[entry + k, lane] += prefix * suffix[p + 1] * (bits[p] - ratio[first + p])
                        prefix *= t * bits[p] + (1.0 - t) * ratio[first + p]


@kernel
def _add(
    codes: Bytes,
    n_rows: int,
    node_offsets: Offsets,
    node_column: Ints,
    node_limit: Bytes,
    node_delta: Bytes,
    lanes: Ints,
    n_nodes: Ints,
    entry_offsets: Offsets,
    products: Floats,
    lines: Floats,
    phi_Fn: Floats,
) -> None:
    cells_0, cells_1 = np.empty(BYTES_PER_VECTOR, np.uint8), np.empty(BYTES_PER_VECTOR, np.uint8)
    entries_0, entries_1 = np.empty(BYTES_PER_VECTOR, np.int64), np.empty(BYTES_PER_VECTOR, np.int64)
    for side in range(0, n_nodes.shape[0], 2):
        start, middle, stop = node_offsets[side], node_offsets[side + 1], node_offsets[side + 2]
        n = n_nodes[side]
        for block in range(codes.shape[0]):
            find_cells(codes, block, start, middle, node_column, node_limit, node_delta, cells_0)
            find_cells(codes, block, middle, stop, node_column, node_limit, node_delta, cells_1)
            for row in range(BYTES_PER_VECTOR):
                entries_0[row] = entry_offsets[side] + cells_0[row] * n
                entries_1[row] = entry_offsets[side + 1] + cells_1[row] * n
            first = block * BYTES_PER_VECTOR
            for row in range(0, min(n_rows - first, BYTES_PER_VECTOR), LANES):
                columns = _values(
                    lines, entries_0[row : row + LANES], products, entries_1[row : row + LANES], n
                )
                add_columns(phi_Fn, lanes, side, first + row, columns)
                columns = _values(
                    lines, entries_1[row : row + LANES], products, entries_0[row : row + LANES], n
                )
                add_columns(phi_Fn, lanes, side + 1, first + row, columns)


@kernel
def _value(lines: Floats, line: int, products: Floats, product: int, n_nodes: int) -> Any:
    """Sum_k (product of the other side) (line of the own side), for one row."""
    total = multiply_floats(fill_floats(products[product]), load_floats(lines, line * LANES))
    for k in range(1, n_nodes):
        term = multiply_floats(fill_floats(products[product + k]), load_floats(lines, (line + k) * LANES))
        total = add_floats(total, term)
    return total


@kernel
def _values(lines: Floats, own: Offsets, products: Floats, other: Offsets, n_nodes: int) -> Any:
    return transpose(
        _value(lines, own[0], products, other[0], n_nodes),
        _value(lines, own[1], products, other[1], n_nodes),
        _value(lines, own[2], products, other[2], n_nodes),
        _value(lines, own[3], products, other[3], n_nodes),
        _value(lines, own[4], products, other[4], n_nodes),
        _value(lines, own[5], products, other[5], n_nodes),
        _value(lines, own[6], products, other[6], n_nodes),
        _value(lines, own[7], products, other[7], n_nodes),
    )


@kernel
def _add_one(
    codes: Bytes,
    n_rows: int,
    node_offsets: Offsets,
    node_column: Ints,
    node_limit: Bytes,
    node_delta: Bytes,
    lanes: Ints,
    n_nodes: Ints,
    entry_offsets: Offsets,
    products: Floats,
    lines: Floats,
    phi_Fn: Floats,
) -> None:
    """One row, in the same order: where its entries are is found first, so that the fetches overlap."""
    cells, total = np.empty(BYTES_PER_VECTOR, np.uint8), np.empty(LANES)
    entries = np.empty(n_nodes.shape[0], np.int64)
    for side in range(n_nodes.shape[0]):
        start, stop = node_offsets[side], node_offsets[side + 1]
        find_cells(codes, 0, start, stop, node_column, node_limit, node_delta, cells)
        entries[side] = entry_offsets[side] + cells[0] * n_nodes[side]
    for side in range(n_nodes.shape[0]):
        store_floats(total, 0, _value(lines, entries[side], products, entries[side ^ 1], n_nodes[side]))
        for lane in range(LANES):
            phi_Fn[lanes[side, lane], 0] += total[lane]
