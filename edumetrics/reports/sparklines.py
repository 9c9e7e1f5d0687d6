"""Lay out a student's semester so far as two small charts: attendance and academic performance.

The page template draws them as SVG.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from edumetrics.params import Calendar
from edumetrics.sentences import Sentences

# Sizes in the units of the drawing: the template places what is laid out here and knows no scales.
LEFT, WIDTH, RIGHT, HEIGHT = 26.0, 288.0, 6.0, 64.0
LABEL, GAP, FOOT = 22.0, 10.0, 16.0
# An exam at most so many weeks ahead is on the axis, and it has at least so many weeks.
AHEAD, LEAST = 2, 4
# A bar takes this share of its week.
BAR = 0.62
# The scale of every chart is the same.
SCALE = (0, 50, 100)


@dataclass(frozen=True)
class Chart:
    """One measure by week, laid out.

    Attributes:
        label, said: the name of the measure, and its newest figures in words.
        top: the upper edge of its plot; the words are above.
        bars: x, y, width and height of each week.
        lines: x,y pairs as SVG has them, one text for each run of weeks with a value.
        behind: the same of the class.
        end: the last point of the lines; None without one.
        rule: the y of the attendance rule's line; None for the other measure and without a rule.
        course: its first and last values in words; empty where nothing is known.
    """

    label: str
    said: str
    top: float
    bars: tuple[tuple[float, float, float, float], ...]
    lines: tuple[str, ...]
    behind: tuple[str, ...]
    end: tuple[float, float] | None
    rule: float | None
    course: str


@dataclass(frozen=True)
class Panel:
    """The semester so far.

    Attributes:
        charts: attendance, then academic performance.
        exams: x, width and name of each exam week on the axis.
        ticks: x and number of each week.
        scale: y, from the top of a plot, and number of each line of the scale.
        alt: what the panel shows, in words.
        rule: the attendance rule in words; empty where there is none.
        left, plot, width, height, plot_height: sizes, the same for every panel.
    """

    charts: tuple[Chart, ...]
    exams: tuple[tuple[float, float, str], ...]
    ticks: tuple[tuple[float, int], ...]
    alt: str
    rule: str
    scale: tuple[tuple[float, int], ...] = tuple((HEIGHT * (1 - v / 100), v) for v in SCALE)
    left: float = LEFT
    plot: float = WIDTH
    width: float = LEFT + WIDTH + RIGHT
    height: float = 2 * (LABEL + HEIGHT) + GAP + FOOT
    plot_height: float = HEIGHT


@dataclass(frozen=True)
class _Axis:
    """The weeks of a panel: `count` of them, and which of them are taught."""

    count: int
    taught: tuple[int, ...]

    @property
    def step(self) -> float:
        return WIDTH / self.count

    def place(self, week: float) -> float:
        """Return the x of the middle of a week."""
        return round(LEFT + (week - 0.5) * self.step, 1)

    def draw_line(self, weeks: np.ndarray, values: np.ndarray, top: float) -> list[list[str]]:
        """Return the points of a measure as `x,y`, one list for each run of weeks with a value.

        A teaching week without a value breaks a line; exam and vacation weeks, in which nothing is
        measured, do not.
        """
        known = [k for k in range(len(weeks)) if not np.isnan(values[k])]
        # Weeks are compared by their place among the teaching weeks.
        rank = {w: k for k, w in enumerate(self.taught)}
        runs: list[list[str]] = []
        before = -2
        for k in known:
            here = rank.get(int(weeks[k]), -2)
            if here != before + 1 or not runs:
                runs.append([])
            runs[-1].append(f"{self.place(weeks[k]):g},{_find_height(values[k], top):g}")
            before = here
        return runs


def build_panel(
    sentences: Sentences,
    course: pd.DataFrame,
    week: int,
    calendar: Calendar,
    middle: pd.DataFrame | None = None,
) -> Panel | None:
    """Return the panel of one student; None where there is nothing to draw.

    Args:
        sentences: the catalogue.
        course: sem_week, weekly_att_pct, overall_att_pct, academic_performance (0 to 100, or null)
            of the weeks so far, in any order.
        week: the newest week.
        calendar: exam weeks, and the attendance rule.
        middle: sem_week and the class's median of academic_performance; None for no comparison.
    """
    say = partial(sentences.say, "reports")
    own = course.sort_values("sem_week")
    exams = (("midterm", calendar.midterm_week), ("endterm", calendar.endterm_week))
    near = [exam for _, exam in exams if exam and week < exam <= week + AHEAD]
    axis = _Axis(max(week, *near, LEAST), calendar.teaching_weeks)
    charts = (
        _build_attendance(sentences, own, axis, calendar.attendance_rule_pct),
        _build_performance(sentences, own, axis, middle),
    )
    if not any(chart.course for chart in charts):
        return None
    told = "; ".join(f"{chart.label}: {chart.course}" for chart in charts if chart.course)
    rule = calendar.attendance_rule_pct
    return Panel(
        charts=charts,
        exams=tuple(
            (round(axis.place(w) - axis.step / 2, 1), round(axis.step, 1), say(f"exam_{name}"))
            for name, w in exams
            if w is not None and w <= axis.count
        ),
        ticks=tuple((axis.place(w), w) for w in range(1, axis.count + 1)),
        alt=say("panel_alt", week=week, measures=told),
        rule="" if rule is None else f"{rule:g}%",
    )


def _build_attendance(
    sentences: Sentences, own: pd.DataFrame, axis: _Axis, rule: float | None
) -> Chart:
    """Return attendance: weeks as bars, the total to date as a line."""
    weeks = own["sem_week"].to_numpy()
    single, total = (
        own[name].to_numpy("float64") for name in ("weekly_att_pct", "overall_att_pct")
    )
    top, wide = LABEL, round(axis.step * BAR, 1)
    bars = tuple(
        (round(axis.place(w) - wide / 2, 1), _find_height(v, top), wide, round(HEIGHT * v / 100, 1))
        for w, v in zip(weeks, single, strict=True)
        if not np.isnan(v)
    )
    runs = axis.draw_line(weeks, total, top)
    said = sentences.say(
        "reports", "panel_attendance", now=_find_last(single), total=_find_last(total)
    )
    return Chart(
        label=sentences.say("reports", "label_attendance"),
        said=said if bars else "",
        top=top,
        bars=bars,
        lines=tuple(" ".join(run) for run in runs),
        behind=(),
        end=_read_point(runs),
        rule=None if rule is None else _find_height(rule, top),
        course=_describe_course(sentences, weeks, single, "%"),
    )


def _build_performance(
    sentences: Sentences, own: pd.DataFrame, axis: _Axis, middle: pd.DataFrame | None
) -> Chart:
    """Return academic performance as a line, with the class's behind it."""
    weeks, values = own["sem_week"].to_numpy(), own["academic_performance"].to_numpy("float64")
    top = 2 * LABEL + HEIGHT + GAP
    runs = axis.draw_line(weeks, values, top)
    behind, peers = [], None
    if middle is not None and len(middle):
        others = middle.sort_values("sem_week")
        theirs = others["academic_performance"].to_numpy("float64")
        behind = axis.draw_line(others["sem_week"].to_numpy(), theirs, top)
        peers = _find_last(theirs)
    now = _find_last(values)
    said = sentences.say("reports", "panel_performance", now=now, peers=peers)
    return Chart(
        label=sentences.say("reports", "label_performance"),
        said="" if now is None else said,
        top=top,
        bars=(),
        lines=tuple(" ".join(run) for run in runs),
        behind=tuple(" ".join(run) for run in behind),
        end=_read_point(runs),
        rule=None,
        course=_describe_course(sentences, weeks, values, ""),
    )


def _find_height(value: float, top: float) -> float:
    """Return the y of a value of 0 to 100: in SVG y points down, and 100 is at the top."""
    return round(top + HEIGHT * (1 - value / 100), 1)


def _find_last(values: np.ndarray) -> float | None:
    """Return the last value that is known; None without one."""
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else None


def _read_point(runs: list[list[str]]) -> tuple[float, float] | None:
    """Return the last point of some lines; None without one."""
    if not runs:
        return None
    x, _, y = runs[-1][-1].partition(",")
    return float(x), float(y)


def _describe_course(sentences: Sentences, weeks: np.ndarray, values: np.ndarray, unit: str) -> str:
    """Return the first and the last value in words; empty where nothing is known."""
    say, known = partial(sentences.say, "reports"), np.flatnonzero(~np.isnan(values))
    # With one value the first and the last are the same.
    ends = [
        say("panel_point", value=float(values[k]), unit=unit, week=int(weeks[k]))
        for k in dict.fromkeys((*known[:1], *known[-1:]))
    ]
    return say("panel_course", first=ends[0], last=ends[-1]) if ends[1:] else "".join(ends)
