"""Lay out a student's semester so far as three small lines.

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
# It repeats the number of FOOT, though: change both together.
LEFT, WIDTH, HEIGHT, RIGHT = 4.0, 290.0, 42.0, 46.0
LABEL, GAP, FOOT = 18.0, 10.0, 14.0
# Measure (its phrases are `label_` and `word_` with this ending), column, unit; from top to bottom.
LINES = (("attendance", "weekly_att_pct", "%"), ("activity", "effort_score", ""),
         ("performance", "academic_performance", ""))  # fmt: skip


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


def build_panel(
    sentences: Sentences, course: pd.DataFrame, week: int, calendar: Calendar
) -> Panel | None:
    """Return the panel of one student; None where there is nothing to draw.

    Args:
        sentences: the catalogue.
        course: sem_week and the measures of `LINES` (0 to 100, or null), of the weeks so far, in
            any order.
        week: the newest week.
        calendar: exam weeks, and the attendance rule.
    """
    say = partial(sentences.say, "reports")
    weeks = course["sem_week"].to_numpy()
    order = np.argsort(weeks)
    # In week 1 there is no distance between weeks yet; the scale of two weeks avoids dividing by 0.
    span = max(week, 2)
    step = WIDTH / (span - 1)
    found = [
        _build_line(
            sentences, n, weeks[order], course[name].to_numpy("float64")[order], step, calendar
        )
        for n, (_, name, _) in enumerate(LINES)
    ]
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
    told = ", ".join(
        f"{say(f'word_{measure}')} {line.course}"
        for (measure, _, _), line in zip(LINES, found, strict=True)
        if line.end
    )
    return Panel(
        lines=tuple(found),
        bands=bands,
        first=say("panel_week", week=1),
        last=say("panel_week", week=week),
        alt=say("panel_alt", week=week, measures=told),
        rule=rule,
    )


def _build_line(
    sentences: Sentences,
    n: int,
    weeks: np.ndarray,
    values: np.ndarray,
    step: float,
    calendar: Calendar,
) -> Line:
    """Return the n-th line; `weeks` ascend, `values` are NaN where not known, `step` is a week."""
    say = partial(sentences.say, "reports")
    measure, name, unit = LINES[n]
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
    # Only the first and the last value are said; with one value they are the same.
    ends = [
        say("panel_point", value=values[k], unit=unit, week=weeks[k])
        for k in dict.fromkeys((*known[:1], *known[-1:]))
    ]
    rule = calendar.attendance_rule_pct if name == "weekly_att_pct" else None
    return Line(
        label=say(f"label_{measure}"),
        top=top,
        paths=paths,
        end=(float(x[known[-1]]), float(y[known[-1]])) if len(known) else None,
        last=f"{values[known[-1]]:.0f}{unit}" if len(known) else "–",
        course=say("panel_course", first=ends[0], last=ends[-1]) if ends[1:] else "".join(ends),
        rule=None if rule is None else round(top + HEIGHT * (1 - rule / 100), 1),
    )
