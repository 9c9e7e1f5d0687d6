"""Weeks and terms: global week ↔ slot and semester week, week dates, and which semesters form one term.

A *pairing* is a (class_id, semester): the unit that has a calendar. Pairings that start within eight weeks of each
other are one term, named by the ISO date of the earliest start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

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
        return next(
            (name for name in slots if self.global_week > calendar.slots[name].offset), slots[-1]
        )

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
        while True:
            year, week = (year, week + 1) if week < last else (year + 1, 1)
            # Week 0 of a year, before its first, comes after the last week of the year before: nothing to step to.
            if (year, week) > (end.year, end.global_week):
                return
            yield Position(year, week)


def position_on(day: date, calendar: Calendar) -> Position:
    """The last complete week on a day (a week is complete on its seventh day), from the calendar's slot dates."""
    slots = [
        Position(year, spec.offset + 1)
        for spec in calendar.slots.values()
        for year in range(day.year - 2, day.year + 1)
    ]
    begun = [
        (slot_start(first, calendar), first)
        for first in slots
        if slot_start(first, calendar) <= day
    ]
    start, first = max(begun)
    week = min(((day - start).days + 1) // 7, calendar.weeks_per_semester)
    return Position(first.year, first.global_week - 1 + week)


def slot_start(position: Position, calendar: Calendar) -> date:
    """The first day of week 1 of a position's slot, by the calendar.

    A slot that begins earlier in the calendar year than the first slot belongs to the calendar year after it.
    """
    first = min(calendar.slots.values(), key=lambda spec: spec.offset)
    spec = calendar.slots[position.slot(calendar)]
    month, day = (int(part) for part in spec.starts.split("-"))
    return date(position.year + (spec.starts < first.starts), month, day)


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
    grid = grid.merge(known, on=[*PAIRING, "week"], how="outer").sort_values(
        [*PAIRING, "week"], ignore_index=True
    )
    origin = grid["week_date"] - pd.to_timedelta(7 * grid["week"], unit="D")
    pairing = grid.groupby(PAIRING, sort=False).ngroup()
    filled = origin.groupby(pairing).ffill()
    filled = filled.groupby(pairing).bfill()
    grid["week_date"] = filled + pd.to_timedelta(7 * grid["week"], unit="D")
    return grid


def name_terms(dates: pd.DataFrame) -> pd.DataFrame:
    """The term of every pairing: class_id, semester, start and term (ISO date), from week dates."""
    starts = dates.loc[dates["week"] == 1, [*PAIRING, "week_date"]].rename(
        columns={"week_date": "start"}
    )
    starts = starts.sort_values("start", kind="stable", ignore_index=True)
    names: list[str] = []
    first: pd.Timestamp | None = None
    for start in starts["start"]:
        if first is None or start > first + TERM_SPREAD:
            first = start
        names.append(first.date().isoformat())
    return starts.assign(term=pd.Series(names, dtype="str"))
