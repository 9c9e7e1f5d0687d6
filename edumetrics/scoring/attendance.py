"""Attendance this week and to date, and what the attendance rule still asks of each student."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaln

from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import FloatMatrix, Roll, Vector, is_enrolled
from edumetrics.scoring.signals import Floats, divide

# The percentage of the rule is an integer with two decimals (75% is 7500). With floats, a rounding
# error could change the number of lectures by one.
EXACT = 100


def count_lectures(roll: Roll, facts: Facts, calendar: Calendar) -> tuple[FloatMatrix, FloatMatrix]:
    """Return lectures held and attended, students by weeks; halves count.

    All registers of the term count, whatever class they are filed under, except those of a subject
    that a student with known enrolments does not take on the last day of the week. Both are 0 in
    weeks that do not count for the student (`Roll.away`), in weeks without teaching, and in weeks
    without a marked register.
    """
    held, present = (np.zeros(roll.classes.shape) for _ in range(2))
    weeks = [week for week in calendar.teaching_weeks if week <= roll.week]
    _add_registers(roll, facts.attendance, weeks, held, present, 1)
    if facts.enrolments is not None:
        beside = facts.unsure_registers
        beside = beside.assign(row=roll.find_rows(beside["student_id"]))
        beside = beside[beside["week"].isin(weeks) & (beside["row"] >= 0)]
        others = beside[~is_enrolled(roll, facts.enrolments, beside)]
        _add_registers(roll, others, weeks, held, present, -1)
    held[roll.away] = 0
    present[roll.away] = 0
    return held, present


def _add_registers(
    roll: Roll,
    frame: pd.DataFrame,
    weeks: list[int],
    held: FloatMatrix,
    present: FloatMatrix,
    sign: int,
) -> None:
    frame = frame[frame["week"].isin(weeks)]
    rows = roll.find_rows(frame["student_id"])
    kept = rows >= 0
    at = (rows[kept], frame["week"].to_numpy()[kept])
    # `held[at] += ...` would count a student with two rows in one week only once.
    np.add.at(held, at, sign * frame["held"].to_numpy()[kept])
    np.add.at(present, at, sign * frame["present"].to_numpy()[kept])


def compute_attendance(
    week: int,
    held: FloatMatrix,
    present: FloatMatrix,
    share: Floats,
    calendar: Calendar,
    scoring: Scoring,
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


def compute_lectures_left(held: Floats, weeks_held: Vector, weeks_left: int) -> Vector:
    """Return the lectures still to come at the pace so far: held · weeks left / weeks held.

    The result is rounded half up, to whole lectures.

    >>> compute_lectures_left(np.array([25.0]), np.array([2]), 3)
    array([38])
    """
    # Where nothing was held, the division must still be defined; the result is 0.
    weeks_held = np.maximum(weeks_held, 1)
    # Halves are exact in floats, and so is this division of what they are multiplied to.
    return np.asarray((2 * held * weeks_left + weeks_held) // (2 * weeks_held), dtype=np.int64)


def compute_lectures_needed(
    held: Floats, attended: Floats, left: Vector, rule_pct: float
) -> Vector:
    """Return how many of the lectures left must be attended; a negative number means none.

    This is ceil(rule · (held + left) - attended).

    >>> compute_lectures_needed(np.array([40.0]), np.array([20.0]), np.array([27]), 75)
    array([31])
    """
    rule, whole = round(rule_pct * EXACT), 100 * EXACT
    # Floor division of the negative value is the ceiling; halves times whole numbers are exact.
    return np.asarray(-((whole * attended - rule * (held + left)) // whole), dtype=np.int64)


def compute_class_share(roll: Roll, held: FloatMatrix, present: FloatMatrix) -> Floats:
    """Return the share of lectures attended to date in each student's class, 0..1.

    The class is that of the week. The share is NaN where no lecture was held.
    """
    codes = roll.classes[:, roll.week]
    size = len(roll.class_semesters)
    return divide(
        np.bincount(codes, present.sum(axis=1), size), np.bincount(codes, held.sum(axis=1), size)
    )[codes]


def _compute_detention_risk(
    held: FloatMatrix,
    present: FloatMatrix,
    share: Floats,
    left: Vector,
    needed: Vector,
    prior_weeks: float,
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
