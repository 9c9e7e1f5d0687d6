"""Weeks and terms: global week ↔ slot and semester week, week dates, and which semesters form one term.

A *pairing* is a (class_id, semester): the unit that has a calendar. Pairings that start within eight weeks of each
other are one term, named by the ISO date of the earliest start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from edumetrics.params import Calendar, Slot

TERM_SPREAD = pd.Timedelta(weeks=8)
PAIRING = ["class_id", "semester"]


@dataclass(frozen=True, order=True)
class Position:
    """Where a college stands: the last complete global week of a year; week 0 is before the first."""

    year: int
    global_week: int

    def slot(self, calendar: Calendar) -> Slot:
        """The slot of the global week; the first slot before week 1."""
        slots = sorted(calendar.slots, key=lambda name: calendar.slots[name].offset, reverse=True)
        return next((name for name in slots if self.global_week > calendar.slots[name].offset), slots[-1])

    def week(self, calendar: Calendar) -> int:
        """The semester week (0 before the first week of the first slot)."""
        return self.global_week - calendar.slots[self.slot(calendar)].offset

    def label(self, calendar: Calendar) -> str:
        """Year and slot as folder names have them, such as `2026-even`."""
        return f"{self.year}-{self.slot(calendar)}"

    def until(self, end: Position, calendar: Calendar) -> Iterator[Position]:
        """Each position after this one up to `end`, inclusive, across slots and years."""
        last = max(spec.offset for spec in calendar.slots.values()) + calendar.weeks_per_semester
        year, week = self.year, self.global_week
        while (year, week) < (end.year, end.global_week):
            year, week = (year, week + 1) if week < last else (year + 1, 1)
            yield Position(year, week)


def position_on(day: date, calendar: Calendar) -> Position:
    """The last complete week on a day (a week is complete on its seventh day), from the calendar's slot dates."""
    starts = [
        (calendar.slot_start(slot, year), year, spec.offset)
        for slot, spec in calendar.slots.items()
        for year in (day.year - 1, day.year)
    ]
    start, _, offset = max(entry for entry in starts if entry[0] <= day)
    week = min(((day - start).days + 1) // 7, calendar.weeks_per_semester)
    return Position(_academic_year(start, calendar), offset + week)


def _academic_year(start: date, calendar: Calendar) -> int:
    """The year in which the academic year of a slot began: that of its first slot's latest start up to `start`."""
    first = min(calendar.slots, key=lambda name: calendar.slots[name].offset)
    return start.year if calendar.slot_start(first, start.year) <= start else start.year - 1


def week_dates(known: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """First day of every week of every pairing.

    Args:
        known: class_id, semester, week, week_date (datetime, never null): the weeks that the data date.
        weeks: weeks in a semester.

    Returns:
        class_id, semester, week (1..weeks, and any other week known), week_date. A week without a date takes that of
        the nearest dated week of its pairing, seven days a week apart; between two equally near, and wherever an
        earlier week is dated, the earlier one counts, so that later data do not move a past week.
    """
    if known.empty:
        return pd.DataFrame(
            {
                "class_id": pd.Series(dtype="str"),
                "semester": pd.Series(dtype="int64"),
                "week": pd.Series(dtype="int64"),
                "week_date": pd.Series(dtype="datetime64[us]"),
            }
        )
    pairs = known[PAIRING].drop_duplicates()
    grid = pairs.merge(pd.DataFrame({"week": np.arange(1, weeks + 1)}), how="cross")
    grid = grid.merge(known, on=[*PAIRING, "week"], how="outer").sort_values([*PAIRING, "week"], ignore_index=True)
    origin = grid["week_date"] - pd.to_timedelta(7 * grid["week"], unit="D")
    filled = origin.groupby([grid["class_id"], grid["semester"]]).transform(lambda column: column.ffill().bfill())
    grid["week_date"] = filled + pd.to_timedelta(7 * grid["week"], unit="D")
    return grid


def name_terms(dates: pd.DataFrame) -> pd.DataFrame:
    """The term of every pairing: class_id, semester, start and term (ISO date), from week dates."""
    starts = dates.loc[dates["week"] == 1, [*PAIRING, "week_date"]].rename(columns={"week_date": "start"})
    starts = starts.sort_values("start", kind="stable", ignore_index=True)
    names: list[str] = []
    first: pd.Timestamp | None = None
    for start in starts["start"]:
        if first is None or start > first + TERM_SPREAD:
            first = start
        names.append(first.date().isoformat())
    return starts.assign(term=pd.Series(names, dtype="str"))


def expected_start(position: Position, current: Position, current_start: date, calendar: Calendar) -> date:
    """When the semester of a past position began, counted back from the current one's start in slot dates."""
    slot, here = position.slot(calendar), current.slot(calendar)
    nominal = calendar.slot_start(slot, 2001) - calendar.slot_start(here, 2001)
    years = position.year - current.year
    first = min(calendar.slots, key=lambda name: calendar.slots[name].offset)

    def wrap(name: Slot) -> int:
        # A later slot that begins before the first one in the calendar belongs to the next calendar year.
        return int(calendar.slot_start(name, 2001) < calendar.slot_start(first, 2001))

    return current_start + nominal + timedelta(days=round(365.25 * (years + wrap(slot) - wrap(here))))
