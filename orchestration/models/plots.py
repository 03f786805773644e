"""Plots of training and evaluation as PNG bytes."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from streamrec_explain.pages.figures import png
from streamrec_explain.statistics.bootstrap import Estimate


def loss_curve(losses: Sequence[float]) -> bytes:
    """Mean loss by epoch."""
    figure = Figure(figsize=(6, 3))
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, marker="o")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (nats per event)")
    return png(figure)


def intervals(estimates: Mapping[str, Estimate], unit: str) -> bytes:
    """One value with its 95% interval per row."""
    figure = Figure(figsize=(6, 0.6 + 0.4 * len(estimates)))
    axes = figure.subplots()
    for row, (name, estimate) in enumerate(estimates.items()):
        axes.plot([estimate.low, estimate.high], [row, row], color="tab:blue")
        axes.plot([estimate.value], [row], "o", color="tab:blue", label=name)
    axes.set_yticks(range(len(estimates)), list(estimates))
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    return png(figure)
