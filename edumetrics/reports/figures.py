"""Figures in one house style: few inks, direct labels, readable in grey."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, QUIET, LINE, PAPER, ACTION = "#1F2A33", "#55606B", "#DDD8CD", "#F5F3EE", "#1B4F86"
NAMES = {"effort_score": "Recorded activity (0-100)", "academic_performance": "Academic performance (0-100)"}


def distributions(metrics: pd.DataFrame) -> Figure:
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
    return figure


def galaxy(metrics: pd.DataFrame) -> Figure:
    """Effort against academic performance, one point a student; the medians divide the field."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained", facecolor="white")
    axes = figure.subplots()
    points = metrics.dropna(subset=list(NAMES))
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
    return figure


def _frame(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK, fontsize=10)
    axes.set_ylabel(y, color=INK, fontsize=10)
    axes.tick_params(colors=QUIET, labelsize=9, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
