"""Attendance this week and to date, and the standing against the attendance rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaln

from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import Matrix, Roll, Vector
from edumetrics.scoring.signals import Floats, divide

# The rule's percentage is kept to two decimals as an integer, so that the arithmetic of deadlines is exact.
EXACT = 100


def registers(roll: Roll, facts: Facts, calendar: Calendar) -> tuple[Matrix, Matrix]:
    """Lectures held and attended, students by weeks; 0 in excused weeks, other than teaching weeks, and unmarked ones.

    Registers of an earlier class of the same semester count; those of another semester do not.
    """
    held = np.zeros(roll.classes.shape, dtype=np.int64)
    present = np.zeros_like(held)
    frame = facts.attendance
    frame = frame[frame["week"].isin([w for w in calendar.teaching_weeks if w <= roll.week])]
    rows = roll.rows(frame["student_id"])
    semesters = roll.frame["semester"].to_numpy()
    kept = (
        (rows >= 0) & (semesters[rows] == frame["semester"].to_numpy())
        if len(roll.frame)
        else rows >= 0
    )
    at = (rows[kept], frame["week"].to_numpy()[kept])
    np.add.at(held, at, frame["held"].to_numpy()[kept])
    np.add.at(present, at, frame["present"].to_numpy()[kept])
    held[roll.excused] = 0
    present[roll.excused] = 0
    return held, present


def standing(
    week: int, held: Matrix, present: Matrix, share: Floats, calendar: Calendar, scoring: Scoring
) -> pd.DataFrame:
    """Every attendance column of weekly_metrics, aligned with the roll.

    Args:
        week: the semester week.
        held, present: lectures held and attended, students by weeks.
        share: attended to date in each student's class, as `class_share`.
        calendar, scoring: the parameters.

    Facts (held, attended, percentages) are given with or without an attendance rule; what the rule asks for
    (lectures_left, lectures_to_attend, lectures_can_miss, risk_of_detention) is null without one, and for a student for
    whom no lecture has been held yet, because then there is no pace to go by.
    """
    total, attended = held.sum(axis=1), present.sum(axis=1)
    frame = pd.DataFrame(
        {
            "weekly_att_pct": divide(100.0 * present[:, week], held[:, week]),
            "week_lectures_held": held[:, week],
            "week_lectures_attended": present[:, week],
            "overall_att_pct": divide(100.0 * attended, total),
            "lectures_held": total,
            "lectures_attended": attended,
        }
    )
    names = ["lectures_left", "lectures_to_attend", "lectures_can_miss", "risk_of_detention"]
    if calendar.attendance_rule_pct is None:
        return frame.assign(**dict.fromkeys(names, np.nan))
    weeks_held = (held > 0).sum(axis=1)
    left = lectures_left(total, weeks_held, calendar.teaching_weeks_left(week))
    needed = lectures_needed(total, attended, left, calendar.attendance_rule_pct)
    window = list(calendar.last_teaching_weeks(week, scoring.detention_weeks))
    risk = _risk_of_detention(
        held[:, window], present[:, window], share, left, needed, scoring.detention_prior_weeks
    )
    if week < scoring.detention_from_week:
        risk = np.full(len(total), np.nan)
    must = np.maximum(needed, 0)
    values = dict(zip(names, (left, must, np.maximum(left - must, 0), risk), strict=True))
    known = weeks_held > 0
    return frame.assign(
        **{name: np.where(known, column, np.nan) for name, column in values.items()}
    )


def lectures_left(held: Vector, weeks_held: Vector, weeks_left: int) -> Vector:
    """Lectures still to come at the pace so far: held · weeks left / weeks held, rounded half up, in integers.

    >>> lectures_left(np.array([25]), np.array([2]), 3)
    array([38])
    """
    weeks_held = np.maximum(weeks_held, 1)
    return (2 * held * weeks_left + weeks_held) // (2 * weeks_held)


def lectures_needed(held: Vector, attended: Vector, left: Vector, rule_pct: float) -> Vector:
    """How many of the lectures left must be attended: ceil(rule · (held + left) - attended); may be negative.

    >>> lectures_needed(np.array([40]), np.array([20]), np.array([27]), 75)
    array([31])
    """
    rule, whole = round(rule_pct * EXACT), 100 * EXACT
    return -((whole * attended - rule * (held + left)) // whole)


def class_share(roll: Roll, held: Matrix, present: Matrix) -> Floats:
    """Share attended to date over the class's rows of the week, student by student; NaN where nothing was held."""
    codes = roll.classes[:, roll.week]
    size = len(roll.pairings)
    return divide(
        np.bincount(codes, present.sum(axis=1), size), np.bincount(codes, held.sum(axis=1), size)
    )[codes]


def _risk_of_detention(
    held: Matrix, present: Matrix, share: Floats, left: Vector, needed: Vector, prior_weeks: float
) -> Floats:
    """100 · P(the semester ends below the rule), the lectures left being beta-binomial around class and recent weeks.

    The recent weeks count as one observation a week: attended and held are divided by the lectures per week.
    """
    h, p = held.sum(axis=1), present.sum(axis=1)
    per_week = divide(h, (held > 0).sum(axis=1))
    alpha = prior_weeks * share + np.nan_to_num(divide(p, per_week))
    beta = prior_weeks * (1 - share) + np.nan_to_num(divide(h - p, per_week))
    open_ = (needed > 0) & (needed <= left) & ~np.isnan(share)
    risk = np.where(needed > left, 100.0, 0.0)
    risk[open_] = 100 * beta_binomial_cdf(needed[open_] - 1, left[open_], alpha[open_], beta[open_])
    return risk


def beta_binomial_cdf(k: Vector, n: Vector, alpha: Floats, beta: Floats) -> Floats:
    """P(X ≤ k) for X ~ BetaBinomial(n, alpha, beta), elementwise, by the recurrence of its mass function.

    Args:
        k, n: 0 ≤ k < n.
        alpha, beta: at least 0, not both 0; alpha 0 puts all mass on X = 0, beta 0 all on X = n.

    >>> beta_binomial_cdf(np.array([0, 4]), np.array([5, 5]), np.array([1.0, 1.0]), np.array([1.0, 0.0])).round(6)
    array([0.166667, 0.      ])
    """
    result = np.where(alpha <= 0, 1.0, 0.0)
    proper = (alpha > 0) & (beta > 0)
    k, n, a, b = k[proper], n[proper], alpha[proper], beta[proper]
    mass = np.exp(betaln(a, n + b) - betaln(a, b))
    total = np.zeros_like(mass)
    for x in range(int(k.max(initial=-1)) + 1):
        total += np.where(x <= k, mass, 0.0)
        # Beyond n the terms are never used; the floor keeps the division defined.
        mass = mass * np.maximum(n - x, 0) * (x + a) / ((x + 1) * np.maximum(n - x - 1 + b, b))
    result[proper] = np.clip(total, 0.0, 1.0)
    return result
