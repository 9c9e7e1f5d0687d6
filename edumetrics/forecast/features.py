"""The features of a student's week, as known at its end, relative to the calendar and the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring.risk import count_missed_work
from edumetrics.scoring.roll import Flags, Matrix, Vector
from edumetrics.scoring.signals import Floats, divide, rank_in_groups
from edumetrics.scoring.weekly import ScoredWeek

# What is known of a student before the semester begins.
PRIOR = ("prior_mean", "prior_fails", "prior_attempts", "credits", "entry_score")
# Features that follow the calendar: they are (nearly) the same for everyone in a week, so that the
# linear model of one week cannot use them. Trees can.
CALENDAR = ("work_due", "semester_gone")
# Each earlier week of activity weighs this much of the week after it.
DECAY = 0.6
# Teaching weeks that count as recent; the meanings in `FEATURES` name this number as well.
RECENT = 4
# These are compared with the class by their distance from its mean, the next by their rank in it.
GAPS = ("mark", "midterm")
RANKED = tuple(name.removesuffix("_rank") for name in FEATURES if name.endswith("_rank"))
# Work that was never handed in counts as three weeks late: no date could say how late it is.
NEVER = -3.0


@dataclass(frozen=True)
class OwnValues:
    """Each student's own values before any comparison with the class, aligned with the roll.

    Attributes:
        frame: one column for every value that is a feature, or that a feature is computed from;
            NaN where there is no data.
        classes: each student's class, as a number.
    """

    frame: pd.DataFrame
    classes: Vector


def compute_own_values(
    scored: ScoredWeek,
    history: pd.DataFrame,
    prior: pd.DataFrame,
    calendar: Calendar,
    scoring: Scoring,
    *,
    later_half: bool,
) -> OwnValues:
    """Return the own values of everyone on a roll, from what was known at the end of the week.

    Args:
        scored: the week, scored.
        history: what earlier weeks stored: student_id, sem_week, effort_score, lms_active_days,
            lms_events, library_visits.
        prior: student_id (unique) and `PRIOR`: what was known before the semester; NaN where it
            was not known.
        calendar, scoring: which weeks count.
        later_half: whether the term is in a later slot of the academic year.
    """
    observed, metrics = scored.observed, scored.metrics
    # Arrays are put side by side below: everything must be in the order of the roll.
    before = prior.set_index("student_id").reindex(metrics["student_id"])
    values = {
        **_compute_work(scored, calendar, scoring),
        **_compute_attendance(scored, calendar),
        **_compute_activity(scored, history, calendar),
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
    return OwnValues(frame, observed.roll.classes[:, scored.week])


def build_features(own: OwnValues, students: pd.Series) -> pd.DataFrame:
    """Return the features of everyone on a roll: own values, and their comparison with the class.

    Args:
        own: the own values of everyone.
        students: their ids, in the same order.

    Returns:
        student_id and `FEATURES`, in the order of `students`; NaN where there is no data.
    """
    frame = own.frame.copy()
    for name in GAPS:
        frame[f"{name}_gap"] = frame[name] - frame[name].groupby(own.classes).transform("mean")
    for name in RANKED:
        frame[f"{name}_rank"] = rank_in_class(frame[name], own.classes)
    return _select_features(frame, students)


def build_features_alone(
    own: OwnValues, rows: Vector, students: pd.Series, others: OwnValues
) -> pd.DataFrame:
    """Return the features of some students, each computed as if only that student changed.

    Args:
        own: the changed values of these students.
        rows: their rows in the roll.
        students: their ids.
        others: the unchanged values of everyone on the roll.

    Returns:
        As `build_features`, in the order of `students`.
    """
    frame = own.frame.copy()
    for name in GAPS:
        frame[f"{name}_gap"] = frame[name] - _compute_mean_with(
            frame[name].to_numpy(), own.classes, rows, others, name
        )
    for name in RANKED:
        base = others.frame[name].to_numpy()
        less, equal, count = rank_in_groups(
            frame[name].to_numpy(), own.classes, base, others.classes
        )
        # The old value of the student is still in the class: the new one takes its place, so that
        # the result is the same as that of `rank_in_class` over the changed class.
        itself = base[rows]
        less, equal = less - (itself < frame[name]), equal - (itself == frame[name])
        count = count - ~np.isnan(itself) + 1
        frame[f"{name}_rank"] = np.where(
            frame[name].isna(), np.nan, (less + equal / 2 + 0.5) / count
        )
    return _select_features(frame, students)


def _select_features(frame: pd.DataFrame, students: pd.Series) -> pd.DataFrame:
    # `effort` is the mean of recent weeks until its rank is computed; the feature is this week's.
    frame["effort"] = frame["effort_week"]
    return frame[list(FEATURES)].assign(student_id=students.to_numpy())


def _compute_mean_with(
    values: Floats, classes: Vector, rows: Vector, others: OwnValues, name: str
) -> Floats:
    """Return the class mean for each student, with the new value in place of the old one."""
    groups = others.frame[name].groupby(others.classes)
    total, count = (
        groups.transform("sum").to_numpy()[rows],
        groups.transform("count").to_numpy()[rows],
    )
    # A missing value adds 0 to the sum and nothing to the count, before and after the change.
    was = others.frame[name].to_numpy()[rows]
    total = total - np.nan_to_num(was) + np.nan_to_num(values)
    return divide(total, count - ~np.isnan(was) + ~np.isnan(values))


def rank_in_class(values: pd.Series, classes: np.ndarray) -> pd.Series:
    """Return each value's rank in its class, 0 (lowest) to 1; ties share a rank, NaN stays NaN."""
    groups = values.groupby(classes)
    # Half a place less puts the middle of any class at 0.5, also in a class of one.
    return (groups.rank() - 0.5) / groups.transform("count")


def _compute_work(scored: ScoredWeek, calendar: Calendar, scoring: Scoring) -> dict[str, Floats]:
    roll, parts = scored.observed.roll, scored.observed.work
    due = sum((part.due for part in parts), np.zeros_like(roll.classes))
    # More may be handed in than was due; a share above 1 would say nothing more.
    done = np.minimum(sum((part.done for part in parts), np.zeros_like(roll.classes)), due)
    marked = sum((part.marked for part in parts), np.zeros_like(roll.classes))
    missed = sum((part.zeros for part in parts), np.zeros_like(roll.classes))
    marks = sum((part.mark_sum for part in parts), np.zeros(roll.classes.shape))
    # Assignments and quizzes: the later date counts. 0 means that there is no date.
    handed_on = np.maximum(parts[0].handed_on, parts[1].handed_on)
    age = np.arange(due.shape[1])[::-1]
    weight = DECAY ** (age / 2)
    # In weeks before the last day of the week; the limits keep a single wrong date from dominating.
    early = np.where(
        handed_on > 0, np.clip((roll.starts + 6 - handed_on) / 7, NEVER, -NEVER), NEVER
    )
    # Work that is done but has no date says nothing about promptness.
    counted = (due > 0) & ((handed_on > 0) | (done == 0))
    recent_missed, recent_due = count_missed_work(scored.observed, calendar, scoring)
    return {
        "mark": divide(marks.sum(axis=1), marked.sum(axis=1)),
        "mark_with_zeros": divide(marks.sum(axis=1), (marked + missed).sum(axis=1)),
        "mark_recent": divide(
            (marks * weight).sum(axis=1), ((marked + missed) * weight).sum(axis=1)
        ),
        "lowest_mark": _find_lowest(divide(marks, marked)),
        "ahead": scored.observed.ahead,
        "ahead_mark": scored.observed.ahead_mark,
        "handed_in": divide(done.sum(axis=1), due.sum(axis=1)),
        "missed_recent": divide(recent_missed, recent_due),
        "earliness": divide((early * counted).sum(axis=1), counted.sum(axis=1)),
        "late": divide(((early < 0) & (handed_on > 0)).sum(axis=1), (handed_on > 0).sum(axis=1)),
        # On a log scale: one item more matters less late in the semester.
        "work_due": np.log1p(due.sum(axis=1)),
    }


def _compute_attendance(scored: ScoredWeek, calendar: Calendar) -> dict[str, Floats]:
    held, present = scored.observed.held, scored.observed.present
    recent = list(calendar.get_last_teaching_weeks(scored.week, RECENT))
    week = scored.metrics["weekly_att_pct"].to_numpy("float64")
    return {
        "attendance": divide(present.sum(axis=1), held.sum(axis=1)),
        "attendance_recent": divide(present[:, recent].sum(axis=1), held[:, recent].sum(axis=1)),
        # A share like the others; `weekly_att_pct` is a percentage.
        "attendance_week": week / 100,
        "attendance_change": week - scored.baseline["weekly_att_pct"],
    }


def _compute_activity(
    scored: ScoredWeek, history: pd.DataFrame, calendar: Calendar
) -> dict[str, Floats]:
    """Return the means of activity over recent weeks, where the latest week weighs most."""
    metrics = scored.metrics
    names = {
        "effort": "effort_score",
        "active_days": "lms_active_days",
        "clicks": "lms_events",
        "visits": "library_visits",
    }
    weeks = calendar.get_teaching_weeks_before(scored.week, RECENT)
    past = {
        name: _collect_past_weeks(history, metrics["student_id"], column, weeks)
        for name, column in names.items()
    }
    smoothed = {}
    for name, column in names.items():
        values = np.column_stack([metrics[column].to_numpy("float64"), past[name]])
        # Clicks are very skewed: without the log, one busy week would outweigh all others.
        if name == "clicks":
            values = np.log1p(values)
        # The first column is this week. A missing week has no weight, instead of counting as 0.
        weight = DECAY ** np.arange(values.shape[1]) * ~np.isnan(values)
        smoothed[name] = divide((np.nan_to_num(values) * weight).sum(axis=1), weight.sum(axis=1))
    recent = list(calendar.get_last_teaching_weeks(scored.week, RECENT))
    # This week and the stored weeks can be one more than the recent weeks; the columns must match.
    days = np.column_stack([metrics["lms_active_days"].to_numpy("float64"), past["active_days"]])[
        :, : len(recent)
    ]
    known, active = scored.observed.held > 0, scored.observed.present > 0
    known[:, recent] |= ~np.isnan(days)
    active[:, recent] |= np.nan_to_num(days) > 0
    return {
        **smoothed,
        **_compute_silence(scored, calendar, known, active),
        "early_clicks": scored.observed.early_clicks,
        "weeks_active": active[:, recent].sum(axis=1).astype("float64"),
        "effort_change": metrics["effort_score"].to_numpy("float64")
        - scored.baseline["effort_score"],
    }


def _compute_silence(
    scored: ScoredWeek, calendar: Calendar, known: Flags, active: Flags
) -> dict[str, Floats]:
    """Return the weeks since anything was recorded, and the most in a row without anything.

    A lecture attended, work handed in, or a recent day on the platform is something. Weeks of which
    nothing could be known, without lectures and platform, and excused weeks are passed over.

    Args:
        scored: the week, scored.
        calendar: which weeks count.
        known, active: students by weeks: whether there were lectures or a platform, and whether the
            student was at any.
    """
    observed = scored.observed
    known = known & ~observed.roll.away
    for part in observed.work:
        active = active | _find_weeks(part.handed_on, observed.roll.starts)
    silent, longest = np.zeros(len(known)), np.zeros(len(known))
    for week in (week for week in calendar.teaching_weeks if week <= scored.week):
        silent = np.where(active[:, week], 0, silent + known[:, week])
        longest = np.maximum(longest, silent)
    nothing = ~(known | active).any(axis=1)
    return {
        "silent_weeks": np.where(nothing, np.nan, silent),
        "longest_silence": np.where(nothing, np.nan, longest),
    }


def _find_weeks(days: Matrix, starts: Matrix) -> Flags:
    """Return the weeks in which any of some days is, students by weeks; day 0 is none."""
    found = np.zeros(starts.shape, dtype=bool)
    for column in np.nonzero((days > 0).any(axis=0))[0]:
        day = days[:, [column]]
        # The week of a day is the last one that had begun by then; 0 is no start.
        begun = (starts > 0) & (starts <= day)
        there = np.nonzero((day[:, 0] > 0) & begun.any(axis=1))[0]
        week = begun.shape[1] - 1 - np.argmax(begun[:, ::-1], axis=1)
        found[there, week[there]] = True
    return found


def _find_lowest(values: np.ndarray) -> Floats:
    """Return the lowest value of each row; NaN in a row without one."""
    lowest = np.where(np.isnan(values), np.inf, values).min(axis=1, initial=np.inf)
    return np.where(np.isinf(lowest), np.nan, lowest)


def _collect_past_weeks(
    history: pd.DataFrame, students: pd.Series, column: str, weeks: tuple[int, ...]
) -> Matrix:
    """Return a metric of earlier weeks, students by weeks, latest first; NaN if not stored."""
    rows = history[history["sem_week"].isin(weeks)]
    table = rows.pivot(index="student_id", columns="sem_week", values=column)
    return np.asarray(table.reindex(index=students, columns=list(weeks)), dtype="float64")
