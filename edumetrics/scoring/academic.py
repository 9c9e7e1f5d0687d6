"""Academic performance: the marks of the last teaching weeks, and the averages so far."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring.observed import Observations
from edumetrics.scoring.roll import Roll
from edumetrics.scoring.signals import compute_weighted_mean
from edumetrics.scoring.work import Work, compute_mean_mark


def score_academic(observed: Observations, calendar: Calendar, scoring: Scoring) -> pd.DataFrame:
    """Return the academic columns of weekly_metrics, aligned with the roll.

    Returns:
        week_mark_pct, academic_performance, quiz_avg_pct, assn_avg_pct, midterm_score_pct: percent,
        from the marks known at the end of the week; NaN where there is no mark.
        days_since_submission: whole days from the latest work handed in to the last day of the
        week. If nothing was handed in, they count from the first day of the semester.
    """
    roll, work = observed.roll, observed.work
    assignments, quizzes = work
    weeks = calendar.get_last_teaching_weeks(roll.week, len(scoring.academic_weights))
    # `weighted_mean` takes names, so weeks are named by their numbers.
    marks = {str(week): compute_mean_mark(work, [week]) for week in weeks}
    weights = {
        # Near the start of the semester there are fewer weeks than weights: the last ones drop out.
        str(week): weight
        for week, weight in zip(weeks, scoring.academic_weights, strict=False)
    }
    so_far = list(calendar.get_last_teaching_weeks(roll.week, calendar.weeks_per_semester))
    return pd.DataFrame(
        {
            "week_mark_pct": marks[str(roll.week)],
            "academic_performance": compute_weighted_mean(marks, weights)[0],
            "quiz_avg_pct": compute_mean_mark((quizzes,), so_far),
            "assn_avg_pct": compute_mean_mark((assignments,), so_far),
            "midterm_score_pct": observed.midterm,
            "days_since_submission": _count_days_since_submission(roll, work),
        }
    )


def _count_days_since_submission(roll: Roll, work: tuple[Work, Work]) -> np.ndarray:
    """Return whole days from the latest work handed in, or else from the semester's first day."""
    # -1 stands for no work at all, so the maximum of both kinds is still right.
    last = np.maximum(work[0].last_day, work[1].last_day)
    return roll.starts[:, roll.week] + 6 - np.where(last >= 0, last, roll.first_day)
