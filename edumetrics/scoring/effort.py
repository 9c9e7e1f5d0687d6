"""The effort score: the recorded activity of one week, from its signals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params.scoring import Scoring
from edumetrics.scoring.observed import Observations
from edumetrics.scoring.signals import Floats, compute_weighted_mean, divide
from edumetrics.scoring.work import Work

# Signals that count what another name has among the metrics.
COUNTED = {"platform": "lms_active_days"}


def score_effort(observed: Observations, attendance_pct: Floats, scoring: Scoring) -> pd.DataFrame:
    """Return the effort columns of weekly_metrics, aligned with the roll.

    Args:
        observed: what was counted.
        attendance_pct: lectures attended this week, percent; NaN where none was held.
        scoring: weights, and how many visits and loans count as 100.

    Returns:
        assn_quality_pct, assn_plagiarism_pct, assn_submit_rate,
        quiz_attempt_rate, submission_pct, effort_score (0..100, NaN where no signal is present),
        effort_coverage (0..1).
    """
    assignments, quizzes = observed.work
    week = observed.roll.week
    # Missed assignments add to the count but not to the sum: each counts as quality 0, once some
    # quality of it is known.
    zeros = np.maximum(assignments.missed[:, week] - assignments.waiting_quality, 0)
    quality = divide(assignments.quality_sum, assignments.judged + zeros)
    rates = [_compute_rate(part, week) for part in ((assignments,), (quizzes,), observed.work)]
    # Counts above the full number add nothing: more of one signal must not hide another.
    counted = {
        name: 100 * np.minimum(observed.counts[COUNTED.get(name, name)], full) / full
        for name, full in scoring.full_counts.items()
    }
    signals = counted | {
        "assignment_quality": quality,
        "clean_work": 100 - assignments.similarity,
        "attendance": attendance_pct,
        "submission": rates[2],
    }
    score, coverage = compute_weighted_mean(signals, scoring.effort_weights.model_dump())
    return pd.DataFrame(
        {
            "assn_quality_pct": quality,
            "assn_plagiarism_pct": assignments.similarity,
            "assn_submit_rate": rates[0],
            "quiz_attempt_rate": rates[1],
            "submission_pct": rates[2],
            "effort_score": score,
            "effort_coverage": coverage,
        }
    )


def hide_thin_effort(metrics: pd.DataFrame, scoring: Scoring) -> pd.DataFrame:
    """Return metrics for people to read: an effort score of few signals is null in them.

    Where one or two signals are all there is, the score would say the same thing twice under
    another name.

    Args:
        metrics: effort_score and effort_coverage (0..1) among others.
        scoring: says the least coverage.
    """
    thin = metrics["effort_coverage"] < scoring.least_coverage
    return metrics.assign(effort_score=metrics["effort_score"].mask(thin))


def _compute_rate(parts: tuple[Work, ...], week: int) -> Floats:
    """Return the percentage of items due in the week that were done; NaN where none was due."""
    due = np.sum([part.due[:, week] for part in parts], axis=0)
    missed = np.sum([part.missed[:, week] for part in parts], axis=0)
    # From what was missed, not from what was done: so the percentage is never above 100.
    return divide(100.0 * (due - missed), due)
