"""Hard rules: what puts a student on the list whatever the score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edumetrics.fields.reasons import RULES
from edumetrics.params.triage import Rules, Triage
from edumetrics.scoring.signals import Floats
from edumetrics.triage.situation import Bools

if TYPE_CHECKING:
    from edumetrics.scoring.observed import Observations
    from edumetrics.scoring.roll import Vector
    from edumetrics.scoring.weekly import ScoredWeek
    from edumetrics.triage.situation import Situation


@dataclass(frozen=True)
class Rule:
    """What a rule looks at.

    Attributes:
        fires: returns for whom it fires, from the week and the limits of all rules. It does not
            fire where its data are missing.
        measure: returns the numbers that its sentence mentions, by name: arrays aligned with the
            roll. They mean something only where the rule fires.
    """

    fires: Callable[[ScoredWeek, Rules], Bools]
    measure: Callable[[ScoredWeek, Rules], dict[str, Floats]]


def check_rules(scored: ScoredWeek, out_before: Bools, triage: Triage) -> dict[str, Bools]:
    """Return by rule for whom it fires this week; a rule does not fire where its data are missing.

    Args:
        scored: the week.
        out_before: for whom the attendance rule was out of reach in an earlier week of the term.
        triage: which rules are enabled, and their limits.

    Returns:
        For every name of `RULES`, in that order, an array aligned with the roll.
    """
    limits = triage.rules
    found = {name: np.asarray(BY_NAME[name].fires(scored, limits)) for name in RULES}
    # Once out of reach, the rule stays out of reach: it fires only in the first such week.
    found["out_of_reach"] = found["out_of_reach"] & ~out_before
    return {name: fires & getattr(limits, name).enabled for name, fires in found.items()}


def _has_low_attendance(scored: ScoredWeek, limits: Rules) -> Bools:
    low = limits.low_attendance
    attended, held = _read(scored, "week_lectures_attended"), _read(scored, "week_lectures_held")
    # A share of few lectures says little, so a minimum number is required. The product avoids a
    # division by 0.
    return (held >= low.lectures) & (100 * attended <= low.at_most_pct * held)


def _hands_in_nothing(scored: ScoredWeek, limits: Rules) -> Bools:
    due, missed = count_since_last_work(scored)
    silent = _read(scored, "days_since_submission") >= limits.no_work.days
    # A student who handed everything in early has nothing left to hand in: one item must be
    # missing. `not`, because `~` of a plain bool is a number, and would make numbers of the array.
    return silent & (due >= limits.no_work.items) & (missed > 0) & (not has_no_dates(scored))


def _has_high_similarity(scored: ScoredWeek, limits: Rules) -> Bools:
    # A comparison with NaN (no report) is False: the rule does not fire.
    return _read(scored, "assn_plagiarism_pct") >= limits.similarity.at_least_pct


def _read(scored: ScoredWeek, metric: str) -> Floats:
    return scored.metrics[metric].to_numpy("float64", na_value=np.nan)


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


BY_NAME = {
    "low_attendance": Rule(
        _has_low_attendance,
        lambda scored, _: {
            "value": _read(scored, "week_lectures_attended"),
            "baseline": _read(scored, "week_lectures_held"),
        },
    ),
    "no_work": Rule(
        _hands_in_nothing,
        lambda scored, _: {
            "value": _read(scored, "days_since_submission"),
            "baseline": count_since_last_work(scored)[1],
        },
    ),
    "out_of_reach": Rule(
        lambda scored, _: is_out_of_reach(scored),
        lambda scored, _: {
            "value": _read(scored, "lectures_attended"),
            "baseline": _read(scored, "lectures_held"),
            "left": _read(scored, "lectures_left"),
        },
    ),
    "similarity": Rule(
        _has_high_similarity,
        lambda scored, limits: {
            "value": _read(scored, "assn_plagiarism_pct"),
            "baseline": np.full(len(scored.metrics), limits.similarity.at_least_pct),
        },
    ),
}
