"""The forecast as triage uses it: who comes first, why, and what another week would make of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from edumetrics.forecast import explain
from edumetrics.forecast.features import Own, compared, compared_alone, own_values
from edumetrics.forecast.models import Calibrated, probability, smoothed
from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.weekly import Scored

# How many earlier weeks the smoothing looks back: what is older weighs less than a hundredth.
LOOK_BACK = 4


@dataclass(frozen=True)
class Known:
    """What a forecast needs beside the week: what was known before the semester, and the parameters."""

    prior: pd.DataFrame
    calendar: Calendar
    scoring: Scoring
    later_half: bool

    def own(self, scored: Scored, history: pd.DataFrame) -> Own:
        """Everyone's own values in a scored week."""
        return own_values(
            scored, history, self.prior, self.calendar, self.scoring, later_half=self.later_half
        )


@dataclass(frozen=True)
class Forecasted:
    """A week with its forecast, aligned with the roll.

    Attributes:
        logit: of failing or leaving, this week's.
        order: the same smoothed over the last weeks: what lists are ordered by.
        drifted: whether this term's students look otherwise than those it learnt from.
    """

    model: Calibrated
    known: Known
    own: Own
    features: pd.DataFrame
    logit: Floats
    order: Floats
    keep: float
    drifted: bool = False

    @property
    def chance(self) -> Floats:
        """The chance of failing or leaving."""
        return probability(self.logit)

    def topics(self, rows: Vector) -> dict[str, Floats]:
        """What each heading adds to the logit of some students."""
        return explain.by_topic(explain.contributions(self.model, self.features.iloc[rows]))

    @cached_property
    def told(self) -> dict[str, tuple[Floats, Floats]]:
        """By heading: each student's value as people are told it, and the class's median."""
        return told(self.own)

    def next_week(self, scored: Scored, history: pd.DataFrame) -> NextWeek:
        """The week ahead, in which everyone does what `scored` says."""
        own = self.known.own(scored, history)
        rows = compared(own, scored.metrics["student_id"]).assign(sem_week=scored.week)
        return NextWeek(self, own, self.model.logit(rows))


@dataclass(frozen=True)
class NextWeek:
    """The week ahead as everyone is expected to spend it; a student at a time can be tried with a change."""

    now: Forecasted
    own: Own
    logit: Floats

    @property
    def order(self) -> Floats:
        """What next week's lists are ordered by."""
        return smoothed(self.logit, self.now.order, self.now.keep)

    def changed(self, scored: Scored, history: pd.DataFrame, rows: Vector) -> tuple[Floats, Floats]:
        """The logit and order of some students, each of whom alone does what `scored` says of them."""
        own = self.now.known.own(scored, history)
        made = compared_alone(own, rows, scored.metrics["student_id"], self.own)
        logit = self.now.model.logit(made.assign(sem_week=scored.week))
        return logit, smoothed(logit, self.now.order[rows], self.now.keep)


def forecasted(
    model: Calibrated,
    known: Known,
    own: Own,
    features: pd.DataFrame,
    history: pd.DataFrame,
    week: int,
    keep: float,
) -> Forecasted:
    """Apply a model to a week.

    Args:
        model: trained on earlier terms.
        known: what the features are made with.
        own, features: the week's.
        history: student_id, sem_week, p_fail of the weeks before.
        week: semester week.
        keep: how much of last week's order is kept.
    """
    features = features.assign(sem_week=week)
    logit = model.logit(features)
    window = known.calendar.teaching_weeks_before(week, LOOK_BACK)
    past = history[history["sem_week"].isin(window)].pivot(
        index="student_id", columns="sem_week", values="p_fail"
    )
    past = past.reindex(index=features["student_id"], columns=list(window[::-1])).astype("float64")
    before = np.full(len(features), np.nan)
    for name in past:
        chance = past[name].to_numpy()
        then = np.log(chance / (1 - chance))
        before = np.where(np.isnan(then), before, smoothed(then, before, keep))
    return Forecasted(model, known, own, features, logit, smoothed(logit, before, keep), keep)


def told(own: Own) -> dict[str, tuple[Floats, Floats]]:
    """By heading: each student's value as people are told it, and the class's median."""
    found = {}
    for topic, (column, scale) in explain.TOPICS.items():
        values = own.frame[column] * scale
        if topic == "promptness":
            # Who never handed anything in has no last time.
            values = values.where(own.frame["handed_in"] > 0)
        found[topic] = (
            values.to_numpy(),
            values.groupby(own.classes).transform("median").to_numpy(),
        )
    return found
