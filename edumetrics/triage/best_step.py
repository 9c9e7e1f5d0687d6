"""The step that helps most next week, found by rescoring the week with one change after another.

Only changes within a student's reach are tried: lectures attended and work handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.scoring import weekly
from edumetrics.scoring.missing_items import find_late_weeks
from edumetrics.scoring.observed import Observations
from edumetrics.scoring.roll import Flags, FloatMatrix, Vector
from edumetrics.scoring.signals import Floats, smooth
from edumetrics.scoring.weekly import ScoredWeek
from edumetrics.scoring.work import Work
from edumetrics.triage import rules
from edumetrics.triage.flags import ListDecision
from edumetrics.triage.situation import Bools, NextWeekForecast, Situation
from edumetrics.triage.urgency import compute_model_urgency, get_watchlist_risk, smooth_score
from edumetrics.triage.work_by_name import Item, choose_named, number_items

# A step is told when the urgency with it is at most this share of the urgency without it, where
# there is any to speak of.
WORTHWHILE, LEAST = 0.9, 1.0
# How many students with a step are scored at once.
AT_ONCE = 10_000
# The steps in the order in which they are told: what is done, and which parts it has.
STEPS = (
    ("attend", ("attend",)),
    ("hand_in", ("hand_in",)),
    ("do_work", ("do_work",)),
    ("attend_and_hand_in", ("attend", "hand_in")),
    ("attend_and_do_work", ("attend", "do_work")),
    ("hand_in_and_do_work", ("hand_in", "do_work")),
)


@dataclass(frozen=True)
class Change:
    """What is done differently next week: one value for all students, or one for each.

    Attributes:
        attend: whether all lectures are attended; else as many as this week.
        hand_in: whether all open assignments are handed in, without a mark yet.
        do_work: whether all the work that falls due next week is done; else as much as this week.
    """

    attend: bool | Bools = False
    hand_in: bool | Bools = False
    do_work: bool | Bools = False


def find_best_steps(
    situation: Situation, decision: ListDecision, row: Vector, missing: list[list[Item]]
) -> list[dict[str, Any] | None]:
    """Return the step that helps each listed student most, as weekly_flags stores it.

    Told is the first step that takes at least a tenth off next week's urgency. Steps that a student
    cannot take are not tried: nothing is open, or every lecture is attended already.

    Args:
        situation: the week.
        decision: what is decided about everyone this week.
        row: the rows in the roll of the students on the list.
        missing: their items that are not in.

    Returns:
        {text, urgency_before, urgency_after, off_list}: next week's urgency with nothing done
        beyond this week's habits, and with the step; whether the step would take the student off
        the list. None where no step helps so much, and for everyone in the last teaching week.
    """
    if situation.next_week is None or not len(row):
        return [None] * len(row)
    return _NextWeek(situation, decision, row, missing).describe_steps()


class _NextWeek:
    """Next week as a repeat of this one, to rescore with changes.

    Arrays have one value per student on the list. Many changes are tried in one scoring, in which
    each row is a student with one of them.
    """

    def __init__(
        self, situation: Situation, decision: ListDecision, row: Vector, missing: list[list[Item]]
    ) -> None:
        assert situation.next_week is not None
        self.situation, self.decision, self.row = situation, decision, row
        self.week, this = situation.next_week, situation.scored
        self.open = [[item for item in items if item.is_open] for items in missing]
        # Only the students on the list are rescored: the class they are compared with stays as it
        # is.
        self.now, self.peers = this.observed.take(row), this.peers.take(row)
        self.next = copy_week_ahead(self.now, self.week)
        late = find_late_weeks(self.now.roll, situation.calendar, situation.triage.late_days)
        # Next week is not among the weeks whose assignments can still be handed in.
        ahead = self.week - self.now.roll.week
        self.lately = np.hstack([late, np.zeros((len(late), ahead), dtype=bool)])
        past = situation.history
        # Next week's baselines include this week, which is not stored yet.
        self.everyone = pd.concat([past, this.metrics.assign(sem_week=this.week)[past.columns]])
        self.history = self.everyone[
            self.everyone["student_id"].isin(this.metrics["student_id"].iloc[row])
        ]

    def describe_steps(self) -> list[dict[str, Any] | None]:
        """Return the record of each student's step; None where no step helps enough."""
        tried, off_list = self._try_steps(self._find_possible())
        before = tried[0]
        # Whom next week would take off the list anyway is told no step that does.
        off_list &= ~off_list[0]
        answers: list[dict[str, Any] | None] = [None] * len(self.row)
        for (name, _), after, off in zip(STEPS, tried[1:], off_list[1:], strict=True):
            for n in np.flatnonzero((before >= LEAST) & (after <= WORTHWHILE * before)):
                if answers[n] is None:
                    answers[n] = {
                        "text": self._describe_step(name, int(n), off_list=bool(off[n])),
                        "urgency_before": float(before[n]),
                        "urgency_after": float(after[n]),
                        "off_list": bool(off[n]),
                    }
        return answers

    def _find_possible(self) -> Flags:
        """Return who can take which step, steps by students; the first row is to change nothing."""
        this = self.next
        # Work that falls due next week and that this week's habits would leave undone.
        missed = np.sum([part.missed[:, self.week] for part in this.work], axis=0)
        parts = {
            "attend": this.held[:, self.week] > this.present[:, self.week],
            "hand_in": np.array([bool(items) for items in self.open]),
            "do_work": missed > 0,
        }
        possible = [np.all([parts[part] for part in done], axis=0) for _, done in STEPS]
        return np.vstack([np.ones(len(self.row), dtype=bool), *possible])

    def _try_steps(self, possible: Flags) -> tuple[FloatMatrix, Flags]:
        """Return next week's urgency with each possible step, and who would be off the list.

        Both are as `possible`; the urgency of what is not possible is NaN.
        """
        urgency, off_list = np.full(possible.shape, np.nan), np.zeros_like(possible)
        step, who = np.nonzero(possible)
        # The rows of a large college at once would need much memory.
        for some in np.array_split(np.arange(len(who)), len(who) // AT_ONCE + 1):
            rows = step[some], who[some]
            urgency[rows], off_list[rows] = self._try_changes(*rows)
        return urgency, off_list

    def _try_changes(self, step: Vector, who: Vector) -> tuple[Floats, Bools]:
        """Return next week's urgency of students with a step, and whether it is off the list."""
        situation, row = self.situation, self.row[who]
        change = Change(**{
            part: np.array([False, *(part in done for _, done in STEPS)])[step]
            for part in (field.name for field in fields(Change))
        })  # fmt: skip
        scored = weekly.score_week(
            apply_change(self.next.take(who), self.week, change, self.lately[who]),
            self.history,
            situation.calendar,
            situation.scoring,
            self.peers.take(who),
        )
        urgency = self._compute_urgency(scored, row)
        news = rules.is_still_news(situation, self.decision.news, row, scored)
        # In grace weeks the urgency lists nobody, so it cannot take anybody off.
        grace = situation.is_in_grace(self.week)
        limits = situation.next_thresholds or situation.thresholds
        return urgency, ~news & (urgency <= limits.staying_at) & (not grace)

    def _compute_urgency(self, scored: ScoredWeek, row: Vector) -> Floats:
        """Return the urgency of next week, as that week's lists are ranked by it.

        `row`: the row in the roll of each student scored.
        """
        situation = self.situation
        if self._forecast is None:
            score = scored.metrics["risk_score"].to_numpy("float64", na_value=np.nan)
            if situation.is_in_grace(self.week):
                # The watchlist's risk is from before the semester: no step changes it.
                watched = get_watchlist_risk(situation)[row]
                return np.where(np.isnan(watched), np.nan_to_num(score), watched)
            before = smooth_score(situation)[row]
            # The last grace week is not smoothed with.
            before = before * np.nan if situation.is_in_grace(situation.week) else before
            return np.nan_to_num(smooth(score, before, situation.keep))
        _, order = self._forecast.simulate_change(scored, self.history, row)
        chance = 1 / (1 + np.exp(-order))
        return compute_model_urgency(chance, scored.metrics, situation.triage.detention_weight)

    @cached_property
    def _forecast(self) -> NextWeekForecast | None:
        """The forecast of next week if everyone does the same; None where rules rank that week."""
        situation = self.situation
        if situation.next_model is None:
            return None
        this = situation.scored
        scored = weekly.score_week(
            copy_week_ahead(this.observed, self.week),
            self.everyone,
            situation.calendar,
            situation.scoring,
            this.peers,
        )
        return situation.next_model.simulate_next_week(scored, self.everyone)

    def _describe_step(self, name: str, n: int, *, off_list: bool) -> str:
        """Return the step of the n-th student as a sentence."""
        say = self.situation.sentences.say
        shown = choose_named(self.situation.sentences, self.open[n])
        step = say(
            "best_step", name, week=self.week,
            attended=self.next.present[n, self.week], held=self.next.held[n, self.week],
            done=int(sum(part.done[n, self.week] for part in self.next.work)),
            due=int(sum(part.due[n, self.week] for part in self.next.work)),
            open=len(self.open[n]),
            names=number_items(self.situation.sentences, shown) if shown else "",
        )  # fmt: skip
        return say("best_step", "off_list" if off_list else "helps", step=step)


def copy_week_ahead(observed: Observations, week: int) -> Observations:
    """Return a later week that repeats this one: the same lectures, work, marks and clicks."""
    roll = observed.roll
    # The next teaching week may be several weeks later: exams and vacations lie between.
    ahead = week - roll.week
    days = 7 * np.arange(1, ahead + 1)
    last = roll.starts[:, [roll.week]]
    # Excuses are not known ahead, so nobody is excused in the weeks that are added.
    later = replace(
        roll,
        week=week,
        frame=roll.frame.assign(week_end=roll.frame["week_end"] + pd.Timedelta(days=7 * ahead)),
        classes=np.hstack([roll.classes, np.repeat(roll.classes[:, [roll.week]], ahead, axis=1)]),
        starts=np.hstack([roll.starts, last + days]),
        away=np.hstack([roll.away, np.zeros((len(last), ahead), dtype=bool)]),
    )
    assignments, quizzes = (
        _copy_work_ahead(part, roll.starts[:, roll.week], roll.week, ahead)
        for part in observed.work
    )
    held, present = _copy_last_week(observed.held, ahead), _copy_last_week(observed.present, ahead)
    return replace(
        observed, roll=later, held=held, present=present, assignments=assignments, quizzes=quizzes
    )


def _copy_last_week(matrix: np.ndarray, ahead: int) -> np.ndarray:
    """Return a matrix of weeks whose last week is repeated `ahead` weeks later, 0 in between."""
    return np.hstack(
        [matrix, np.zeros((len(matrix), ahead - 1), dtype=matrix.dtype), matrix[:, -1:]]
    )


def _copy_work_ahead(work: Work, start: Vector, week: int, ahead: int) -> Work:
    """Return work whose last week is repeated `ahead` weeks later.

    `start` is the first day of this week for each student, in days since 1970.
    """
    weekly_counts = {
        name: _copy_last_week(getattr(work, name), ahead)
        for name in ("due", "done", "marked", "mark_sum", "handed_on", "waiting")
    }
    # Only work handed in this week is handed in again: a silent student stays silent.
    this_week = work.last_day >= start
    return replace(
        work,
        last_day=np.where(this_week, work.last_day + 7 * ahead, work.last_day),
        **weekly_counts,
    )


def apply_change(observed: Observations, week: int, change: Change, lately: Flags) -> Observations:
    """Return next week with a change.

    Args:
        observed: next week as a repeat of this one.
        week: the week that changes.
        change: what is done differently.
        lately: the weeks whose assignments can still be handed in, students by weeks.
    """
    # Arrays are copied before they are changed: the unchanged week is used again for every change.
    present: FloatMatrix = observed.present.copy()
    present[:, week] = np.where(change.attend, observed.held[:, week], present[:, week])
    handed_in = np.reshape(change.hand_in, (-1, 1)) & lately
    new = np.zeros_like(lately)
    new[:, week] = change.do_work
    assignments = _mark_done(observed.assignments, handed_in | new)
    # Handing in also ends the silence of whoever handed in nothing. The week's last day is 6 days
    # after its start.
    last_day = np.where(
        np.logical_or(change.hand_in, change.do_work),
        observed.roll.starts[:, week] + 6,
        assignments.last_day,
    )
    return replace(
        observed,
        present=present,
        assignments=replace(assignments, last_day=last_day),
        quizzes=_mark_done(observed.quizzes, new),
    )


def _mark_done(work: Work, weeks: Flags) -> Work:
    """Return work in which everything due in some weeks is done; `weeks`: students by weeks."""
    return replace(work, done=np.where(weeks, np.maximum(work.done, work.due), work.done))
