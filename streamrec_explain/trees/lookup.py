"""Looks rows up in the tables of groups, always in the same order, so that a row's values do not depend on its batch.

For each bundle of sides: find the cells of the rows, ask the memory for what they will need, and while it comes,
sum the lines of the bundle before and spread them over its features.
"""

from typing import Any, NamedTuple

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Cells, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import LANES
from streamrec_explain.trees.vectors import (
    BYTES_PER_VECTOR,
    FLOATS_PER_VECTOR,
    add_floats,
    add_lines,
    add_products_of_lines,
    add_to_features,
    add_where_above,
    fill_floats,
    load_bytes,
    load_cell,
    load_floats,
    multiply_floats,
    prefetch,
    store_cells,
    store_floats,
    zero_cells,
    zero_lines_of_rows,
)

NO_PARTNER = -1


class Lookup(NamedTuple):
    """Tables of S sides in bundles. Arrays named `*_offsets` say where each part begins and ends.

    Cell c of side s has the lines `first_line[s] + c * n_lines[s]` and following, and as many products for its
    partner p as that has lines, `first_product[s] + c * n_lines[p]` and following.
    """

    node_offsets: Offsets  # [S + 1]
    node_column: Ints
    node_limit: Bytes
    node_delta: Cells
    bundle_offsets: Offsets  # [bundles + 1]
    paired_offsets: Offsets  # [bundles] the first side of the bundle with a partner
    lanes: Ints  # [bundles, LANES] features
    partner: Offsets  # [S] the other side of the group
    n_lines: Offsets  # [S]
    first_line: Offsets  # [S + 1]
    first_product: Offsets  # [S + 1]
    lines: Floats  # [lines, LANES]
    products: Floats


@kernel
def _find(lookup: Lookup, side: int, codes: Bytes, block: int, cells: Cells, start: int) -> None:
    """Write the cells of a block's 64 rows on one side from flat index `start` on."""
    found = zero_cells()
    for node in range(lookup.node_offsets[side], lookup.node_offsets[side + 1]):
        own = load_bytes(codes, (block * codes.shape[1] + lookup.node_column[node]) * BYTES_PER_VECTOR)
        found = add_where_above(found, own, lookup.node_limit[node], lookup.node_delta[node])
    store_cells(cells, start, found)


@kernel
def _find_all(lookup: Lookup, bundle: int, codes: Bytes, block: int, cells: Cells) -> None:
    """Write the cells on the sides of a bundle and on their partners, 64 and 64 per side."""
    first = lookup.bundle_offsets[bundle]
    for side in range(first, lookup.bundle_offsets[bundle + 1]):
        start = (side - first) * 2 * BYTES_PER_VECTOR
        _find(lookup, side, codes, block, cells, start)
        if side >= lookup.paired_offsets[bundle]:
            _find(lookup, lookup.partner[side], codes, block, cells, start + BYTES_PER_VECTOR)


@kernel
def _add_rows(lookup: Lookup, bundle: int, n_rows: int, cells: Cells, first_row: int, phi_Fn: Floats) -> None:
    """Add the values of up to 64 rows, from `first_row` on, on the sides of a bundle."""
    first, last = lookup.bundle_offsets[bundle], lookup.bundle_offsets[bundle + 1]
    paired = lookup.paired_offsets[bundle]
    for row in range(0, n_rows, FLOATS_PER_VECTOR):
        total = zero_lines_of_rows()
        start = row
        for side in range(first, paired):
            total = add_lines(total, lookup.lines, lookup.first_line[side], cells, start)
            start += 2 * BYTES_PER_VECTOR
        for side in range(paired, last):
            n, line = lookup.n_lines[side], lookup.first_line[side]
            product = lookup.first_product[lookup.partner[side]]
            for k in range(n):
                total = add_products_of_lines(
                    total, lookup.lines, line + k, lookup.products, product + k, n, cells, start
                )
            start += 2 * BYTES_PER_VECTOR
        add_to_features(phi_Fn, lookup.lanes, bundle * LANES, first_row + row, total)


@kernel
def _most_sides(lookup: Lookup) -> int:
    return int(np.max(lookup.bundle_offsets[1:] - lookup.bundle_offsets[:-1])) if lookup.lanes.shape[0] else 0


@kernel
def add_many(codes: Bytes, n_rows: int, lookup: Lookup, phi_Fn: Floats) -> None:
    """Many rows need almost every line of a bundle: all of the next bundle's are fetched ahead."""
    cells = np.empty(_most_sides(lookup) * 2 * BYTES_PER_VECTOR, np.uint16)
    n_bundles = lookup.lanes.shape[0]
    for bundle in range(n_bundles):
        if bundle + 1 < n_bundles:
            begin, end = lookup.bundle_offsets[bundle + 1], lookup.bundle_offsets[bundle + 2]
            for line in range(lookup.first_line[begin], lookup.first_line[end]):
                prefetch(lookup.lines, line * LANES)
        for block in range(codes.shape[0]):
            _find_all(lookup, bundle, codes, block, cells)
            first_row = block * BYTES_PER_VECTOR
            _add_rows(lookup, bundle, min(n_rows - first_row, BYTES_PER_VECTOR), cells, first_row, phi_Fn)


@kernel
def _fetch(lookup: Lookup, bundle: int, n_rows: int, cells: Cells) -> None:
    """Ask for the lines and products of up to 64 rows on the sides of a bundle."""
    first = lookup.bundle_offsets[bundle]
    for side in range(first, lookup.bundle_offsets[bundle + 1]):
        start = (side - first) * 2 * BYTES_PER_VECTOR
        n = lookup.n_lines[side]
        for row in range(n_rows):
            line = lookup.first_line[side] + load_cell(cells, start + row) * n
            for k in range(n):
                prefetch(lookup.lines, (line + k) * LANES)
        if side >= lookup.paired_offsets[bundle]:
            for row in range(n_rows):
                cell = load_cell(cells, start + BYTES_PER_VECTOR + row)
                prefetch(lookup.products, lookup.first_product[lookup.partner[side]] + cell * n)


@kernel
def add_few(codes: Bytes, n_rows: int, lookup: Lookup, phi_Fn: Floats) -> None:
    """Up to 64 rows need few lines of a bundle: those of the next bundle are found and fetched ahead."""
    cells = np.empty((2, _most_sides(lookup) * 2 * BYTES_PER_VECTOR), np.uint16)
    n_bundles = lookup.lanes.shape[0]
    for step in range(n_bundles + 1):
        if step < n_bundles:
            _find_all(lookup, step, codes, 0, cells[step % 2])
            _fetch(lookup, step, n_rows, cells[step % 2])
        if step > 0:
            _add_rows(lookup, step - 1, n_rows, cells[(step - 1) % 2], 0, phi_Fn)


@kernel
def _value(lookup: Lookup, bundle: int, cells: Bytes) -> Any:
    """The sum of a single row's lines on the sides of a bundle."""
    total = fill_floats(0.0)
    for side in range(lookup.bundle_offsets[bundle], lookup.paired_offsets[bundle]):
        total = add_floats(total, load_floats(lookup.lines, (lookup.first_line[side] + cells[side]) * LANES))
    for side in range(lookup.paired_offsets[bundle], lookup.bundle_offsets[bundle + 1]):
        n, partner = lookup.n_lines[side], lookup.partner[side]
        line = lookup.first_line[side] + cells[side] * n
        product = lookup.first_product[partner] + cells[partner] * n
        for k in range(n):
            weight = fill_floats(lookup.products[product + k])
            total = add_floats(total, multiply_floats(weight, load_floats(lookup.lines, (line + k) * LANES)))
    return total


@kernel
def add_one(codes: Bytes, n_rows: int, lookup: Lookup, phi_Fn: Floats) -> None:
    """One row: all its cells are found first, and its lines are asked for as soon as they are known."""
    n_sides = lookup.partner.shape[0]
    found, cells, total = np.empty(BYTES_PER_VECTOR, np.uint16), np.empty(n_sides, np.int64), np.empty(LANES)
    for side in range(n_sides):
        _find(lookup, side, codes, 0, found, 0)
        cells[side] = load_cell(found, 0)
        line = lookup.first_line[side] + cells[side] * lookup.n_lines[side]
        for k in range(lookup.n_lines[side]):
            prefetch(lookup.lines, (line + k) * LANES)
    for bundle in range(lookup.lanes.shape[0]):
        store_floats(total, 0, _value(lookup, bundle, cells))
        for lane in range(LANES):
            phi_Fn[lookup.lanes[bundle, lane], 0] += total[lane]
