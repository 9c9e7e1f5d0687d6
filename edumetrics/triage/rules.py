"""Hard rules: what puts a student on the list whatever the score."""

from __future__ import annotations

import numpy as np

from edumetrics.params import Triage
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.weekly import Scored
from edumetrics.triage.situation import Bools

RULES = ("low_attendance", "no_work", "out_of_reach", "similarity")
LAST_WEEK = "_last_week"


def fired(scored: Scored, out_before: Bools, triage: Triage) -> dict[str, Bools]:
    """Which rules fire for whom this week, aligned with the roll; none fires where its data do not exist.

    Args:
        scored: the week.
        out_before: students for whom the attendance rule was out of reach in an earlier week of the term.
        triage: which rules are on, and their limits.

    Returns:
        For every name of `RULES`, in that order, an array.
    """
    metrics, rules = scored.metrics, triage.rules
    held, attended = (
        metrics["week_lectures_held"].to_numpy(),
        metrics["week_lectures_attended"].to_numpy(),
    )
    low = (held >= rules.low_attendance.lectures) & (
        100 * attended <= rules.low_attendance.at_most_pct * held
    )
    due, missed = since_last_work(scored)
    silent = metrics["days_since_submission"].to_numpy() >= rules.no_work.days
    # Who handed everything in ahead of time has been silent for no bad reason: one item must be missing.
    no_work = silent & (due >= rules.no_work.items) & (missed > 0) & ~undated(scored)
    out = out_of_reach(scored) & ~out_before
    similar = metrics["assn_plagiarism_pct"].to_numpy() >= rules.similarity.at_least_pct
    found = dict(zip(RULES, (low, no_work, out, similar), strict=True))
    return {name: np.asarray(found[name]) & getattr(rules, name).enabled for name in RULES}


def out_of_reach(scored: Scored) -> Bools:
    """For whom attending every lecture left would no longer meet the attendance rule."""
    metrics = scored.metrics
    return np.asarray(metrics["lectures_to_attend"] > metrics["lectures_left"])


def undated(scored: Scored) -> bool:
    """Whether work was done in this semester, but none of it has a date: for how long nothing was, nobody can say."""
    roll = scored.observed.roll
    since_start = roll.starts[:, roll.week] + 6 - roll.first_day
    done = any((part.due & ~part.missed).any() for part in scored.observed.work)
    return done and bool((scored.metrics["days_since_submission"].to_numpy() >= since_start).all())


def since_last_work(scored: Scored) -> tuple[Floats, Floats]:
    """Items due, and of them not done, in the weeks that ended after the student last handed anything in."""
    roll = scored.observed.roll
    last = (
        roll.starts[:, [roll.week]]
        + 6
        - scored.metrics["days_since_submission"].to_numpy()[:, None]
    )
    after = roll.starts + 6 > last
    due = sum((part.due * after).sum(axis=1) for part in scored.observed.work)
    missed = sum((part.missed * after).sum(axis=1) for part in scored.observed.work)
    return np.asarray(due, dtype="float64"), np.asarray(missed, dtype="float64")
