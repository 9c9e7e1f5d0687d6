"""Hard rules: what puts a student on the list whatever the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edumetrics.fields.reasons import RULES
from edumetrics.params.triage import Triage
from edumetrics.scoring.signals import Floats
from edumetrics.triage.situation import Bools

if TYPE_CHECKING:
    from edumetrics.scoring.observed import Observations
    from edumetrics.scoring.roll import Vector
    from edumetrics.scoring.weekly import ScoredWeek
    from edumetrics.triage.situation import Situation


def check_rules(scored: ScoredWeek, out_before: Bools, triage: Triage) -> dict[str, Bools]:
    """Return by rule for whom it fires this week; a rule does not fire where its data are missing.

    Args:
        scored: the week.
        out_before: for whom the attendance rule was out of reach in an earlier week of the term.
        triage: which rules are enabled, and their limits.

    Returns:
        For every name of `RULES`, in that order, an array aligned with the roll.
    """
    metrics, rules = scored.metrics, triage.rules
    held, attended = (
        metrics["week_lectures_held"].to_numpy(),
        metrics["week_lectures_attended"].to_numpy(),
    )
    # A share of few lectures says little, so a minimum number is required. The product avoids a
    # division by 0.
    low = (held >= rules.low_attendance.lectures) & (
        100 * attended <= rules.low_attendance.at_most_pct * held
    )
    due, missed = count_since_last_work(scored)
    silent = metrics["days_since_submission"].to_numpy() >= rules.no_work.days
    # A student who handed everything in early has nothing left to hand in: one item must be
    # missing.
    # `not`, because `~` of a plain bool is a number, and would make numbers of the array.
    no_work = silent & (due >= rules.no_work.items) & (missed > 0) & (not has_no_dates(scored))
    # Once out of reach, the rule stays out of reach: it fires only in the first such week.
    out = is_out_of_reach(scored) & ~out_before
    # A comparison with NaN (no report) is False: the rule does not fire.
    similar = metrics["assn_plagiarism_pct"].to_numpy() >= rules.similarity.at_least_pct
    found = dict(zip(RULES, (low, no_work, out, similar), strict=True))
    return {name: np.asarray(found[name]) & getattr(rules, name).enabled for name in RULES}


def is_out_of_reach(scored: ScoredWeek) -> Bools:
    """Return for whom attending every lecture left no longer meets the attendance rule."""
    metrics = scored.metrics
    return np.asarray(metrics["lectures_to_attend"] > metrics["lectures_left"])


def has_no_dates(scored: ScoredWeek) -> bool:
    """Return whether work was done this semester, but none of it has a date.

    Then nobody can say for how long a student has handed in nothing.
    """
    roll = scored.observed.roll
    since_start = roll.starts[:, roll.week] + 6 - roll.first_day
    # Without a date, days_since_submission counts from the start of the semester, for everyone.
    done = any((part.due > part.missed).any() for part in scored.observed.work)
    return done and bool((scored.metrics["days_since_submission"].to_numpy() >= since_start).all())


def count_since_last_work(scored: ScoredWeek) -> tuple[Floats, Floats]:
    """Return the items due, and the items not done, since the student last handed anything in.

    They are counted over the weeks that ended after that day.
    """
    roll = scored.observed.roll
    # `[roll.week]` keeps the axis, so that days of students compare with a matrix of weeks. A week
    # ends 6 days after its start.
    last = (
        roll.starts[:, [roll.week]]
        + 6
        - scored.metrics["days_since_submission"].to_numpy()[:, None]
    )
    after = roll.starts + 6 > last
    due = sum((part.due * after).sum(axis=1) for part in scored.observed.work)
    missed = sum((part.missed * after).sum(axis=1) for part in scored.observed.work)
    return np.asarray(due, dtype="float64"), np.asarray(missed, dtype="float64")


def count_open_assignments(situation: Situation, observed: Observations) -> Vector:
    """Return how many recent assignments are not handed in, aligned with the roll.

    Recent are those of the last `missed_work_weeks` teaching weeks, three as shipped.
    """
    # Only assignments: a quiz that was missed cannot be made up.
    recent = situation.calendar.get_last_teaching_weeks(
        situation.week, situation.scoring.missed_work_weeks
    )
    return np.asarray(observed.assignments.missed[:, list(recent)].sum(axis=1))
