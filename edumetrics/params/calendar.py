"""How a college counts its weeks, and the arithmetic of its teaching weeks."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PositiveInt, model_validator

from edumetrics.params.base import ParameterModel

# The name of a part of the year: odd and even, or a college's own, such as autumn, winter, spring.
Slot = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
MOST_SLOTS = 4
# A day that every year has: so 29 February is refused.
MONTH_DAY = (
    r"^((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))$"
)


class SlotDates(ParameterModel):
    """One part of the year: its offset in global weeks, and the first day of its week 1."""

    offset: int = Field(ge=0, le=200)
    starts: str = Field(
        pattern=MONTH_DAY,
        description="month-day of the first day of week 1, used without sim_state",
    )


class TermDates(ParameterModel):
    """A term whose first day is not that of other years; `weeks` where it is shorter."""

    slot: Slot
    year: int = Field(ge=1990, le=2100)
    starts: date
    weeks: PositiveInt | None = None


class Calendar(ParameterModel):
    """`calendar.yml`: how a college counts its weeks. Weeks are semester weeks, numbered from 1."""

    weeks_per_semester: int = Field(default=18, ge=1, le=60)
    # Exam weeks have no teaching and no due work. None: the college has no such exam week.
    midterm_week: PositiveInt | None = 8
    endterm_week: PositiveInt | None = 18
    vacation_weeks: tuple[PositiveInt, ...] = ()
    # In the first weeks little is known yet: no score puts a student on a list then.
    grace_weeks: int = Field(default=3, ge=0)
    slots: dict[Slot, SlotDates] = {
        "odd": SlotDates(offset=0, starts="07-14"),
        "even": SlotDates(offset=18, starts="01-05"),
    }
    # Real first days, since no college begins on the same date each year.
    terms: tuple[TermDates, ...] = ()
    # The zone of the college: timestamps with a zone are read in it.
    time_zone: str = "Asia/Kolkata"
    # The percentage of lectures that a student must attend. None: the college has no such rule.
    attendance_rule_pct: float | None = Field(default=75, gt=0, le=100)

    @model_validator(mode="after")
    def _check_calendar(self) -> Self:
        if self.time_zone not in available_timezones():
            raise ValueError(f"time_zone {self.time_zone!r} is not a known time zone")
        if max(self.vacation_weeks, default=0) > self.weeks_per_semester:
            raise ValueError(f"a vacation week is after the last week, {self.weeks_per_semester}")
        if not 1 <= len(self.slots) <= MOST_SLOTS:
            raise ValueError(f"a year has 1 to {MOST_SLOTS} slots")
        offsets = [slot.offset for slot in self.slots.values()]
        if len(set(offsets)) < len(offsets):
            raise ValueError("two slots have the same offset")
        for term in self.terms:
            if term.slot not in self.slots:
                raise ValueError(f"terms names the slot {term.slot}, which slots does not have")
        if not self.teaching_weeks:
            raise ValueError("no teaching week is left after exam and vacation weeks")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the college."""
        return ZoneInfo(self.time_zone)

    def find_dates(self, slot: str, year: int) -> TermDates | None:
        """Return the real dates of a slot in a year; None where the file names none."""
        return next((t for t in self.terms if (t.slot, t.year) == (slot, year)), None)

    def shorten(self, weeks: int) -> Calendar:
        """Return the same calendar without what comes after a number of weeks."""
        exams = (self.midterm_week, self.endterm_week)
        midterm, endterm = (week if week and week <= weeks else None for week in exams)
        shorter = {
            "weeks_per_semester": weeks,
            "midterm_week": midterm,
            "endterm_week": endterm,
            "vacation_weeks": tuple(week for week in self.vacation_weeks if week <= weeks),
        }
        # Made anew, and not copied: a copy would keep the teaching weeks.
        return Calendar.model_validate(self.model_dump() | shorter)

    # Works on a frozen model, because the value goes into `__dict__` without an assignment.
    @cached_property
    def teaching_weeks(self) -> tuple[int, ...]:
        """The weeks that are neither exam nor vacation weeks, ascending."""
        other = {self.midterm_week, self.endterm_week, *self.vacation_weeks}
        return tuple(week for week in range(1, self.weeks_per_semester + 1) if week not in other)

    def get_last_teaching_weeks(self, week: int, count: int) -> tuple[int, ...]:
        """Return the last `count` teaching weeks up to and including `week`, latest first.

        There are fewer near the start of the semester.
        """
        return tuple(sorted((w for w in self.teaching_weeks if w <= week), reverse=True)[:count])

    def get_teaching_weeks_before(self, week: int, count: int) -> tuple[int, ...]:
        """Return the last `count` teaching weeks before `week`, without it, latest first.

        There are fewer near the start of the semester.
        """
        return self.get_last_teaching_weeks(week - 1, count)

    def get_next_teaching_weeks(self, week: int) -> tuple[int, ...]:
        """Return the teaching weeks after `week`, without it, ascending."""
        return tuple(w for w in self.teaching_weeks if w > week)

    def count_teaching_weeks_left(self, week: int) -> int:
        """Return the number of teaching weeks after `week`, without it."""
        return len(self.get_next_teaching_weeks(week))
