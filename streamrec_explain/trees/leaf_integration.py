"""Shapley values of leaf games by quadrature per row, eight rows at a time."""

from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Flags, Floats, Ints, Offsets, kernel
from streamrec_explain.trees.leaf_games import LeafGames, rules_up_to
from streamrec_explain.trees.vectors import (
    BYTES_PER_VECTOR,
    FLOATS_PER_VECTOR,
    add_floats,
    add_to_floats,
    fill_floats,
    load_floats,
    multiply_floats,
    store_floats,
    zero_unless,
)


@dataclass(frozen=True, eq=False)
class LeafIntegration:
    """Games with the quadrature rule for each number of players."""

    games: LeafGames
    rule_offsets: Offsets
    nodes: Floats
    weights: Floats

    @classmethod
    def of(cls, games: LeafGames) -> "LeafIntegration":
        """Games with the rules they need."""
        return cls(games, *rules_up_to(games.most_players()))

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add every game's Shapley values of every row to phi, float64 [F or more, 64 per block].

        `codes` come from `encode`. See `leaf_games` for the formula.
        """
        games = self.games
        _add(
            games.value, games.player_offsets, games.feature, games.ratio, games.condition_offsets, games.column,
            games.limit, games.above, self.rule_offsets, self.nodes, self.weights, codes, n_rows, phi_Fn,
        )  # fmt: skip


@kernel
def _add(
    value: Floats,
    player_offsets: Offsets,
    feature: Ints,
    ratio: Floats,
    condition_offsets: Offsets,
    column: Ints,
    limit: Bytes,
    above: Flags,
    rule_offsets: Offsets,
    nodes: Floats,
    weights: Floats,
    codes: Bytes,
    n_rows: int,
    phi_Fn: Floats,
) -> None:
    size = (rule_offsets.shape[0], FLOATS_PER_VECTOR)
    bits, factors, suffix, terms = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    for row in range(0, n_rows, FLOATS_PER_VECTOR):
        block, lane = row // BYTES_PER_VECTOR, row % BYTES_PER_VECTOR
        for game in range(value.shape[0]):
            first = player_offsets[game]
            d = player_offsets[game + 1] - first
            for p in range(d):
                bit = fill_floats(1.0)
                for c in range(condition_offsets[first + p], condition_offsets[first + p + 1]):
                    start = (block * codes.shape[1] + column[c]) * BYTES_PER_VECTOR + lane
                    bit = zero_unless(bit, codes, start, limit[c], above[c])
                store_floats(bits, p * FLOATS_PER_VECTOR, bit)
                store_floats(terms, p * FLOATS_PER_VECTOR, fill_floats(0.0))
            for k in range(rule_offsets[d], rule_offsets[d + 1]):
                _add_node(nodes[k], weights[k], first, d, ratio, bits, factors, suffix, terms)
            for p in range(d):
                gap = add_floats(load_floats(bits, p * FLOATS_PER_VECTOR), fill_floats(-ratio[first + p]))
                term = multiply_floats(load_floats(terms, p * FLOATS_PER_VECTOR), gap)
                start = feature[first + p] * phi_Fn.shape[1] + row
                add_to_floats(phi_Fn, start, multiply_floats(term, fill_floats(value[game])))


@kernel
def _add_node(
    t: float,
    weight: float,
    first: int,
    d: int,
    ratio: Floats,
    bits: Floats,
    factors: Floats,
    suffix: Floats,
    terms: Floats,
) -> None:
    """Add weight * Prod_{g != p} f_g(t) to the terms of each of d players, for eight rows."""
    after = fill_floats(1.0)
    for p in range(d - 1, -1, -1):
        at = p * FLOATS_PER_VECTOR
        store_floats(suffix, at, after)
        bit = multiply_floats(fill_floats(t), load_floats(bits, at))
        factor = add_floats(bit, fill_floats((1.0 - t) * ratio[first + p]))
        store_floats(factors, at, factor)
        after = multiply_floats(after, factor)
    before = fill_floats(weight)
    for p in range(d):
        at = p * FLOATS_PER_VECTOR
        add_to_floats(terms, at, multiply_floats(before, load_floats(suffix, at)))
        before = multiply_floats(before, load_floats(factors, at))
