"""Lay out a student's semester so far as three small lines.

The page template draws them as SVG.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.params import Calendar

# Sizes in the units of the drawing: the template places what is laid out here and knows no scales.
# It repeats the number of FOOT, though: change both together.
LEFT, WIDTH, HEIGHT, RIGHT = 4.0, 290.0, 42.0, 46.0
LABEL, GAP, FOOT = 18.0, 10.0, 14.0
# Label, column, unit; from top to bottom.
LINES = (("Attendance", "weekly_att_pct", "%"), ("Recorded activity", "effort_score", ""),
         ("Academic performance", "academic_performance", ""))  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One measure by week: where it is drawn, and its values in words.

    Attributes:
        label: the name of the measure.
        top: the upper edge of its plot; the label is above.
        paths: x,y pairs as SVG has them, one text for each run of weeks with a value.
        end: the last point; None where there is no value at all.
        last, course: in words, its last value, and its first and last values.
        rule: the y of the attendance rule's line; None for other measures and without a rule.
    """

    label: str
    top: float
    paths: tuple[str, ...]
    end: tuple[float, float] | None
    last: str
    course: str
    rule: float | None


@dataclass(frozen=True)
class Panel:
    """The semester so far.

    Attributes:
        lines: one for each of `LINES`.
        bands: the exam weeks so far, as x and width.
        first, last: labels of the first and the last week.
        alt: what the panel shows, in words.
        rule: the attendance rule in words; empty where there is none.
        left, plot, width, height, line_height: sizes, the same for every panel.
    """

    lines: tuple[Line, ...]
    bands: tuple[tuple[float, float], ...]
    first: str
    last: str
    alt: str
    rule: str
    left: float = LEFT
    plot: float = WIDTH
    width: float = LEFT + WIDTH + RIGHT
    height: float = len(LINES) * (LABEL + HEIGHT + GAP) + FOOT
    line_height: float = HEIGHT


def build_panel(course: pd.DataFrame, week: int, calendar: Calendar) -> Panel | None:
    """Return the panel of one student; None where there is nothing to draw.

    Args:
        course: sem_week and the measures of `LINES` (0 to 100, or null), of the weeks so far, in
            any order.
        week: the newest week.
        calendar: exam weeks, and the attendance rule.
    """
    weeks = course["sem_week"].to_numpy()
    order = np.argsort(weeks)
    # In week 1 there is no distance between weeks yet; the scale of two weeks avoids dividing by 0.
    span = max(week, 2)
    step = WIDTH / (span - 1)
    found = [_build_line(n, weeks[order], course[name].to_numpy("float64")[order], step, calendar)
             for n, (_, name, _) in enumerate(LINES)]  # fmt: skip
    if not any(line.end for line in found):
        return None
    exams = [
        w for w in (calendar.midterm_week, calendar.endterm_week) if w is not None and w <= span
    ]
    # A band reaches half a week to either side; in week 1 the left half is outside the plot.
    bands = tuple(
        (round(LEFT + max(w - 1.5, 0) * step, 1), round(step * (1 if w > 1 else 0.5), 1))
        for w in exams
    )
    rule = "" if calendar.attendance_rule_pct is None else f"{calendar.attendance_rule_pct:g}%"
    told = ", ".join(f"{line.label.lower()} {line.course}" for line in found if line.end)
    return Panel(tuple(found), bands, "week 1", f"week {week}", f"Up to week {week}: {told}.", rule)


def _build_line(
    n: int, weeks: np.ndarray, values: np.ndarray, step: float, calendar: Calendar
) -> Line:
    """Return the n-th line; `weeks` ascend, `values` are NaN where not known, `step` is a week."""
    label, name, unit = LINES[n]
    top = LABEL + n * (LABEL + HEIGHT + GAP)
    x = np.round(LEFT + (weeks - 1) * step, 1)
    # In SVG y points down: 100 is at the top of the plot.
    y = np.round(top + HEIGHT * (1 - values / 100), 1)
    known = np.flatnonzero(~np.isnan(values))
    # A teaching week without a value breaks a line. Exam and vacation weeks, in which nothing is
    # measured, do not: weeks are compared by their place among the teaching weeks.
    place = {w: k for k, w in enumerate(calendar.teaching_weeks)}
    rank = np.array([place.get(int(w), -1) for w in weeks[known]])
    runs = np.split(known, np.flatnonzero(np.diff(rank) != 1) + 1) if len(known) else []
    paths = tuple(" ".join(f"{x[k]:g},{y[k]:g}" for k in run) for run in runs)
    said = [f"{values[k]:.0f}{unit} in week {weeks[k]:.0f}" for k in known]
    rule = calendar.attendance_rule_pct if name == "weekly_att_pct" else None
    return Line(
        label=label,
        top=top,
        paths=paths,
        end=(float(x[known[-1]]), float(y[known[-1]])) if len(known) else None,
        last=f"{values[known[-1]]:.0f}{unit}" if len(known) else "–",
        course=" to ".join(dict.fromkeys((said[0], said[-1]))) if said else "",
        rule=None if rule is None else round(top + HEIGHT * (1 - rule / 100), 1),
    )
