"""Urgency: the one number, 0 to 100, that decides who is listed, in which tier and order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.scoring.signals import Floats, compute_weighted_mean, smooth
from edumetrics.triage.evidence import find_recorded
from edumetrics.triage.rules import is_reachable
from edumetrics.triage.situation import CRITICAL, HIGH, WATCH, Situation, Thresholds

# What the nearness of the attendance deadline is computed from.
DEADLINE = ("risk_of_detention", "lectures_to_attend", "lectures_left")


def compute_urgency(situation: Situation, shared: dict[str, set[str]] | None = None) -> Floats:
    """Return the urgency of everyone on the roll, 0 to 100.

    Where the model ranks, it comes from the smoothed chance of failing or leaving, and from the
    attendance deadline while it can still be met. Else it is the smoothed risk score; in the first
    weeks the watchlist's risk where there is one. A missing score counts as 0.

    Args:
        situation: the week.
        shared: by component, the classes that share it: what the whole class has does not count.
    """
    if situation.model is not None:
        return compute_model_urgency(
            1 / (1 + np.exp(-situation.model.order)),
            situation.scored.metrics,
            situation.triage.detention_weight,
        )
    if not situation.is_in_grace(situation.week):
        return np.nan_to_num(smooth_score(situation, shared))
    score = situation.scored.metrics["risk_score"].to_numpy("float64", na_value=np.nan)
    risk = get_watchlist_risk(situation)
    return np.where(np.isnan(risk), np.nan_to_num(score), risk)


def get_watchlist_risk(situation: Situation) -> Floats:
    """Return the watchlist's risk of everyone on the roll, percent; NaN for those not on it."""
    watched = situation.memory.watchlist.set_index("student_id")["risk_probability_pct"]
    return np.asarray(watched.reindex(situation.students).to_numpy("float64", na_value=np.nan))


def smooth_score(situation: Situation, shared: dict[str, set[str]] | None = None) -> Floats:
    """Return the smoothed risk score of everyone on the roll; NaN where there is none this week.

    Grace weeks do not count, so the first week after them is not smoothed. Arguments as for
    `compute_urgency`.
    """
    score = _compute_score(situation, shared or {})
    if situation.is_in_grace(situation.week):
        return score
    scores = situation.memory.scores
    past = scores[scores["sem_week"] > situation.calendar.grace_weeks]
    before = smooth_weeks(past, "risk_score", situation.students, situation.keep)
    return smooth(score, before, situation.keep)


def compute_model_urgency(chance: Floats, metrics: pd.DataFrame, weight: float) -> Floats:
    """Return the urgency where the model ranks: 100 · (1 − (1 − p)(1 − w d)).

    Args:
        chance: the smoothed chance p of failing or leaving, 0..1.
        metrics: the columns of `DEADLINE`, aligned with `chance`. The deadline d counts while
            something can be done about it.
        weight: the weight w of the deadline, 0..1.
    """
    return np.asarray(100 * (1 - (1 - chance) * (1 - weight * compute_nearness(metrics))))


def compute_nearness(metrics: pd.DataFrame) -> Floats:
    """Return the chance of missing the attendance rule, 0..1, while it can still be met; else 0.

    Args:
        metrics: the columns of `DEADLINE`; null counts as 0.
    """
    risk = metrics["risk_of_detention"].to_numpy("float64", na_value=np.nan) / 100
    return np.where(is_reachable(metrics), np.nan_to_num(risk), 0.0)


def _compute_score(situation: Situation, shared: dict[str, set[str]]) -> Floats:
    """Return the risk score, in which classes that share a component keep only what exceeds it."""
    scored = situation.scored
    score = scored.metrics["risk_score"].to_numpy("float64", na_value=np.nan)
    if not shared:
        return score
    classes, recorded = scored.metrics["class_id"], find_recorded(situation)
    parts = dict(scored.components)
    for name, names in shared.items():
        part = parts[name]
        known = pd.Series(part).where(recorded)
        median = known.groupby(classes.to_numpy()).transform("median").to_numpy()
        # What the whole class shares says nothing about who in it needs a conversation most.
        parts[name] = np.where(classes.isin(names), np.maximum(part - median, 0), part)
    value, _ = compute_weighted_mean(parts, situation.scoring.risk_weights.model_dump())
    return np.where(classes.isin(set().union(*shared.values())), 100 * value, score)


def smooth_weeks(past: pd.DataFrame, metric: str, students: pd.Index[str], keep: float) -> Floats:
    """Return a stored metric smoothed over the weeks before; NaN for students without a value.

    Args:
        past: student_id, sem_week and the metric, of the weeks that count.
        metric: its name.
        students: the students, in the order of the result.
        keep: the weight of the week before, 0..1.
    """
    wide = past.pivot(index="student_id", columns="sem_week", values=metric)
    wide = wide.reindex(index=students).astype("float64").sort_index(axis=1)
    before = np.full(len(students), np.nan)
    for week in wide:
        now = wide[week].to_numpy()
        before = np.where(np.isnan(now), before, smooth(now, before, keep))
    return before


def classify(urgency: Floats, thresholds: Thresholds) -> np.ndarray:
    """Return the tier of urgencies: the one place where tiers are made."""
    return np.select(
        [urgency >= thresholds.urgent_at, urgency >= thresholds.soon_at], [CRITICAL, HIGH], WATCH
    )
