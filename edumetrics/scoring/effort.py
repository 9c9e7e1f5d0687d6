"""The effort score: recorded activity of one week, from six signals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.roll import Roll
from edumetrics.scoring.signals import Floats, divide, weighted_mean
from edumetrics.scoring.work import Work


def feed(roll: Roll, frame: pd.DataFrame, column: str, calendar: Calendar, feed_weeks: int) -> Floats:
    """This week's value of a weekly feed, aligned with the roll: 0 for a student without a row.

    NaN for everyone when the feed has no row, for any student of the college, in the last `feed_weeks` teaching weeks
    up to this one: absent is not zero.
    """
    recent = frame[frame["week"].isin(calendar.last_teaching_weeks(roll.week, feed_weeks))]
    if recent.empty:
        return np.full(len(roll.frame), np.nan)
    now = recent[recent["week"] == roll.week]
    row = roll.rows(now["student_id"])
    own = (
        (row >= 0) & (now["semester"].to_numpy() == roll.frame["semester"].to_numpy()[row])
        if len(roll.frame)
        else row >= 0
    )
    values = np.zeros(len(roll.frame))
    np.add.at(values, row[own], now[column].fillna(0).to_numpy()[own])
    return values


def effort(
    roll: Roll, visits: Floats, loans: Floats, attendance_pct: Floats, work: tuple[Work, Work], scoring: Scoring
) -> pd.DataFrame:
    """The effort columns of weekly_metrics, aligned with the roll.

    Args:
        roll: the roll of the week.
        visits, loans: raw counts of the week; NaN where the feed is absent.
        attendance_pct: lectures attended this week, percent; NaN where none was held.
        work: assignments and quizzes.
        scoring: weights, and how many visits and loans count as 100.

    Returns:
        library_visits, book_borrows, assn_quality_pct, assn_plagiarism_pct, assn_submit_rate, quiz_attempt_rate,
        submission_pct, effort_score (0..100, NaN where no signal is present), effort_coverage (0..1).
    """
    assignments, quizzes = work
    week = roll.week
    quality = divide(assignments.quality_sum, assignments.judged + assignments.missed[:, week])
    rates = [_rate(part, week) for part in ((assignments,), (quizzes,), work)]
    signals = {
        "library_visits": 100 * np.minimum(visits, scoring.library_visits_full) / scoring.library_visits_full,
        "book_borrows": 100 * np.minimum(loans, scoring.book_borrows_full) / scoring.book_borrows_full,
        "assignment_quality": quality,
        "clean_work": 100 - assignments.similarity,
        "attendance": attendance_pct,
        "submission": rates[2],
    }
    score, coverage = weighted_mean(signals, scoring.effort_weights.model_dump())
    return pd.DataFrame(
        {
            "library_visits": visits,
            "book_borrows": loans,
            "assn_quality_pct": quality,
            "assn_plagiarism_pct": assignments.similarity,
            "assn_submit_rate": rates[0],
            "quiz_attempt_rate": rates[1],
            "submission_pct": rates[2],
            "effort_score": score,
            "effort_coverage": coverage,
        }
    )


def _rate(parts: tuple[Work, ...], week: int) -> Floats:
    """Percent of the items due in the week that were done; NaN where none was due."""
    due = np.sum([part.due[:, week] for part in parts], axis=0)
    missed = np.sum([part.missed[:, week] for part in parts], axis=0)
    return divide(100.0 * (due - missed), due)
