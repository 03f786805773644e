"""All games of an ensemble, divided over plain tables, factored tables and leaf-wise quadrature."""

from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Floats
from streamrec_explain.trees.factored_tables import BYTES_PER_NODE, FactoredTables
from streamrec_explain.trees.grouping import Group, group_games
from streamrec_explain.trees.leaf_games import LeafGames
from streamrec_explain.trees.leaf_integration import add_leaf_shap
from streamrec_explain.trees.plain_tables import BYTES_PER_CELL, PlainTables
from streamrec_explain.trees.quadrature import node_count
from streamrec_explain.trees.sides import lay_out


@dataclass(frozen=True, eq=False)
class ShapTables:
    """What a row's codes are looked up in, and the games that are integrated per row instead."""

    plain: PlainTables
    factored: FactoredTables
    integrated: LeafGames

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the Shapley values of rows to phi; always in the same order, so that batches do not matter.

        Args:
            codes: of the rows, from `encode`.
            n_rows: rows to explain.
            phi_Fn: float64 [F + 1, 64 per block of codes]; the last row takes the zeros of empty lanes.
        """
        self.plain.add_shap(codes, n_rows, phi_Fn)
        self.factored.add_shap(codes, n_rows, phi_Fn)
        add_leaf_shap(self.integrated, codes, n_rows, phi_Fn)

    @property
    def n_bytes(self) -> int:
        """Memory of the tables."""
        return self.plain.lines.nbytes + self.factored.lines.nbytes + self.factored.products.nbytes


def build_tables(games: LeafGames, n_columns: int, n_features: int, memory_budget: int) -> ShapTables:
    """Tabulate as many games as the budget (bytes) allows, those with the smallest tables per game first."""
    grouping = group_games(games)
    nodes = {group: _n_nodes(group, games) for group in grouping.groups}
    kept, dropped = _within_budget(grouping.groups, nodes, memory_budget)
    plain = [(group, 0) for group in kept if not group.factored]
    factored = [(group, side) for group in kept if group.factored for side in (0, 1)]
    n_nodes = np.array([nodes[group] for group, _ in factored], dtype=np.int32)
    left_over = sorted([*grouping.left_over, *(game for group in dropped for game in group.games())])
    return ShapTables(
        PlainTables.filled(lay_out(plain, games, n_features), n_columns),
        FactoredTables.filled(lay_out(factored, games, n_features), n_nodes, n_columns),
        games.subset(np.array(left_over, dtype=np.int64)),
    )


def _n_nodes(group: Group, games: LeafGames) -> int:
    """Quadrature nodes that integrate the deepest game of a group exactly."""
    return node_count(max(int(games.player_offsets[g + 1] - games.player_offsets[g]) for g in group.games()))


def _within_budget(
    groups: tuple[Group, ...], nodes: dict[Group, int], memory_budget: int
) -> tuple[list[Group], list[Group]]:
    """Groups in their order, those that fit and those that do not."""
    sizes = {group: group.n_cells * (BYTES_PER_NODE * nodes[group] if group.factored else BYTES_PER_CELL)
             for group in groups}  # fmt: skip
    cheapest_first = sorted(groups, key=lambda group: sizes[group] / group.mask.bit_count())
    total = np.cumsum([sizes[group] for group in cheapest_first])
    fitting = set(cheapest_first[: int(np.searchsorted(total, memory_budget, side="right"))])
    return [group for group in groups if group in fitting], [group for group in groups if group not in fitting]
