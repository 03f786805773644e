"""All games of an ensemble, divided over the tables of groups and leaf-wise quadrature."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.compilation import Bytes, Floats
from streamrec_explain.trees.group_tables import GroupTables
from streamrec_explain.trees.grouping import Group, Grouping, Run, group_games, runs_of
from streamrec_explain.trees.leaf_games import LeafGames
from streamrec_explain.trees.leaf_integration import LeafIntegration


@dataclass(frozen=True, eq=False)
class ShapTables:
    """What a row's codes are looked up in, and the games that are integrated per row instead."""

    grouped: GroupTables
    integrated: LeafIntegration

    def add_shap(self, codes: Bytes, n_rows: int, phi_Fn: Floats) -> None:
        """Add the Shapley values of rows to phi; always in the same order, so that batches do not matter.

        Args:
            codes: of the rows, from `encode`.
            n_rows: rows to explain.
            phi_Fn: float64 [F + 1, 64 or more per block of codes]; the last row takes the zeros of empty lanes.
        """
        self.grouped.add_shap(codes, n_rows, phi_Fn)
        self.integrated.add_shap(codes, n_rows, phi_Fn)

    @property
    def n_bytes(self) -> int:
        """Memory of the tables."""
        return self.grouped.n_bytes


def build_tables(games: LeafGames, n_columns: int, n_features: int, memory_budget: int) -> ShapTables:
    """Tabulate the games as they are explained fastest within the budget (bytes)."""
    runs = runs_of(games)
    plan = _plan(group_games(runs, _line_cost(runs, memory_budget)), memory_budget)
    return ShapTables(
        GroupTables.filled(plan.groups, games, n_columns, n_features),
        LeafIntegration.of(games.subset(np.array(plan.integrated, dtype=np.int64))),
    )


LINE_COSTS = tuple(kilobytes << 10 for kilobytes in (16, 8, 4, 2, 1))
INTEGRATION_COST = 18  # lines that are looked up while one game is integrated, measured
SAMPLED_RUNS = 32


@dataclass(frozen=True)
class _Plan:
    """Groups to tabulate, games to integrate, and what both take per row, in lines."""

    groups: tuple[Group, ...]
    integrated: tuple[int, ...]
    cost: float


def _line_cost(runs: Sequence[Run], memory_budget: int) -> int:
    """The worth of a line at which a sample of the runs is explained fastest within its share of the budget."""
    sample = runs[:: max(1, len(runs) // SAMPLED_RUNS)]
    share = memory_budget * len(sample) // max(1, len(runs))
    best, lowest = LINE_COSTS[0], np.inf
    for line_cost in LINE_COSTS:
        grouping = group_games(sample, line_cost)
        plan = _plan(grouping, share)
        if plan.cost < lowest:
            best, lowest = line_cost, plan.cost
        if len(plan.groups) == len(grouping.groups):  # all fit; smaller tables would only be slower
            break
    return best


def _plan(grouping: Grouping, memory_budget: int) -> _Plan:
    """Tabulate the groups that save most per byte, and integrate the games of those beyond the budget."""

    def saved(group: Group) -> int:
        return INTEGRATION_COST * len(group.games()) - sum(group.n_lines)

    best_first = sorted(grouping.groups, key=lambda group: -saved(group) / group.n_bytes)
    total = np.cumsum([group.n_bytes for group in best_first])
    n_kept = int(np.searchsorted(total, memory_budget, side="right"))
    kept, dropped = set(best_first[:n_kept]), best_first[n_kept:]
    integrated = sorted([*grouping.left_over, *(game for group in dropped for game in group.games())])
    cost = sum(sum(group.n_lines) for group in kept) + INTEGRATION_COST * len(integrated)
    return _Plan(tuple(group for group in grouping.groups if group in kept), tuple(integrated), cost)
