"""Attendance this week and to date, and what the attendance rule still asks of each student."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaln

from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import Matrix, Roll, Vector
from edumetrics.scoring.signals import Floats, divide

# The percentage of the rule is an integer with two decimals (75% is 7500). With floats, a rounding
# error could change the number of lectures by one.
EXACT = 100


def count_lectures(roll: Roll, facts: Facts, calendar: Calendar) -> tuple[Matrix, Matrix]:
    """Return lectures held and attended, students by weeks.

    Both are 0 in excused weeks, in weeks without teaching, and in weeks without a marked register.
    Registers of an earlier class in the same semester count; those of another semester do not.
    """
    held = np.zeros(roll.classes.shape, dtype=np.int64)
    present = np.zeros_like(held)
    frame = facts.attendance
    frame = frame[frame["week"].isin([w for w in calendar.teaching_weeks if w <= roll.week])]
    rows = roll.find_rows(frame["student_id"])
    semesters = roll.frame["semester"].to_numpy()
    # An index of -1 takes the last row, so the roll must not be empty here.
    kept = (
        (rows >= 0) & (semesters[rows] == frame["semester"].to_numpy())
        if len(roll.frame)
        else rows >= 0
    )
    at = (rows[kept], frame["week"].to_numpy()[kept])
    # `held[at] += ...` would count a student with two rows in one week only once.
    np.add.at(held, at, frame["held"].to_numpy()[kept])
    np.add.at(present, at, frame["present"].to_numpy()[kept])
    # An excused week counts neither for nor against the student.
    held[roll.excused] = 0
    present[roll.excused] = 0
    return held, present


def compute_attendance(
    week: int, held: Matrix, present: Matrix, share: Floats, calendar: Calendar, scoring: Scoring
) -> pd.DataFrame:
    """Return every attendance column of weekly_metrics, aligned with the roll.

    Args:
        week: the semester week.
        held, present: lectures held and attended, students by weeks.
        share: the share attended to date in each student's class, as `compute_class_share` returns
            it.
        calendar, scoring: the parameters.

    Returns:
        Facts (lectures held and attended, percentages), with or without an attendance rule; and
        what the rule asks for (lectures_left, lectures_to_attend, lectures_can_miss,
        risk_of_detention). The latter are null without a rule. They are also null for a student
        for whom no lecture has been held yet, because then there is no pace. The risk is null
        before the week `detention_from_week`.
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
    left = compute_lectures_left(total, weeks_held, calendar.count_teaching_weeks_left(week))
    needed = compute_lectures_needed(total, attended, left, calendar.attendance_rule_pct)
    window = list(calendar.get_last_teaching_weeks(week, scoring.detention_weeks))
    risk = _compute_detention_risk(
        held[:, window], present[:, window], share, left, needed, scoring.detention_prior_weeks
    )
    if week < scoring.detention_from_week:
        risk = np.full(len(total), np.nan)
    # A negative need means that the rule is met already: nothing has to be attended.
    must = np.maximum(needed, 0)
    values = dict(zip(names, (left, must, np.maximum(left - must, 0), risk), strict=True))
    known = weeks_held > 0
    return frame.assign(
        **{name: np.where(known, column, np.nan) for name, column in values.items()}
    )


def compute_lectures_left(held: Vector, weeks_held: Vector, weeks_left: int) -> Vector:
    """Return the lectures still to come at the pace so far: held · weeks left / weeks held.

    The result is rounded half up, in integers.

    >>> compute_lectures_left(np.array([25]), np.array([2]), 3)
    array([38])
    """
    # Where nothing was held, the division must still be defined; the result is 0.
    weeks_held = np.maximum(weeks_held, 1)
    return (2 * held * weeks_left + weeks_held) // (2 * weeks_held)


def compute_lectures_needed(
    held: Vector, attended: Vector, left: Vector, rule_pct: float
) -> Vector:
    """Return how many of the lectures left must be attended; a negative number means none.

    This is ceil(rule · (held + left) - attended).

    >>> compute_lectures_needed(np.array([40]), np.array([20]), np.array([27]), 75)
    array([31])
    """
    rule, whole = round(rule_pct * EXACT), 100 * EXACT
    # Floor division of the negative value is the ceiling, without floats.
    return -((whole * attended - rule * (held + left)) // whole)


def compute_class_share(roll: Roll, held: Matrix, present: Matrix) -> Floats:
    """Return the share of lectures attended to date in each student's class, 0..1.

    The class is that of the week. The share is NaN where no lecture was held.
    """
    codes = roll.classes[:, roll.week]
    size = len(roll.class_semesters)
    return divide(
        np.bincount(codes, present.sum(axis=1), size), np.bincount(codes, held.sum(axis=1), size)
    )[codes]


def _compute_detention_risk(
    held: Matrix, present: Matrix, share: Floats, left: Vector, needed: Vector, prior_weeks: float
) -> Floats:
    """Return 100 · P(the semester ends below the rule).

    The number of lectures left that are attended is beta-binomial. Its parameters come from the
    class and from the student's recent weeks. Each recent week counts as one observation: attended
    and held are divided by the lectures per week.
    """
    # Lectures of one week tend to be attended or missed together: counted one by one they would
    # make the estimate too certain.
    h, p = held.sum(axis=1), present.sum(axis=1)
    per_week = divide(h, (held > 0).sum(axis=1))
    alpha = prior_weeks * share + np.nan_to_num(divide(p, per_week))
    beta = prior_weeks * (1 - share) + np.nan_to_num(divide(h - p, per_week))
    # Outside of `open_` the outcome is known: the rule is met already or can no longer be met.
    open_ = (needed > 0) & (needed <= left) & ~np.isnan(share)
    risk = np.where(needed > left, 100.0, 0.0)
    risk[open_] = 100 * compute_beta_binomial_cdf(
        needed[open_] - 1, left[open_], alpha[open_], beta[open_]
    )
    return risk


def compute_beta_binomial_cdf(k: Vector, n: Vector, alpha: Floats, beta: Floats) -> Floats:
    """Return P(X ≤ k) for X ~ BetaBinomial(n, alpha, beta), elementwise.

    It is computed by the recurrence of the mass function.

    Args:
        k, n: 0 ≤ k < n.
        alpha, beta: at least 0, not both 0; alpha 0 puts all mass on X = 0, beta 0 all on X = n.

    >>> alpha, beta = np.array([1.0, 1.0]), np.array([1.0, 0.0])
    >>> compute_beta_binomial_cdf(np.array([0, 4]), np.array([5, 5]), alpha, beta).round(6)
    array([0.166667, 0.      ])
    """
    result = np.where(alpha <= 0, 1.0, 0.0)
    proper = (alpha > 0) & (beta > 0)
    k, n, a, b = k[proper], n[proper], alpha[proper], beta[proper]
    # P(X = 0), from logarithms: the beta function itself would underflow.
    mass = np.exp(betaln(a, n + b) - betaln(a, b))
    total = np.zeros_like(mass)
    for x in range(int(k.max(initial=-1)) + 1):
        total += np.where(x <= k, mass, 0.0)
        # Terms beyond n are never used; the maximum only keeps the division defined.
        mass = mass * np.maximum(n - x, 0) * (x + a) / ((x + 1) * np.maximum(n - x - 1 + b, b))
    result[proper] = np.clip(total, 0.0, 1.0)
    return result
