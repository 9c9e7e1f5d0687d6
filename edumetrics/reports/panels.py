"""A student's semester so far as three small lines, laid out here and drawn as SVG by the template."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.params import Calendar

# In the units of the drawing; the template knows nothing of scales.
LEFT, WIDTH, HEIGHT, RIGHT = 4.0, 290.0, 42.0, 46.0
LABEL, GAP, FOOT = 18.0, 10.0, 14.0
LINES = (("Attendance", "weekly_att_pct", "%"), ("Recorded activity", "effort_score", ""),
         ("Academic performance", "academic_performance", ""))  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One measure by week: where it is drawn, and its last value in words.

    Attributes:
        top: the upper edge of its plot; the label is above.
        paths: x,y pairs as SVG has them, one text for each run of weeks with a value.
        end: the last point; None where there is no value at all.
        last, course: its last value, and its first and last, in words.
        rule: the height of the attendance rule's line; None for other measures.
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
    """The semester so far: lines, the exam weeks as bands (x, width), the weeks' ends, and what it shows in words."""

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


def panel(course: pd.DataFrame, week: int, calendar: Calendar) -> Panel | None:
    """The panel of one student; None where there is nothing to draw.

    Args:
        course: sem_week and the measures of `LINES`, of the weeks so far.
        week: the newest of them.
        calendar: exam weeks, and the attendance rule.
    """
    weeks = course["sem_week"].to_numpy()
    order = np.argsort(weeks)
    span = max(week, 2)
    step = WIDTH / (span - 1)
    found = [_line(n, weeks[order], course[name].to_numpy("float64")[order], step, calendar)
             for n, (_, name, _) in enumerate(LINES)]  # fmt: skip
    if not any(line.end for line in found):
        return None
    exams = [
        w for w in (calendar.midterm_week, calendar.endterm_week) if w is not None and w <= span
    ]
    bands = tuple(
        (round(LEFT + max(w - 1.5, 0) * step, 1), round(step * (1 if w > 1 else 0.5), 1))
        for w in exams
    )
    rule = "" if calendar.attendance_rule_pct is None else f"{calendar.attendance_rule_pct:g}%"
    told = ", ".join(f"{line.label.lower()} {line.course}" for line in found if line.end)
    return Panel(tuple(found), bands, "week 1", f"week {week}", f"Up to week {week}: {told}.", rule)


def _line(n: int, weeks: np.ndarray, values: np.ndarray, step: float, calendar: Calendar) -> Line:
    label, name, unit = LINES[n]
    top = LABEL + n * (LABEL + HEIGHT + GAP)
    x = np.round(LEFT + (weeks - 1) * step, 1)
    y = np.round(top + HEIGHT * (1 - values / 100), 1)
    known = np.flatnonzero(~np.isnan(values))
    # Exam and vacation weeks, in which nothing is measured, do not break a line; a teaching week without a value does.
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
