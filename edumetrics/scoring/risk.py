"""The risk score of the rules: eight components, each from 0 (no concern) to 1."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring.observed import Observations
from edumetrics.scoring.roll import Roll, Vector
from edumetrics.scoring.signals import Floats, divide

# The metrics whose fall is measured against the student's own earlier weeks.
BASELINE_METRICS = ("effort_score", "academic_performance", "weekly_att_pct", "lms_active_days")


def compute_baselines(
    roll: Roll, history: pd.DataFrame, calendar: Calendar, scoring: Scoring
) -> dict[str, Floats]:
    """Return the mean of each metric over the last `baseline_weeks` teaching weeks before this one.

    Each value is the one stored at the end of its own week.

    Args:
        roll: the roll of the week.
        history: student_id, sem_week and `BASELINE_METRICS` of the same term; other weeks are
            ignored.
        calendar, scoring: which weeks count, and how many of them must have a value.

    Returns:
        Arrays by metric, NaN where fewer than `baseline_minimum` weeks have a value.
    """
    # Stored values, not recomputed ones: a late correction must not change what a fall is
    # measured against.
    window = calendar.get_teaching_weeks_before(roll.week, scoring.baseline_weeks)
    rows = history[history["sem_week"].isin(window)]
    groups = rows.groupby("student_id")[list(BASELINE_METRICS)]
    mean, count = groups.mean(), groups.count()
    mean = mean.where(count >= scoring.baseline_minimum).reindex(roll.frame["student_id"])
    return {name: mean[name].to_numpy(dtype="float64") for name in BASELINE_METRICS}


def compute_components(
    observed: Observations,
    metrics: pd.DataFrame,
    baseline: dict[str, Floats],
    class_effort: Floats,
    calendar: Calendar,
    scoring: Scoring,
) -> dict[str, Floats]:
    """Return the components of the risk score by name, each 0..1, NaN where absent.

    Args:
        observed: what was counted.
        metrics: risk_of_detention and `BASELINE_METRICS`, aligned with the roll.
        baseline: the means of earlier weeks, as `compute_baselines` returns them.
        class_effort: the median effort score of each student's class.
        calendar, scoring: the parameters.
    """
    # The level at which marks start to count: some points above the pass mark.
    level = scoring.pass_mark + scoring.academic_margin
    scales = scoring.risk_scales
    values = {
        name: metrics[name].to_numpy(dtype="float64")
        for name in (*BASELINE_METRICS, "risk_of_detention")
    }
    missed, due = count_missed_work(observed, calendar, scoring)
    active = baseline["lms_active_days"]
    parts = {
        "attendance_standing": values["risk_of_detention"] / 100,
        "academic_level": (level - values["academic_performance"]) / level,
        "missed_work": divide(missed, due),
        "attendance_fall": (baseline["weekly_att_pct"] - values["weekly_att_pct"])
        / scales.attendance_fall,
        "effort_level": (class_effort - values["effort_score"]) / scales.effort_level,
        "effort_fall": (baseline["effort_score"] - values["effort_score"]) / scales.effort_fall,
        "academic_fall": (baseline["academic_performance"] - values["academic_performance"])
        / scales.academic_fall,
        # A baseline below one day counts as one, so that rare visitors do not get a full component.
        "platform_silence": (active - values["lms_active_days"]) / np.maximum(active, 1),
    }
    # A rise is not the opposite of a fall: below 0 a component is 0. NaN stays NaN.
    return {name: np.clip(part, 0, 1) for name, part in parts.items()}


def count_missed_work(
    observed: Observations, calendar: Calendar, scoring: Scoring
) -> tuple[Vector, Vector]:
    """Return how many items of the last `missed_work_weeks` teaching weeks were missed and due.

    The first array counts the items that were not done, the second one all that were due.
    """
    recent = list(calendar.get_last_teaching_weeks(observed.roll.week, scoring.missed_work_weeks))
    missed = np.sum([part.missed[:, recent].sum(axis=1) for part in observed.work], axis=0)
    due = np.sum([part.due[:, recent].sum(axis=1) for part in observed.work], axis=0)
    return missed, due


def compute_class_effort(roll: Roll, effort: Floats) -> Floats:
    """Return the median effort score of each student's class; NaN where no student has a score.

    The class is that of the week.
    """
    return pd.Series(effort).groupby(roll.classes[:, roll.week]).transform("median").to_numpy()


def compute_points(parts: dict[str, Floats], scoring: Scoring) -> dict[str, Floats]:
    """Return the points that each component adds to the risk score; 0 where it is absent.

    The points of all components sum to the score.

    >>> parts = {name: np.array([np.nan]) for name in Scoring().risk_weights.model_dump()}
    >>> parts |= {"missed_work": np.array([0.5]), "effort_fall": np.array([0.25])}
    >>> added = points(parts, Scoring())
    >>> float(added["missed_work"][0]), float(added["effort_fall"][0])
    (30.0, 10.0)
    """
    weights = scoring.risk_weights.model_dump()
    # The weight present for each student: absent components do not dilute the score.
    present = np.sum([weight * ~np.isnan(parts[name]) for name, weight in weights.items()], axis=0)
    return {
        name: np.nan_to_num(divide(100 * weight * parts[name], present))
        for name, weight in weights.items()
    }
