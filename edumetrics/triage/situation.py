"""The inputs of triage: a scored week, what earlier weeks of the term stored, and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.params.triage import Triage
from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats
from edumetrics.sentences import Sentences

if TYPE_CHECKING:
    # Only the types of a scored week are needed here.
    from edumetrics.scoring.weekly import ScoredWeek

Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
# Numbers, because tiers are compared and multiplied; `TIERS` has the stored name of each.
NO_TIER, WATCH, HIGH, CRITICAL = 0, 1, 2, 3
# The metrics of last week that are compared with this week's.
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


class NextWeekForecast(Protocol):
    """The forecast of next week, if everyone does the same as this week."""

    @property
    def logit(self) -> Floats:
        """Everyone's logit of failing or leaving."""

    @property
    def order(self) -> Floats:
        """What lists are ordered by: the logit smoothed over weeks."""

    def simulate_change(
        self, scored: ScoredWeek, history: pd.DataFrame, rows: Vector
    ) -> tuple[Floats, Floats]:
        """Return logit and order of some students, each of whom alone does what `scored` says."""


class Ranking(Protocol):
    """A forecast that lists are ranked by; every array is aligned with the roll."""

    @property
    def chance(self) -> Floats:
        """Everyone's chance of failing or leaving, 0 to 1, not smoothed."""

    @property
    def order(self) -> Floats:
        """What lists are ordered by: the logit smoothed over weeks."""

    @property
    def drifted(self) -> bool:
        """Whether this term's students differ from the students that the model was trained on."""

    @property
    def told(self) -> dict[str, tuple[Floats, Floats]]:
        """By heading: each student's value as it is shown to people, and the class's median."""

    def explain_topics(self, rows: Vector) -> dict[str, Floats]:
        """Return by heading what it adds to the logit of some students."""

    def simulate_next_week(self, scored: ScoredWeek, history: pd.DataFrame) -> NextWeekForecast:
        """Return the forecast of a later week, in which everyone does what `scored` says."""


@dataclass(frozen=True)
class Memory:
    """What earlier weeks of the term stored, and what people entered.

    Attributes:
        lists: student_id, sem_week: every earlier place on a list of the term.
        last: the rows of weekly_flags of the last teaching week; `reasons` are lists of records.
        metrics: student_id and `METRICS` of the last teaching week.
        out_of_reach: student_id: for whom the attendance rule was out of reach in an earlier week.
        watchlist: student_id: who is on the pre-semester watchlist of this term.
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
        scored: the week's scores, and the counts and components behind them.
        history: student_id, sem_week and the metrics of earlier weeks that baselines come from.
        memory: what earlier weeks stored, and what people entered.
        calendar: the college's weeks.
        scoring: the parameters of the scores.
        triage: the parameters of the lists.
        sentences: the texts of reasons and findings.
        model: the forecast that lists are ranked by; None where they are ranked by the rules.
    """

    scored: ScoredWeek
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
        """The number of the list that each student on the roll belongs to: one for each advisor.

        Students without an advisor share one more number.
        """
        # Without `use_na_sentinel=False` students without an advisor would get -1, which `bincount`
        # does not take.
        return np.asarray(pd.factorize(self.scored.metrics["advisor_id"], use_na_sentinel=False)[0])

    @cached_property
    def students(self) -> pd.Index[str]:
        """student_id of everyone on the roll, in its order."""
        # dtype "object" also where the roll is empty, so that `is_in` compares values of one type.
        students: pd.Index[str] = pd.Index(self.scored.metrics["student_id"], dtype="object")
        return students

    @property
    def last_week(self) -> int:
        """The last teaching week before this one; 0 in the first teaching week."""
        return next(iter(self.calendar.get_teaching_weeks_before(self.week, 1)), 0)

    @property
    def next_week(self) -> int | None:
        """The next teaching week; None in the last teaching week."""
        return next(iter(self.calendar.get_next_teaching_weeks(self.week)), None)

    def is_in_grace(self, week: int) -> bool:
        """Return whether a week is one of the first weeks, in which little is known yet."""
        return week <= self.calendar.grace_weeks

    def is_in(self, students: pd.Series) -> Bools:
        """Return for each student on the roll whether it is among some students."""
        return np.asarray(self.students.isin(students.astype("object")))

    def get_last_value(self, column: str, missing: object) -> np.ndarray:
        """Return a column of last week's list, aligned with the roll.

        It is `missing` for students who were not on that list.
        """
        said = dict(zip(self.memory.last["student_id"], self.memory.last[column], strict=True))
        return np.array([said.get(student, missing) for student in self.students])
