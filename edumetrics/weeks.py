"""Weeks and terms: global week ↔ slot and semester week, week dates, and the term of a semester.

A *class semester* is a pair (class_id, semester): the unit that has a calendar. Class semesters
that start within eight weeks after the earliest one form one term. The ISO date of the earliest
start is the name of the term.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from edumetrics.errors import SettingsError
from edumetrics.params.calendar import Calendar

# The classes of one term may start some weeks apart; terms start further apart than this.
TERM_SPREAD = pd.Timedelta(weeks=8)
# The years that a college can be in.
YEARS = range(1990, 2101)
# The key of a class semester, in the order in which frames are sorted and joined.
CLASS_SEMESTER = ["class_id", "semester"]


@dataclass(frozen=True, order=True)
class CollegeWeek:
    """The last complete global week of a college in a year; week 0 comes before the first week."""

    year: int
    global_week: int

    def find_slot(self, calendar: Calendar) -> str:
        """Return the slot of the global week; week 0 counts to the first slot."""
        # The slot with the highest offset below the week is the one that contains it.
        slots = sorted(calendar.slots, key=lambda name: calendar.slots[name].offset, reverse=True)
        return next(
            (name for name in slots if self.global_week > calendar.slots[name].offset), slots[-1]
        )

    def compute_week(self, calendar: Calendar) -> int:
        """Return the semester week (0 before the first week of the first slot)."""
        return self.global_week - calendar.slots[self.find_slot(calendar)].offset

    def format_label(self, calendar: Calendar) -> str:
        """Return year and slot as folder names contain them, such as `2026-even`."""
        return f"{self.year}-{self.find_slot(calendar)}"

    def iter_until(self, end: CollegeWeek, calendar: Calendar) -> Iterator[CollegeWeek]:
        """Yield each later week up to and including `end`, across slots and years."""
        last = max(spec.offset for spec in calendar.slots.values()) + calendar.weeks_per_semester
        year, week = self.year, self.global_week
        while True:
            year, week = (year, week + 1) if week < last else (year + 1, 1)
            # `end` may be week 0 of a year. It lies between two years, so no step ever reaches it.
            if (year, week) > (end.year, end.global_week):
                return
            yield CollegeWeek(year, week)


def check_position(position: CollegeWeek, calendar: Calendar) -> CollegeWeek:
    """Return a position that the calendar has.

    Raises:
        SettingsError: it lies outside of the calendar, or in no year of our time.
    """
    last = max(spec.offset for spec in calendar.slots.values()) + calendar.weeks_per_semester
    if position.year not in YEARS or not 0 <= position.global_week <= last:
        raise SettingsError(
            "The college's sim_state is at a week that the calendar does not have, or in another"
            f" century: it counts weeks 0 to {last} of a year; correct it or its mapping."
        )
    return position


def find_last_complete_week(day: date, calendar: Calendar) -> CollegeWeek:
    """Return the last complete week on a day, from the slot dates of the calendar.

    A week is complete on its seventh day.

    Raises:
        SettingsError: the day is in no year of our time.
    """
    if day.year not in YEARS:
        raise SettingsError(
            f"The day is before {YEARS[0]} or after {YEARS[-1]}: set the clock or --as-of right."
        )
    # A slot may start in the calendar year after its own year: so two earlier years are searched.
    slots = [
        CollegeWeek(year, spec.offset + 1)
        for spec in calendar.slots.values()
        for year in range(day.year - 2, day.year + 1)
    ]
    begun = [
        (find_slot_start(first, calendar), first)
        for first in slots
        if find_slot_start(first, calendar) <= day
    ]
    # The slot that started last contains the day.
    start, first = max(begun)
    # In a vacation after the slot, its last week stays the last complete week.
    dates = calendar.find_dates(first.find_slot(calendar), first.year)
    last = (dates.weeks if dates else None) or calendar.weeks_per_semester
    week = min(((day - start).days + 1) // 7, last)
    return CollegeWeek(first.year, first.global_week - 1 + week)


def find_slot_start(position: CollegeWeek, calendar: Calendar) -> date:
    """Return the first day of week 1 of the slot, from the calendar.

    The real first day counts where the calendar names it. Else a slot whose month-day is earlier
    than that of the first slot starts in the next calendar year.
    """
    dates = calendar.find_dates(position.find_slot(calendar), position.year)
    if dates is not None:
        return dates.starts
    first = min(calendar.slots.values(), key=lambda spec: spec.offset)
    spec = calendar.slots[position.find_slot(calendar)]
    month, day = (int(part) for part in spec.starts.split("-"))
    # Month-days have two digits each, so their texts compare like dates. True counts as 1.
    return date(position.year + (spec.starts < first.starts), month, day)


def fit_calendar(calendar: Calendar, term: str, week: int) -> Calendar:
    """Return the calendar of a term, which ends earlier than others where `terms` says so.

    Args:
        calendar: the calendar of the college.
        term: the name of the term; the slot that begins next to this day is its own.
        week: a week that the term has, whatever `terms` says.
    """
    first = date.fromisoformat(term)
    starts = [
        CollegeWeek(year, spec.offset + 1)
        for spec in calendar.slots.values()
        for year in range(first.year - 1, first.year + 1)
    ]
    own = min(starts, key=lambda start: abs(find_slot_start(start, calendar) - first))
    dates = calendar.find_dates(own.find_slot(calendar), own.year)
    weeks = max(dates.weeks, week) if dates and dates.weeks else calendar.weeks_per_semester
    return calendar.shorten(weeks) if weeks < calendar.weeks_per_semester else calendar


def compute_week_dates(known: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """Return the first day of every week of every class semester.

    Args:
        known: class_id, semester, week, week_date (datetime, never null): the weeks that have a
            date in the data.
        weeks: the number of weeks in a semester.

    Returns:
        class_id, semester, week (1..weeks, and any other week in `known`), week_date. A week
        without a date is counted from the latest earlier week that has one, in steps of seven
        days. If no earlier week has a date, it is counted back from the first later one. The
        earlier week wins so that later data do not move a past week.
    """
    if known.empty:
        # Without any date there is nothing to count from; the dtypes are those of a full frame.
        return pd.DataFrame(
            {
                "class_id": pd.Series(dtype="str"),
                "semester": pd.Series(dtype="int64"),
                "week": pd.Series(dtype="int64"),
                "week_date": pd.Series(dtype="datetime64[us]"),
            }
        )
    pairs = known[CLASS_SEMESTER].drop_duplicates()
    grid = pairs.merge(pd.DataFrame({"week": np.arange(1, weeks + 1)}), how="cross")
    # An outer join keeps dated weeks beyond the regular ones.
    grid = grid.merge(known, on=[*CLASS_SEMESTER, "week"], how="outer").sort_values(
        [*CLASS_SEMESTER, "week"], ignore_index=True
    )
    # The date of week 0, as each dated week implies it: the same value for regular calendars.
    origin = grid["week_date"] - pd.to_timedelta(7 * grid["week"], unit="D")
    class_semester = grid.groupby(CLASS_SEMESTER, sort=False).ngroup()
    # Forward first: an earlier week has priority over a later one.
    filled = origin.groupby(class_semester).ffill()
    filled = filled.groupby(class_semester).bfill()
    grid["week_date"] = filled + pd.to_timedelta(7 * grid["week"], unit="D")
    return grid


def name_terms(dates: pd.DataFrame) -> pd.DataFrame:
    """Return class_id, semester, start and term (ISO date) of every class semester, by start.

    Args:
        dates: class_id, semester, week, week_date, as `compute_week_dates` returns them.
    """
    starts = dates.loc[dates["week"] == 1, [*CLASS_SEMESTER, "week_date"]].rename(
        columns={"week_date": "start"}
    )
    starts = starts.sort_values("start", kind="stable", ignore_index=True)
    names: list[str] = []
    first: pd.Timestamp | None = None
    for start in starts["start"]:
        # The distance counts from the first start of the term, not from the start before. Otherwise
        # many small gaps could join two terms.
        if first is None or start > first + TERM_SPREAD:
            first = start
        names.append(first.date().isoformat())
    return starts.assign(term=pd.Series(names, dtype="str"))
