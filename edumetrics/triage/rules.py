"""Rules: news of a week that lists a student whatever the urgency.

A run of weeks in which a rule holds is one piece of news. It lists the student in its first week
and until its own measure is clearly better, for some weeks at most, and not again before it has
been better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import RULES
from edumetrics.scoring.roll import FloatMatrix, Vector
from edumetrics.scoring.signals import Floats, divide
from edumetrics.scoring.weekly import ScoredWeek
from edumetrics.triage import evidence
from edumetrics.triage.evidence import Measured
from edumetrics.triage.situation import Bools, Situation

# From this share of the lectures of a week on, low attendance is over.
BETTER_PCT = 50


@dataclass(frozen=True)
class Rule:
    """What a rule looks at.

    Attributes:
        find_since: returns the week in which the run that still holds began, 0 for those without
            one, from the scored week and the situation before it. It is 0 where data are missing.
        weeks: for how many teaching weeks one run lists a student.
        measure: returns the numbers of its sentence by name: arrays aligned with the roll. They
            mean something only where the rule holds.
    """

    find_since: Callable[[ScoredWeek, Situation], Vector]
    weeks: int
    measure: Callable[[Situation], Measured]


@dataclass(frozen=True)
class RuleNews:
    """What the rules say of everyone on the roll, by rule; arrays are aligned with the roll.

    Attributes:
        since: the week in which the run began that lists the student; 0 where it lists nobody.
        fired: for whom the run began this week, those of a class finding included.
        findings: class_id, semester, code, students_affected, size: classes of which a rule fired
            for so large a share that it lists nobody.
    """

    since: dict[str, Vector]
    fired: dict[str, Bools]
    findings: pd.DataFrame

    @property
    def listed(self) -> Bools:
        """Whom any rule lists."""
        return np.asarray(np.any([since > 0 for since in self.since.values()], axis=0))

    def get_new(self, name: str, week: int) -> Bools:
        """Return whom a rule lists since this week."""
        return np.asarray(self.since[name] == week)


def find_news(situation: Situation) -> RuleNews:
    """Return whom each rule lists this week, and since when."""
    scored, week = situation.scored, situation.week
    enabled = {name: getattr(situation.triage.rules, name).enabled for name in RULES}
    holding = {name: BY_NAME[name].find_since(scored, situation) * enabled[name] for name in RULES}
    fired = {name: since == week for name, since in holding.items()}
    findings = _find_wide_rules(situation, fired)
    since = {}
    for name in RULES:
        wide = findings.loc[findings["code"] == name, "class_id"]
        new = fired[name] & ~scored.metrics["class_id"].isin(wide).to_numpy()
        # News of an earlier week goes on only where it was told: a class finding tells nobody's.
        told = _get_told_since(situation, name)
        lasts = (holding[name] > 0) & (told > 0) & _is_within(situation, told, BY_NAME[name].weeks)
        since[name] = np.where(new, week, np.where(lasts, told, 0))
    return RuleNews(since, fired, findings)


def _find_wide_rules(situation: Situation, fired: dict[str, Bools]) -> pd.DataFrame:
    """Return the classes of which a rule fired for too large a share of students this week."""
    frame = situation.scored.metrics[["class_id", "semester"]].assign(**fired)
    counts = frame.groupby(["class_id", "semester"]).agg(
        size=("class_id", "size"), **{name: (name, "sum") for name in fired}
    )
    long = counts.reset_index().melt(
        ["class_id", "semester", "size"], var_name="code", value_name="students_affected"
    )
    triage = situation.triage
    many = 100 * long["students_affected"] > triage.rule_share_pct * long["size"]
    # In a small class one student is a large share already: a minimum number is required too.
    wide = many & (long["students_affected"] >= triage.class_minimum)
    return long[wide].reset_index(drop=True)


def _get_told_since(situation: Situation, name: str) -> Vector:
    """Return since when last week's list named a rule, for each student; 0 where it did not."""
    last = situation.memory.last
    told = {
        student: one["since_week"]
        for student, rules in zip(last["student_id"], last["rules"], strict=True)
        for one in rules
        if one["code"] == name
    }
    return np.array([told.get(student, 0) for student in situation.students], dtype=np.int64)


def _is_within(situation: Situation, since: Vector, weeks: int) -> Bools:
    """Return for whom this is one of the first teaching weeks counted from `since`."""
    window = situation.calendar.get_last_teaching_weeks(situation.week, weeks)
    return np.asarray(since >= window[-1])


def is_still_news(situation: Situation, news: RuleNews, rows: Vector, ahead: ScoredWeek) -> Bools:
    """Return whom a rule would list in the next teaching week, too.

    Args:
        situation: this week.
        news: what the rules say this week.
        rows: the rows in the roll of the students asked about.
        ahead: the next week of these students, scored.
    """
    lasting = situation.calendar.get_last_teaching_weeks(ahead.week, max(_WEEKS.values()))
    found = np.zeros(len(rows), dtype=bool)
    for name in RULES:
        since = news.since[name][rows]
        window = lasting[: _WEEKS[name]]
        told = (since > 0) & (since >= window[-1])
        # A rule about one week has no run that could go on.
        if told.any() and _WEEKS[name] > 1:
            found |= told & (BY_NAME[name].find_since(ahead, situation) > 0)
    return found


def _find_low_attendance(scored: ScoredWeek, situation: Situation) -> Vector:
    limits, calendar = situation.triage.rules.low_attendance, situation.calendar
    held, present = scored.observed.held, scored.observed.present
    # The product avoids a division by 0.
    low = (held >= limits.lectures) & (100 * present <= limits.at_most_pct * held)
    better = (held > 0) & (100 * present >= BETTER_PCT * held)
    since = np.zeros(len(held), dtype=np.int64)
    for week in calendar.teaching_weeks:
        if week > scored.week:
            break
        usual = _compute_usual(held, present, list(calendar.get_teaching_weeks_before(week, 4)))
        # Low attendance in a student who was hardly there before is no news. NaN compares as False.
        begins = low[:, week] & (usual >= limits.usual_pct)
        since = np.where(better[:, week], 0, np.where((since == 0) & begins, week, since))
    # A week that is only tried has no list before it whose registers came late.
    if scored is not situation.scored:
        return since
    # Registers of last week that came after its list are news of this week.
    late = (since == situation.last_week) & ~situation.was_known("weekly_att_pct")
    # The sentences are about this week: without a lecture there is nothing to say yet.
    late &= held[:, scored.week] > 0
    return np.where(late, scored.week, since)


def _compute_usual(held: FloatMatrix, present: FloatMatrix, weeks: list[int]) -> Floats:
    """Return the share of the lectures of some weeks that was attended, percent; NaN for none."""
    return divide(100 * present[:, weeks].sum(axis=1), held[:, weeks].sum(axis=1))


def _find_no_work(scored: ScoredWeek, situation: Situation) -> Vector:
    """Return since when a student has handed in nothing although work fell due.

    One of the items must be open as the word is used for work: an assignment that fell due at most
    `late_days` ago. A quiz that is over cannot be handed in any more.

    The run begins in the first week for which this holds by what is known now, so that work which
    became known late is not said to be missing.
    """
    limits, observed = situation.triage.rules.no_work, scored.observed
    if has_no_dates(scored):
        return np.zeros(len(scored.metrics), dtype=np.int64)
    ends, last = observed.roll.starts + 6, _find_last_work(scored)[:, None]
    after = ends > last
    due = np.sum([part.due * after for part in observed.work], axis=0).cumsum(axis=1)
    silent = (ends - last >= limits.days) & (due >= limits.items)
    since = np.zeros(len(ends), dtype=np.int64)
    for week in [w for w in situation.calendar.teaching_weeks if w <= scored.week]:
        lately = after & (ends <= ends[:, [week]])
        lately &= ends[:, [week]] - ends <= situation.triage.late_days
        open_ = (observed.assignments.missed * lately).sum(axis=1) > 0
        # The run goes on until something is handed in, whether or not the item stays open.
        since = np.where((since == 0) & silent[:, week] & open_, week, since)
    return since


def _find_last_work(scored: ScoredWeek) -> Vector:
    """Return the day on which each student last handed anything in, in days since 1970.

    Without any, it is the first day of the semester. Work without a date counts as in time: on the
    last day of the week in which it fell due, whoever handed it in was not silent.
    """
    ends = scored.observed.roll.starts + 6
    last = ends[:, scored.week] - scored.metrics["days_since_submission"].to_numpy()
    undated = [(part.done > 0) & (part.handed_on == 0) for part in scored.observed.work]
    return np.asarray(np.maximum(last, np.where(np.logical_or(*undated), ends, 0).max(axis=1)))


def has_no_dates(scored: ScoredWeek) -> bool:
    """Return whether work was done this semester, but none of it has a date.

    Then nobody can say for how long a student has handed in nothing.
    """
    roll = scored.observed.roll
    since_start = roll.starts[:, roll.week] + 6 - roll.first_day
    # Without a date, days_since_submission counts from the start of the semester, for everyone.
    done = any((part.due > part.missed).any() for part in scored.observed.work)
    return done and bool((scored.metrics["days_since_submission"].to_numpy() >= since_start).all())


def _count_since_last_work(situation: Situation) -> dict[str, Floats]:
    """Return the days without work handed in (`value`) and the items due since (`baseline`).

    `missed` are those that are not in: others may have been done before they were due.
    """
    scored = situation.scored
    ends, last = scored.observed.roll.starts + 6, _find_last_work(scored)
    after, parts = ends > last[:, None], scored.observed.work
    return {
        "value": (ends[:, scored.week] - last).astype(float),
        "baseline": np.sum([(part.due * after).sum(axis=1) for part in parts], axis=0, dtype=float),
        "missed": np.sum(
            [(part.missed * after).sum(axis=1) for part in parts], axis=0, dtype=float
        ),
    }


def is_reachable(metrics: pd.DataFrame) -> Bools:
    """Return for whom the attendance rule is neither met for sure nor out of reach."""
    needed, left = metrics["lectures_to_attend"], metrics["lectures_left"]
    return np.asarray((needed > 0) & (needed <= left))


def is_out_of_reach(metrics: pd.DataFrame) -> Bools:
    """Return for whom attending every lecture left no longer meets the attendance rule."""
    return np.asarray(metrics["lectures_to_attend"] > metrics["lectures_left"])


def _find_deadline(scored: ScoredWeek, situation: Situation) -> Vector:
    least = 100 * situation.triage.rules.deadline.at_least
    rose = _read(scored, "risk_of_detention") >= least
    # `~(a >= b)` and not `a < b`: a chance that was not known last week has risen.
    new = ~(situation.get_last_metric("risk_of_detention") >= least)
    return np.where(rose & new & is_reachable(scored.metrics), scored.week, 0)


def _find_similarity(scored: ScoredWeek, situation: Situation) -> Vector:
    least = situation.triage.rules.similarity.at_least_pct
    # A comparison with NaN (no report) is False: the rule does not fire.
    holds = _read(scored, "assn_plagiarism_pct") >= least
    # One run of weeks is one piece of news.
    new = ~(situation.get_last_metric("assn_plagiarism_pct") >= least)
    return np.where(holds & new, scored.week, 0)


def _read(scored: ScoredWeek, metric: str) -> Floats:
    return scored.metrics[metric].to_numpy("float64", na_value=np.nan)


# How many teaching weeks one run lists a student for. A deadline is news for one week: after that
# its nearness is in the urgency.
_WEEKS = {"low_attendance": 3, "no_work": 3, "deadline": 1, "similarity": 1}
BY_NAME = {
    "low_attendance": Rule(
        _find_low_attendance, _WEEKS["low_attendance"], evidence.measure_lectures
    ),
    "no_work": Rule(
        _find_no_work,
        _WEEKS["no_work"],
        _count_since_last_work,
    ),
    "deadline": Rule(_find_deadline, _WEEKS["deadline"], evidence.measure_deadline),
    "similarity": Rule(
        _find_similarity,
        _WEEKS["similarity"],
        lambda situation: {
            "value": _read(situation.scored, "assn_plagiarism_pct"),
            "baseline": np.full(
                len(situation.students), situation.triage.rules.similarity.at_least_pct
            ),
        },
    ),
}
