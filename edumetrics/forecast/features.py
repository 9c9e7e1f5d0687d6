"""The features of a student's week, as known at its end: relative to the calendar and to the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.risk import missed_work
from edumetrics.scoring.roll import Matrix, Vector
from edumetrics.scoring.signals import Floats, divide, placed
from edumetrics.scoring.weekly import Scored

PRIOR = ("prior_mean", "prior_fails", "prior_attempts", "credits", "entry_score")
# Calendar constants: trees tolerate them, models of one week cannot use them.
CALENDAR = ("work_due", "semester_gone")
DECAY = 0.6
RECENT = 4
GAPS = ("mark", "midterm")
RANKED = tuple(name.removesuffix("_rank") for name in FEATURES if name.endswith("_rank"))
NEVER = -3.0


@dataclass(frozen=True)
class Own:
    """Each student's own values before any comparison, aligned with the roll: NaN where there is nothing to go by.

    Attributes:
        frame: one column for every value that a feature is, or is compared from.
        classes: each student's class, as a number.
    """

    frame: pd.DataFrame
    classes: Vector


def own_values(
    scored: Scored,
    history: pd.DataFrame,
    prior: pd.DataFrame,
    calendar: Calendar,
    scoring: Scoring,
    *,
    later_half: bool,
) -> Own:
    """What everyone on a roll did, from what was known at the week's end.

    Args:
        scored: the week, scored.
        history: what earlier weeks stored: student_id, sem_week, effort_score, lms_active_days, lms_events,
            library_visits.
        prior: student_id (unique) and `PRIOR`: what was known before the semester; NaN where it was not.
        calendar, scoring: which weeks count.
        later_half: whether the term is in a later slot of the academic year.
    """
    observed, metrics = scored.observed, scored.metrics
    before = prior.set_index("student_id").reindex(metrics["student_id"])
    values = {
        **_work(scored, calendar, scoring),
        **_attendance(scored, calendar),
        **_activity(scored, history, calendar),
        "risk": metrics["risk_score"].to_numpy("float64"),
        "midterm": observed.midterm,
        **{name: before[name].to_numpy("float64") for name in PRIOR},
    }
    teaching = calendar.teaching_weeks
    frame = pd.DataFrame(values).assign(
        days_idle=metrics["days_since_submission"].to_numpy("float64"),
        effort_week=metrics["effort_score"].to_numpy("float64"),
        semester_gone=sum(week <= scored.week for week in teaching) / len(teaching),
        later_half=float(later_half),
    )
    return Own(frame, observed.roll.classes[:, scored.week])


def compared(own: Own, students: pd.Series) -> pd.DataFrame:
    """The features of everyone on a roll: their own values, and how these compare with the class's.

    Returns:
        student_id and `FEATURES`, in the order of `students`; NaN where there is nothing to go by.
    """
    frame = own.frame.copy()
    for name in GAPS:
        frame[f"{name}_gap"] = frame[name] - frame[name].groupby(own.classes).transform("mean")
    for name in RANKED:
        frame[f"{name}_rank"] = rank(frame[name], own.classes)
    return _named(frame, students)


def compared_alone(own: Own, rows: Vector, students: pd.Series, others: Own) -> pd.DataFrame:
    """The features of some students, were each of them alone to differ from what the roll did.

    Args:
        own: what these students do.
        rows: their rows in the roll.
        students: their ids.
        others: what everyone does otherwise.

    Returns:
        As `compared`, in the order of `students`.
    """
    frame = own.frame.copy()
    for name in GAPS:
        frame[f"{name}_gap"] = frame[name] - _mean_with(
            frame[name].to_numpy(), own.classes, rows, others, name
        )
    for name in RANKED:
        base = others.frame[name].to_numpy()
        less, equal, count = placed(frame[name].to_numpy(), own.classes, base, others.classes)
        itself = base[rows]
        less, equal = less - (itself < frame[name]), equal - (itself == frame[name])
        count = count - ~np.isnan(itself) + 1
        frame[f"{name}_rank"] = np.where(
            frame[name].isna(), np.nan, (less + equal / 2 + 0.5) / count
        )
    return _named(frame, students)


def _named(frame: pd.DataFrame, students: pd.Series) -> pd.DataFrame:
    # The rank of activity is that of recent weeks; the feature by that name is this week's.
    frame["effort"] = frame["effort_week"]
    return frame[list(FEATURES)].assign(student_id=students.to_numpy())


def _mean_with(values: Floats, classes: Vector, rows: Vector, others: Own, name: str) -> Floats:
    """The class's mean with each student's own value in place of what it was."""
    groups = others.frame[name].groupby(others.classes)
    total, count = (
        groups.transform("sum").to_numpy()[rows],
        groups.transform("count").to_numpy()[rows],
    )
    was = others.frame[name].to_numpy()[rows]
    total = total - np.nan_to_num(was) + np.nan_to_num(values)
    return divide(total, count - ~np.isnan(was) + ~np.isnan(values))


def rank(values: pd.Series, classes: np.ndarray) -> pd.Series:
    """Each value's place among its class's, 0 (lowest) to 1, ties in the middle; NaN stays NaN."""
    groups = values.groupby(classes)
    return (groups.rank() - 0.5) / groups.transform("count")


def _work(scored: Scored, calendar: Calendar, scoring: Scoring) -> dict[str, Floats]:
    roll, parts = scored.observed.roll, scored.observed.work
    due = sum((part.due for part in parts), np.zeros_like(roll.classes))
    done = np.minimum(sum((part.done for part in parts), np.zeros_like(roll.classes)), due)
    marked = sum((part.marked for part in parts), np.zeros_like(roll.classes))
    missed = sum((part.missed for part in parts), np.zeros_like(roll.classes))
    marks = sum((part.mark_sum for part in parts), np.zeros(roll.classes.shape))
    handed_on = np.maximum(parts[0].handed_on, parts[1].handed_on)
    age = np.arange(due.shape[1])[::-1]
    weight = DECAY ** (age / 2)
    early = np.where(
        handed_on > 0, np.clip((roll.starts + 6 - handed_on) / 7, NEVER, -NEVER), NEVER
    )
    counted = (due > 0) & ((handed_on > 0) | (done == 0))
    recent_missed, recent_due = missed_work(scored.observed, calendar, scoring)
    return {
        "mark": divide(marks.sum(axis=1), marked.sum(axis=1)),
        "mark_with_zeros": divide(marks.sum(axis=1), (marked + missed).sum(axis=1)),
        "mark_recent": divide(
            (marks * weight).sum(axis=1), ((marked + missed) * weight).sum(axis=1)
        ),
        "handed_in": divide(done.sum(axis=1), due.sum(axis=1)),
        "missed_recent": divide(recent_missed, recent_due),
        "earliness": divide((early * counted).sum(axis=1), counted.sum(axis=1)),
        "late": divide(((early < 0) & (handed_on > 0)).sum(axis=1), (handed_on > 0).sum(axis=1)),
        "work_due": np.log1p(due.sum(axis=1)),
    }


def _attendance(scored: Scored, calendar: Calendar) -> dict[str, Floats]:
    held, present = scored.observed.held, scored.observed.present
    recent = list(calendar.last_teaching_weeks(scored.week, RECENT))
    week = scored.metrics["weekly_att_pct"].to_numpy("float64")
    return {
        "attendance": divide(present.sum(axis=1), held.sum(axis=1)),
        "attendance_recent": divide(present[:, recent].sum(axis=1), held[:, recent].sum(axis=1)),
        "attendance_week": week / 100,
        "attendance_change": week - scored.baseline["weekly_att_pct"],
    }


def _activity(scored: Scored, history: pd.DataFrame, calendar: Calendar) -> dict[str, Floats]:
    """Recent weeks, the latest weighing most."""
    metrics = scored.metrics
    names = {
        "effort": "effort_score",
        "active_days": "lms_active_days",
        "clicks": "lms_events",
        "visits": "library_visits",
    }
    weeks = calendar.teaching_weeks_before(scored.week, RECENT)
    past = {
        name: _by_week(history, metrics["student_id"], column, weeks)
        for name, column in names.items()
    }
    smoothed = {}
    for name, column in names.items():
        values = np.column_stack([metrics[column].to_numpy("float64"), past[name]])
        if name == "clicks":
            values = np.log1p(values)
        weight = DECAY ** np.arange(values.shape[1]) * ~np.isnan(values)
        smoothed[name] = divide((np.nan_to_num(values) * weight).sum(axis=1), weight.sum(axis=1))
    recent = list(calendar.last_teaching_weeks(scored.week, RECENT))
    active = scored.observed.present[:, recent] > 0
    days = np.column_stack([metrics["lms_active_days"].to_numpy("float64"), past["active_days"]])[
        :, : len(recent)
    ]
    return {
        **smoothed,
        "weeks_active": (active | (np.nan_to_num(days) > 0)).sum(axis=1).astype("float64"),
        "effort_change": metrics["effort_score"].to_numpy("float64")
        - scored.baseline["effort_score"],
    }


def _by_week(
    history: pd.DataFrame, students: pd.Series, column: str, weeks: tuple[int, ...]
) -> Matrix:
    """A metric of earlier weeks, latest first, students by weeks; NaN where it was not stored."""
    rows = history[history["sem_week"].isin(weeks)]
    table = rows.pivot(index="student_id", columns="sem_week", values=column)
    return np.asarray(table.reindex(index=students, columns=list(weeks)), dtype="float64")
