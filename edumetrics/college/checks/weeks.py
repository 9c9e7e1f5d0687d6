"""Check the counting of weeks: whether records lie in the weeks that the calendar gives them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import counts
from edumetrics.college.checks.finding import MISSING, MappingFinding
from edumetrics.college.terms import College, Term
from edumetrics.fields import FEEDS, RELATIONS
from edumetrics.weeks import find_last_complete_week

# Registers more than this many weeks after the last complete week belong to another semester.
AHEAD = 4


def check_week_counter(college: College, term: Term, week: int) -> Iterator[MappingFinding]:
    """Yield a finding if the college's week counter does not fit the end of the records."""
    state = college.counter
    if state.empty:
        return
    calendar, c = college.params.calendar, college.relation("attendance").c
    week_said, last = int(state["current_week"].iloc[0]), calendar.weeks_per_semester
    weeks = max(slot.offset for slot in calendar.slots.values()) + last
    # Only marked registers count: empty ones may be prepared for the weeks ahead.
    newest = college.read_frame(
        sa.select(sa.func.max(c.week_date, type_=sa.Date).label("day")).where(c.present >= 0),
        "attendance",
    )["day"].iloc[0]
    end = term.list_week_ends(min(week, last))["week_end"].max()
    if not 0 <= week_said <= weeks:
        yield MappingFinding(
            "sim_state",
            "current_week",
            1,
            f"It is {week_said}, but the year has the weeks 0 to {weeks}.",
        )
    elif newest > end + pd.Timedelta(weeks=AHEAD):
        yield _explain_later_registers(college, week, end, newest)


def check_exam_weeks(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield a finding where examinations of a term have no week, or one that it does not have."""
    relation, last = college.relations["exam_schedule"], college.params.calendar.weeks_per_semester
    if relation is None or "scheduled_week" not in relation.present:
        return
    papers = college.read_frame(
        sa.select(relation.c.scheduled_week).where(term.build_condition(relation)), "exam_schedule"
    )["scheduled_week"]
    none, off = int(papers.isna().sum()), int((~papers.dropna().between(1, last)).sum())
    if off:
        said = f"{off} papers are in no week of the term, which has the weeks 1 to {last}."
        yield MappingFinding("exam_schedule", "scheduled_week", off, said)
    elif none:
        said = f"{none} of {len(papers)} papers have no week: say in which one each exam is."
        yield MappingFinding("exam_schedule", "scheduled_week", none, said, stops=False)


def check_sessions(college: College, term: Term, week: int) -> Iterator[MappingFinding]:
    """Yield a finding where classes have registers of a week, but no semester in the term.

    Terms may overlap, so that this alone holds nothing back.
    """
    relation = college.relations["attendance"]
    # Without named semesters whatever has dates is in session.
    if relation is None or not term.current or college.class_terms.empty:
        return
    c, first = relation.c, term.list_week_ends(week)["week_end"].min() - pd.Timedelta(days=6)
    taught = sa.select(c.class_id).where(c.week_date >= first.date(), c.present >= 0).distinct()
    classes = set(college.read_frame(taught, "attendance")["class_id"])
    missing = classes & set(college.classes["class_id"]) - set(term.class_semesters["class_id"])
    if missing:
        said = (
            f"{len(missing)} of {len(classes)} classes with registers of week {week} have no "
            "semester in this part of the year, and are not scored: is it missing in classes, or "
            "in class_terms?"
        )
        yield MappingFinding("classes", "class_id", len(missing), said, stops=False)


def _explain_later_registers(
    college: College, week: int, end: pd.Timestamp, newest: pd.Timestamp
) -> MappingFinding:
    """Return the finding for registers that go on long after the term's week has ended."""
    calendar = college.params.calendar
    slot = college.find_college_week(newest.date()).find_slot(calendar)
    if find_last_complete_week(newest.date(), calendar).find_slot(calendar) == slot:
        # The counter fits the half of the year of the newest registers, so the counter is
        # right, and the semesters of the classes are wrong.
        said = (
            f"Registers of that semester end on {end.date()}, "
            f"of another they go on to {newest.date()}: are odd_sem and even_sem swapped?"
        )
        return MappingFinding("classes", f"{slot}_sem", 1, said)
    said = (
        f"It is {int(college.counter['current_week'].iloc[0])}, week {week} of this term, "
        f"which ended on {end.date()}; registers go on to {newest.date()}: "
        "is it counted through the year?"
    )
    return MappingFinding("sim_state", "current_week", 1, said)


def check_feed_weeks(college: College, term: Term, week: int) -> Iterator[MappingFinding]:
    """Yield a finding per feed that lacks rows in teaching weeks, or has many in other weeks."""
    calendar = college.params.calendar
    every = range(1, calendar.weeks_per_semester + 1)
    taught = [number for number in calendar.teaching_weeks if number <= week]
    for feed in FEEDS:
        counted = counts.count_rows_by_week(college, term, feed, every)
        yield from _check_weeks(feed, counted, taught, week)


def _check_weeks(
    feed: str, counted: pd.DataFrame, taught: list[int], week: int
) -> Iterator[MappingFinding]:
    rows = counted.groupby("week")["rows"].sum()
    # The median is not moved by a few odd weeks. With no teaching week it is NaN, and every
    # comparison with it is false.
    usual = rows.reindex(taught).median()
    empty = [number for number in taught if not rows.get(number, 0)]
    # Registers may be prepared ahead: only marked ones show that lectures were held.
    marked = rows - counted.groupby("week")["unmarked"].sum()
    early = [int(number) for number in marked.index[marked >= usual / 2] if number > week]
    off = [n for n in rows.index if n <= week and n not in taught and rows[n] >= usual / 2]
    column = RELATIONS[feed].week
    # The order matters: each branch rules out the causes before it. Only attendance must have
    # rows in every teaching week; other feeds may be silent.
    if early and max(early) > week + 1:
        said = (
            f"Rows go up to week {max(early)}; "
            f"the last complete week is {week}, by sim_state or the calendar."
        )
        yield MappingFinding(feed, column, len(early), said)
    elif 1 in empty and early:
        said = (
            f"Week 1 has no row, but week {early[0]}, which is not over, has as many as any: "
            "is it off by one?"
        )
        yield MappingFinding(feed, column, len(empty), said)
    elif feed == "attendance":
        yield from _check_register_weeks(empty, off, len(taught))


def _check_register_weeks(
    empty: list[int], off: list[float], taught: int
) -> Iterator[MappingFinding]:
    """Yield a finding if teaching weeks have no register, or weeks that are not taught have some.

    Args:
        empty: teaching weeks without a register.
        off: other weeks, with as many registers as a teaching week.
        taught: the number of teaching weeks so far.
    """
    names = ", ".join(map(str, empty))
    stops = True
    if empty and off:
        said = (
            f"Of week {names} there is no register, but of week {off[0]:.0f}, "
            "which is not taught: off by one?"
        )
    elif len(empty) >= 2 and 100 * len(empty) >= MISSING * taught:
        said = (
            f"No class has a register in weeks {names}: "
            "does a condition leave them out, or were these vacations?"
        )
    elif empty:
        stops = False
        said = (
            f"No class has a register in week {names}: "
            "if it was a vacation, name it in calendar.vacation_weeks."
        )
    elif off:
        said = (
            f"There are registers in week {off[0]:.0f}, which is not taught: "
            "compare the calendar's exam weeks."
        )
    else:
        return
    yield MappingFinding("attendance", "week", len(empty) or len(off), said, stops)


def check_running_totals(own: pd.DataFrame) -> Iterator[MappingFinding]:
    """Yield a finding if lectures_held grows through the semester, as a running total does."""
    # Weeks without a marked register have held 0 and would interrupt the growth.
    held = own[own["held"] > 0].groupby("week")["held"].mean()
    if len(held) >= 4 and held.is_monotonic_increasing and held.iloc[-1] >= 3 * held.iloc[0]:
        said = (
            "It grows from week to week: "
            "are these the lectures since the semester's first day, not the week's?"
        )
        yield MappingFinding("attendance", "lectures_held", len(own), said)
