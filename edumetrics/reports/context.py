"""Define the moment and the people of a report, and the words that all reports share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.params import Calendar, Params
from edumetrics.reports import draft_email
from edumetrics.reports.draft_email import LetterContext
from edumetrics.reports.model import Prose, Section, StudentEntry, Students, TableRow
from edumetrics.types import Row

# The word and the shape of a tier: colour alone is lost in a print in grey. mail.html.j2 looks up
# colours by these words, and page.html.j2 makes names of CSS classes from them.
SHAPES = {"critical": ("Urgent", "◆"), "high": ("Soon", "▲"), "watch": ("Keep in view", "●")}
# The weekly report and the other reports share this heading.
BRIEFLY = "Next, if you have time"


@dataclass(frozen=True)
class People:
    """The names and addresses of the people in a report.

    Attributes:
        names: student_id, name, roll_number; one row a student.
        emails: addresses of students by student_id.
        parents: addresses by student_id, only of parents who may be written to.
        advisors: name by advisor_id, where the college gives one.
        classes: name by class_id, where the college gives one.
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
        stage, term, week: the stage, the first day of the term (ISO date), and the semester week.
        first_day: the first day of the week.
        params: the parameters of the college.
        people: names and addresses.
    """

    stage: str
    term: str
    week: int
    first_day: pd.Timestamp
    params: Params
    people: People

    @property
    def calendar(self) -> Calendar:
        """The calendar by which the college counts its weeks."""
        return self.params.calendar

    def get_reader(self, advisor: str) -> str:
        """Return the name of an advisor; the id where the college gives no name.

        For students without an advisor (`UNASSIGNED`) a phrase stands for the reader.
        """
        if advisor == UNASSIGNED:
            return "whoever looks after students without an advisor"
        return self.people.advisors.get(advisor) or advisor

    def format_kicker(self, classes: pd.Series) -> tuple[str, ...]:
        """Return two lines: when it is, and which classes the report is about.

        Args:
            classes: class_id, with repeats and nulls; without any the second line is empty.
        """
        dates = format_week_dates(self.first_day)
        weeks = f"Week {self.week} of {self.calendar.weeks_per_semester} · {dates}"
        names = [
            self.people.classes.get(name) or name for name in sorted(classes.dropna().unique())
        ]
        # The line stays short above the headline: more than three classes are only counted.
        return weeks, ", ".join(names) if len(names) <= 3 else f"{len(names)} classes"

    def say_number(self, count: int, *, capital: bool = False) -> str:
        """Return a number in words, as far as sentences.yml has words; else in digits."""
        # Doubled braces stand for single ones: `say` receives `{value:words}`.
        return self.params.sentences.say_number(count, capital=capital)

    def group_by_advisor(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each advisor_id in order, with the advisor's rows and the names of students.

        Args:
            rows: student_id, advisor_id (null for students without an advisor: `UNASSIGNED`), and
                any other columns.
        """
        # A left merge keeps students without a name. `groupby` would drop a null advisor_id.
        named = rows.merge(self.people.names, on="student_id", how="left").fillna(
            {"advisor_id": UNASSIGNED}
        )
        for advisor, group in named.groupby("advisor_id"):
            yield str(advisor), group

    def build_entry(self, row: Row, tier: str = "", **more: Any) -> StudentEntry:
        """Return the entry of a student.

        Args:
            row: student_id, name, roll_number, class_id.
            tier: critical, high or watch; without urgency for any other text.
            more: the other fields of the entry.
        """
        word, shape = SHAPES.get(tier, ("", ""))
        return StudentEntry(
            str(row["student_id"]),
            get_display_name(row),
            normalize_text(row["roll_number"]),
            str(row["class_id"]),
            urgency=word,
            shape=shape,
            **more,
        )

    def write_drafts(
        self, row: Row, advisor: str, codes: list[str], open_work: int = 0
    ) -> dict[str, Any]:
        """Return the emails that an advisor may send: to a student, and to a parent if permitted.

        Args:
            row: student_id, name.
            advisor: advisor_id of who signs.
            codes: the codes of the reasons, strongest first.
            open_work: the number of assignments that are still open.

        Returns:
            The fields `draft` and `parent` of an entry; None where no usable address is known.

        Raises:
            SettingsError: the template of the letter cannot be used.
        """
        student, name = str(row["student_id"]), get_display_name(row)
        # An id is not a signature: for an advisor without a name the signature stays empty.
        signed = self.people.advisors.get(advisor, "")
        about = LetterContext(
            name,
            signed,
            draft_email.find_topics(codes),
            open_work,
            find_next_exam(self.week, self.calendar),
        )
        # `parents` has only those who may be written to, so there is no second check here.
        own, parent = self.people.emails.get(student, ""), self.people.parents.get(student, "")
        return {
            "draft": draft_email.write_draft(self.params.letter, own, about),
            "parent": draft_email.write_draft(self.params.letter, parent, about, to_parent=True),
        }

    def build_closing(self, *sentences: str) -> Prose:
        """Return the section on how to read a report.

        Args:
            sentences: what is particular to this report; it comes before what all reports say.
        """
        return Prose("How to read this", (" ".join([*sentences, *CLOSING]),))


# Every report ends with these sentences.
CLOSING = (
    "This report supports your judgement and decides nothing; you know your students, and it can be"
    " wrong about any of them.",
    "It is confidential, holds your students and nobody else's, and says nothing that a student may"
    " not ask to read.",
)
# Only for reports that show recorded activity.
ACTIVITY = (
    "Recorded activity is only what the college's systems saw, never how hard someone is trying."
)


def split_by_capacity(
    entries: list[StudentEntry], capacity: int, title: str, note: str = ""
) -> tuple[Section, ...]:
    """Return as many cards as an advisor has time for, and the other students in lines.

    Args:
        entries: the students, the most important first.
        capacity: how many students an advisor can reach in a week.
        title, note: the heading of the cards, and a sentence below it.

    Returns:
        The sections; a section without students is left out.
    """
    first = Students(title, note, tuple(entries[:capacity]))
    rest = Students(BRIEFLY, "", tuple(entries[capacity:]), brief=True)
    return tuple(section for section in (first, rest) if section.entries)


def describe_students(advisor: str, students: int) -> str:
    """Return what a reader's students are called, such as `your 62 students`."""
    # Who reads the list of students without an advisor must not take them for "your students".
    if advisor == UNASSIGNED:
        return (
            f"{students} students without an advisor"
            if students != 1
            else "one student without an advisor"
        )
    return f"your {students} students" if students != 1 else "your one student"


def get_display_name(row: Row) -> str:
    """Return a student's name on one line; the id where the college gives no name."""
    return normalize_text(row["name"]) or str(row["student_id"])


def build_table_row(row: Row, *cells: str) -> TableRow:
    """Return a student as a row of a table.

    Args:
        row: student_id, name, roll_number, class_id.
        cells: one text for each column.
    """
    return TableRow(
        get_display_name(row),
        " · ".join(filter(None, (normalize_text(row["roll_number"]), str(row["class_id"])))),
        cells,
    )


def normalize_text(value: Any) -> str:
    """Return a text on one line; empty where it is null."""
    # A line break inside a name could start a new line of a mail, or even a header.
    return "" if pd.isna(value) else " ".join(str(value).split())


def is_known(value: Any) -> bool:
    """Return whether a value is not null."""
    return bool(pd.notna(value))


def round_value(value: Any) -> int | None:
    """Return a number rounded to a whole one; None where it is null."""
    return None if pd.isna(value) else round(float(value))


def format_cell(value: Any, unit: str = "") -> str:
    """Return a rounded number with its unit, for a table; empty where it is null."""
    return "" if pd.isna(value) else f"{round(float(value))}{unit}"


def format_day(moment: Any) -> str:
    """Return a day as people write it, without the year.

    >>> format_day(pd.Timestamp("2026-09-10 14:00"))
    '10 September'
    """
    moment = pd.Timestamp(moment)
    return f"{moment.day} {moment:%B}"  # `%d` would write a leading zero


def format_week_dates(first_day: pd.Timestamp) -> str:
    """Return the seven days of a week as people write them.

    >>> format_week_dates(pd.Timestamp("2026-03-30"))
    '30 March to 5 April 2026'
    """
    last = first_day + pd.Timedelta(days=6)
    begins = (
        f"{first_day.day}" if first_day.month == last.month else f"{first_day.day} {first_day:%B}"
    )
    return f"{begins} to {last.day} {last:%B %Y}"


def find_next_exam(week: int, calendar: Calendar) -> str:
    """Return the name of the next exam; empty when none is ahead.

    In its own week an exam is no longer ahead.
    """
    ahead = (("midterm", calendar.midterm_week), ("end-term exam", calendar.endterm_week))
    return next((name for name, exam in ahead if exam is not None and exam > week), "")


def describe_next_exam(week: int, calendar: Calendar) -> str:
    """Return a sentence on the next exam; empty when none is ahead.

    >>> describe_next_exam(7, Calendar()), describe_next_exam(18, Calendar())
    ('The midterm is next week.', '')
    """
    name = find_next_exam(week, calendar)
    # The name is a phrase and a key at once: this is the text that `find_next_exam` returns.
    exam = calendar.midterm_week if name == "midterm" else calendar.endterm_week
    if not name or exam is None:
        return ""
    away = exam - week
    return (
        f"The {name} is next week."
        if away == 1
        else f"The {name} is in {away} weeks, in week {exam}."
    )
