"""The smallest change within a student's reach that would take the student off next week's list, tried by rescoring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.scoring import weekly
from edumetrics.scoring.observed import Observed
from edumetrics.scoring.roll import Matrix, Vector
from edumetrics.scoring.weekly import Peers
from edumetrics.scoring.work import Work
from edumetrics.triage import rules
from edumetrics.triage.by_model import NextList
from edumetrics.triage.flags import Standing, tier_by_score
from edumetrics.triage.situation import NO_TIER, Ahead, Bools, Situation

# How far below next week's cut, in log-odds, a step must bring a student where the model ranks.
MARGIN = 0.1


@dataclass(frozen=True)
class Change:
    """What each student does next week beyond this week's ways.

    Attributes:
        lectures: how many of next week's lectures are attended; -1 for as many as this week.
        items: how many open assignments are handed in, the latest first.
        work: whether all the work that falls due next week is done.
    """

    lectures: Vector
    items: Vector
    work: Bools


def off_list_if(situation: Situation, standing: Standing, row: Vector) -> list[str | None]:
    """For students on the list: the smallest change that would take them off it next week, all else as this week.

    Smallest means fewest lectures or items beyond this week's; where no one change is enough, two are tried.

    Args:
        situation, standing: the week.
        row: the students' rows in the roll.

    Returns:
        For each student words that complete "Off the list next week if the student ..."; None where none is enough.
    """
    if situation.next_week is None or not len(row):
        return [None] * len(row)
    return _Trial(situation, standing, row).words()


class _Trial:
    """Next week as this one was, for the students on the list, to be rescored with one change after another."""

    def __init__(self, situation: Situation, standing: Standing, row: Vector) -> None:
        assert situation.next_week is not None
        self.situation, self.week, this = situation, situation.next_week, situation.scored
        self.row = row
        self.now = this.observed.take(row)
        self.peers: Peers = this.peers.take(row)
        self.next = repeated(self.now, self.week)
        past = situation.history
        everyone = pd.concat([past, this.metrics.assign(sem_week=this.week)[past.columns]])
        self.history = everyone[everyone["student_id"].isin(this.metrics["student_id"].iloc[row])]
        out = situation.is_in(situation.memory.out_of_reach) | rules.out_of_reach(this)
        stays = np.any(list(standing.fired.values()), axis=0)
        if situation.in_grace(self.week):
            stays |= situation.is_in(situation.memory.watchlist)
        self.out, self.stays = out[row], stays[row]
        self.ranked = (
            None
            if situation.model is None
            else _ranked(situation, standing, everyone, out, self.week)
        )
        self.held = self.next.held[:, self.week]
        self.attended = self.next.present[:, self.week]
        self.open = open_assignments(situation, this.observed)[row]
        self.to_come = (
            self.next.assignments.missed[:, self.week] + self.next.quizzes.missed[:, self.week]
        )

    def words(self) -> list[str | None]:
        """The smallest change of each student in words."""
        sentences, count = self.situation.sentences, len(self.stays)
        nothing = self.change()
        answers: list[str | None] = [None] * count
        singles = self._singles()
        cost = np.array([np.where(works, price, np.inf) for works, price, _ in singles])
        best, possible = np.argmin(cost, axis=0), np.isfinite(cost.min(axis=0))
        pairs = self._pairs()
        unchanged = self.off(nothing)
        for n in range(count):
            if unchanged[n]:
                answers[n] = sentences.off_list["nothing"]
            elif possible[n]:
                answers[n] = self.say(singles[best[n]][2], n)
            else:
                pair = next((change for works, change in pairs if works[n]), None)
                answers[n] = self.say(pair, n) if pair else None
        return answers

    def change(
        self, *, lectures: Vector | None = None, items: Vector | None = None, work: bool = False
    ) -> Change:
        """A change for all: by default none."""
        size = len(self.stays)
        return Change(
            np.full(size, -1) if lectures is None else lectures,
            np.zeros(size, dtype=np.int64) if items is None else items,
            np.full(size, work),
        )

    def _singles(self) -> list[tuple[Bools, Vector, Change]]:
        """Each single change: for whom it is enough, what it costs, and what it is."""
        nothing = self.change()
        lectures = self._fewest(
            self.attended, self.held, lambda few: replace(nothing, lectures=few)
        )
        items = self._fewest(
            np.zeros_like(self.open), self.open, lambda few: replace(nothing, items=few)
        )
        attend, hand_in, work = (
            replace(nothing, lectures=lectures), replace(nothing, items=items), self.change(work=True)
        )  # fmt: skip
        return [
            (self.off(attend) & (self.held > self.attended), lectures - self.attended, attend),
            (self.off(hand_in) & (self.open > 0), items, hand_in),
            (self.off(work) & (self.to_come > 0), self.to_come, work),
        ]

    def _pairs(self) -> list[tuple[Bools, Change]]:
        absent, open_, due = self.held > self.attended, self.open > 0, self.to_come > 0
        both = (
            (absent & open_, self.change(lectures=self.held, items=self.open)),
            (absent & due, self.change(lectures=self.held, work=True)),
            (open_ & due, self.change(items=self.open, work=True)),
        )
        return [(self.off(change) & possible, change) for possible, change in both]

    def _fewest(self, low: Vector, high: Vector, change: Callable[[Vector], Change]) -> Vector:
        """The smallest count above `low` that is enough where `high` is, by halving; `high` where it is not."""
        low, best = low.copy(), high.copy()
        for _ in range(int(np.ceil(np.log2(max(int((high - low).max(initial=1)), 1)))) + 1):
            middle = (low + best) // 2
            open_ = (middle > low) & (middle < best)
            if not open_.any():
                break
            enough = self.off(change(np.where(open_, middle, best)))
            best = np.where(open_ & enough, middle, best)
            low = np.where(open_ & ~enough, middle, low)
        return np.asarray(best)

    def off(self, change: Change) -> Bools:
        """Who would be off next week's list."""
        situation = self.situation
        scored = weekly.score(
            changed(self.next, self.now.roll.week, self.week, change, self._recent()),
            self.history, situation.calendar, situation.scoring, self.peers,
        )  # fmt: skip
        ruled = (
            np.any(list(rules.fired(scored, self.out, situation.triage).values()), axis=0)
            | self.stays
        )
        low = scored.metrics["risk_score"].to_numpy() < situation.triage.staying
        clear = ~ruled & (low | situation.in_grace(self.week))
        if self.ranked is None:
            return np.asarray(clear)
        ahead, everyone = self.ranked
        logit, order = ahead.changed(scored, self.history, self.row)
        sure = situation.triage.sure_chance
        # Whoever takes the step moves the ranks of a class a little for the others too: a hair's breadth is not enough.
        unlikely = logit + MARGIN < np.log(sure / (1 - sure)) if sure < 1 else True
        return everyone.off(self.row, ~clear, ruled, order + MARGIN) & unlikely

    def _recent(self) -> list[int]:
        calendar, scoring = self.situation.calendar, self.situation.scoring
        return list(calendar.last_teaching_weeks(self.now.roll.week, scoring.missed_work_weeks))

    def say(self, change: Change, n: int) -> str:
        """One student's change in words."""
        sentences, parts = self.situation.sentences, []
        lectures, items = int(change.lectures[n]), int(change.items[n])
        if lectures >= 0:
            name = "attend_all" if lectures == self.held[n] else "attend"
            parts.append(sentences.say(sentences.off_list[name], lectures=lectures, week=self.week))
        if items:
            name = "hand_in_all" if items == self.open[n] else "hand_in"
            parts.append(
                sentences.say(sentences.off_list[name], items=items, open=int(self.open[n]))
            )
        if change.work[n]:
            parts.append(sentences.say(sentences.off_list["do_work"], week=self.week))
        if len(parts) == 1:
            return parts[0]
        return sentences.say(sentences.off_list["both"], first=parts[0], second=parts[1])


def _ranked(
    situation: Situation, standing: Standing, history: pd.DataFrame, out: Bools, week: int
) -> tuple[Ahead, NextList]:
    """Next week's forecast and lists, were everyone to do as this week."""
    assert situation.model is not None
    this, triage = situation.scored, situation.triage
    scored = weekly.score(
        repeated(this.observed, week), history, situation.calendar, situation.scoring, this.peers
    )  # fmt: skip
    fired = [*rules.fired(scored, out, triage).values(), *standing.fired.values()]
    ruled = np.any(fired, axis=0)
    by_rules = (
        tier_by_score(scored.metrics["risk_score"].to_numpy(), standing.on_list, ruled, triage)
        > NO_TIER
    )
    ahead = situation.model.next_week(scored, history)
    return ahead, NextList(situation.lists, by_rules, ruled, ahead.order)


def open_assignments(situation: Situation, observed: Observed) -> Vector:
    """How many assignments of the last three teaching weeks are not handed in, aligned with the roll."""
    recent = situation.calendar.last_teaching_weeks(
        situation.week, situation.scoring.missed_work_weeks
    )
    return np.asarray(observed.assignments.missed[:, list(recent)].sum(axis=1))


def repeated(observed: Observed, week: int) -> Observed:
    """A later week in which everything is as in this one: as many lectures, as much work, the same marks."""
    roll = observed.roll
    ahead = week - roll.week
    days = 7 * np.arange(1, ahead + 1)
    last = roll.starts[:, [roll.week]]
    later = replace(
        roll,
        week=week,
        frame=roll.frame.assign(week_end=roll.frame["week_end"] + pd.Timedelta(days=7 * ahead)),
        classes=np.hstack([roll.classes, np.repeat(roll.classes[:, [roll.week]], ahead, axis=1)]),
        starts=np.hstack([roll.starts, last + days]),
        excused=np.hstack([roll.excused, np.zeros((len(last), ahead), dtype=bool)]),
    )
    assignments, quizzes = (
        _repeated_work(part, roll.starts[:, roll.week], roll.week, ahead) for part in observed.work
    )
    held, present = _again(observed.held, ahead), _again(observed.present, ahead)
    return replace(
        observed, roll=later, held=held, present=present, assignments=assignments, quizzes=quizzes
    )


def _again(matrix: np.ndarray, ahead: int) -> np.ndarray:
    """A matrix of weeks whose last week comes once more, `ahead` weeks later; nothing happens in between."""
    return np.hstack(
        [matrix, np.zeros((len(matrix), ahead - 1), dtype=matrix.dtype), matrix[:, -1:]]
    )


def _repeated_work(work: Work, start: Vector, week: int, ahead: int) -> Work:
    weekly_counts = {
        name: _again(getattr(work, name), ahead)
        for name in ("due", "done", "marked", "mark_sum", "handed_on")
    }
    this_week = work.last_day >= start
    return replace(
        work,
        last_day=np.where(this_week, work.last_day + 7 * ahead, work.last_day),
        **weekly_counts,
    )


def changed(
    observed: Observed, this_week: int, next_week: int, change: Change, recent: list[int]
) -> Observed:
    """Next week with a change: lectures attended, open assignments handed in (unmarked), work due then done."""
    present: Matrix = observed.present.copy()
    present[:, next_week] = np.where(change.lectures >= 0, change.lectures, present[:, next_week])
    done = observed.assignments.done.copy()
    left = change.items.copy()
    for week in recent:
        handed_in = np.minimum(left, observed.assignments.missed[:, week])
        done[:, week] += handed_in
        left -= handed_in
    assignments, quizzes = replace(observed.assignments, done=done), observed.quizzes
    done_all = [_all_done(part, next_week, change.work) for part in (assignments, quizzes)]
    today = observed.roll.starts[:, next_week] + 6
    acted = (change.items > 0) | change.work
    done_all[0] = replace(done_all[0], last_day=np.where(acted, today, done_all[0].last_day))
    return replace(observed, present=present, assignments=done_all[0], quizzes=done_all[1])


def _all_done(work: Work, week: int, who: Bools) -> Work:
    done = work.done.copy()
    done[:, week] = np.where(who, np.maximum(done[:, week], work.due[:, week]), done[:, week])
    return replace(work, done=done)
