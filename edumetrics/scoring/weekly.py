"""The weekly metrics: all scores of every student for one week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.fields import WEEKLY_METRICS
from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring import academic, attendance, effort, risk
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.observed import Observations, observe
from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats, compute_weighted_mean


@dataclass(frozen=True)
class Peers:
    """The class of each student: share of lectures attended to date, and median effort score."""

    attendance_share: Floats
    effort: Floats

    def take(self, rows: Vector) -> Peers:
        """Return the same values for some students, in the order of `rows`."""
        return Peers(self.attendance_share[rows], self.effort[rows])


@dataclass(frozen=True)
class ScoredWeek:
    """The scores of a week and what they were computed from; everything is aligned with the roll.

    Attributes:
        observed: what was counted.
        metrics: one row per student in order of student_id, with the columns of `weekly_metrics`
            (see `fields`) except term, run_id and computed_at. NaN means what the record of the
            field says.
        components: the components of the risk score, 0..1, NaN where absent.
        baseline: the mean of each metric over earlier weeks, NaN where too few have a value.
        peers: the class of each student.
    """

    observed: Observations
    metrics: pd.DataFrame
    components: dict[str, Floats]
    baseline: dict[str, Floats]
    peers: Peers

    @property
    def week(self) -> int:
        """The semester week."""
        return self.observed.roll.week


def score_week(
    observed: Observations,
    history: pd.DataFrame,
    calendar: Calendar,
    scoring: Scoring,
    peers: Peers | None = None,
) -> ScoredWeek:
    """Score what was counted in a week.

    Args:
        observed: what was counted.
        history: student_id, sem_week, effort_score, academic_performance, weekly_att_pct,
            lms_active_days: the rows stored for earlier weeks of the same term.
        calendar, scoring: the parameters.
        peers: values of the classes; None means that they are computed from this roll.
    """
    roll = observed.roll
    # A roll of some students only does not show what their whole class is like: then the caller
    # passes `peers`.
    share = (
        peers.attendance_share
        if peers
        else attendance.compute_class_share(roll, observed.held, observed.present)
    )
    standing = attendance.compute_attendance(
        roll.week, observed.held, observed.present, share, calendar, scoring
    )
    frame = pd.concat(
        [
            roll.frame,
            standing,
            effort.score_effort(observed, standing["weekly_att_pct"].to_numpy(), scoring),
            academic.score_academic(observed, calendar, scoring),
        ],
        axis=1,
    ).assign(
        sem_week=roll.week,
        **observed.counts,
        # The forecast is filled in later, by its own model.
        p_fail=np.nan,
    )
    # Only now, because the median needs the effort scores.
    told = effort.hide_thin_effort(frame, scoring)["effort_score"].to_numpy()
    peers = peers or Peers(share, risk.compute_class_effort(roll, told))
    baseline = risk.compute_baselines(roll, history, calendar, scoring)
    parts = risk.compute_components(observed, frame, baseline, peers.effort, calendar, scoring)
    value, coverage = compute_weighted_mean(parts, scoring.risk_weights.model_dump())
    # The components are shares; the score has 0 to 100 points.
    metrics = frame.assign(risk_score=100 * value, risk_coverage=coverage)[WEEKLY_METRICS.computed]
    return ScoredWeek(observed, metrics, parts, baseline, peers)


def compute_metrics(
    facts: Facts, history: pd.DataFrame, calendar: Calendar, scoring: Scoring
) -> pd.DataFrame:
    """Return the weekly metrics of every student on the roll: `observe`, then `score_week`.

    Raises:
        ValueError: the week is not a teaching week.
    """
    return score_week(observe(facts, calendar, scoring), history, calendar, scoring).metrics
