"""Whether weeks and dates of a college's relations fit each other: a week off by one, day and month swapped.

Attendance says on which day a week begins; what is dated elsewhere is held against that.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.health import PARENTS
from edumetrics.college.mapping import Relation
from edumetrics.college.plausible.rows import Found
from edumetrics.college.source import College, Term
from edumetrics.weeks import PAIRING

WEEK = [*PAIRING, "week"]
ROWS = 20
# Dates that a row's week must contain, and dates of work, which comes before or some weeks after its week.
WITHIN = {
    "library_visits": ("week", "week_date"),
    "lms_activity": ("week", "week_date"),
    "book_borrows": ("borrow_week", "borrow_date"),
    "quiz_definitions": ("scheduled_week", "quiz_date"),
    "exam_schedule": ("scheduled_week", "exam_date"),
}
AROUND = {
    "assignment_submissions": ("due_week", "submission_date"),
    "quiz_submissions": ("scheduled_week", "attempt_date"),
}
# Dates that come whenever they come.
LATER = {
    "assignment_submissions": ("due_week", "marked_on"),
    "quiz_submissions": ("scheduled_week", "marked_on"),
    "exam_results": ("scheduled_week", "result_date"),
}
# So many days of the month, over so long a time, do not all lie before the 13th by chance.
DATES, SPAN = 8, 45
# Work may be handed in long before it is due, but hardly before the semester, or after today.
BEFORE_DAYS, FUTURE_DAYS = 56, 21
# So many weeks between all other dates and those of attendance are no slip in counting.
APART = 8
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


def found(college: College, term: Term, week: int) -> Iterator[Found]:
    """Relation, column, rows and sentence of what does not fit, in the term's records."""
    relation = college.relations["attendance"]
    assert relation is not None
    registers = _counts(college, relation, term, "week", "week_date")
    yield from _readable(registers, "attendance", "week_date")
    yield from _own(registers, college, term)
    begins = term.dates.rename(columns={"week_date": "begins"})
    apart = {}
    for name, (number, date) in WITHIN.items():
        counts = _of(college, term, name, number, date)
        yield from _readable(counts, name, date)
        # First days of weeks may be another weekday's in another feed.
        apart[name] = _weeks_apart(counts, begins, 3 if date == "week_date" else 0)
    yield from _elsewhere(apart)
    for name, (number, date) in AROUND.items():
        counts = _of(college, term, name, number, date)
        yield from _readable(counts, name, date)
        yield from _around(_weeks_apart(counts, begins), name, number, date)
        yield from _outside(counts, name, date, term, week)
    for name, (number, date) in LATER.items():
        # Of every term: exams are only so many days.
        yield from _readable(_of(college, None, name, number, date), name, date)


def _of(college: College, term: Term | None, name: str, number: str, date: str) -> pd.DataFrame:
    relation = college.relations[name]
    parent = college.relations[PARENTS[name]] if name in PARENTS else None
    if relation is None or date not in relation.present or (name in PARENTS and parent is None):
        return NOTHING
    return _counts(college, relation, term, number, date, parent)


def _counts(
    college: College,
    relation: Relation,
    term: Term | None,
    number: str,
    date: str,
    parent: Relation | None = None,
) -> pd.DataFrame:
    """class_id, semester, week, date, rows, dated (rows in which something stands where the date should)."""
    about, day = parent or relation, relation.c[date]
    keys = [about.c.class_id, about.c.semester, about.c[number].label("week"), day.label("date")]
    wanted = sa.select(*keys, sa.func.count().label("rows"), sa.func.count(day).label("dated"))
    if parent is not None:
        key = parent.table.key[0]
        wanted = wanted.select_from(
            sa.join(relation.rows, parent.rows, relation.c[key] == parent.c[key])
        )
    if term is not None:
        wanted = wanted.where(term.within(about))
    return college.frame(wanted.group_by(*keys), relation.table.name)


def _readable(counts: pd.DataFrame, name: str, column: str) -> Iterator[Found]:
    """Texts that are no dates; dates that all lie in the first twelve days of their months."""
    dated, lost = counts["dated"].sum(), counts.loc[counts["date"].isna(), "dated"].sum()
    if dated >= ROWS and lost >= 0.05 * dated:
        yield Found(
            name,
            column,
            int(lost),
            f"{100 * lost / dated:.0f}% are no dates such as 2026-01-31: {SWAPPED}",
        )
        return
    days = counts["date"].dropna().drop_duplicates()
    if len(days) >= DATES and (days.max() - days.min()).days >= SPAN and (days.dt.day <= 12).all():
        yield Found(
            name, column, int(dated), f"No date is later in its month than the 12th: {SWAPPED}"
        )


def _own(registers: pd.DataFrame, college: College, term: Term) -> Iterator[Found]:
    """Registers whose own dates do not follow their weeks."""
    dated = registers.dropna(subset=["date", "week"])
    rows = int(dated["rows"].sum())
    if rows < ROWS:
        return
    first = dated["date"] - pd.to_timedelta(7 * (dated["week"] - 1), unit="D")
    usual = (
        dated.assign(first=first)
        .groupby([*PAIRING, "first"])["rows"]
        .sum()
        .groupby(PAIRING)
        .max()
        .sum()
    )
    several = (dated.groupby(WEEK)["date"].nunique() > 2).mean()
    if (
        first.max() - first.min()
    ).days > 7 * college.params.calendar.weeks_per_semester and usual < 0.9 * rows:
        yield Found(
            "attendance",
            "week_date",
            int(rows - usual),
            f"The dates do not follow the weeks: {SWAPPED}",
        )
    elif several >= 0.5:
        said = "One week has several dates: it should be the first day of the week, not that of the lecture."
        yield Found("attendance", "week_date", rows, said)
    else:
        yield from _against_the_calendar(pd.Timestamp(term.name), college, rows)


def _against_the_calendar(start: pd.Timestamp, college: College, rows: int) -> Iterator[Found]:
    """Without a week counter the calendar says which week it is: its first day must be that of the records."""
    slots = college.params.calendar.slots.values()
    days = [
        pd.Timestamp(f"{start.year + year}-{slot.starts}") for slot in slots for year in (-1, 0, 1)
    ]
    nearest = min(days, key=lambda day: abs((start - day).days))
    off = round((start - nearest).days / 7)
    if off and college.counter.empty:
        said = f"By its dates and weeks the semester began on {start.date()}, by the calendar on {nearest.date()}:"
        yield Found("attendance", "week", rows, f"{said} correct week, or calendar.slots.")


def _weeks_apart(counts: pd.DataFrame, begins: pd.DataFrame, days: int = 0) -> pd.Series:
    """Rows by how many weeks their date lies after the week that they are counted under, so many days set right."""
    both = counts.dropna(subset=["date", "week"]).merge(begins, on=WEEK)
    apart = ((both["date"] - both["begins"]).dt.days + days) // 7
    return both.groupby(apart)["rows"].sum() if len(both) else pd.Series(dtype="int64")


def _elsewhere(apart: dict[str, pd.Series]) -> Iterator[Found]:
    """Weekly records whose week does not contain their date; where most say so, it is attendance that is off."""
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
    if len(off) >= 2 and len(off) == len(telling) and min(map(abs, shifts)) >= APART:
        yield Found(
            "attendance",
            "week_date",
            0,
            f"It is months from the dates of {', '.join(off)}: {SWAPPED}",
        )
        return
    if len(off) >= 2 and len(off) == len(telling) and len(shifts) == 1:
        shift = -shifts.pop()
        others = ", ".join(off)
        yield Found(
            "attendance",
            "week",
            0,
            f"It is {_weeks(shift)} the dates of {others}: is it off by {abs(shift)}?",
        )
        return
    for name, shift in off.items():
        number, date = WITHIN[name]
        rows = int(telling[name].sum())
        if telling[name].get(shift, 0) >= 0.5 * rows:
            said = f"{date} lies {_weeks(shift)} it, as attendance has the weeks: is one of the two off by {abs(shift)}?"
            yield Found(name, number, rows, said)
        else:
            yield Found(name, date, rows, f"Most dates lie outside of their week: {SWAPPED}")


def _weeks(shift: int) -> str:
    count = "a week" if abs(shift) == 1 else f"{abs(shift)} weeks"
    return f"{count} {'after' if shift > 0 else 'before'}"


def _around(apart: pd.Series, name: str, number: str, date: str) -> Iterator[Found]:
    """Work that nearly always comes after its week, or before."""
    rows = apart.sum()
    if rows < ROWS:
        return
    early, late = apart[apart.index < 0].sum(), apart[apart.index > 0].sum()
    if late >= 0.6 * rows:
        said = (
            f"{100 * late / rows:.0f}% lie after the {number} of their work: is that another week?"
        )
        yield Found(name, date, int(late), said)
    elif early >= 0.9 * rows:
        # Work that is due on a Monday is handed in the week before: that alone is no mistake.
        said = (
            f"{100 * early / rows:.0f}% lie before the {number} of their work: is that off by one?"
        )
        yield Found(name, date, int(early), said, stops=False)


def _outside(counts: pd.DataFrame, name: str, date: str, term: Term, week: int) -> Iterator[Found]:
    """Dates before the semester, or that have not come yet."""
    first = pd.Timestamp(term.name) - pd.Timedelta(days=BEFORE_DAYS)
    last = term.week_ends(week)["week_end"].max() + pd.Timedelta(days=FUTURE_DAYS)
    outside = counts.loc[(counts["date"] < first) | (counts["date"] > last), "rows"].sum()
    rows = counts["dated"].sum()
    if rows >= ROWS and outside >= 0.1 * rows:
        said = f"{100 * outside / rows:.0f}% lie before {first.date()} or after {last.date()}: {SWAPPED}"
        yield Found(name, date, int(outside), said)
