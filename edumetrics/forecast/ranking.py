"""The forecast as triage uses it: the order of lists, their reasons, and what changes would do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.forecast import explain
from edumetrics.forecast.features import (
    OwnValues,
    build_features,
    build_features_alone,
    compute_own_values,
)
from edumetrics.forecast.models import Calibrated
from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats, compute_probability, smooth
from edumetrics.scoring.weekly import ScoredWeek
from edumetrics.triage.urgency import smooth_weeks


@dataclass(frozen=True)
class ForecastContext:
    """What a forecast needs in addition to the week itself.

    Attributes:
        prior: student_id and `features.PRIOR`: what was known before the semester.
        calendar, scoring: the parameters.
        later_half: whether the term is in a later slot of the academic year.
    """

    prior: pd.DataFrame
    calendar: Calendar
    scoring: Scoring
    later_half: bool

    def compute_own(self, scored: ScoredWeek, history: pd.DataFrame) -> OwnValues:
        """Return the own values of everyone in a scored week."""
        return compute_own_values(
            scored, history, self.prior, self.calendar, self.scoring, later_half=self.later_half
        )


@dataclass(frozen=True)
class WeekForecast:
    """A week with its forecast, aligned with the roll.

    Attributes:
        model: the calibrated model.
        known: what the features are made with.
        own, features: this week's own values and features.
        logit: this week's logit of failing or leaving.
        order: the logit smoothed over the last weeks; lists are ordered by it.
        keep: the weight of last week's order in the smoothing.
    """

    model: Calibrated
    known: ForecastContext
    own: OwnValues
    features: pd.DataFrame
    logit: Floats
    order: Floats
    keep: float

    @property
    def chance(self) -> Floats:
        """The chance of failing or leaving."""
        return compute_probability(self.logit)

    def simulate_next_week(self, scored: ScoredWeek, history: pd.DataFrame) -> NextWeek:
        """Return the forecast of the next week, in which everyone does what `scored` says."""
        own = self.known.compute_own(scored, history)
        rows = build_features(own, scored.metrics["student_id"]).assign(sem_week=scored.week)
        return NextWeek(self, own, self.model.predict_logit(rows))


@dataclass(frozen=True)
class NextWeek:
    """The next week as everyone is expected to spend it, to try changes of one student at a time.

    Attributes:
        now: this week's forecast.
        own: the own values of everyone in the next week, without a change.
        logit: their logits.
    """

    now: WeekForecast
    own: OwnValues
    logit: Floats

    @property
    def order(self) -> Floats:
        """The smoothed logit that next week's lists are ordered by."""
        return smooth(self.logit, self.now.order, self.now.keep)

    def simulate_change(
        self, scored: ScoredWeek, history: pd.DataFrame, rows: Vector
    ) -> tuple[Floats, Floats]:
        """Return the logit and order of some students, each computed as if only that one changed.

        Args:
            scored: the next week with the changes, of these students only.
            history: as `Known.own`.
            rows: their rows in the roll.
        """
        own = self.now.known.compute_own(scored, history)
        made = build_features_alone(own, rows, scored.metrics["student_id"], self.own)
        logit = self.now.model.predict_logit(made.assign(sem_week=scored.week))
        return logit, smooth(logit, self.now.order[rows], self.now.keep)


def apply_model(
    model: Calibrated,
    known: ForecastContext,
    own: OwnValues,
    features: pd.DataFrame,
    scores: pd.DataFrame,
    week: int,
    keep: float,
) -> WeekForecast:
    """Return the forecast of a week by a model.

    Args:
        model: a model trained on earlier terms.
        known: what the features are made with.
        own, features: the week's own values and features.
        scores: student_id, sem_week and p_fail of all weeks of the term before.
        week: semester week.
        keep: the weight of last week's order in the smoothing, 0..1.
    """
    features = features.assign(sem_week=week)
    logit = model.predict_logit(features)
    # Chances are stored, logits are smoothed. The logits are limited, so no chance is 0 or 1.
    chance = scores["p_fail"].astype("float64")
    past = scores.assign(logit=np.log(chance / (1 - chance)))
    before = smooth_weeks(past, "logit", pd.Index(features["student_id"]), keep)
    return WeekForecast(model, known, own, features, logit, smooth(logit, before, keep), keep)


def collect_topic_values(own: OwnValues) -> dict[str, tuple[Floats, Floats]]:
    """Return by heading: each student's value as readers see it, and the class median."""
    found = {}
    for topic, (column, scale) in explain.TOPICS.items():
        values = own.frame[column] * scale
        if topic == "promptness":
            # A student who never handed anything in has no last time.
            values = values.where(own.frame["handed_in"] > 0)
        found[topic] = (
            values.to_numpy(),
            values.groupby(own.classes).transform("median").to_numpy(),
        )
    return found
