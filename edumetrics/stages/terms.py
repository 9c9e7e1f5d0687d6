"""Which term and week a stage is about, and where its reports go."""

from __future__ import annotations

from pathlib import Path

from edumetrics.college.source import College, Term
from edumetrics.errors import Refused, SettingsError
from edumetrics.params import Params
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position


def last_teaching_week(params: Params, position: Position | None, term: Term) -> int:
    """The last teaching week up to the college's position, or (None) of a completed term.

    Raises:
        SettingsError: the semester has not had one yet.
    """
    week = term.last_week if position is None else position.week(params.calendar)
    weeks = params.calendar.last_teaching_weeks(week, 1)
    if not weeks:
        raise SettingsError(
            "The semester has no complete teaching week yet: come back after its first week."
        )
    return weeks[0]


def refuse_without_data(term: Term, week: int) -> None:
    """A week after the newest data is not scored: everyone would seem to have done nothing.

    A week without data in the midst of a semester is scored as it was: absent feeds are absent, not zero.

    Raises:
        Refused: no attendance, library or platform row of this week or a later one exists.
    """
    if week > term.last_week:
        newest = (
            f"its newest records are of week {term.last_week}"
            if term.last_week
            else "it has no records yet"
        )
        raise Refused(
            f"The college has no data of week {week} of the term of {term.name}; {newest}: load them, then run again."
        )


def report_folder(
    workspace: Workspace, term: Term, position: Position, week: int, stage: str
) -> Path:
    """Where the reports of a week go: by year and slot for the term in session, by its first day for another."""
    label = position.label(workspace.params.calendar) if term.current else term.name
    return workspace.settings.reports / label / f"week-{week:02d}" / stage


def find_term(college: College, name: str, position: Position) -> Term:
    """The term of that name; the one in session when the name is empty.

    Raises:
        SettingsError: there is no such term, or none is in session.
    """
    current = college.current_term(position)
    if current is not None and name in ("", current.name):
        return current
    terms = {term.name: term for term in college.terms(position)}
    if name not in terms:
        asked = f"There is no term {name}" if name else "No term is in session"
        raise SettingsError(f"{asked}: the terms are {listed(list(terms)) or 'none'}.")
    return terms[name]


def listed(values: tuple[int, ...] | list[str]) -> str:
    """Values in a sentence."""
    return ", ".join(str(value) for value in values)
