"""The rules' risk score: eight components, each from 0 (nothing to see) to 1."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.observed import Observed
from edumetrics.scoring.roll import Roll, Vector
from edumetrics.scoring.signals import Floats, divide

BASELINE_METRICS = ("effort_score", "academic_performance", "weekly_att_pct", "lms_active_days")


def baselines(
    roll: Roll, history: pd.DataFrame, calendar: Calendar, scoring: Scoring
) -> dict[str, Floats]:
    """Each metric's mean over the four teaching weeks before this one, as stored at each week's own end.

    Args:
        roll: the roll of the week.
        history: student_id, sem_week and `BASELINE_METRICS` of the same term; other weeks are ignored.
        calendar, scoring: which weeks count, and how many of them must have a value.

    Returns:
        Arrays by metric, NaN where fewer than `baseline_minimum` weeks have a value.
    """
    window = calendar.teaching_weeks_before(roll.week, scoring.baseline_weeks)
    rows = history[history["sem_week"].isin(window)]
    groups = rows.groupby("student_id")[list(BASELINE_METRICS)]
    mean, count = groups.mean(), groups.count()
    mean = mean.where(count >= scoring.baseline_minimum).reindex(roll.frame["student_id"])
    return {name: mean[name].to_numpy(dtype="float64") for name in BASELINE_METRICS}


def components(
    observed: Observed,
    metrics: pd.DataFrame,
    baseline: dict[str, Floats],
    class_effort: Floats,
    calendar: Calendar,
    scoring: Scoring,
) -> dict[str, Floats]:
    """The components of the risk score by name, each 0..1, NaN where absent.

    Args:
        observed: what was counted.
        metrics: risk_of_detention and `BASELINE_METRICS`, aligned with the roll.
        baseline: as `baselines`.
        class_effort: the median effort score of each student's class, as `class_effort`.
        calendar, scoring: the parameters.
    """
    level = scoring.pass_mark + scoring.academic_margin
    scales = scoring.risk_scales
    values = {
        name: metrics[name].to_numpy(dtype="float64")
        for name in (*BASELINE_METRICS, "risk_of_detention")
    }
    missed, due = missed_work(observed, calendar, scoring)
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
        "platform_silence": (active - values["lms_active_days"]) / np.maximum(active, 1),
    }
    return {name: np.clip(part, 0, 1) for name, part in parts.items()}


def missed_work(observed: Observed, calendar: Calendar, scoring: Scoring) -> tuple[Vector, Vector]:
    """How many items of the last three teaching weeks were not done, and how many were due."""
    recent = list(calendar.last_teaching_weeks(observed.roll.week, scoring.missed_work_weeks))
    missed = np.sum([part.missed[:, recent].sum(axis=1) for part in observed.work], axis=0)
    due = np.sum([part.due[:, recent].sum(axis=1) for part in observed.work], axis=0)
    return missed, due


def class_effort(roll: Roll, effort: Floats) -> Floats:
    """The median effort score over the class's rows of the week, student by student; NaN where none has one."""
    return pd.Series(effort).groupby(roll.classes[:, roll.week]).transform("median").to_numpy()


def points(parts: dict[str, Floats], scoring: Scoring) -> dict[str, Floats]:
    """What each component adds to the risk score: they sum to it; 0 where the component is absent.

    >>> parts = {name: np.array([np.nan]) for name in Scoring().risk_weights.model_dump()}
    >>> added = points({**parts, "missed_work": np.array([0.5]), "effort_fall": np.array([0.25])}, Scoring())
    >>> float(added["missed_work"][0]), float(added["effort_fall"][0])
    (30.0, 10.0)
    """
    weights = scoring.risk_weights.model_dump()
    present = np.sum([weight * ~np.isnan(parts[name]) for name, weight in weights.items()], axis=0)
    return {
        name: np.nan_to_num(divide(100 * weight * parts[name], present))
        for name, weight in weights.items()
    }
