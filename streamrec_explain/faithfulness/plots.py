"""Plots of a faithfulness audit: by history length beside chance, by type, and what removal does end to end."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from streamrec_explain.faithfulness.report import FaithfulnessReport, HistoryFaithfulness, MeasuredRate
from streamrec_explain.pages.figures import png

INK, ACCENT, SOFT = "#1d2330", "#2f5bd0", "#8a93a5"


def audit_plots(report: FaithfulnessReport) -> dict[str, bytes]:
    """Every plot of a report as PNG, by name; those of history only where a history sentence was said."""
    plots = {"types": types(report)}
    if report.history:
        plots |= {"by_length": by_length(report.history), "end_to_end": end_to_end(report.history)}
    return plots


def by_length(found: HistoryFaithfulness) -> bytes:
    """Strict agreement and the case study's criterion by history length, each beside what chance reaches."""
    figure = Figure(figsize=(7, 3.4))
    axes = figure.subplots()
    bands = list(found.by_length)
    rows = list(found.by_length.values())
    _rates(axes, [row.strict for row in rows], ACCENT, "named = largest drops", -0.08)
    _chance(axes, [row.strict_chance for row in rows], ACCENT, "chance of that")
    _rates(axes, [row.case_study for row in rows], INK, "case study: in the top five", 0.08)
    _chance(axes, [row.case_study_chance for row in rows], INK, "chance of that")
    _lengths(axes, bands, [row.strict.n for row in rows])
    axes.set_ylabel("watch-history sentences")
    return png(figure)


def end_to_end(found: HistoryFaithfulness) -> bytes:
    """How often the raw score falls without the named items, beside as many random items, by history length."""
    figure = Figure(figsize=(7, 3.4))
    axes = figure.subplots()
    bands = list(found.by_length)
    rows = list(found.by_length.values())
    _rates(axes, [row.falls for row in rows], ACCENT, "without the named items", -0.08)
    _rates(axes, [row.random_falls for row in rows], SOFT, "without random items", 0.08)
    _lengths(axes, bands, [row.falls.n for row in rows])
    axes.set_ylabel("raw score falls")
    return png(figure)


def types(report: FaithfulnessReport) -> bytes:
    """What share of all sentences is of each type."""
    figure = Figure(figsize=(7, 0.5 + 0.4 * len(report.shares)))
    axes = figure.subplots()
    ordered = dict(sorted(report.shares.items(), key=lambda pair: pair[1]))
    bars = axes.barh(list(ordered), [100 * share for share in ordered.values()], color=ACCENT)
    axes.bar_label(bars, [f"{100 * share:.1f}%" for share in ordered.values()], padding=3)
    axes.set_xlim(0, 108)
    axes.set_xlabel("% of sentences")
    _bare(axes)
    return png(figure)


def _rates(axes: Axes, rates: Sequence[MeasuredRate], color: str, label: str, shift: float) -> None:
    """Points with their intervals; a band without sentences has none."""
    places = [place for place, rate in enumerate(rates) if rate.value is not None]
    values = [rate.value or 0.0 for rate in rates if rate.value is not None]
    known = [rate for rate in rates if rate.value is not None]
    below = [max(0.0, 100 * (value - rate.low)) for value, rate in zip(values, known, strict=True)]
    above = [max(0.0, 100 * (rate.high - value)) for value, rate in zip(values, known, strict=True)]
    axes.errorbar(
        [place + shift for place in places],
        [100 * value for value in values],
        yerr=[below, above],
        fmt="o",
        color=color,
        capsize=3,
        label=label,
    )


def _chance(axes: Axes, levels: Sequence[float], color: str, label: str) -> None:
    axes.plot([100 * level for level in levels], "--", color=color, alpha=0.6, label=label)


def _lengths(axes: Axes, bands: Sequence[str], counts: Sequence[int]) -> None:
    axes.set_xticks(range(len(bands)), [f"{band}\n(n={count})" for band, count in zip(bands, counts, strict=True)])
    axes.set_xlabel("events in the history")
    axes.set_ylim(-3, 106)
    axes.set_yticks(range(0, 101, 25), [f"{percent}%" for percent in range(0, 101, 25)])
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    _bare(axes)


def _bare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
