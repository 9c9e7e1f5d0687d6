"""What was counted for the students of a roll: attendance, work, visits; every score is computed from these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.params import Calendar, Scoring
from edumetrics.scoring import attendance, roll, work
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import Matrix, Roll, Vector
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.work import Work


@dataclass(frozen=True)
class Observed:
    """Counts aligned with the roll: matrices are students by weeks of the semester, the others of this week.

    Attributes:
        roll: who is scored, and when their weeks began.
        held, present: lectures held and attended; 0 in excused weeks and weeks without teaching.
        assignments, quizzes: what was due, done and marked.
        visits, loans: of the library; NaN where the college has no such feed.
        active_days, clicks: on the learning platform (days at most 7); NaN where the college has no such feed.
        midterm: mean score of the midterms known (percent); NaN where none is.
    """

    roll: Roll
    held: Matrix
    present: Matrix
    assignments: Work
    quizzes: Work
    visits: Floats
    loans: Floats
    active_days: Floats
    clicks: Floats
    midterm: Floats

    @property
    def work(self) -> tuple[Work, Work]:
        """Assignments and quizzes."""
        return self.assignments, self.quizzes

    def take(self, rows: Vector) -> Observed:
        """The same of some rows of the roll only, in the order given."""
        arrays = ("held", "present", "visits", "loans", "active_days", "clicks", "midterm")
        return replace(
            self,
            roll=self.roll.take(rows),
            assignments=self.assignments.take(rows),
            quizzes=self.quizzes.take(rows),
            **{name: getattr(self, name)[rows] for name in arrays},
        )


def observe(facts: Facts, calendar: Calendar, scoring: Scoring) -> Observed:
    """Call the roll of a week and count what is known of everyone on it.

    Raises:
        ValueError: the week is not a teaching week.
    """
    if facts.week not in calendar.teaching_weeks:
        raise ValueError(f"week {facts.week} is not a teaching week")
    called = roll.call(facts)
    held, present = attendance.registers(called, facts, calendar)
    assignments, quizzes = work.collect(called, facts, calendar)
    recent = calendar.last_teaching_weeks(called.week, scoring.feed_weeks)
    return Observed(
        roll=called,
        held=held,
        present=present,
        assignments=assignments,
        quizzes=quizzes,
        visits=_feed(called, facts, "library", "count", recent),
        loans=_feed(called, facts, "loans", "count", recent),
        active_days=np.minimum(_feed(called, facts, "platform", "count", recent), 7),
        clicks=_feed(called, facts, "platform", "events", recent),
        midterm=_midterm(called, facts.midterms),
    )


def _feed(called: Roll, facts: Facts, feed: str, column: str, window: tuple[int, ...]) -> Floats:
    """This week's value of a weekly feed: 0 for a student without a row.

    NaN for everyone when the feed has no row, for any student of the college, in the window of teaching weeks up to
    this one: absent is not zero.
    """
    frame: pd.DataFrame = getattr(facts, feed)
    recent = frame[frame["week"].isin(window)]
    if recent.empty if facts.feeds is None else feed not in facts.feeds:
        return np.full(len(called.frame), np.nan)
    now = recent[recent["week"] == called.week]
    row = called.rows(now["student_id"])
    own = row >= 0
    if len(called.frame):
        own &= now["semester"].to_numpy() == called.frame["semester"].to_numpy()[row]
    values = np.zeros(len(called.frame))
    np.add.at(values, row[own], now[column].fillna(0).to_numpy()[own])
    return values


def _midterm(called: Roll, midterms: pd.DataFrame) -> Floats:
    """Mean over subjects of the scores known at the student's own week's end; NaN where none is."""
    score = np.full(len(called.frame), np.nan)
    if len(score):
        row = called.rows(midterms["student_id"])
        own = (row >= 0) & (
            midterms["known_by"].to_numpy() == called.frame["week_end"].to_numpy()[row]
        )
        score[row[own]] = midterms["score"].to_numpy()[own]
    return score
