"""One week of every student: the weekly metrics, put together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.fields import WEEKLY_METRICS
from edumetrics.params import Calendar, Scoring
from edumetrics.scoring import academic, attendance, effort, risk, roll, work
from edumetrics.scoring.facts import Facts

STORED_BY_THE_STAGE = {"term", "run_id", "computed_at"}
COLUMNS = [name for name in WEEKLY_METRICS.names if name not in STORED_BY_THE_STAGE]


def metrics(facts: Facts, history: pd.DataFrame, calendar: Calendar, scoring: Scoring) -> pd.DataFrame:
    """The weekly metrics of every student on the roll.

    Args:
        facts: what the college knew at the end of the week.
        history: student_id, sem_week, effort_score, academic_performance, weekly_att_pct, lms_active_days: the rows
            stored for earlier weeks of the same term.
        calendar, scoring: the parameters.

    Returns:
        One row per student in order of student_id, with the columns of `weekly_metrics` (see `fields`) but term,
        run_id and computed_at. NaN means what the field's record says.

    Raises:
        ValueError: the week is not a teaching week.
    """
    if facts.week not in calendar.teaching_weeks:
        raise ValueError(f"week {facts.week} is not a teaching week")
    called = roll.call(facts)
    items = work.collect(called, facts, calendar)
    visits = effort.feed(called, facts.library, "count", calendar, scoring.feed_weeks)
    loans = effort.feed(called, facts.loans, "count", calendar, scoring.feed_weeks)
    days = np.minimum(effort.feed(called, facts.platform, "count", calendar, scoring.feed_weeks), 7)
    clicks = effort.feed(called, facts.platform, "events", calendar, scoring.feed_weeks)
    standing = attendance.standing(called, facts, calendar, scoring)
    frame = pd.concat(
        [
            called.frame,
            standing,
            effort.effort(called, visits, loans, standing["weekly_att_pct"].to_numpy(), items, scoring),
            academic.academic(called, facts, items, calendar, scoring),
        ],
        axis=1,
    ).assign(sem_week=facts.week, lms_active_days=days, lms_events=clicks, p_fail=np.nan)
    baseline = risk.baselines(called, history, calendar, scoring)
    return pd.concat([frame, risk.risk(called, frame, baseline, items, calendar, scoring)], axis=1)[COLUMNS]
