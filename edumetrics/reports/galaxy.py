"""Draw the student galaxy: recorded activity against academic performance, a point a student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from edumetrics.reports.figures import (
    ACTION,
    INK,
    LINE,
    MEASURES,
    QUIET,
    Picture,
    apply_style,
)
from edumetrics.sentences import Sentences

# MEASURES is in the order x, y.
AXES = tuple(MEASURES)
# The shape of a point says its tier; its colour only repeats that. The legend has the phrase.
MARKS = {
    "critical": ("D", "#8A2A12", "tier_critical"),
    "high": ("^", "#6E4A00", "tier_high"),
    "watch": ("o", "#1F5A57", "tier_watch"),
    "cared": ("s", "#3F4B57", "cared_title"),
}
# For the background: the line from last week, and the other students of a class.
FAINT = "#C9C4B8"
# Sizes of the drawing for a page, in its own units; the template draws what is laid out here.
WIDTH, HEIGHT = 420.0, 400.0
LEFT, TOP, RIGHT, BOTTOM = 34.0, 10.0, 410.0, 362.0
# Marks of students on the list are moved apart until they are so far from each other.
APART = 19.0
# The tail from last week's place ends so wide.
TAIL = 4.0
# With fewer points there is no picture.
LEAST = 3
# Other students of a class are drawn only where they are so many that nobody is recognised.
LEAST_BEHIND = 10


@dataclass(frozen=True)
class StudentPoint:
    """One student as a point.

    Attributes:
        x, y: recorded activity and academic performance now, 0 to 100.
        tier: critical, high or watch; cared for who is looked after; empty for everyone else.
        was_x, was_y: the same measures last week; NaN where not known.
        number, name: the place on the list and the name; 0 and empty for everyone else.
    """

    x: float
    y: float
    tier: str
    was_x: float
    was_y: float
    number: int = 0
    name: str = ""


@dataclass(frozen=True)
class Sky:
    """The galaxy laid out for a page.

    Attributes:
        x_ticks, y_ticks: place and number of each line of the scales.
        middle: x and y of the medians.
        tails: tier and points of each tail, from last week's place to this week's.
        behind, others: x and y of classmates with another advisor, and of students on no list.
        marks: x, y, and the student, of each on the list; the most urgent is drawn last.
    """

    x_ticks: tuple[tuple[float, int], ...]
    y_ticks: tuple[tuple[float, int], ...]
    middle: tuple[float, float]
    tails: tuple[tuple[str, str], ...]
    behind: tuple[tuple[float, float], ...]
    others: tuple[tuple[float, float], ...]
    marks: tuple[tuple[float, float, StudentPoint], ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    top: float = TOP
    right: float = RIGHT
    bottom: float = BOTTOM


@dataclass(frozen=True)
class Galaxy:
    """Students as points.

    Attributes:
        stars: the students.
        behind: x and y of the other students of their classes, drawn in the background.
        alt: what the picture shows, in words.
        sentences: the catalogue, for the words in the picture.
    """

    stars: tuple[StudentPoint, ...]
    behind: tuple[tuple[float, float], ...]
    alt: str
    sentences: Sentences

    @property
    def listed(self) -> tuple[StudentPoint, ...]:
        """The students on the list, in its order."""
        return tuple(sorted((s for s in self.stars if s.number), key=lambda star: star.number))

    def lay_out(self) -> Sky:
        """Return the picture as a page draws it, with the students on the list numbered."""
        x_scale = _Scale.fit([s.x for s in self.stars] + [x for x, _ in self.behind], LEFT, RIGHT)
        y_scale = _Scale.fit([s.y for s in self.stars] + [y for _, y in self.behind], BOTTOM, TOP)

        def place(x: float, y: float) -> tuple[float, float]:
            return x_scale.place(x), y_scale.place(y)

        listed = self.listed
        spots = _move_apart([place(star.x, star.y) for star in listed])
        x_middle, y_middle = _compute_medians(self.stars)
        return Sky(
            x_ticks=x_scale.list_ticks(),
            y_ticks=y_scale.list_ticks(),
            middle=place(x_middle, y_middle),
            tails=tuple(
                (star.tier, _draw_tail(place(star.was_x, star.was_y), spot))
                for star, spot in zip(listed, spots, strict=True)
                # NaN does not equal itself: who was not there last week has no tail.
                if star.was_x == star.was_x and star.was_y == star.was_y
            ),
            behind=tuple(place(x, y) for x, y in self.behind),
            others=tuple(place(star.x, star.y) for star in self.stars if not star.number),
            marks=tuple(
                (x, y, star) for (x, y), star in zip(spots[::-1], listed[::-1], strict=True)
            ),
        )

    def draw(self, *, named: bool = False) -> Picture:
        """Return the drawn picture; equal galaxies give equal pictures.

        With `named`, the names of the students on the list stand beside their points.
        """
        figure = Figure(figsize=(4.8, 4.5), dpi=130, facecolor="white")
        FigureCanvasAgg(figure)  # a canvas attaches itself to its figure
        # A fixed rectangle leaves room above the axes for the legend.
        axes = figure.add_axes((0.135, 0.125, 0.84, 0.765))
        apply_style(axes, *(self._say(f"axis_{measure}") for measure in MEASURES.values()))
        # A margin, so that points at 0 and at 100 are drawn in full.
        axes.set_xlim(-3, 103)
        axes.set_ylim(-3, 103)
        # From back to front: lines from last week, the class, own students, students on the list.
        # Matplotlib draws no line from a NaN, so a student without a last week has no line.
        for star in self.listed:
            x, y = [star.was_x, star.x], [star.was_y, star.y]
            axes.plot(x, y, color=FAINT, linewidth=1, zorder=1)
        _draw_dots(axes, list(self.behind), s=12, color=FAINT, linewidths=0, zorder=1)
        own = self._list_places("")
        _draw_dots(axes, own, s=20, color=ACTION, alpha=0.55, linewidths=0, zorder=2)
        handles = self._draw_listed(axes)
        for star in self.listed if named else ():
            axes.annotate(star.name, (star.x, star.y), (6, -3), textcoords="offset points",
                          fontsize=6.5, color=INK)  # fmt: skip
        # NaN does not equal itself: this asks whether anyone has a known last week.
        if any(star.was_x == star.was_x for star in self.listed):
            label = self._say("galaxy_last_week")
            handles.append(Line2D([], [], color=FAINT, linewidth=1.5, label=label))
        x_middle, y_middle = _compute_medians(self.stars)
        axes.axvline(x_middle, color=LINE, linewidth=1, zorder=0)
        axes.axhline(y_middle, color=LINE, linewidth=1, zorder=0)
        self._draw_heading(figure, axes, handles)
        return Picture(figure, self.alt)

    def _draw_heading(self, figure: Figure, axes: Axes, handles: list[Line2D]) -> None:
        """Draw the legend; one kind of point needs none, so its place is free for a title."""
        if len(handles) > 1:
            figure.legend(
                handles=handles, loc="upper left", bbox_to_anchor=(0.12, 1.0), ncols=3,
                frameon=False, fontsize=8.5, labelcolor=INK, handletextpad=0.2, columnspacing=0.9,
            )  # fmt: skip
            return
        title = self._say("galaxy_title", students=len(self.stars))
        axes.set_title(title, fontsize=9, color=QUIET, loc="left")

    def _draw_listed(self, axes: Axes) -> list[Line2D]:
        """Draw the students on the list, and return the points of the legend."""
        others = self._say("galaxy_others")
        handles = [
            Line2D([], [], linestyle="", marker="o", markersize=4, color=ACTION, alpha=0.55,
                   label=others)
        ]  # fmt: skip
        # The legend names only what the picture has.
        for tier, (mark, ink, phrase) in MARKS.items():
            places = self._list_places(tier)
            if _draw_dots(axes, places, s=44, marker=mark, color=ink, edgecolors="white", zorder=3):
                word = self._say(phrase)
                handles.append(Line2D([], [], linestyle="", marker=mark, color=ink, label=word))
        return handles

    def _say(self, name: str, /, **values: Any) -> str:
        return self.sentences.say("reports", name, **values)

    def _list_places(self, tier: str) -> list[tuple[float, float]]:
        """Return x and y of the students of a tier; an empty tier means not on a list."""
        return [(star.x, star.y) for star in self.stars if star.tier == tier]


@dataclass(frozen=True)
class _Scale:
    """Values from `low` to `high`, placed from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def fit(cls, values: list[float], start: float, end: float) -> _Scale:
        """Return a scale of whole tens around some values, with room for a mark at each end."""
        low = max(10 * np.floor((min(values) - 4) / 10), 0)
        high = min(10 * np.ceil((max(values) + 4) / 10), 100)
        return cls(float(low), float(max(high, low + 10)), start, end)

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def list_ticks(self) -> tuple[tuple[float, int], ...]:
        """Return place and number of each twentieth on the scale."""
        return tuple((self.place(v), v) for v in range(0, 101, 20) if self.low <= v <= self.high)


def _move_apart(spots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return places at which marks do not hide each other, as near to their own as that allows."""
    found = np.array(spots, dtype="float64").reshape(-1, 2)
    for _ in range(60):
        gap = found[:, None] - found[None]
        far = np.hypot(gap[..., 0], gap[..., 1])
        np.fill_diagonal(far, np.inf)
        near = far < APART
        if not near.any():
            break
        # Marks at one place are moved apart sideways, the first on the list to the left.
        order = np.sign(np.arange(len(found))[:, None] - np.arange(len(found))[None])
        same = far < 0.5
        gap[same] = np.stack([order[same], np.zeros(same.sum())], axis=-1)
        push = np.where(near, (APART - np.where(same, 0, far)) / 2, 0) / np.where(same, 1, far)
        found = found + (gap * push[..., None]).sum(axis=1) * 0.6
        found = np.clip(found, (LEFT + 8, TOP + 8), (RIGHT - 8, BOTTOM - 8))
    return [(round(float(x), 1), round(float(y), 1)) for x, y in found]


def _draw_tail(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Return the points of a tail, thin at its start and wide at its end."""
    (x0, y0), (x1, y1) = start, end
    along = np.hypot(x1 - x0, y1 - y0) or 1.0
    dx, dy = TAIL * (y1 - y0) / along, -TAIL * (x1 - x0) / along
    points = ((x0, y0), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def build_galaxy(
    sentences: Sentences,
    metrics: pd.DataFrame,
    tiers: pd.Series | None = None,
    last: pd.DataFrame | None = None,
    behind: pd.DataFrame | None = None,
) -> Galaxy | None:
    """Return the galaxy of some students; None where fewer than `LEAST` have both values.

    Args:
        sentences: the catalogue.
        metrics: student_id, effort_score, academic_performance (0 to 100), and perhaps name; a
            student with a null is left out.
        tiers: risk_tier (or cared) by student_id, of those on the list, in its order: their places
            in it are their numbers. None for no list.
        last: as `metrics`, of the last teaching week; None where there was none.
        behind: as `metrics`, of the other students of their classes; left out where there are fewer
            than `LEAST_BEHIND`.
    """
    shown = metrics.dropna(subset=list(AXES))
    if len(shown) < LEAST:
        return None
    now = shown[list(AXES)].to_numpy("float64")
    tier = (
        np.full(len(shown), "")
        if tiers is None
        else shown["student_id"].map(tiers).astype("object").fillna("").to_numpy()
    )
    was = np.full_like(now, np.nan)
    if last is not None:
        # `reindex` puts the rows of last week into the order of `shown`, with NaN for who is new.
        was = (
            last.set_index("student_id")[list(AXES)]
            .reindex(shown["student_id"])
            .to_numpy("float64")
        )
    others = np.empty((0, 2)) if behind is None else behind[list(AXES)].dropna().to_numpy("float64")
    numbers = {} if tiers is None else {student: n for n, student in enumerate(tiers.index, 1)}
    names = shown["name"].fillna(shown["student_id"]) if "name" in shown else shown["student_id"]
    stars = tuple(
        StudentPoint(
            float(x), float(y), str(mark), float(was_x), float(was_y),
            numbers.get(student, 0), str(name) if student in numbers else "",
        )
        for (x, y), mark, (was_x, was_y), student, name in zip(
            now, tier, was, shown["student_id"], names, strict=True
        )
    )  # fmt: skip
    seen = tuple((float(x), float(y)) for x, y in others) if len(others) >= LEAST_BEHIND else ()
    return Galaxy(stars, seen, _describe_galaxy(sentences, stars), sentences)


def _draw_dots(axes: Axes, places: list[tuple[float, float]], **style: Any) -> bool:
    """Draw some points and return whether there are any."""
    if places:
        axes.scatter([x for x, _ in places], [y for _, y in places], **style)
    return bool(places)


def _compute_medians(stars: tuple[StudentPoint, ...]) -> tuple[float, float]:
    x, y = [star.x for star in stars], [star.y for star in stars]
    return float(np.median(x)), float(np.median(y))


def _describe_galaxy(sentences: Sentences, stars: tuple[StudentPoint, ...]) -> str:
    """Return in a sentence how many students are below both medians."""
    x, y = _compute_medians(stars)
    low = [star for star in stars if star.x < x and star.y < y]
    listed, among = (sum(bool(star.tier) for star in some) for some in (stars, low))
    counts = {"listed": listed, "among": among, "low": len(low), "students": len(stars)}
    return sentences.say("reports", "galaxy_alt", **counts)
