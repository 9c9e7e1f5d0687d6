"""The numbers that reasons compare a student's own with: last week, the class, earlier weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.scoring.risk import BASELINE_METRICS
from edumetrics.triage.situation import Situation
from edumetrics.types import Row

# The metrics compared with last week, and for each the scale (in points) that makes their changes
# comparable: its change is divided by it.
CHANGES = {
    "attendance": ("weekly_att_pct", 40),
    "marks": ("academic_performance", 30),
    "activity": ("effort_score", 30),
}
# Smaller changes, in shares of the scale, are noise and are not mentioned.
WORTH_A_WORD = 0.1


def measure_changes(now: Row, before: Row) -> dict[str, float]:
    """Return what changed since last week, by name of `CHANGES`, in shares of its scale.

    Above 0 is better. Small and unknown changes are left out.
    """
    found = {
        name: (now[metric] - before[metric]) / scale for name, (metric, scale) in CHANGES.items()
    }
    # NaN (one of the weeks has no value) compares as False, and is left out too.
    return {name: change for name, change in found.items() if abs(change) >= WORTH_A_WORD}


def get_last_metrics(situation: Situation, students: pd.Series) -> list[Row | None]:
    """Return last week's metrics of each student who was on last week's list; None for others."""
    metrics, listed = situation.memory.metrics, situation.memory.last["student_id"]
    known = metrics[metrics["student_id"].isin(listed)].set_index("student_id").to_dict("index")
    return [known.get(student) for student in students]


def compute_class_marks(situation: Situation) -> np.ndarray:
    """Return the median academic performance of each student's class, aligned with the roll.

    NaN where fewer than two students of the class have a value.
    """
    roll, marks = situation.scored.observed.roll, situation.scored.metrics["academic_performance"]
    groups = marks.groupby(roll.classes[:, roll.week])
    return groups.transform("median").where(groups.transform("count") > 1).to_numpy()


def find_baseline_weeks(
    situation: Situation, students: pd.Series
) -> dict[str, list[tuple[int, ...]]]:
    """Return by metric, for each student, the weeks of the baseline that have a value."""
    # A sentence names the weeks in order, but the calendar gives the latest first.
    window = sorted(
        situation.calendar.get_teaching_weeks_before(
            situation.week, situation.scoring.baseline_weeks
        )
    )
    history = situation.history[situation.history["sem_week"].isin(window)]
    found = {}
    for metric in BASELINE_METRICS:
        known = history.pivot(index="student_id", columns="sem_week", values=metric).notna()
        # Weeks of the window without any stored row are no column of the pivot.
        known = known.reindex(index=students, columns=window, fill_value=False)
        found[metric] = [tuple(np.array(window)[mine]) for mine in known.to_numpy(dtype=bool)]
    return found


def measure_pace(situation: Situation) -> np.ndarray:
    """Return lectures missed, lectures held, and weeks with lectures, over the last teaching weeks.

    The array has one row for each student on the roll, and these three columns. The window is
    `detention_weeks`, four as shipped.
    """
    window = list(
        situation.calendar.get_last_teaching_weeks(
            situation.week, situation.scoring.detention_weeks
        )
    )
    observed = situation.scored.observed
    held, present = observed.held[:, window], observed.present[:, window]
    return np.stack(
        [(held - present).sum(axis=1), held.sum(axis=1), (held > 0).sum(axis=1)], axis=1
    )
