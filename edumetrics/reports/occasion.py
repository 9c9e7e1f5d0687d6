"""The moment that reports are about, and the people: what every report starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.params import Calendar, Params
from edumetrics.reports import letters
from edumetrics.reports.letters import About
from edumetrics.reports.model import Entry, Prose, Section, Students, TableRow
from edumetrics.triage.situation import Row

SHAPES = {"critical": ("Urgent", "◆"), "high": ("Soon", "▲"), "watch": ("Keep in view", "●")}
BRIEFLY = "Next, if you have time"


@dataclass(frozen=True)
class People:
    """Who is who; frames are unique by their first column.

    Attributes:
        names: student_id, name, roll_number.
        emails, parents: addresses by student_id; of parents only those who may be written to.
        advisors: name by advisor_id.
        classes: name by class_id.
    """

    names: pd.DataFrame
    emails: Mapping[str, str]
    parents: Mapping[str, str]
    advisors: Mapping[str, str]
    classes: Mapping[str, str]


@dataclass(frozen=True)
class Occasion:
    """One stage of one week, for all readers.

    Attributes:
        first_day: of the week.
    """

    stage: str
    term: str
    week: int
    first_day: pd.Timestamp
    params: Params
    people: People

    @property
    def calendar(self) -> Calendar:
        """How the college counts its weeks."""
        return self.params.calendar

    def reader(self, advisor: str) -> str:
        """An advisor's name; the id where the college gives none."""
        if advisor == UNASSIGNED:
            return "whoever looks after students without an advisor"
        return self.people.advisors.get(advisor) or advisor

    def kicker(self, classes: pd.Series) -> tuple[str, ...]:
        """When it is, and which classes it is about."""
        weeks = (
            f"Week {self.week} of {self.calendar.weeks_per_semester} · {week_dates(self.first_day)}"
        )
        names = [
            self.people.classes.get(name) or name for name in sorted(classes.dropna().unique())
        ]
        return weeks, ", ".join(names) if len(names) <= 3 else f"{len(names)} classes"

    def words(self, count: int, *, capital: bool = False) -> str:
        """A number in words, as far as the sentences go."""
        return self.params.sentences.say(
            f"{{value:{'Words' if capital else 'words'}}}", value=count
        )

    def by_advisor(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Rows with names, by advisor; those without one under `UNASSIGNED`."""
        named = rows.merge(self.people.names, on="student_id", how="left").fillna(
            {"advisor_id": UNASSIGNED}
        )
        for advisor, group in named.groupby("advisor_id"):
            yield str(advisor), group

    def entry(self, row: Row, tier: str = "", **more: Any) -> Entry:
        """A student of a frame with names."""
        word, shape = SHAPES.get(tier, ("", ""))
        return Entry(str(row["student_id"]), shown_name(row), text(row["roll_number"]), str(row["class_id"]),
                     urgency=word, shape=shape, **more)  # fmt: skip

    def drafts(
        self, row: Row, advisor: str, codes: list[str], open_work: int = 0
    ) -> dict[str, Any]:
        """The emails that an advisor may send about a student: to the student, and to a parent where permitted."""
        student, name = str(row["student_id"]), shown_name(row)
        signed = self.people.advisors.get(advisor, "")
        about = About(
            name, signed, letters.topics(codes), open_work, next_exam(self.week, self.calendar)
        )
        own, parent = self.people.emails.get(student, ""), self.people.parents.get(student, "")
        return {
            "draft": letters.draft(self.params.letter, own, about),
            "parent": letters.draft(self.params.letter, parent, about, to_parent=True),
        }

    def closing(self, *sentences: str) -> Prose:
        """How to read a report: the same three sentences on each, after what is particular to one."""
        return Prose("How to read this", (" ".join([*sentences, *CLOSING]),))


CLOSING = (
    "This report supports your judgement and decides nothing; you know your students, and it can be wrong about any of"
    " them.",
    "It is confidential, holds your students and nobody else's, and says nothing that a student may not ask to read.",
)
ACTIVITY = (
    "Recorded activity is only what the college's systems saw, never how hard someone is trying."
)


def in_order(
    entries: list[Entry], capacity: int, title: str, note: str = ""
) -> tuple[Section, ...]:
    """As many cards as an advisor has time for, the rest in lines; no section without anyone."""
    first = Students(title, note, tuple(entries[:capacity]))
    rest = Students(BRIEFLY, "", tuple(entries[capacity:]), brief=True)
    return tuple(section for section in (first, rest) if section.entries)


def whose(advisor: str, students: int) -> str:
    """A reader's students, such as `your 62 students`."""
    if advisor == UNASSIGNED:
        return (
            f"{students} students without an advisor"
            if students != 1
            else "one student without an advisor"
        )
    return f"your {students} students" if students != 1 else "your one student"


def shown_name(row: Row) -> str:
    """A student's name on one line; the id where the college gives none."""
    return text(row["name"]) or str(row["student_id"])


def table_row(row: Row, *cells: str) -> TableRow:
    """A student of a frame with names, in a table."""
    return TableRow(
        shown_name(row),
        " · ".join(filter(None, (text(row["roll_number"]), str(row["class_id"])))),
        cells,
    )


def text(value: Any) -> str:
    """A text on one line; empty where there is none."""
    return "" if pd.isna(value) else " ".join(str(value).split())


def known(value: Any) -> bool:
    """Whether there is a value at all."""
    return bool(pd.notna(value))


def whole(value: Any) -> int | None:
    """A number as it is read; None where there is none."""
    return None if pd.isna(value) else round(float(value))


def cell(value: Any, unit: str = "") -> str:
    """A number in a table; empty where there is none."""
    return "" if pd.isna(value) else f"{round(float(value))}{unit}"


def day(moment: Any) -> str:
    """A day as people write it.

    >>> day(pd.Timestamp("2026-09-10 14:00"))
    '10 September'
    """
    moment = pd.Timestamp(moment)
    return f"{moment.day} {moment:%B}"


def week_dates(first_day: pd.Timestamp) -> str:
    """Seven days as people write them.

    >>> week_dates(pd.Timestamp("2026-03-30"))
    '30 March to 5 April 2026'
    """
    last = first_day + pd.Timedelta(days=6)
    begins = (
        f"{first_day.day}" if first_day.month == last.month else f"{first_day.day} {first_day:%B}"
    )
    return f"{begins} to {last.day} {last:%B %Y}"


def next_exam(week: int, calendar: Calendar) -> str:
    """What the next exam is called; empty when none is ahead."""
    ahead = (("midterm", calendar.midterm_week), ("end-term exam", calendar.endterm_week))
    return next((name for name, exam in ahead if exam is not None and exam > week), "")


def exam_ahead(week: int, calendar: Calendar) -> str:
    """A sentence on the next exam; empty when none is ahead.

    >>> exam_ahead(7, Calendar()), exam_ahead(18, Calendar())
    ('The midterm is next week.', '')
    """
    name = next_exam(week, calendar)
    exam = calendar.midterm_week if name == "midterm" else calendar.endterm_week
    if not name or exam is None:
        return ""
    away = exam - week
    return (
        f"The {name} is next week."
        if away == 1
        else f"The {name} is in {away} weeks, in week {exam}."
    )
