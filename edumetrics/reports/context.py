"""Define the moment and the people of a report, and the words that all reports share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.params import Calendar, Offer, Params
from edumetrics.reports import draft_email, letter_facts
from edumetrics.reports.draft_email import LetterContext
from edumetrics.reports.model import Fact, Prose, StudentEntry, TableRow
from edumetrics.sentences import Sentences
from edumetrics.types import Row

# The shape of a tier: colour alone is lost in a print in grey. The templates look up colours by
# the tier.
SHAPES = {"critical": "◆", "high": "▲", "watch": "●"}
# In a phrase this ends the words that are set off from the rest of a line.
SET_OFF = " | "
EXAMS = ("midterm", "endterm")


@dataclass(frozen=True)
class People:
    """The names and addresses of the people in a report.

    Attributes:
        names: student_id, name, roll_number; one row a student.
        emails: addresses of students by student_id.
        parents: addresses by student_id, only of parents who may be written to.
        advisors: name by advisor_id, where the college gives one.
        classes: name by class_id, where the college gives one.
        away: advisors whose deputies have their mail: they sign nothing, and offer no time.
    """

    names: pd.DataFrame
    emails: Mapping[str, str]
    parents: Mapping[str, str]
    advisors: Mapping[str, str]
    classes: Mapping[str, str]
    away: frozenset[str] = frozenset()


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
            return self.say("no_advisor")
        return self.people.advisors.get(advisor) or advisor

    def format_kicker(self, classes: pd.Series) -> tuple[str, ...]:
        """Return two lines: when it is, and which classes the report is about.

        Args:
            classes: class_id, with repeats and nulls; without any the second line is empty.
        """
        first, last = format_week_dates(self.params.sentences, self.first_day)
        when = self.say(
            "kicker",
            week=self.week,
            weeks=self.calendar.weeks_per_semester,
            first=first,
            last=last,
        )
        names = [
            self.people.classes.get(name) or name for name in sorted(classes.dropna().unique())
        ]
        # The line stays short above the headline: more than three classes are only counted.
        few = ", ".join(names)
        return when, few if len(names) <= 3 else self.say("several_classes", count=len(names))

    def say(self, name: str, /, **values: Any) -> str:
        """Return a phrase of the catalogue with its values filled in."""
        return self.params.sentences.say("reports", name, **values)

    def say_fact(self, name: str, /, **values: Any) -> Fact:
        """Return a phrase as a line; the words before `SET_OFF` are its label."""
        label, found, text = self.say(name, **values).partition(SET_OFF)
        return Fact(label, text) if found else Fact("", label)

    def describe_count(
        self, advisor: str, count: int, students: int, *, capital: bool = True
    ) -> str:
        """Return how many of an advisor's students, such as `Six of your 62 students`."""
        # Who reads the list of students without an advisor must not take them for "your students".
        advised = advisor != UNASSIGNED
        # "One of your one student" would be odd: a single student is named alone.
        if students == 1 and count:
            return self.say("only_one", advised=advised, capital=capital)
        return self.say("some_of", count=count, students=students, advised=advised, capital=capital)

    def describe_next_exam(self) -> str:
        """Return a sentence on the next exam; empty when none is ahead."""
        name = find_next_exam(self.week, self.calendar)
        if not name:
            return ""
        week = get_exam_week(name, self.calendar)
        day = self.format_day(self.first_day + pd.Timedelta(weeks=week - self.week))
        return self.say("next_exam", exam=self.say(f"exam_{name}"), week=week, day=day)

    def format_day(self, moment: Any) -> str:
        """Return a day as people write it, without the year, such as `10 September`."""
        return self.params.sentences.format_day(pd.Timestamp(moment))

    def group_by_advisor(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each advisor_id in order, with the advisor's rows and the names of students.

        Args:
            rows: student_id, advisor_id (null for students without an advisor: `UNASSIGNED`), and
                any other columns.
        """
        # A left merge keeps students without a name. `groupby` would drop a null advisor_id.
        named = rows.merge(self.people.names, on="student_id", how="left")
        for advisor, group in named.fillna({"advisor_id": UNASSIGNED}).groupby("advisor_id"):
            yield str(advisor), group

    def build_entry(self, row: Row, tier: str = "", **more: Any) -> StudentEntry:
        """Return the entry of a student.

        Args:
            row: student_id, name, roll_number, class_id.
            tier: critical, high or watch; without urgency for any other text.
            more: the other fields of the entry.
        """
        urgent = tier in SHAPES
        return StudentEntry(
            str(row["student_id"]),
            get_display_name(row),
            normalize_text(row["roll_number"]),
            str(row["class_id"]),
            class_name=self.people.classes.get(row["class_id"]) or str(row["class_id"]),
            tier=tier if urgent else "",
            urgency=self.say(f"tier_{tier}") if urgent else "",
            shape=SHAPES.get(tier, ""),
            **more,
        )

    def write_drafts(
        self, row: Row, advisor: str, records: Sequence[Row] = (), talked: str = ""
    ) -> dict[str, Any]:
        """Return the emails that an advisor may send: to a student, and to a parent if permitted.

        Args:
            row: student_id, name.
            advisor: advisor_id of who signs.
            records: the student's reasons as they are stored, strongest first; without any the
                letter tells nothing and asks how the student is.
            talked: the day of the last talk, in words; empty where the last contact was no talk.

        Returns:
            The fields `draft` and `parent` of an entry; None where no usable address is known.

        Raises:
            SettingsError: the template of the letter cannot be used.
        """
        student, name = str(row["student_id"]), normalize_text(row["name"])
        sentences = self.params.sentences
        away = advisor in self.people.away
        offer = Offer() if away else self.params.mail.get_offer(advisor)
        exam, exam_day = self._find_near_exam()
        about = LetterContext(
            # An id is neither a name nor a signature: where there is no name, they stay empty.
            name="" if name == student else name,
            advisor="" if away else self.people.advisors.get(advisor, ""),
            topics=draft_email.find_topics(record["code"] for record in records),
            open_work=len(letter_facts.find_items(records, "assignment", still_open=True)),
            exam=exam,
            exam_day=exam_day,
            fact=letter_facts.choose_fact(sentences, records),
            # The report comes when its week is over.
            times=draft_email.date_times(sentences, offer, self.first_day + pd.Timedelta(weeks=1)),
            booking=offer.link,
            talked=talked,
        )
        # `parents` has only those who may be written to, so there is no second check here.
        own, parent = self.people.emails.get(student, ""), self.people.parents.get(student, "")
        return {
            "draft": draft_email.write_draft(self.params.letter, own, about),
            "parent": draft_email.write_draft(self.params.letter, parent, about, to_parent=True),
        }

    def _find_near_exam(self) -> tuple[str, str]:
        """Return an exam of the next three weeks and the first day of its week, in words."""
        name, calendar = find_next_exam(self.week, self.calendar), self.calendar
        exam = calendar.midterm_week if name == "midterm" else calendar.endterm_week
        if not name or exam is None or exam - self.week > draft_email.EXAM_WEEKS:
            return "", ""
        day = self.first_day + pd.Timedelta(weeks=exam - self.week)
        return self.say(f"exam_{name}"), self.params.sentences.format_day(day)

    def build_closing(self, *sentences: str) -> Prose:
        """Return the section on how to read a report.

        Args:
            sentences: what is particular to this report; it comes before what all reports say, and
                what the college says of its attendance rule.
        """
        told = (*sentences, self.say("reading"), self.say("rule_means"))
        return Prose(self.say("reading_title"), (" ".join(filter(None, told)),))


def get_display_name(row: Row) -> str:
    """Return a student's name on one line; the id where the college gives no name."""
    return normalize_text(row["name"]) or str(row["student_id"])


def build_table_row(row: Row, *cells: str) -> TableRow:
    """Return a student as a row of a table.

    Args:
        row: student_id, name, roll_number, class_id.
        cells: one text for each column.
    """
    place = filter(None, (normalize_text(row["roll_number"]), str(row["class_id"])))
    student = str(row["student_id"])
    return TableRow(get_display_name(row), " · ".join(place), cells, student_id=student)


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


def format_week_dates(sentences: Sentences, first_day: pd.Timestamp) -> tuple[str, str]:
    """Return the first and the last day of a week as people write them: 30 March, 5 April 2026.

    The first day has no month where both are in one.
    """
    last = first_day + pd.Timedelta(days=6)
    same = first_day.month == last.month
    first = str(first_day.day) if same else sentences.format_day(first_day)
    return first, f"{sentences.format_day(last)} {last.year}"


def find_next_exam(week: int, calendar: Calendar) -> str:
    """Return the next exam, midterm or endterm; empty when none is ahead.

    In its own week an exam is no longer ahead.

    >>> find_next_exam(7, Calendar()), find_next_exam(8, Calendar()), find_next_exam(18, Calendar())
    ('midterm', 'endterm', '')
    """
    return next((name for name in EXAMS if get_exam_week(name, calendar) > week), "")


def get_exam_week(name: str, calendar: Calendar) -> int:
    """Return the week of an exam, midterm or endterm; 0 where the college has none."""
    return (calendar.midterm_week if name == "midterm" else calendar.endterm_week) or 0
