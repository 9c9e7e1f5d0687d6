"""The smallest change that would take a student off next week's list, found by rescoring.

Only changes that a student can make are tried: lectures attended and work handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.scoring import weekly
from edumetrics.scoring.observed import Observations
from edumetrics.scoring.roll import Matrix, Vector
from edumetrics.scoring.weekly import Peers
from edumetrics.scoring.work import Work
from edumetrics.triage import rules
from edumetrics.triage.by_model import NextWeekLists
from edumetrics.triage.flags import ListDecision, classify_by_score
from edumetrics.triage.situation import NO_TIER, Bools, NextWeekForecast, Situation

# Where the model ranks: how far below next week's cut, in log-odds, a step must bring a student.
MARGIN = 0.1


@dataclass(frozen=True)
class Change:
    """What each student does differently next week; every array has one value per student.

    Attributes:
        lectures: how many of next week's lectures are attended; -1 for as many as this week.
        items: how many open assignments are handed in, the latest week's first.
        work: whether all the work that falls due next week is done.
    """

    lectures: Vector
    items: Vector
    work: Bools


def find_steps(situation: Situation, standing: ListDecision, row: Vector) -> list[str | None]:
    """Return the smallest change that would take each student off next week's list.

    Everything else stays as this week. Smallest means the fewest lectures or items beyond this
    week's. Where no single change is enough, two together are tried.

    Args:
        situation: the week.
        standing: what is decided about everyone this week.
        row: the rows in the roll of the students on the list.

    Returns:
        For each student words that complete "Off the list next week if the student ...". None where
        no change is enough, and for everyone where there is no next teaching week.
    """
    if situation.next_week is None or not len(row):
        return [None] * len(row)
    return _StepSearch(situation, standing, row).describe_steps()


class _StepSearch:
    """Next week as a repeat of this one, rescored with one change after another.

    Arrays have one value per student on the list.
    """

    def __init__(self, situation: Situation, standing: ListDecision, row: Vector) -> None:
        assert situation.next_week is not None
        self.situation, self.week, this = situation, situation.next_week, situation.scored
        self.row = row
        self.now = this.observed.take(row)
        # Only the students on the list are rescored: the class they are compared with stays as it
        # is.
        self.peers: Peers = this.peers.take(row)
        self.next = copy_week_ahead(self.now, self.week)
        past = situation.history
        # Next week's baselines include this week, which is not stored yet.
        everyone = pd.concat([past, this.metrics.assign(sem_week=this.week)[past.columns]])
        self.history = everyone[everyone["student_id"].isin(this.metrics["student_id"].iloc[row])]
        out = situation.is_in(situation.memory.out_of_reach) | rules.is_out_of_reach(this)
        # A rule that fires this week is held next week, whatever the student does.
        stays = np.any(list(standing.fired.values()), axis=0)
        if situation.is_in_grace(self.week):
            stays |= situation.is_in(situation.memory.watchlist)
        self.out, self.stays = out[row], stays[row]
        self.ranked = (
            None
            if situation.model is None
            else _predict_lists(situation, standing, everyone, out, self.week)
        )
        # What next week offers: lectures held, lectures attended as this week, open assignments,
        # and work that falls due and would be missed as this week.
        self.held = self.next.held[:, self.week]
        self.attended = self.next.present[:, self.week]
        self.open = rules.count_open_assignments(situation, this.observed)[row]
        self.to_come = (
            self.next.assignments.missed[:, self.week] + self.next.quizzes.missed[:, self.week]
        )

    def describe_steps(self) -> list[str | None]:
        """Return the smallest change of each student in words; None where none is enough."""
        sentences, count = self.situation.sentences, len(self.stays)
        nothing = self.make_change()
        answers: list[str | None] = [None] * count
        singles = self._try_single_changes()
        cost = np.array([np.where(works, price, np.inf) for works, price, _ in singles])
        best, possible = np.argmin(cost, axis=0), np.isfinite(cost.min(axis=0))
        pairs = self._try_pairs()
        # Some students leave the list without any change: a rule's second week may just end.
        unchanged = self.is_off_list(nothing)
        for n in range(count):
            if unchanged[n]:
                answers[n] = sentences.off_list["nothing"]
            elif possible[n]:
                answers[n] = self.describe_change(singles[best[n]][2], n)
            else:
                pair = next((change for works, change in pairs if works[n]), None)
                answers[n] = self.describe_change(pair, n) if pair else None
        return answers

    def make_change(
        self, *, lectures: Vector | None = None, items: Vector | None = None, work: bool = False
    ) -> Change:
        """Return a change for all students; without arguments nobody changes anything."""
        size = len(self.stays)
        return Change(
            np.full(size, -1) if lectures is None else lectures,
            np.zeros(size, dtype=np.int64) if items is None else items,
            np.full(size, work),
        )

    def _try_single_changes(self) -> list[tuple[Bools, Vector, Change]]:
        """Return each single change: for whom it is enough, what it costs, and what it is."""
        nothing = self.make_change()
        lectures = self._find_fewest(
            self.attended, self.held, lambda few: replace(nothing, lectures=few)
        )
        items = self._find_fewest(
            np.zeros_like(self.open), self.open, lambda few: replace(nothing, items=few)
        )
        attend, hand_in, work = (
            replace(nothing, lectures=lectures),
            replace(nothing, items=items),
            self.make_change(work=True),
        )  # fmt: skip
        # A change must also be possible: a student who attends every lecture cannot attend more. In
        # a tie `words` takes the first change, so lectures come before work.
        return [
            (
                self.is_off_list(attend) & (self.held > self.attended),
                lectures - self.attended,
                attend,
            ),
            (self.is_off_list(hand_in) & (self.open > 0), items, hand_in),
            (self.is_off_list(work) & (self.to_come > 0), self.to_come, work),
        ]

    def _try_pairs(self) -> list[tuple[Bools, Change]]:
        """Return each pair of changes, and for whom it is possible and enough."""
        # Each part in full: the smallest pair would need many more rescorings.
        absent, open_, due = self.held > self.attended, self.open > 0, self.to_come > 0
        both = (
            (absent & open_, self.make_change(lectures=self.held, items=self.open)),
            (absent & due, self.make_change(lectures=self.held, work=True)),
            (open_ & due, self.make_change(items=self.open, work=True)),
        )
        return [(self.is_off_list(change) & possible, change) for possible, change in both]

    def _find_fewest(self, low: Vector, high: Vector, change: Callable[[Vector], Change]) -> Vector:
        """Return the smallest count above `low` that is enough, by bisection.

        It is `high` where not even `high` is enough.
        """
        # All students are bisected together, because one rescoring costs about the same for one or
        # for all.
        low, best = low.copy(), high.copy()
        for _ in range(int(np.ceil(np.log2(max(int((high - low).max(initial=1)), 1)))) + 1):
            middle = (low + best) // 2
            open_ = (middle > low) & (middle < best)
            if not open_.any():
                break
            # Students who are done keep their best count, and are not changed below.
            enough = self.is_off_list(change(np.where(open_, middle, best)))
            best = np.where(open_ & enough, middle, best)
            low = np.where(open_ & ~enough, middle, low)
        return np.asarray(best)

    def is_off_list(self, change: Change) -> Bools:
        """Return who would be off next week's list with a change."""
        situation = self.situation
        scored = weekly.score_week(
            apply_change(
                self.next, self.now.roll.week, self.week, change, self._list_recent_weeks()
            ),
            self.history,
            situation.calendar,
            situation.scoring,
            self.peers,
        )
        ruled = (
            np.any(list(rules.check_rules(scored, self.out, situation.triage).values()), axis=0)
            | self.stays
        )
        low = scored.metrics["risk_score"].to_numpy() < situation.triage.staying
        # In grace weeks the score lists nobody, so it need not fall.
        clear = ~ruled & (low | situation.is_in_grace(self.week))
        if self.ranked is None:
            return np.asarray(clear)
        ahead, everyone = self.ranked
        logit, order = ahead.simulate_change(scored, self.history, self.row)
        sure = situation.triage.sure_chance
        # A student's step also moves the ranks of the class a little: a margin keeps the answer
        # true.
        unlikely = logit + MARGIN < np.log(sure / (1 - sure)) if sure < 1 else True
        return everyone.find_off_list(self.row, ~clear, ruled, order + MARGIN) & unlikely

    def _list_recent_weeks(self) -> list[int]:
        """Return the weeks, latest first, whose missing assignments can still be handed in."""
        calendar, scoring = self.situation.calendar, self.situation.scoring
        return list(calendar.get_last_teaching_weeks(self.now.roll.week, scoring.missed_work_weeks))

    def describe_change(self, change: Change, n: int) -> str:
        """Return the change of the n-th student in words."""
        sentences, parts = self.situation.sentences, []
        lectures, items = int(change.lectures[n]), int(change.items[n])
        if lectures >= 0:
            name = "attend_all" if lectures == self.held[n] else "attend"
            parts.append(sentences.say("off_list", name, lectures=lectures, week=self.week))
        if items:
            name = "hand_in_all" if items == self.open[n] else "hand_in"
            parts.append(sentences.say("off_list", name, items=items, open=int(self.open[n])))
        if change.work[n]:
            parts.append(sentences.say("off_list", "do_work", week=self.week))
        if len(parts) == 1:
            return parts[0]
        return sentences.say("off_list", "both", first=parts[0], second=parts[1])


def _predict_lists(
    situation: Situation, standing: ListDecision, history: pd.DataFrame, out: Bools, week: int
) -> tuple[NextWeekForecast, NextWeekLists]:
    """Return next week's forecast and lists if everyone does the same as this week.

    Args:
        situation: the week; its model must not be None.
        standing: what is decided about everyone this week.
        history: the metrics of earlier weeks and this one.
        out: for whom the attendance rule is or was out of reach.
        week: the next teaching week.
    """
    assert situation.model is not None
    this, triage = situation.scored, situation.triage
    scored = weekly.score_week(
        copy_week_ahead(this.observed, week),
        history,
        situation.calendar,
        situation.scoring,
        this.peers,
    )
    fired = [*rules.check_rules(scored, out, triage).values(), *standing.fired.values()]
    ruled = np.any(fired, axis=0)
    by_rules = (
        classify_by_score(scored.metrics["risk_score"].to_numpy(), standing.on_list, ruled, triage)
        > NO_TIER
    )
    ahead = situation.model.simulate_next_week(scored, history)
    return ahead, NextWeekLists(situation.lists, by_rules, ruled, ahead.order)


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
        excused=np.hstack([roll.excused, np.zeros((len(last), ahead), dtype=bool)]),
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
        for name in ("due", "done", "marked", "mark_sum", "handed_on")
    }
    # Only work handed in this week is handed in again: a silent student stays silent.
    this_week = work.last_day >= start
    return replace(
        work,
        last_day=np.where(this_week, work.last_day + 7 * ahead, work.last_day),
        **weekly_counts,
    )


def apply_change(
    observed: Observations, this_week: int, next_week: int, change: Change, recent: list[int]
) -> Observations:
    """Return next week with a change.

    Args:
        observed: next week as a repeat of this one.
        this_week: not used.
        next_week: the week that changes.
        change: the lectures attended, the open assignments handed in (without a mark yet), and
            whether the work due next week is done.
        recent: the weeks whose assignments can still be handed in, latest first.
    """
    # Arrays are copied before they are changed: the unchanged week is used again for every change.
    present: Matrix = observed.present.copy()
    present[:, next_week] = np.where(change.lectures >= 0, change.lectures, present[:, next_week])
    done = observed.assignments.done.copy()
    left = change.items.copy()
    for week in recent:
        handed_in = np.minimum(left, observed.assignments.missed[:, week])
        done[:, week] += handed_in
        left -= handed_in
    assignments, quizzes = replace(observed.assignments, done=done), observed.quizzes
    done_all = [_mark_done(part, next_week, change.work) for part in (assignments, quizzes)]
    # Handing in also ends the silence that the rule `no_work` counts. The week's last day is 6 days
    # after its start.
    today = observed.roll.starts[:, next_week] + 6
    acted = (change.items > 0) | change.work
    done_all[0] = replace(done_all[0], last_day=np.where(acted, today, done_all[0].last_day))
    return replace(observed, present=present, assignments=done_all[0], quizzes=done_all[1])


def _mark_done(work: Work, week: int, who: Bools) -> Work:
    """Return work in which some students have done everything due in a week."""
    done = work.done.copy()
    done[:, week] = np.where(who, np.maximum(done[:, week], work.due[:, week]), done[:, week])
    return replace(work, done=done)
