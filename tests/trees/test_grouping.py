"""Groups: every leaf once, within the limits of a table."""

import numpy as np
import pytest

from streamrec_explain.trees.bundles import bundle_sides
from streamrec_explain.trees.conditions import axes_of
from streamrec_explain.trees.grouping import COMMON, LANES, MAX_CELLS, OWN, Grouping, group_games, runs_of
from streamrec_explain.trees.leaf_games import LeafGames, leaf_games
from streamrec_explain.trees.lightgbm_text import parse_lightgbm_text
from streamrec_explain.trees.sides import features_of, lay_out
from tests.trees.small_models import N_FEATURES, Trained


@pytest.fixture(params=[16 << 10, 1 << 10], ids=["few lines", "few bytes"])
def grouped(trained: Trained, request: pytest.FixtureRequest) -> tuple[LeafGames, Grouping]:
    """The games of a model and their groups, at two prices of a line."""
    ensemble = parse_lightgbm_text(trained.text)
    games = leaf_games(ensemble, *axes_of(ensemble))
    return games, group_games(runs_of(games), request.param)


def test_every_leaf_is_in_one_place(grouped: tuple[LeafGames, Grouping]) -> None:
    """Groups and the rest hold each game exactly once."""
    games, grouping = grouped
    placed = [game for group in grouping.groups for game in group.games()] + list(grouping.left_over)
    assert list(range(len(games.value))) == sorted(placed)


def test_sides_fit_a_table(grouped: tuple[LeafGames, Grouping]) -> None:
    """A side has at most LANES features and MAX_CELLS cells; the bytes are those counted when grouping."""
    games, grouping = grouped
    for group in grouping.groups:
        parts = [(group, side) for side in ((COMMON, OWN) if group.factored else (OWN,))]
        assert all(len(features_of(part)) <= LANES for part in parts)
        lanes = np.full((len(parts), LANES), N_FEATURES, dtype=np.int32)
        for row, part in zip(lanes, parts, strict=True):
            row[: len(features_of(part))] = features_of(part)
        cells = lay_out(parts, lanes, games).n_cells
        assert cells.max() <= MAX_CELLS
        lines = group.n_lines if group.factored else group.n_lines[1:]
        products = lines[::-1] if group.factored else (0,)
        n_bytes = sum(n * (64 * line + 8 * product) for n, line, product in zip(cells, lines, products, strict=True))
        assert group.n_bytes == pytest.approx(n_bytes, abs=8)


def test_leaves_are_alike_on_the_common_side(grouped: tuple[LeafGames, Grouping]) -> None:
    """All leaves of a factored group have the same players with the same ratios on the common side."""
    games, grouping = grouped
    for group in (group for group in grouping.groups if group.factored):
        common = set(features_of((group, COMMON)))
        players = {
            tuple(
                (int(games.feature[p]), float(games.ratio[p]))
                for p in range(games.player_offsets[g], games.player_offsets[g + 1])
                if int(games.feature[p]) in common
            )
            for g in group.games()
        }
        assert len(players) == 1


def test_a_line_that_costs_more_is_looked_up_less(trained: Trained) -> None:
    """The price of a line trades bytes for lines."""
    ensemble = parse_lightgbm_text(trained.text)
    runs = runs_of(leaf_games(ensemble, *axes_of(ensemble)))
    few_lines, few_bytes = group_games(runs, 16 << 10).groups, group_games(runs, 1 << 10).groups
    assert sum(sum(group.n_lines) for group in few_lines) <= sum(sum(group.n_lines) for group in few_bytes)
    assert sum(group.n_bytes for group in few_lines) >= sum(group.n_bytes for group in few_bytes)


def test_bundles_hold_their_sides_features() -> None:
    """Each side's features are among its bundle's lanes, sides come once, and subsets share a bundle."""
    sets = [[0, 1, 2], [1, 2], [3, 4, 5, 6, 7, 8, 9, 10], [3, 10], [11]]
    bundles = bundle_sides(sets, 12)
    assert list(range(5)) == sorted(bundles.order.tolist())
    for side, lanes in zip(bundles.order, bundles.lanes_of_sides(), strict=True):
        assert set(sets[side]) <= set(lanes.tolist())
    assert len(bundles.lanes) == 2
