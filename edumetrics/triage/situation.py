"""What triage starts from: a scored week, what earlier weeks of the semester remember, and the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from edumetrics.params import Calendar, Scoring, Triage
from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.weekly import Scored
from edumetrics.sentences import Sentences

Row = Mapping[Any, Any]
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
NO_TIER, WATCH, HIGH, CRITICAL = 0, 1, 2, 3
# What is remembered of last week's metrics.
METRICS = (
    "risk_score",
    "weekly_att_pct",
    "week_lectures_held",
    "week_lectures_attended",
    "academic_performance",
    "effort_score",
    "days_since_submission",
)
TIERS = ("", "watch", "high", "critical")


class Ahead(Protocol):
    """The forecast of next week, in which everyone is taken to do as this week."""

    @property
    def logit(self) -> Floats:
        """Everyone's logit of failing or leaving."""

    @property
    def order(self) -> Floats:
        """What lists are ordered by: the logit smoothed over weeks."""

    def changed(self, scored: Scored, history: pd.DataFrame, rows: Vector) -> tuple[Floats, Floats]:
        """Logit and order of some students, each of whom alone does what `scored` says."""


class Ranking(Protocol):
    """A forecast that lists are ranked by, aligned with the roll."""

    @property
    def chance(self) -> Floats:
        """The chance of failing or leaving."""

    @property
    def order(self) -> Floats:
        """What lists are ordered by: the logit smoothed over weeks."""

    @property
    def drifted(self) -> bool:
        """Whether this term's students look otherwise than those it learnt from."""

    @property
    def told(self) -> dict[str, tuple[Floats, Floats]]:
        """By heading: each student's value as people are told it, and the class's median."""

    def topics(self, rows: Vector) -> dict[str, Floats]:
        """By heading: what it adds to the logit of some students."""

    def next_week(self, scored: Scored, history: pd.DataFrame) -> Ahead:
        """The forecast of a week to come."""


@dataclass(frozen=True)
class Memory:
    """What earlier weeks of the term stored, and what people entered.

    Attributes:
        lists: student_id, sem_week: every earlier place on a list.
        last: the rows of weekly_flags of the last teaching week; `reasons` are lists of records.
        metrics: student_id and `METRICS` of the last teaching week.
        out_of_reach: students for whom the attendance rule was out of reach in an earlier week.
        watchlist: students on the pre-semester watchlist of this term.
        contacts: student_id, sem_week, kind, until: the intervention log of the term.
    """

    lists: pd.DataFrame
    last: pd.DataFrame
    metrics: pd.DataFrame
    out_of_reach: pd.Series
    watchlist: pd.Series
    contacts: pd.DataFrame


@dataclass(frozen=True)
class Situation:
    """One week to triage.

    Attributes:
        scored: the week's scores, and what they are made of.
        history: what earlier weeks stored of the metrics that baselines are made of.
        memory: what earlier weeks remember.
        model: the forecast that lists are ranked by; None where they go by the rules.
    """

    scored: Scored
    history: pd.DataFrame
    memory: Memory
    calendar: Calendar
    scoring: Scoring
    triage: Triage
    sentences: Sentences
    model: Ranking | None = None

    @property
    def week(self) -> int:
        """The semester week."""
        return self.scored.week

    @cached_property
    def lists(self) -> np.ndarray:
        """Whose list each student on the roll is for, as a number: the advisor's; of those without one, one more."""
        return np.asarray(pd.factorize(self.scored.metrics["advisor_id"], use_na_sentinel=False)[0])

    @cached_property
    def students(self) -> pd.Index[str]:
        """student_id of everyone on the roll."""
        students: pd.Index[str] = pd.Index(self.scored.metrics["student_id"], dtype="object")
        return students

    @property
    def last_week(self) -> int:
        """The last teaching week before this one; 0 in the first."""
        return next(iter(self.calendar.teaching_weeks_before(self.week, 1)), 0)

    @property
    def next_week(self) -> int | None:
        """The next teaching week; None in the last."""
        return next(iter(self.calendar.next_teaching_weeks(self.week)), None)

    def in_grace(self, week: int) -> bool:
        """Whether a week is one of the first, in which little is known yet."""
        return week <= self.calendar.grace_weeks

    def is_in(self, students: pd.Series) -> Bools:
        """For each student on the roll: whether it is among some students."""
        return np.asarray(self.students.isin(students.astype("object")))

    def last_time(self, column: str, missing: object) -> np.ndarray:
        """What last week's list said of each student on the roll; `missing` for those who were not on it."""
        said = dict(zip(self.memory.last["student_id"], self.memory.last[column], strict=True))
        return np.array([said.get(student, missing) for student in self.students])
