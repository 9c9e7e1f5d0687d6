"""Check consistency: whether weeks and dates fit each other in and between a college's relations.

Typical errors are a week that is off by one, and a day swapped with its month. Attendance says on
which day a week begins; the dates of other relations are compared with that.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.checks.finding import MappingFinding
from edumetrics.college.counts import count_rows
from edumetrics.college.terms import College, Term
from edumetrics.fields import RELATIONS
from edumetrics.weeks import CLASS_SEMESTER

WEEK = [*CLASS_SEMESTER, "week"]
# With fewer rows, a share of them says nothing.
ROWS = 20
# Relations whose rows have a week and a date, which the week must contain. Attendance is left out:
# it says on which day a week begins.
WITHIN = {
    name: (record.week, record.day)
    for name, record in RELATIONS.items()
    if record.week and record.day and name != "attendance"
}
# Work is handed in before or some weeks after the week of what it is about.
AROUND = {
    name: (RELATIONS[record.parent].week, record.day)
    for name, record in RELATIONS.items()
    if record.parent and record.day != record.known
}
# Marks and results may become known at any time.
LATER = {name: record.known for name, record in RELATIONS.items() if record.known}
# Different dates, and days from the first to the last: with so many over such a time, it is no
# chance that all lie before the 13th. Where day and month are swapped, only such dates can be read.
DATES, SPAN = 8, 45
# Work may be handed in long before it is due, but hardly before the semester, or after today.
BEFORE_DAYS, FUTURE_DAYS = 56, 21
# Weeks between attendance and all other dates from which it is no error of counting weeks.
APART = 8
# What is counted where a college has no such dates.
NOTHING = pd.DataFrame(
    {
        "class_id": [],
        "semester": [],
        "week": [],
        "date": pd.to_datetime([]),
        "rows": [],
        "dated": [],
    }
)
SWAPPED = "are day and month swapped, or is it written another way?"


def check_dates(college: College, term: Term, week: int) -> Iterator[MappingFinding]:
    """Yield what does not fit in the weeks and dates of the term's records, up to a week."""
    registers = _read_own(college, term, "attendance")
    yield from _check_readable(registers, "attendance", "week_date")
    yield from _check_registers(registers, college, term)
    begins = term.dates.rename(columns={"week_date": "begins"})
    apart = {}
    for name, (_, date) in WITHIN.items():
        counts = _read_own(college, term, name)
        yield from _check_readable(counts, name, date)
        # A feed's weeks may begin on another weekday: up to three days apart is the same week.
        apart[name] = _count_weeks_apart(counts, begins, 3 if date == "week_date" else 0)
    yield from _check_weekly_dates(apart)
    for name, (number, date) in AROUND.items():
        counts = _read_own(college, term, name)
        yield from _check_readable(counts, name, date)
        # Of work that is not due yet only what came early can be known: it tells nothing of early.
        due = counts[counts["week"] <= week]
        apart_all, apart_due = (_count_weeks_apart(some, begins) for some in (counts, due))
        yield from _check_work_dates(apart_all, apart_due, name, number, date)
        yield from _check_range(counts, name, date, term, week)
    for name, date in LATER.items():
        # Rows of every term count: the exams of one term have too few different days.
        yield from _check_readable(_count_dates(college, name, date), name, date)


def _read_own(college: College, term: Term, name: str) -> pd.DataFrame:
    """Return how many rows of the term have each day; no rows where the day is not mapped."""
    relation = college.relations[name]
    if relation is None or relation.table.day not in relation.present:
        return NOTHING
    return count_rows(college, term, name)


def _count_dates(college: College, name: str, date: str) -> pd.DataFrame:
    """Return date and rows: how many rows of all terms have it; none where it is not mapped."""
    relation = college.relations[name]
    if relation is None or date not in relation.present or not college.has_rows_of(name):
        return NOTHING
    day = relation.c[date].label("date")
    return college.read_frame(sa.select(day, sa.func.count().label("rows")).group_by(day), name)


def _check_readable(counts: pd.DataFrame, name: str, column: str) -> Iterator[MappingFinding]:
    """Yield a finding if no date is later than the 12th of its month.

    Data health counts what is no date at all (see `unreadable`).
    """
    days = counts["date"].dropna().drop_duplicates()
    if len(days) >= DATES and (days.max() - days.min()).days >= SPAN and (days.dt.day <= 12).all():
        yield MappingFinding(
            name,
            column,
            int(counts["rows"].sum()),
            f"No date is later in its month than the 12th: {SWAPPED}",
        )


def _check_registers(
    registers: pd.DataFrame, college: College, term: Term
) -> Iterator[MappingFinding]:
    """Yield a finding if the dates of the registers do not follow their weeks.

    If they do, the start of the term is compared with the calendar.
    """
    dated = registers.dropna(subset=["date", "week"])
    rows = int(dated["rows"].sum())
    if rows < ROWS:
        return
    # Each register implies a first day of the semester. They are equal if dates follow weeks.
    first = dated["date"] - pd.to_timedelta(7 * (dated["week"] - 1), unit="D")
    usual = (
        dated.assign(first=first)
        .groupby([*CLASS_SEMESTER, "first"])["rows"]
        .sum()
        .groupby(CLASS_SEMESTER)
        .max()
        .sum()
    )
    # Two dates in one week may be errors of some rows; more are the days of the lectures.
    several = (dated.groupby(WEEK)["date"].nunique() > 2).mean()
    # Both must hold: a single typing error moves the range, and a vacation moves many first days.
    if (
        first.max() - first.min()
    ).days > 7 * college.params.calendar.weeks_per_semester and usual < 0.9 * rows:
        yield MappingFinding(
            "attendance",
            "week_date",
            int(rows - usual),
            f"The dates do not follow the weeks: {SWAPPED}",
        )
    elif several >= 0.5:
        said = (
            "One week has several dates: "
            "it should be the first day of the week, not that of the lecture."
        )
        yield MappingFinding("attendance", "week_date", rows, said)
    else:
        yield from _check_calendar(pd.Timestamp(term.name), college, rows)


def _check_calendar(start: pd.Timestamp, college: College, rows: int) -> Iterator[MappingFinding]:
    """Yield a finding if the records begin in another week than the calendar's slot.

    This matters only without a week counter, where the calendar says which week it is.
    """
    slots = college.params.calendar.slots.values()
    # A slot has a month and day, but no year: the nearest of three years is meant.
    days = [
        pd.Timestamp(f"{start.year + year}-{slot.starts}") for slot in slots for year in (-1, 0, 1)
    ]
    nearest = min(days, key=lambda day: abs((start - day).days))
    off = round((start - nearest).days / 7)  # up to half a week is another weekday
    if off and college.counter.empty:
        said = (
            f"By its dates and weeks the semester began on {start.date()}, "
            f"by the calendar on {nearest.date()}:"
        )
        yield MappingFinding("attendance", "week", rows, f"{said} correct week, or calendar.slots.")


def _count_weeks_apart(counts: pd.DataFrame, begins: pd.DataFrame, days: int = 0) -> pd.Series:
    """Return how many rows have a date so many weeks after their own week.

    Args:
        counts: as `_read_own` returns them.
        begins: class_id, semester, week, begins (first day of the week).
        days: days added to each date, because a feed's weeks may begin on another weekday.

    Returns:
        Rows (count), indexed by weeks: 0 where the week contains the date, negative before it.
    """
    both = counts.dropna(subset=["date", "week"]).merge(begins, on=WEEK)
    # `//` rounds down, so that one day before the week is -1 and not 0.
    apart = ((both["date"] - both["begins"]).dt.days + days) // 7
    return both.groupby(apart)["rows"].sum() if len(both) else pd.Series(dtype="int64")


def _check_weekly_dates(apart: dict[str, pd.Series]) -> Iterator[MappingFinding]:
    """Yield a finding per relation whose weeks do not contain their dates.

    Where all relations disagree with attendance in the same way, attendance is wrong.

    Args:
        apart: for each relation, the rows by weeks apart, as `_count_weeks_apart` returns them.
    """
    # Exams have few rows in a term, so they count also below ROWS.
    telling = {
        name: rows
        for name, rows in apart.items()
        if rows.sum() >= ROWS or (len(rows) and "exam" in name)
    }
    off = {
        name: int(str(rows.idxmax()))
        for name, rows in telling.items()
        if rows.get(0, 0) < 0.5 * rows.sum()
    }
    shifts = set(off.values())
    # One relation alone cannot show which side is wrong: at least two must say the same.
    if len(off) >= 2 and len(off) == len(telling) and min(map(abs, shifts)) >= APART:
        yield MappingFinding(
            "attendance",
            "week_date",
            0,
            f"It is months from the dates of {', '.join(off)}: {SWAPPED}",
        )
        return
    if len(off) >= 2 and len(off) == len(telling) and len(shifts) == 1:
        # The others are late by as much as attendance is early.
        shift = -shifts.pop()
        others = ", ".join(off)
        yield MappingFinding(
            "attendance",
            "week",
            0,
            f"It is {_format_shift(shift)} the dates of {others}: is it off by {abs(shift)}?",
        )
        return
    for name, shift in off.items():
        number, date = WITHIN[name]
        rows = int(telling[name].sum())
        # One common shift is an error of counting; scattered dates are an error of the format.
        if telling[name].get(shift, 0) >= 0.5 * rows:
            said = (
                f"{date} lies {_format_shift(shift)} it, as attendance has the weeks: "
                f"is one of the two off by {abs(shift)}?"
            )
            yield MappingFinding(name, number, rows, said)
        else:
            yield MappingFinding(
                name, date, rows, f"Most dates lie outside of their week: {SWAPPED}"
            )


def _format_shift(shift: int) -> str:
    """Return a shift in words, such as `2 weeks before`."""
    count = "a week" if abs(shift) == 1 else f"{abs(shift)} weeks"
    return f"{count} {'after' if shift > 0 else 'before'}"


def _check_work_dates(
    apart: pd.Series, due: pd.Series, name: str, number: str, date: str
) -> Iterator[MappingFinding]:
    """Yield a finding if work nearly always comes after its week, or before it.

    Args:
        apart: all rows by weeks apart, as `_count_weeks_apart` returns them; `due`: those of work
            that is due by now.
        name, number, date: the relation, the column of the week, and that of the date.
    """
    rows = apart.sum()
    if rows < ROWS:
        return
    early, late = due[due.index < 0].sum(), apart[apart.index > 0].sum()
    if late >= 0.6 * rows:
        said = (
            f"{100 * late / rows:.0f}% lie after the {number} of their work: is that another week?"
        )
        yield MappingFinding(name, date, int(late), said)
    elif due.sum() >= ROWS and early >= 0.9 * due.sum():
        # Work that is due on a Monday is handed in the week before. That is no error, so this
        # finding does not hold back the mail.
        said = (
            f"{100 * early / due.sum():.0f}% lie before the {number} of their work: "
            "is that off by one?"
        )
        yield MappingFinding(name, date, int(early), said, stops=False)


def _check_range(
    counts: pd.DataFrame, name: str, date: str, term: Term, week: int
) -> Iterator[MappingFinding]:
    """Yield a finding if many dates lie before the semester, or in the future."""
    first = pd.Timestamp(term.name) - pd.Timedelta(days=BEFORE_DAYS)
    last = term.list_week_ends(week)["week_end"].max() + pd.Timedelta(days=FUTURE_DAYS)
    outside = counts.loc[(counts["date"] < first) | (counts["date"] > last), "rows"].sum()
    rows = counts["dated"].sum()
    if rows >= ROWS and outside >= 0.1 * rows:
        said = (
            f"{100 * outside / rows:.0f}% lie before {first.date()} "
            f"or after {last.date()}: {SWAPPED}"
        )
        yield MappingFinding(name, date, int(outside), said)
