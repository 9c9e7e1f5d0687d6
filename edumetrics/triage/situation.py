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
    from edumetrics.scoring.facts import Facts
    from edumetrics.scoring.weekly import ScoredWeek

Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
# Numbers, because tiers are compared and multiplied; `TIERS` has the stored name of each.
NO_TIER, WATCH, HIGH, CRITICAL = 0, 1, 2, 3
# The metrics of last week that are compared with this week's.
METRICS = (
    "weekly_att_pct",
    "week_lectures_held",
    "week_lectures_attended",
    "academic_performance",
    "effort_score",
    "effort_coverage",
    "days_since_submission",
    "submission_pct",
    "assn_plagiarism_pct",
    "risk_of_detention",
    "lectures_to_attend",
    "lectures_left",
    "lectures_can_miss",
)
# Stands for "no advisor": `groupby` drops missing values, so they need a key.
NOBODY = ""
# The kinds of contact after which a student counts as looked after. The others (an e-mail, a call,
# no answer) leave the student among those to reach.
REFERRED, TALK = "referred", "talked"
CONTACTS = (TALK, REFERRED, "known reason")
NO_ANSWER, WRONG_FLAG = "no answer", "wrong flag"
# A student's own word on a fact, by the student's page.
STUDENT_SAYS = "student_says"
TIERS = ("", "watch", "high", "critical")


class NextWeekForecast(Protocol):
    """The forecast of next week, if everyone does the same as this week."""

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
    def order(self) -> Floats:
        """What lists are ordered by: the logit smoothed over weeks."""

    def simulate_next_week(self, scored: ScoredWeek, history: pd.DataFrame) -> NextWeekForecast:
        """Return the forecast of a later week, in which everyone does what `scored` says."""


@dataclass(frozen=True)
class Thresholds:
    """The urgencies from which a student is listed, and called Soon and Urgent, in one week.

    Attributes:
        list_at: from here a student is listed.
        soon_at, urgent_at: from here a listed student is called Soon, and Urgent.
        staying_at: above this a student of last week's list stays.
        fitted_on: the term that it was fitted on; empty where it is the shipped one.
    """

    list_at: float
    soon_at: float
    urgent_at: float
    staying_at: float
    fitted_on: str = ""


def build_thresholds(list_at: float, triage: Triage, fitted_on: str = "") -> Thresholds:
    """Return the thresholds that follow from the one for being listed.

    Nobody who is listed for the urgency alone is below Keep in view, and the words Soon and Urgent
    keep the same meaning in every week, unless so few are listed that the threshold is higher.
    """
    staying_at = list_at - triage.staying_margin
    return Thresholds(
        list_at, max(triage.soon, staying_at), max(triage.urgent, list_at), staying_at, fitted_on
    )


@dataclass(frozen=True)
class Memory:
    """What earlier weeks of the term stored, and what people entered.

    Attributes:
        lists: student_id, sem_week, within_capacity, looked_after: every earlier place on a list
            of the term.
        last: the rows of weekly_flags of the last teaching week; `reasons` are lists of records.
        metrics: student_id and `METRICS` of the last teaching week.
        watchlist: student_id, risk_probability_pct, on_watchlist, reasons: what was known before
            this term.
        contacts: student_id, sem_week, kind, until: the intervention log of the term.
        cards: student_id, sem_week, reasons: what was told of those whose flag was called wrong.
        recorded: student_id: of whom an earlier week of the term holds anything.
        scores: student_id, sem_week, risk_score, p_fail of all earlier weeks of the term.
    """

    lists: pd.DataFrame
    last: pd.DataFrame
    metrics: pd.DataFrame
    watchlist: pd.DataFrame
    contacts: pd.DataFrame
    cards: pd.DataFrame
    recorded: pd.Series
    scores: pd.DataFrame


@dataclass(frozen=True)
class Situation:
    """One week to triage.

    Attributes:
        facts: what the college knew at the end of the week.
        scored: the week's scores, and the counts and components behind them.
        history: student_id, sem_week and the metrics of earlier weeks that baselines come from.
        memory: what earlier weeks stored, and what people entered.
        prior_mean: student_id, prior_mean: the mean of the semester before.
        calendar: the college's weeks.
        scoring: the parameters of the scores.
        triage: the parameters of the lists.
        keep: the weight of last week's urgency in this week's, 0..1.
        sentences: the texts of reasons and findings.
        thresholds: from which urgency on students are listed.
        term: ISO date of the term's first week; lots depend on it.
        model: the forecast that lists are ranked by; None where they are ranked by the rules.
        next_model: the forecast that the next teaching week's lists are ranked by; None likewise.
        next_thresholds: those fitted for the next teaching week; where there are none, this week's
            hold.
    """

    facts: Facts
    scored: ScoredWeek
    history: pd.DataFrame
    memory: Memory
    prior_mean: pd.DataFrame
    calendar: Calendar
    scoring: Scoring
    triage: Triage
    keep: float
    sentences: Sentences
    thresholds: Thresholds
    term: str = ""
    model: Ranking | None = None
    next_model: Ranking | None = None
    next_thresholds: Thresholds | None = None

    @property
    def week(self) -> int:
        """The semester week."""
        return self.scored.week

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

    def was_known(self, metric: str) -> Bools:
        """Return for whom last week's metrics have a value; for all where none are stored."""
        nothing = self.memory.metrics.empty
        return np.asarray(nothing | ~np.isnan(self.get_last_metric(metric)))

    def is_in_grace(self, week: int) -> bool:
        """Return whether a week is one of the first weeks, in which little is known yet."""
        return week <= self.calendar.grace_weeks

    @property
    def ranked_by(self) -> str:
        """What ranks this week's lists: watchlist, model or rules."""
        if self.is_in_grace(self.week) and self.triage.uses_models:
            return "watchlist"
        return "rules" if self.model is None else "model"

    def is_in(self, students: pd.Series) -> Bools:
        """Return for each student on the roll whether it is among some students."""
        return np.asarray(self.students.isin(students.astype("object")))

    def get_last_metric(self, name: str) -> Floats:
        """Return a metric of last week, aligned with the roll; NaN where there is none."""
        last = self.memory.metrics.drop_duplicates("student_id").set_index("student_id")[name]
        return np.asarray(last.reindex(self.students).to_numpy("float64", na_value=np.nan))

    def get_last_value(self, column: str, missing: object) -> np.ndarray:
        """Return a column of last week's list, aligned with the roll.

        It is `missing` for students who were not on that list.
        """
        said = dict(zip(self.memory.last["student_id"], self.memory.last[column], strict=True))
        return np.array([said.get(student, missing) for student in self.students])
