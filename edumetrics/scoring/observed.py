"""Counts for the students of a roll: attendance, work and visits. All scores come from these."""

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
class Observations:
    """Counts aligned with the roll: matrices are students by weeks, vectors are of this week.

    Attributes:
        roll: who is scored, and when their weeks began.
        held, present: lectures held and attended; 0 in excused weeks and in weeks without teaching.
        assignments, quizzes: what was due, done and marked.
        visits, loans: visits to the library and loans; NaN where the college has no such feed.
        active_days, clicks: on the learning platform (at most 7 days); NaN where the college has
            no such feed.
        midterm: the mean score of the midterms known (percent); NaN where none is known.
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

    def take(self, rows: Vector) -> Observations:
        """Return the same counts for some rows of the roll, in the order of `rows`."""
        arrays = ("held", "present", "visits", "loans", "active_days", "clicks", "midterm")
        return replace(
            self,
            roll=self.roll.take(rows),
            assignments=self.assignments.take(rows),
            quizzes=self.quizzes.take(rows),
            **{name: getattr(self, name)[rows] for name in arrays},
        )


def observe(facts: Facts, calendar: Calendar, scoring: Scoring) -> Observations:
    """Build the roll of a week, and count what is known about each student on it.

    Raises:
        ValueError: the week is not a teaching week.
    """
    if facts.week not in calendar.teaching_weeks:
        raise ValueError(f"week {facts.week} is not a teaching week")
    called = roll.build_roll(facts)
    held, present = attendance.count_lectures(called, facts, calendar)
    assignments, quizzes = work.collect_work(called, facts, calendar)
    recent = calendar.get_last_teaching_weeks(called.week, scoring.feed_weeks)
    return Observations(
        roll=called,
        held=held,
        present=present,
        assignments=assignments,
        quizzes=quizzes,
        visits=_collect_feed(called, facts, "library", "count", recent),
        loans=_collect_feed(called, facts, "loans", "count", recent),
        active_days=np.minimum(_collect_feed(called, facts, "platform", "count", recent), 7),
        clicks=_collect_feed(called, facts, "platform", "events", recent),
        midterm=_collect_midterm(called, facts.midterms),
    )


def _collect_feed(
    called: Roll, facts: Facts, feed: str, column: str, window: tuple[int, ...]
) -> Floats:
    """Return this week's value of a weekly feed; 0 for a student without a row.

    The value is NaN for everyone if the feed is absent: it has no row for any student of the
    college in `window`, the teaching weeks up to this one. Absent is not zero.
    """
    frame: pd.DataFrame = getattr(facts, feed)
    recent = frame[frame["week"].isin(window)]
    # A chunk of classes may have no row where the college has some: then `feeds` decides.
    if recent.empty if facts.feeds is None else feed not in facts.feeds:
        return np.full(len(called.frame), np.nan)
    now = recent[recent["week"] == called.week]
    row = called.find_rows(now["student_id"])
    own = row >= 0
    # A student may also have rows of another semester with this week number: they do not count.
    if len(called.frame):
        own &= now["semester"].to_numpy() == called.frame["semester"].to_numpy()[row]
    values = np.zeros(len(called.frame))
    np.add.at(values, row[own], now[column].fillna(0).to_numpy()[own])
    return values


def _collect_midterm(called: Roll, midterms: pd.DataFrame) -> Floats:
    """Return the mean over subjects of the scores known at the end of the student's own week.

    It is NaN where no score is known.
    """
    score = np.full(len(called.frame), np.nan)
    if len(score):
        row = called.find_rows(midterms["student_id"])
        # Classes may end a week on different days: each student's own day decides what is known.
        own = (row >= 0) & (
            midterms["known_by"].to_numpy() == called.frame["week_end"].to_numpy()[row]
        )
        score[row[own]] = midterms["score"].to_numpy()[own]
    return score
