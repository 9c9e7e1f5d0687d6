"""Figures in one house style: few inks, direct labels, readable in grey."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, QUIET, LINE, ACTION = "#1F2A33", "#55606B", "#DDD8CD", "#1B4F86"
NAMES = {"effort_score": "Recorded activity (0-100)", "academic_performance": "Academic performance (0-100)"}
WORDS = {"effort_score": "recorded activity", "academic_performance": "academic performance"}


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows in words; it displays itself in a notebook, with the words as alternative text."""

    figure: Figure
    alt: str

    def png(self) -> bytes:
        """The picture as PNG; equal figures give equal bytes."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return self.png(), {"alt": self.alt}


def distributions(metrics: pd.DataFrame) -> Picture:
    """Two histograms: effort_score and academic_performance; the median is marked and named."""
    figure = Figure(figsize=(9, 3.2), layout="constrained", facecolor="white")
    for axes, (column, label) in zip(np.ravel(figure.subplots(1, 2, sharey=True)), NAMES.items(), strict=True):
        values = metrics[column].dropna()
        axes.hist(
            values, bins=np.arange(0, 101, 5).tolist(), color=ACTION, alpha=0.75, edgecolor="white", linewidth=0.5
        )
        _frame(axes, label, "students" if column == "effort_score" else "")
        missing = len(metrics) - len(values)
        note = f"{missing} without a value" if missing else ""
        if len(values):
            axes.axvline(values.median(), color=INK, linewidth=1)
            note = f"median {values.median():.0f}" + (f", {note}" if note else "")
        axes.set_title(note, fontsize=9, color=QUIET, loc="right")
    medians = (f"half of the students are above {_median(metrics[column])} in {name}" for column, name in WORDS.items())
    return Picture(figure, f"Distributions: {' and '.join(medians)}.")


def galaxy(metrics: pd.DataFrame) -> Picture:
    """Effort against academic performance, one point a student; the medians divide the field."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained", facecolor="white")
    axes = figure.subplots()
    points = metrics[list(NAMES)].dropna()
    axes.scatter(points["effort_score"], points["academic_performance"], s=16, color=ACTION, alpha=0.55, linewidths=0)
    for column, line in (("effort_score", axes.axvline), ("academic_performance", axes.axhline)):
        if len(points):
            line(points[column].median(), color=LINE, linewidth=1, zorder=0)
    axes.set_xlim(-2, 102)
    axes.set_ylim(-2, 102)
    _frame(axes, NAMES["effort_score"], NAMES["academic_performance"])
    left_out = len(metrics) - len(points)
    note = f"{len(points)} students" + (f"; {left_out} without a value on one axis are not shown" if left_out else "")
    axes.set_title(note, fontsize=9, color=QUIET, loc="left")
    low = points[(points < points[list(NAMES)].median()).all(axis=1)] if len(points) else points
    return Picture(figure, f"{len(low)} of {len(points)} students are below the median of both activity and marks.")


def _median(values: pd.Series) -> str:
    return f"{values.median():.0f}" if values.notna().any() else "an unknown value"


def _frame(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK, fontsize=10)
    axes.set_ylabel(y, color=INK, fontsize=10)
    axes.tick_params(colors=QUIET, labelsize=9, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)


def policy(grid: pd.DataFrame) -> Picture:
    """Failing students reached, and advisor hours, by watch threshold; one line a capacity. `grid` as `policy.grid`."""
    figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
    reached, hours = np.ravel(figure.subplots(1, 2))
    styles = dict(zip(sorted(grid["capacity"].unique()), ("-", "--", ":", "-.") * len(grid), strict=False))
    for capacity, rows in grid.groupby("capacity"):
        style = {"linestyle": styles[capacity], "color": ACTION, "marker": "o", "markersize": 4}
        reached.plot(rows["watch"], 100 * rows["fails_reached"], **style)
        hours.plot(rows["watch"], rows["hours"], **style)
        last = (rows["watch"].iloc[-1], rows["hours"].iloc[-1])
        hours.annotate(f" capacity {capacity}", last, color=QUIET, fontsize=9, va="center")
    every = grid.drop_duplicates("watch").sort_values("watch")
    listed = 100 * every["fails_listed"]
    reached.plot(every["watch"], listed, color=INK, linewidth=1)
    reached.annotate("on the list ", (every["watch"].iloc[0], listed.iloc[0]), color=INK, fontsize=9, ha="right")
    _frame(reached, "Watch threshold", "of those who failed, %")
    _frame(hours, "Watch threshold", "advisor hours in the semester")
    reached.set_ylim(0, 102)
    for axes in (reached, hours):
        axes.margins(x=0.25)
    best = grid.sort_values(["fails_reached", "hours"], ascending=[False, True]).iloc[0]
    policy_words = f"a watch threshold of {best['watch']:.0f} and a capacity of {best['capacity']:.0f}"
    share = f"At most {100 * best['fails_reached']:.0f}% of those who failed would have been reached"
    return Picture(figure, f"{share}, with {policy_words}, in {best['hours']:.0f} advisor hours.")


def reliability(table: pd.DataFrame, what: str, scale: float) -> Picture:
    """Forecast against what happened, ten groups of equal size, the diagonal being a forecast that held.

    Args:
        table: forecast, happened, n, as `forecast.measures.reliability`.
        what: the name of the forecast, with its unit.
        scale: what forecasts and outcomes are multiplied by to have that unit.
    """
    figure = Figure(figsize=(4.6, 4.2), layout="constrained", facecolor="white")
    axes = figure.subplots()
    said, was = scale * table["forecast"], scale * table["happened"]
    low, high = min(said.min(), was.min()) - 3, max(said.max(), was.max()) + 3
    axes.plot([low, high], [low, high], color=LINE, linewidth=1, zorder=0)
    axes.plot(said, was, color=ACTION, marker="o", markersize=5, linewidth=1)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    _frame(axes, f"Forecast: {what}", "What happened")
    off = (said - was).abs()
    return Picture(figure, f"Forecast and outcome differ by {off.mean():.0f} on average, at most by {off.max():.0f}.")


def precision(tables: dict[str, pd.DataFrame]) -> Picture:
    """Precision at the advisors' capacity by week, one line a candidate, labelled at its end, over the base rate."""
    figure = Figure(figsize=(8, 3.6), layout="constrained", facecolor="white")
    axes = figure.subplots()
    base = pd.Series(dtype="float64")
    for name, table in tables.items():
        weeks, share = table["sem_week"], 100 * table["precision_at_capacity"]
        main = name == next(iter(tables))
        axes.plot(weeks, share, color=ACTION if main else QUIET, linewidth=2 if main else 1)
        axes.annotate(
            f" {name}", (weeks.iloc[-1], share.iloc[-1]), color=ACTION if main else QUIET, fontsize=9, va="center"
        )
        base = 100 * table["base_rate"].set_axis(weeks)
    axes.plot(base.index, base, color=INK, linewidth=1, linestyle=":")
    axes.annotate(" all students", (base.index[-1], base.iloc[-1]), color=INK, fontsize=9, va="center")
    axes.set_ylim(0, 102)
    axes.set_xlim(base.index[0] - 0.5, base.index[-1] + 0.22 * (base.index[-1] - base.index[0]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _frame(axes, "Semester week", "of those in a place, failed or left, %")
    first, table = next(iter(tables.items()))
    mean = 100 * table["precision_at_capacity"].mean()
    return Picture(
        figure, f"Of those {first} would have given a place, {mean:.0f}% failed or left; of all, {base.mean():.0f}%."
    )
