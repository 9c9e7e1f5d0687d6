"""The policy view: what other thresholds and capacities would have meant in a finished semester."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.params.triage import Triage
from edumetrics.triage.places import rank
from edumetrics.triage.situation import CRITICAL, TIERS, Thresholds, build_thresholds
from edumetrics.triage.thresholds import fit_thresholds
from edumetrics.triage.urgency import classify


@dataclass(frozen=True)
class FinishedSemester:
    """A semester that is over and whose outcome is known.

    Attributes:
        metrics: student_id, sem_week: everyone on the roll of each week.
        urgencies: student_id, sem_week, advisor_id, urgency of the weeks after grace.
        ruled: student_id, sem_week: whom a rule listed.
        failed: student_id, failed (bool), for students whose outcome is known. Other students are
            left out of every count.
        calendar: its weeks.
        first_week, last_week: the weeks to judge, both inclusive.
    """

    metrics: pd.DataFrame
    urgencies: pd.DataFrame
    ruled: pd.DataFrame
    failed: pd.DataFrame
    calendar: Calendar
    first_week: int
    last_week: int

    @property
    def exam_week(self) -> int:
        """The week of the end-term exam, or the week after the last one where there is no exam."""
        return self.calendar.endterm_week or self.calendar.weeks_per_semester + 1


def replay(past: FinishedSemester, triage: Triage) -> pd.DataFrame:
    """Return the semester's lists under some parameters, without contacts or a watchlist.

    The list thresholds are fitted on the semester itself: the question is what a share to list, and
    a capacity, would have meant.

    Returns:
        student_id, sem_week, risk_tier, triage_rank, within_capacity, status: one row for every
        place on a list.
    """
    cuts = fit_thresholds(past.urgencies, past.calendar, triage)
    ruled = set(zip(past.ruled["student_id"], past.ruled["sem_week"], strict=True))
    by_week = {int(str(week)): rows for week, rows in past.urgencies.groupby("sem_week")}
    # Only of last week's list: staying depends on it; `times` counts every earlier place.
    was_on: set[str] = set()
    times: dict[str, int] = {}
    found = []
    for week in [week for week in past.calendar.teaching_weeks if week in by_week]:
        rows, limits = by_week[week], build_thresholds(cuts[week], triage)
        listed = _select_rows(rows, ruled, was_on, limits)
        listed = listed.assign(
            weeks_on_list=[1 + times.get(student, 0) for student in listed["student_id"]],
            fresh=~listed["student_id"].isin(was_on) & (listed["urgency"] >= limits.staying_at),
            # Only who is new is asked of the status: every other one may be called "continuing".
            status=np.where(listed["student_id"].isin(times), "continuing", "new"),
            looked_after=False,
            first=False,
            risk_tier=np.array(TIERS, dtype=object)[
                classify(listed["urgency"].to_numpy("float64"), limits)
            ],
        ).rename(columns={"urgency": "urgency_score"})
        found.append(rank(listed, triage))
        was_on = set(listed["student_id"])
        times |= {student: times.get(student, 0) + 1 for student in was_on}
    columns = ["student_id", "sem_week", "risk_tier", "triage_rank", "within_capacity", "status"]
    lists = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    return lists[columns]


def _select_rows(
    rows: pd.DataFrame, ruled: set[tuple[str, int]], was_on: set[str], limits: Thresholds
) -> pd.DataFrame:
    """Return the rows of a week that are on a list: by rule, by urgency, or staying."""
    rule = [pair in ruled for pair in zip(rows["student_id"], rows["sem_week"], strict=True)]
    stays = rows["student_id"].isin(was_on) & (rows["urgency"] > limits.staying_at)
    return rows[np.array(rule, dtype=bool) | stays | (rows["urgency"] >= limits.list_at)]


def measure_lists(past: FinishedSemester, lists: pd.DataFrame) -> pd.Series:
    """Return figures that say what a semester's lists were worth.

    Args:
        past: the semester.
        lists: student_id, sem_week, risk_tier, within_capacity, as stored or from `replay`.

    Returns:
        Over the weeks to judge: base_rate (share of students who failed), flagged and critical
        (share of student-weeks), stayed (mean share of last week's list still on it), fails_listed
        and fails_reached (share of failed students who were ever on the list, and within capacity),
        weeks_ahead (median, from a failed student's first listing to the exam), false_alarms
        (listed students who passed, for each listed student who failed), precision_at_capacity
        (mean over weeks), conversations (places within capacity). NaN where the divisor is 0.
    """
    outcome = past.failed.set_index("student_id")["failed"]
    in_weeks = lists["sem_week"].between(past.first_week, past.last_week)
    lists = lists[in_weeks & lists["student_id"].isin(outcome.index)]
    rows = past.metrics[past.metrics["sem_week"].between(past.first_week, past.last_week)]
    rows = rows[rows["student_id"].isin(outcome.index)]
    # Only students on the roll in these weeks can have been listed.
    fails = set(outcome.index[outcome & outcome.index.isin(rows["student_id"])])
    students = rows["student_id"].nunique()
    inside = lists[lists["within_capacity"]]
    first = lists[lists["student_id"].isin(fails)].groupby("student_id")["sem_week"].min()
    hits = inside["student_id"].isin(fails).groupby(inside["sem_week"]).mean()
    alarms = lists["student_id"].nunique() - len(first)
    return pd.Series(
        {
            "base_rate": _compute_share(len(fails), students),
            "flagged": _compute_share(len(lists), len(rows)),
            "critical": _compute_share(
                int((lists["risk_tier"] == TIERS[CRITICAL]).sum()), len(rows)
            ),
            "stayed": _compute_stayed_share(lists, past.calendar),
            "fails_listed": _compute_share(len(first), len(fails)),
            "fails_reached": _compute_share(
                inside.loc[inside["student_id"].isin(fails), "student_id"].nunique(), len(fails)
            ),
            "weeks_ahead": (past.exam_week - first).median(),
            "false_alarms": _compute_share(alarms, len(first)),
            "precision_at_capacity": hits.mean(),
            "conversations": float(len(inside)),
        }
    )


def _compute_share(part: int, whole: int) -> float:
    """Return a quotient; NaN where `whole` is 0."""
    return part / whole if whole else float("nan")


def _compute_stayed_share(lists: pd.DataFrame, calendar: Calendar) -> float:
    """Return the mean over weeks of the share of last week's list that is still on it.

    A student who left the roll counts as one who left the list. NaN where no two weeks can be
    compared.
    """
    by_week = {
        int(str(week)): set(group) for week, group in lists.groupby("sem_week")["student_id"]
    }
    shares = [
        len(by_week[last] & by_week.get(week, set())) / len(by_week[last])
        for last, week in zip(calendar.teaching_weeks, calendar.teaching_weeks[1:], strict=False)
        # In a week without anyone listed all of last week's list left. Weeks after the last list do
        # not count.
        if last in by_week and week <= max(by_week)
    ]
    return float(np.mean(shares)) if shares else float("nan")


def compare_policies(
    past: FinishedSemester,
    triage: Triage,
    shares: Iterable[float],
    capacities: Iterable[int],
    minutes: int = 20,
    watch: Callable[[list[tuple[float, int]]], Iterable[tuple[float, int]]] = iter,
) -> pd.DataFrame:
    """Return what the lists are worth under every pair of a share to list and a capacity.

    Args:
        past: the semester.
        triage: the parameters in use.
        shares: shares of students that urgency is to list, 0..1.
        capacities: conversations that an advisor has time for in a week.
        minutes: how long one conversation takes an advisor.
        watch: passes on the pairs one by one, and may show how far it is.

    Returns:
        One row per pair: list_share, capacity, the columns of `measure_lists`, joins and leaves
        (students who are on a list only under the pair, or only under the parameters in use), hours
        (of all advisors, for all conversations).
    """
    now = _get_listed(past, replay(past, triage))
    rows = []
    for share, capacity in watch(list(product(shares, capacities))):
        lists = replay(past, with_policy(triage, share, capacity))
        then = _get_listed(past, lists)
        found = measure_lists(past, lists)
        changes = {
            "joins": len(then - now),
            "leaves": len(now - then),
            "hours": found["conversations"] * minutes / 60,
        }
        rows.append({"list_share": share, "capacity": capacity, **found, **changes})
    return pd.DataFrame(rows)


def find_changes(past: FinishedSemester, triage: Triage, other: Triage) -> pd.DataFrame:
    """Return who would be listed only by the other policy (joins) or only by this one (leaves).

    Returns:
        student_id, change ("joins" or "leaves"), in order of student_id.
    """
    now, then = _get_listed(past, replay(past, triage)), _get_listed(past, replay(past, other))
    rows = [(student, "joins" if student in then else "leaves") for student in sorted(now ^ then)]
    return pd.DataFrame(rows, columns=["student_id", "change"])


def with_policy(triage: Triage, share: float, capacity: int) -> Triage:
    """Return the parameters with another share to list, and one capacity for every advisor."""
    return triage.model_copy(update={"list_share": share, "capacity": capacity, "capacities": {}})


def _get_listed(past: FinishedSemester, lists: pd.DataFrame) -> set[str]:
    """Return the students who were on a list in any of the weeks to judge."""
    return set(lists.loc[lists["sem_week"].between(past.first_week, past.last_week), "student_id"])
