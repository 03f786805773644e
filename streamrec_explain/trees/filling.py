"""Fills the tables of groups: for every cell of a side, by the leaf-wise formula on a row that lies in it."""

from typing import NamedTuple

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.grouping import LANES
from streamrec_explain.trees.lookup import Lookup


class Contents(NamedTuple):
    """What S sides hold: their cells, games and the readings that are taken of their polynomials.

    See `Sides` and `LeafGames` for the arrays of these names. The weights of a reading are stored node by node.
    """

    digit_offsets: Offsets
    digit_column: Ints
    sample_offsets: Offsets
    samples: Bytes
    n_cells: Offsets
    game_offsets: Offsets
    common: Flags  # [S] all games are alike, and values belong to the other side
    value: Floats
    player_offsets: Offsets
    ratio: Floats
    player_lane: Ints
    condition_offsets: Offsets
    column: Ints
    limit: Bytes
    above: Flags
    line_readings: Offsets  # [S] of the lines
    product_readings: Offsets  # [S] of the products
    reading_offsets: Offsets  # nodes of each reading
    nodes: Floats
    weight_offsets: Offsets
    weights: Floats


@kernel
def fill(contents: Contents, lookup: Lookup, codes: Bytes) -> None:
    """Fill all lines and products; `codes` uint8 [n_columns, 1] is scratch."""
    bits, suffix, terms = np.zeros(LANES), np.zeros(LANES + 1), np.zeros(LANES + 1)
    for side in range(contents.common.shape[0]):
        n_games = 1 if contents.common[side] else contents.game_offsets[side + 1] - contents.game_offsets[side]
        n_cells = contents.n_cells[side]
        n_lines = lookup.n_lines[side]
        n_products = (lookup.first_product[side + 1] - lookup.first_product[side]) // n_cells
        for cell in range(n_cells):
            _set_codes(cell, side, contents, codes)
            line = lookup.first_line[side] + cell * n_lines
            product = lookup.first_product[side] + cell * n_products
            for game in range(contents.game_offsets[side], contents.game_offsets[side] + n_games):
                value = 1.0 if contents.common[side] else contents.value[game]
                _set_bits(game, contents, codes, bits)
                _add_lines(contents, side, game, value, bits, suffix, terms, lookup.lines[line : line + n_lines])
                _add_products(contents, side, game, value, bits, lookup.products[product : product + n_products])


@kernel
def _set_codes(cell: int, side: int, contents: Contents, codes: Bytes) -> None:
    """Write codes of a row that lies in a cell of a side."""
    rest = cell
    for digit in range(contents.digit_offsets[side], contents.digit_offsets[side + 1]):
        start = contents.sample_offsets[digit]
        size = contents.sample_offsets[digit + 1] - start
        codes[contents.digit_column[digit], 0] = contents.samples[start + rest % size]
        rest //= size


@kernel
def _set_bits(game: int, contents: Contents, codes: Bytes, bits: Floats) -> None:
    """Write 1 for each player of a game that agrees and 0 for the others."""
    first = contents.player_offsets[game]
    for p in range(contents.player_offsets[game + 1] - first):
        bits[p] = 1.0
        for c in range(contents.condition_offsets[first + p], contents.condition_offsets[first + p + 1]):
            if (codes[contents.column[c], 0] > contents.limit[c]) != contents.above[c]:
                bits[p] = 0.0


@kernel
def _add_lines(
    contents: Contents,
    side: int,
    game: int,
    value: float,
    bits: Floats,
    suffix: Floats,
    terms: Floats,
    lines: Floats,
) -> None:
    """Add value times the readings of (b_p - r_p) Prod_{g != p} f_g to the lines, in the lane of each player p."""
    reading, n_lines = contents.line_readings[side], lines.shape[0]
    first = contents.player_offsets[game]
    d = contents.player_offsets[game + 1] - first
    for j in range(contents.reading_offsets[reading + 1] - contents.reading_offsets[reading]):
        t = contents.nodes[contents.reading_offsets[reading] + j]
        suffix[d] = 1.0
        for p in range(d - 1, -1, -1):
            suffix[p] = suffix[p + 1] * (t * bits[p] + (1.0 - t) * contents.ratio[first + p])
        before = value
        for p in range(d):
            terms[p] = before * suffix[p + 1] * (bits[p] - contents.ratio[first + p])
            before *= t * bits[p] + (1.0 - t) * contents.ratio[first + p]
        for k in range(n_lines):
            weight = contents.weights[contents.weight_offsets[reading] + j * n_lines + k]
            if weight != 0.0:
                for p in range(d):
                    lines[k, contents.player_lane[first + p]] += weight * terms[p]


@kernel
def _add_products(
    contents: Contents,
    side: int,
    game: int,
    value: float,
    bits: Floats,
    products: Floats,
) -> None:
    """Add value times the readings of Prod_g f_g to the products."""
    reading, n_products = contents.product_readings[side], products.shape[0]
    if n_products == 0:
        return
    first = contents.player_offsets[game]
    for j in range(contents.reading_offsets[reading + 1] - contents.reading_offsets[reading]):
        t = contents.nodes[contents.reading_offsets[reading] + j]
        term = value
        for p in range(first, contents.player_offsets[game + 1]):
            term *= t * bits[p - first] + (1.0 - t) * contents.ratio[p]
        for k in range(n_products):
            products[k] += contents.weights[contents.weight_offsets[reading] + j * n_products + k] * term
