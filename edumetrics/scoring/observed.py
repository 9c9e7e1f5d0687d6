"""Counts for the students of a roll: attendance, work and visits. All scores come from these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.fields import COUNTED_FEEDS, RELATIONS, WEEKLY_METRICS
from edumetrics.params.calendar import Calendar
from edumetrics.params.scoring import Scoring
from edumetrics.scoring import attendance, roll, work
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import FloatMatrix, Roll, Vector
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.work import Work


@dataclass(frozen=True)
class Observations:
    """Counts aligned with the roll: matrices are students by weeks, vectors are of this week.

    Attributes:
        roll: who is scored, and when their weeks began.
        held, present: lectures held and attended; 0 in weeks that do not count for the student.
        assignments, quizzes: what was due, done and marked.
        counts: by column of weekly_metrics, what weekly feeds count (see `fields.Count`); NaN where
            the college has no such feed.
        midterm: the mean score of the midterms known (percent); NaN where none is known.
        early_clicks: clicks on the platform before the term began; NaN where
            nobody of the class has any.
        ahead: how many items are done that fall due later, optional work included.
        ahead_mark: their mean mark (percent); NaN where none is known.
    """

    roll: Roll
    held: FloatMatrix
    present: FloatMatrix
    assignments: Work
    quizzes: Work
    counts: dict[str, Floats]
    midterm: Floats
    early_clicks: Floats
    ahead: Floats
    ahead_mark: Floats

    @property
    def work(self) -> tuple[Work, Work]:
        """Assignments and quizzes."""
        return self.assignments, self.quizzes

    def take(self, rows: Vector) -> Observations:
        """Return the same counts for some rows of the roll, in the order of `rows`."""
        return replace(
            self,
            roll=self.roll.take(rows),
            assignments=self.assignments.take(rows),
            quizzes=self.quizzes.take(rows),
            held=self.held[rows],
            present=self.present[rows],
            counts={name: values[rows] for name, values in self.counts.items()},
            midterm=self.midterm[rows],
            early_clicks=self.early_clicks[rows],
            ahead=self.ahead[rows],
            ahead_mark=self.ahead_mark[rows],
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
    ahead, ahead_mark = work.collect_work_ahead(called, facts)
    return Observations(
        roll=called,
        held=held,
        present=present,
        assignments=assignments,
        quizzes=quizzes,
        counts={
            count.metric: _collect_count(called, facts, feed, count.metric, recent)
            for feed in COUNTED_FEEDS
            for count in RELATIONS[feed].counts
        },
        midterm=_collect_midterm(called, facts.midterms),
        early_clicks=_collect_early_clicks(called, facts),
        ahead=ahead,
        ahead_mark=ahead_mark,
    )


def _collect_count(
    called: Roll, facts: Facts, feed: str, metric: str, window: tuple[int, ...]
) -> Floats:
    """Return this week's count of a weekly feed, within its bounds; 0 for a student without a row.

    The value is NaN for everyone if the feed is absent: it has no row for any student of the
    college in `window`, the teaching weeks up to this one. Absent is not zero.
    """
    frame = facts.weekly[feed]
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
    np.add.at(values, row[own], now[metric].fillna(0).to_numpy()[own])
    highest = WEEKLY_METRICS[metric].high
    return values if highest is None else np.minimum(values, highest)


def _collect_early_clicks(called: Roll, facts: Facts) -> Floats:
    """Return the clicks before the term of each student; NaN where nobody of the class has any."""
    if facts.early.empty:
        return np.full(len(called.frame), np.nan)
    clicks = facts.early.set_index(["student_id", "semester"])["early_clicks"]
    own = pd.MultiIndex.from_frame(called.frame[["student_id", "semester"]])
    found = clicks.reindex(own).fillna(0).reset_index(drop=True)
    recorded = found.groupby(called.classes[:, called.week]).transform("max") > 0
    return found.where(recorded).to_numpy("float64")


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
