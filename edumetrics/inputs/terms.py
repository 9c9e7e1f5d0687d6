"""Finding the term and week of a stage, and the folder of its reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edumetrics.college.terms import College, Term
from edumetrics.errors import Refused, SettingsError
from edumetrics.params import Calendar, Params
from edumetrics.types import Exam
from edumetrics.weeks import CollegeWeek

if TYPE_CHECKING:
    from edumetrics.workspace import Workspace

# Number of teaching weeks before an exam in which its score is predicted.
PREDICTION_WEEKS = 2
# Where the predictions of an exam are stored.
PREDICTION_TABLES: dict[Exam, str] = {"midterm": "pre_mid_term", "endterm": "pre_end_term"}


def find_last_teaching_week(params: Params, position: CollegeWeek | None, term: Term) -> int:
    """Return the last complete teaching week of a term.

    Args:
        params: parameters, for the calendar.
        position: the college's position, where the term is in session; None for a completed term.
        term: the term.

    Raises:
        SettingsError: the semester has no complete teaching week yet.
    """
    # A completed term has no position of its own: its data say how far it went.
    week = term.last_week if position is None else position.compute_week(params.calendar)
    weeks = params.calendar.get_last_teaching_weeks(week, 1)
    if not weeks:
        raise SettingsError(
            "The semester has no complete teaching week yet: try again after its first week."
        )
    return weeks[0]


def require_data(term: Term, week: int, students: pd.DataFrame) -> None:
    """Refuse a week that is later than the newest data of its term, and a roll without anybody.

    Without data everyone would seem to have done nothing. A week without data in the middle of a
    semester is not refused: it is scored with its feeds absent, not zero.

    Raises:
        Refused: there is no attendance, library or platform row of this week or a later one, or
            no student at all.
    """
    if students.empty:
        raise Refused(
            "The college lists no student at all: where its roll is being loaded, run again when"
            " that is done; else correct its mapping."
        )
    if week > term.last_week:
        # A term that nothing dates yet has last_week 0.
        newest = (
            f"its newest records are of week {term.last_week}"
            if term.last_week
            else "it has no records yet"
        )
        raise Refused(
            f"The college has no data of week {week} of the term of {term.name}; {newest}:"
            " load the missing records, then run again."
        )


def get_report_folder(workspace: Workspace, term: Term, position: CollegeWeek, week: int) -> Path:
    """Return the folder of a week's reports.

    Its name has year and slot for the term in session, and the term's first day for another term.
    """
    # The position labels the present: a past term would get the folder of the current one.
    label = position.format_label(workspace.params.calendar) if term.current else term.name
    return workspace.settings.reports / label / f"week-{week:02d}"


def find_term(college: College, name: str, position: CollegeWeek) -> Term:
    """Return the term with a name, or the term in session when the name is empty.

    Raises:
        SettingsError: there is no such term, or the name is empty and no term is in session.
    """
    # Past terms need a query over the college's whole history, so the current one is tried first.
    current = college.find_current_term(position)
    if current is not None and name in ("", current.name):
        return current
    terms = {term.name: term for term in college.list_terms(position)}
    if name not in terms:
        asked = f"There is no term {name}" if name else "No term is in session"
        raise SettingsError(f"{asked}: the terms are {join_values(list(terms)) or 'none'}.")
    return terms[name]


def join_values(values: tuple[int, ...] | list[str]) -> str:
    """Return values separated by commas, for a sentence."""
    return ", ".join(str(value) for value in values)


def list_prediction_weeks(calendar: Calendar, exam: Exam) -> tuple[int, ...]:
    """Return the teaching weeks in which an exam's score is predicted, latest first.

    The result is empty where the calendar has no such exam.
    """
    week = calendar.midterm_week if exam == "midterm" else calendar.endterm_week
    return () if week is None else calendar.get_teaching_weeks_before(week, PREDICTION_WEEKS)


def find_exam_week(calendar: Calendar, exam: str) -> int | None:
    """Return an exam's semester week.

    It is the week after the last one for a semester without an end-term week, and None for a
    midterm that the calendar does not have.
    """
    if exam == "midterm":
        return calendar.midterm_week
    return calendar.endterm_week or calendar.weeks_per_semester + 1


def is_reviewed_next_term(calendar: Calendar, exam: str, week: int) -> bool:
    """Return whether a review that was made in a semester week is one of the term before.

    Only an end-term is reviewed after its own term, and then before the week of the next one.
    """
    number = find_exam_week(calendar, exam) or 0
    return exam == "endterm" and week < min(number, calendar.weeks_per_semester)
