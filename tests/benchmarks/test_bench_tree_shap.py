"""Speed of Shapley values against shap's C extension and LightGBM's pred_contrib, one core, in the same run.

Correctness comes first; then peers and explainer take turns, and medians are compared. Times are CPU time of
the thread, so that other work on the machine disturbs less.
"""

import time
from collections.abc import Callable
from statistics import median

import lightgbm as lgb
import numpy as np
import pytest
import shap
from numpy.typing import NDArray
from shap import _cext

from streamrec_explain.trees.tree_shap import TreeShapExplainer

N_FEATURES = 40
SIZES = {"100 x 31, depth 6": (100, 31, 6), "300 x 31": (300, 31, -1), "600 x 63": (600, 63, -1)}
BATCHES = {1: 40, 20: 12, 500: 5, 20_000: 1}  # rows: rounds
PEER_ROWS = 400  # peers' time per row does not fall with the batch, so they are timed on at most these
MUST = {1: 3.0, 20: 20.0, 500: 55.0, 20_000: 100.0}

Rows = NDArray[np.float64]
Explain = Callable[[Rows], NDArray[np.float64]]


def _trained(n_trees: int, n_leaves: int, max_depth: int) -> tuple[lgb.Booster, Rows]:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20_000, N_FEATURES))
    effects = rng.normal(size=N_FEATURES) * np.linspace(1, 0.1, N_FEATURES)
    target = rows @ effects + 2 * rows[:, 0] * rows[:, 1] + np.sin(3 * rows[:, 2]) * rows[:, 3]
    settings = {"objective": "regression", "num_leaves": n_leaves, "max_depth": max_depth, "learning_rate": 0.05}
    settings |= {"verbose": -1, "num_threads": 1, "seed": 1}
    data = lgb.Dataset(rows, target + rng.normal(size=len(rows)))
    return lgb.train(settings, data, n_trees), rng.normal(size=rows.shape)


def _c_extension(booster: lgb.Booster) -> Explain:
    """shap's C extension itself; `shap_values()` would hand the work to LightGBM."""
    model = shap.TreeExplainer(booster).model

    def explain(rows: Rows) -> NDArray[np.float64]:
        values = np.zeros((len(rows), N_FEATURES + 1, 1))
        _cext.dense_tree_shap(
            model.children_left, model.children_right, model.children_default, model.features, model.thresholds,
            model.threshold_types, model.values, model.node_sample_weight, model.max_depth, rows,
            np.zeros(rows.shape, dtype=bool), None, None, None, len(model.values), model.base_offset, values,
            1, 0, False,
        )  # fmt: skip
        return values[:, :-1, 0]

    return explain


def _pred_contrib(booster: lgb.Booster) -> Explain:
    return lambda rows: booster.predict(rows, pred_contrib=True, num_threads=1)[:, :-1]


def _microseconds(explain: Explain, rows: Rows) -> float:
    start = time.thread_time_ns()
    explain(rows)
    return (time.thread_time_ns() - start) / 1e3 / len(rows)


def _medians(explainers: dict[str, Explain], rows: Rows, batch: int, rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in explainers}
    for i in range(rounds):
        for name, explain in explainers.items():
            limit = batch if name == "tables" else min(batch, PEER_ROWS)
            first = (i * batch) % (len(rows) - limit + 1)
            times[name].append(_microseconds(explain, rows[first : first + limit]))
    return {name: median(values) for name, values in times.items()}


@pytest.mark.benchmark
@pytest.mark.parametrize("size", list(SIZES))
def test_bench_tree_shap(size: str) -> None:
    """Values are the peers' to 1e-12; the table of medians is printed; 300 x 31 must meet its ratios."""
    booster, rows = _trained(*SIZES[size])
    explainer = TreeShapExplainer.from_lightgbm(booster)
    peers = {"shap C": _c_extension(booster), "contrib": _pred_contrib(booster)}
    explainers = {"tables": explainer.shap_values, **peers}
    expected = explainers["contrib"](rows[:50])
    for explain in explainers.values():
        np.testing.assert_allclose(explain(rows[:50]), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    ratios = {}
    print(f"\n{size}: tables {explainer.table_bytes / 2**20:.0f} MB; microseconds per row")
    for batch, rounds in BATCHES.items():
        taken = _medians(explainers, rows, batch, rounds)
        ratios[batch] = min(taken["shap C"], taken["contrib"]) / taken["tables"]
        print(f"{batch:>7} rows " + " ".join(f"{name} {t:9.2f}" for name, t in taken.items()), end="")
        print(f"   ratio to the faster peer {ratios[batch]:6.1f}")
    if size == "300 x 31":
        short = {batch: ratio for batch, ratio in ratios.items() if ratio < MUST[batch]}
        assert not short, f"below {MUST}: {short}"
