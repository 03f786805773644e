"""All games of an ensemble, divided over plain tables, factored tables and leaf-wise quadrature."""

from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Floats
from streamrec_explain.trees.factored_tables import BYTES_PER_NODE, FactoredTables, nodes_of
from streamrec_explain.trees.grouping import Group, group_games
from streamrec_explain.trees.leaf_games import LeafGames
from streamrec_explain.trees.leaf_integration import LeafIntegration
from streamrec_explain.trees.plain_tables import BYTES_PER_CELL, PlainTables


@dataclass(frozen=True, eq=False)
class ShapTables:
    """What a row's codes are looked up in, and the games that are integrated per row instead."""

    plain: PlainTables
    factored: FactoredTables
    integrated: LeafIntegration

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the Shapley values of rows to phi; always in the same order, so that batches do not matter.

        Args:
            codes: of the rows, from `encode`.
            n_rows: rows to explain.
            phi_Fn: float64 [F + 1, 64 per block of codes]; the last row takes the zeros of empty lanes.
        """
        self.plain.add_shap(codes, n_rows, phi_Fn)
        self.factored.add_shap(codes, n_rows, phi_Fn)
        self.integrated.add_shap(codes, n_rows, phi_Fn)

    @property
    def n_bytes(self) -> int:
        """Memory of the tables."""
        return self.plain.lines.nbytes + self.factored.lines.nbytes + self.factored.products.nbytes


def build_tables(games: LeafGames, n_columns: int, n_features: int, memory_budget: int) -> ShapTables:
    """Tabulate as many games as the budget (bytes) allows, those with the smallest tables per game first."""
    grouping = group_games(games)
    kept, dropped = _within_budget(grouping.groups, games, memory_budget)
    plain = [group for group in kept if not group.factored]
    factored = [group for group in kept if group.factored]
    left_over = sorted([*grouping.left_over, *(game for group in dropped for game in group.games())])
    return ShapTables(
        PlainTables.filled(plain, games, n_columns, n_features),
        FactoredTables.filled(factored, games, n_columns, n_features),
        LeafIntegration.of(games.subset(np.array(left_over, dtype=np.int64))),
    )


def _size(group: Group, games: LeafGames) -> int:
    """Bytes that a group's table takes."""
    per_cell = BYTES_PER_NODE * nodes_of(group, games) if group.factored else BYTES_PER_CELL
    return group.n_cells * per_cell


def _within_budget(
    groups: tuple[Group, ...], games: LeafGames, memory_budget: int
) -> tuple[list[Group], list[Group]]:
    """Groups in their order, those that fit and those that do not."""
    sizes = {group: _size(group, games) for group in groups}
    cheapest_first = sorted(groups, key=lambda group: sizes[group] / group.mask.bit_count())
    total = np.cumsum([sizes[group] for group in cheapest_first])
    fitting = set(cheapest_first[: int(np.searchsorted(total, memory_budget, side="right"))])
    return [group for group in groups if group in fitting], [
        group for group in groups if group not in fitting
    ]
