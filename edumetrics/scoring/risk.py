"""The rules' risk score: eight components, each from 0 (nothing to see) to 1."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.roll import Roll
from edumetrics.scoring.signals import Floats, divide, weighted_mean
from edumetrics.scoring.work import Work

BASELINE_METRICS = ("effort_score", "academic_performance", "weekly_att_pct", "lms_active_days")


def baselines(roll: Roll, history: pd.DataFrame, calendar: Calendar, scoring: Scoring) -> dict[str, Floats]:
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


def risk(
    roll: Roll,
    metrics: pd.DataFrame,
    baseline: dict[str, Floats],
    work: tuple[Work, Work],
    calendar: Calendar,
    scoring: Scoring,
) -> pd.DataFrame:
    """risk_score (0..100, NaN where no component is present) and risk_coverage (0..1), aligned with the roll."""
    score, coverage = weighted_mean(
        components(roll, metrics, baseline, work, calendar, scoring), scoring.risk_weights.model_dump()
    )
    return pd.DataFrame({"risk_score": 100 * score, "risk_coverage": coverage})


def components(
    roll: Roll,
    metrics: pd.DataFrame,
    baseline: dict[str, Floats],
    work: tuple[Work, Work],
    calendar: Calendar,
    scoring: Scoring,
) -> dict[str, Floats]:
    """The components of the risk score by name, each 0..1, NaN where absent."""
    level = scoring.pass_mark + scoring.academic_margin
    scales = scoring.risk_scales
    values = {name: metrics[name].to_numpy(dtype="float64") for name in (*BASELINE_METRICS, "risk_of_detention")}
    median = pd.Series(values["effort_score"]).groupby(roll.classes[:, roll.week]).transform("median").to_numpy()
    recent = list(calendar.last_teaching_weeks(roll.week, scoring.missed_work_weeks))
    due = np.sum([part.due[:, recent].sum(axis=1) for part in work], axis=0)
    missed = np.sum([part.missed[:, recent].sum(axis=1) for part in work], axis=0)
    active = baseline["lms_active_days"]
    parts = {
        "attendance_standing": values["risk_of_detention"] / 100,
        "academic_level": (level - values["academic_performance"]) / level,
        "missed_work": divide(missed, due),
        "attendance_fall": (baseline["weekly_att_pct"] - values["weekly_att_pct"]) / scales.attendance_fall,
        "effort_level": (median - values["effort_score"]) / scales.effort_level,
        "effort_fall": (baseline["effort_score"] - values["effort_score"]) / scales.effort_fall,
        "academic_fall": (baseline["academic_performance"] - values["academic_performance"]) / scales.academic_fall,
        "platform_silence": (active - values["lms_active_days"]) / np.maximum(active, 1),
    }
    return {name: np.clip(part, 0, 1) for name, part in parts.items()}
