"""The student galaxy: recorded activity against academic performance, one point a student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from edumetrics.reports.figures import ACTION, INK, LINE, NAMES, QUIET, Picture, frame

AXES = tuple(NAMES)
# Tiers are told apart by shape; ink only repeats it.
MARKS = {
    "critical": ("D", "#8A2A12", "Urgent"),
    "high": ("^", "#6E4A00", "Soon"),
    "watch": ("o", "#1F5A57", "In view"),
}
FAINT = "#C9C4B8"
# Fewer points are no picture.
LEAST = 3
# A class is only shown behind where its points are so many that nobody can be told.
LEAST_BEHIND = 10


@dataclass(frozen=True)
class Star:
    """One student: x and y now, the tier (empty when not listed), x and y last week (NaN where not known)."""

    x: float
    y: float
    tier: str
    was_x: float
    was_y: float


@dataclass(frozen=True)
class Galaxy:
    """Students as points, those of their class behind, and what the picture shows in words."""

    stars: tuple[Star, ...]
    behind: tuple[tuple[float, float], ...]
    alt: str

    def picture(self) -> Picture:
        """It, drawn; equal galaxies give equal pictures."""
        figure = Figure(figsize=(4.8, 4.5), dpi=130, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.135, 0.125, 0.84, 0.79))
        frame(axes, *(NAMES[name] for name in AXES))
        axes.set_xlim(-3, 103)
        axes.set_ylim(-3, 103)
        for star in self.stars:
            axes.plot(
                [star.was_x, star.x], [star.was_y, star.y], color=FAINT, linewidth=1, zorder=1
            )
        _dots(axes, list(self.behind), s=12, color=FAINT, linewidths=0, zorder=1)
        _dots(axes, self._places(""), s=20, color=ACTION, alpha=0.55, linewidths=0, zorder=2)
        handles = [
            Line2D(
                [],
                [],
                linestyle="",
                marker="o",
                markersize=4,
                color=ACTION,
                alpha=0.55,
                label="others",
            )
        ]
        for tier, (mark, ink, word) in MARKS.items():
            if _dots(
                axes, self._places(tier), s=44, marker=mark, color=ink, edgecolors="white", zorder=3
            ):
                handles.append(Line2D([], [], linestyle="", marker=mark, color=ink, label=word))
        if any(star.was_x == star.was_x for star in self.stars):
            handles.append(Line2D([], [], color=FAINT, linewidth=1.5, label="from last week"))
        for middle, line in zip(_middle(self.stars), (axes.axvline, axes.axhline), strict=True):
            line(middle, color=LINE, linewidth=1, zorder=0)
        if len(handles) > 1:
            figure.legend(
                handles=handles, loc="upper left", bbox_to_anchor=(0.12, 1.0), ncols=5, frameon=False, fontsize=8.5,
                labelcolor=INK, handletextpad=0.2, columnspacing=0.9,
            )  # fmt: skip
        else:
            axes.set_title(
                f"{len(self.stars)} students; the lines are the medians",
                fontsize=9,
                color=QUIET,
                loc="left",
            )
        return Picture(figure, self.alt)

    def _places(self, tier: str) -> list[tuple[float, float]]:
        return [(star.x, star.y) for star in self.stars if star.tier == tier]


def galaxy(
    metrics: pd.DataFrame,
    tiers: pd.Series | None = None,
    last: pd.DataFrame | None = None,
    behind: pd.DataFrame | None = None,
) -> Galaxy | None:
    """The galaxy of some students; None where hardly anybody has a value on both axes.

    Args:
        metrics: student_id, effort_score, academic_performance, 0..100.
        tiers: risk_tier by student_id, of those on a list.
        last: as `metrics`, of the last teaching week.
        behind: as `metrics`, of the other students of their classes; left out where there are few.
    """
    shown = metrics.dropna(subset=list(AXES))
    if len(shown) < LEAST:
        return None
    now = shown[list(AXES)].to_numpy("float64")
    tier = (
        np.full(len(shown), "")
        if tiers is None
        else shown["student_id"].map(tiers).fillna("").to_numpy()
    )
    was = np.full_like(now, np.nan)
    if last is not None:
        was = (
            last.set_index("student_id")[list(AXES)]
            .reindex(shown["student_id"])
            .to_numpy("float64")
        )
    others = np.empty((0, 2)) if behind is None else behind[list(AXES)].dropna().to_numpy("float64")
    stars = tuple(
        Star(float(x), float(y), str(mark), float(was_x), float(was_y))
        for (x, y), mark, (was_x, was_y) in zip(now, tier, was, strict=True)
    )
    seen = tuple((float(x), float(y)) for x, y in others) if len(others) >= LEAST_BEHIND else ()
    return Galaxy(stars, seen, _alt(stars))


def _dots(axes: Axes, places: list[tuple[float, float]], **style: Any) -> bool:
    """Draw some points; whether there are any."""
    if places:
        axes.scatter([x for x, _ in places], [y for _, y in places], **style)
    return bool(places)


def _middle(stars: tuple[Star, ...]) -> tuple[float, float]:
    return float(np.median([star.x for star in stars])), float(
        np.median([star.y for star in stars])
    )


def _alt(stars: tuple[Star, ...]) -> str:
    x, y = _middle(stars)
    low = [star for star in stars if star.x < x and star.y < y]
    both = "below the middle in both recorded activity and academic performance"
    listed = sum(bool(star.tier) for star in stars)
    if not listed:
        return f"{len(low)} of {len(stars)} students are {both}."
    among = sum(bool(star.tier) for star in low)
    are = "is" if among == 1 else "are"
    return (
        f"Of {listed} on the list {among} {are} {both}, as {len(low)} of {len(stars)} students are."
    )
