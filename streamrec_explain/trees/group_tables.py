"""Tables of groups: per cell of a side, lines of Shapley terms of its features and products for the other side.

With the features of a group divided over a common side A, on which all its leaves l are alike, and an own side B,
and f_g(t) = t b_g + (1 - t) r_g, the Shapley values of feature i of A and j of B are (see `leaf_games`)

    phi_i = Integral_0^1 EA_i(t) PB(t) dt,     EA_i = (b_i - r_i) Prod_{g in A, g != i} f_g,
                                               PB = Sum_l v_l Prod_{g in B} f_g,
    phi_j = Integral_0^1 EB_j(t) PA(t) dt,     EB_j = Sum_l v_l (b_j - r_j) Prod_{g in B, g != j} f_g,
                                               PA = Prod_{g in A} f_g.

A polynomial of degree < n is known from n numbers, so each integral is a sum of n products of a number that depends
on the row's cell on A and one that depends on its cell on B, n = min(|A|, |B| + 1) for phi_i and
min(|B|, |A| + 1) for phi_j: the factor of smaller degree by its values at n nodes, the other by its integrals
against the Lagrange polynomials of these nodes (`quadrature.Readings`). A group that fits one table has an
empty side A: one line per cell, and nothing to multiply by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.bundles import Bundles, bundle_sides
from streamrec_explain.trees.compilation import Bytes, Floats
from streamrec_explain.trees.filling import Contents, fill
from streamrec_explain.trees.grouping import COMMON, OWN, Group
from streamrec_explain.trees.leaf_games import LeafGames, offsets_of
from streamrec_explain.trees.lookup import NO_PARTNER, Lookup, add_few, add_many, add_one
from streamrec_explain.trees.quadrature import Readings, integrals, values_at_nodes
from streamrec_explain.trees.sides import Part, Sides, features_of, lay_out
from streamrec_explain.trees.vectors import BYTES_PER_VECTOR, zero_lines


@dataclass(frozen=True, eq=False)
class GroupTables:
    """The filled tables, in the order in which rows look them up."""

    lookup: Lookup

    @classmethod
    def filled(cls, groups: Sequence[Group], games: LeafGames, n_columns: int, n_features: int) -> "GroupTables":
        """Lay out and fill the tables of groups of games."""
        parts = _parts(groups)
        bundles = bundle_sides([features_of(part) for part in parts], n_features)
        ordered = [parts[i] for i in bundles.order]
        sides = lay_out(ordered, bundles.lanes_of_sides(), games)
        lookup = _empty(ordered, bundles, sides)
        fill(_contents(ordered, sides), lookup, np.zeros((n_columns, 1), dtype=np.uint8))
        return cls(lookup)

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the values of rows to phi, float64 [F + 1, 64 or more per block]; codes come from `encode`."""
        add = add_one if n_rows == 1 else add_few if n_rows <= BYTES_PER_VECTOR else add_many
        add(codes, n_rows, self.lookup, phi_Fn)

    @property
    def n_bytes(self) -> int:
        """Memory of lines and products."""
        return self.lookup.lines.nbytes + self.lookup.products.nbytes


def _parts(groups: Sequence[Group]) -> list[Part]:
    """The sides of all groups, those without a partner first: so it is in every bundle."""
    plain = [(group, OWN) for group in groups if not group.factored]
    return plain + [(group, side) for group in groups if group.factored for side in (COMMON, OWN)]


def _empty(parts: Sequence[Part], bundles: Bundles, sides: Sides) -> Lookup:
    place = {part: s for s, part in enumerate(parts)}
    partner = np.array([place.get((group, 1 - side), NO_PARTNER) for group, side in parts], dtype=np.int64)
    n_lines = np.array([group.n_lines[side] for group, side in parts], dtype=np.int64)
    n_products = np.array([group.n_lines[1 - side] for group, side in parts], dtype=np.int64)
    first_line, first_product = offsets_of(sides.n_cells * n_lines), offsets_of(sides.n_cells * n_products)
    alone = np.concatenate([[0], np.cumsum(partner == NO_PARTNER)])
    return Lookup(
        node_offsets=sides.node_offsets,
        node_column=sides.node_column,
        node_limit=sides.node_limit,
        node_delta=sides.node_delta,
        bundle_offsets=bundles.offsets,
        paired_offsets=bundles.offsets[:-1] + np.diff(alone[bundles.offsets]),
        lanes=bundles.lanes,
        partner=partner,
        n_lines=n_lines,
        first_line=first_line,
        first_product=first_product,
        lines=zero_lines(int(first_line[-1])),
        products=np.zeros(int(first_product[-1])),
    )


def _contents(parts: Sequence[Part], sides: Sides) -> Contents:
    lines = [_readings_of_lines(*_widths(part)) for part in parts]
    products = [_readings_of_products(*_widths(part)) for part in parts]
    readings = list(dict.fromkeys([*lines, *products]))
    index = {reading: i for i, reading in enumerate(readings)}
    own = sides.games
    return Contents(
        digit_offsets=sides.digit_offsets,
        digit_column=sides.digit_column,
        sample_offsets=sides.sample_offsets,
        samples=sides.samples,
        n_cells=sides.n_cells,
        game_offsets=sides.game_offsets,
        common=np.array([side == COMMON for _, side in parts], dtype=np.bool_),
        value=own.value,
        player_offsets=own.player_offsets,
        ratio=own.ratio,
        player_lane=sides.player_lane,
        condition_offsets=own.condition_offsets,
        column=own.column,
        limit=own.limit,
        above=own.above,
        line_readings=np.array([index[reading] for reading in lines], dtype=np.int64),
        product_readings=np.array([index[reading] for reading in products], dtype=np.int64),
        reading_offsets=offsets_of(len(reading.nodes) for reading in readings),
        nodes=np.concatenate([np.zeros(0), *(reading.nodes for reading in readings)]),
        weight_offsets=offsets_of(reading.weights.size for reading in readings),
        weights=np.concatenate([np.zeros(0), *(reading.weights.T.ravel() for reading in readings)]),
    )


def _widths(part: Part) -> tuple[int, int]:
    """Features of a side and of the other one."""
    group, side = part
    return group.sides.count(side), group.sides.count(1 - side)


def _readings_of_lines(width: int, other: int) -> Readings:
    """What lines hold of polynomials of degree width - 1, to be paired with ones of degree `other`."""
    return values_at_nodes(width) if width <= other + 1 else integrals(other + 1, width - 1)


def _readings_of_products(width: int, other: int) -> Readings:
    """What products hold of polynomials of degree `width`, to be paired with ones of degree other - 1."""
    return integrals(other, width) if other <= width + 1 else values_at_nodes(width + 1)
