"""Which rows a question is about: the filters that all questions share, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypedDict

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import find_newest_week
from edumetrics.errors import SettingsError
from edumetrics.fields import EVERYWHERE, TABLES
from edumetrics.workspace import open_workspace

# The column of each filter.
COLUMNS = {
    "semester": "semester",
    "class_id": "class_id",
    "student": "student_id",
    "advisor": "advisor_id",
    "tier": "risk_tier",
    "subject": "subject_id",
    "label": "risk_label",
    "exam": "exam_type",
}
NAMES = {*COLUMNS, "term", "week", "weeks", "store"}
# Nothing stored for a week is an answer here: nobody was listed, left or logged. So their newest
# week is the newest analysed one.
EMPTY_WEEKS = (
    "weekly_flags", "list_exits", "class_findings", "list_thresholds", "intervention_log"
)  # fmt: skip


class Filters(TypedDict, total=False):
    """Which rows a question is about. All are optional, and None is any.

    Attributes:
        term: ISO date of the term's first week; the newest one with an answer when left out.
        semester: only students in this semester of their degree.
        week: semester week. When left out, it is the newest week with an answer, or every week
            where one student is asked for.
        weeks: several semester weeks, such as `range(5, 11)`; weeks without an answer, such as
            those of exams, have no rows.
        class_id, student, advisor: only these.
        store: the analysis database; the one in the settings when left out.
    """

    term: str | None
    semester: int | None
    week: int | None
    weeks: Iterable[int] | None
    class_id: str | None
    student: str | None
    advisor: str | None
    store: Store | None


class ListFilters(Filters, total=False):
    """Those of lists; `tier` is watch, high or critical, or its word in lists, in any case."""

    tier: str | None


class SubjectFilters(Filters, total=False):
    """Those of subjects; `label` is LOW, MEDIUM or HIGH, in any case."""

    subject: str | None
    label: str | None


class ExamFilters(Filters, total=False):
    """Those of exams; `exam` is midterm or endterm, in any case."""

    exam: str | None


def require_student(store: Store, student: str | None) -> None:
    """Refuse a student about whom nothing was ever stored.

    Raises:
        SettingsError: there is no such student.
    """
    # New students are on a watchlist before their first week is analysed.
    tables = ("weekly_metrics", "pre_sem_watchlist")
    if student is not None and not any(
        store.has_rows(table, student_id=student) for table in tables
    ):
        raise SettingsError(f"There is no student {student}: check the id.")


def choose_term(store: Store, term: str | None) -> str:
    """Return the term asked for, or the newest analysed one.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.
    """
    newest = store.find_highest("weekly_metrics", "term")
    if newest is None:
        raise SettingsError("Nothing has been analysed yet: run `edumetrics run` first.")
    if term is not None and not store.has_rows("weekly_metrics", term=term):
        raise SettingsError(
            f"There is no term {term}: the terms are {', '.join(store.list_terms())}."
        )
    return term or str(newest)


def require_week(store: Store, term: str, week: int) -> None:
    """Refuse a week of a term that was not analysed.

    Raises:
        SettingsError: the week was not analysed.
    """
    if not store.has_rows("weekly_metrics", term=term, sem_week=week):
        newest = store.find_highest("weekly_metrics", "sem_week", term=term)
        why = "it is no teaching week" if 1 <= week < newest else f"the newest is week {newest}"
        raise SettingsError(f"Week {week} of the term of {term} was not analysed: {why}.")


def require_known(store: Store, filters: Mapping[str, Any]) -> None:
    """Refuse a class or an advisor that no analysed week has, and say which are spelt alike.

    Raises:
        SettingsError: there is no such class or advisor.
    """
    for name in ("class_id", "advisor"):
        given, column = filters.get(name), COLUMNS[name]
        if (
            given is None
            or given == EVERYWHERE
            or store.has_rows("weekly_metrics", **{column: given})
        ):
            continue
        known = store.list_values("weekly_metrics", column)
        kind = column.removesuffix("_id")
        raise SettingsError(f"There is no {kind} {given}: {suggest_alike(str(given), known)}")


def suggest_alike(given: str, known: Sequence[str]) -> str:
    """Return what may have been meant, as the end of a sentence, whatever the case of letters."""
    by_letters = {one.casefold(): one for one in known}
    alike = get_close_matches(given.casefold(), by_letters, n=3, cutoff=0.5)
    if not alike:
        return f"there are {', '.join(known[:5])}{' ...' if len(known) > 5 else '.'}"
    return f"did you mean {' or '.join(by_letters[one] for one in alike)}?"


def require_names(filters: Mapping[str, Any]) -> None:
    """Refuse a filter that no question has: ignored, it would give an answer to another question.

    Raises:
        SettingsError: there is no such filter.
    """
    for name in filters:
        if name not in NAMES:
            raise SettingsError(f"There is no filter {name}: {suggest_alike(name, sorted(NAMES))}")


def open_question(filters: Mapping[str, Any]) -> tuple[Store, str]:
    """Return the analysis that a question is about, and the term asked for, else the newest.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such filter, term, student,
            class or advisor.
    """
    require_names(filters)
    given = filters.get("store")
    store = given or open_workspace().store
    term = choose_term(store, filters.get("term"))
    require_student(store, filters.get("student"))
    # Whoever reads a part of the analysis only is not told what the rest of it has.
    if given is None:
        require_known(store, filters)
    return store, term


def match_filters(table: str, filters: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Return the values by column that rows of a table must have; None is left out: it is any.

    Of a table that does not say who advises, an advisor's rows are those of the students whom the
    advisor has in the newest analysed week.

    Raises:
        SettingsError: the table has no column for a filter.
    """
    wanted: dict[str, Any] = {}
    if filters.get("advisor") is not None and _needs_students(table):
        advised, student = _list_advised(store, filters["advisor"]), filters.get("student")
        wanted["student_id"] = [one for one in advised if student in (None, one)]
        filters = {**filters, "advisor": None, "student": None}
    for name, value in filters.items():
        if name not in COLUMNS or value is None:
            continue
        # A watchlist says "target" of what is a semester ahead.
        columns = [COLUMNS[name], f"target_{COLUMNS[name]}"]
        known = [column for column in columns if column in TABLES[table].names]
        if not known:
            raise SettingsError(f"There is no filter {name} for {table}: leave it out.")
        wanted[known[0]] = value
    return wanted


def _needs_students(table: str) -> bool:
    return "advisor_id" not in TABLES[table].names and "student_id" in TABLES[table].names


def _list_advised(store: Store, advisor: str) -> list[str]:
    """Return the students of an advisor in the newest analysed week."""
    term, week = find_newest_week(store)
    where = {"term": term, "sem_week": week, "advisor_id": advisor}
    return list(store.read("weekly_metrics", ("student_id", "class_id"), **where)["student_id"])


def _choose_analysed(store: Store, term: str, weeks: Iterable[int]) -> list[int]:
    """Return those of some weeks of a term that are analysed.

    Raises:
        SettingsError: none is.
    """
    chosen = [week for week in weeks if store.has_rows("weekly_metrics", term=term, sem_week=week)]
    if not chosen:
        raise SettingsError(f"None of these weeks of the term of {term} was analysed.")
    return chosen


def read_rows(table: str, filters: Mapping[str, Any], *, every_week: bool = False) -> pd.DataFrame:
    """Return the rows of a table that answer a question.

    A filter that matches nothing gives an empty answer; a term, week or student that does not exist
    is refused.

    Args:
        table: the table.
        filters: see `Filters`.
        every_week: whether a question without a week is about the whole term.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student, or
            the table has no column for a filter.
    """
    store, analysed = open_question(filters)
    term, week, student = (filters.get(name) for name in ("term", "week", "student"))
    weeks = filters.get("weeks")
    if isinstance(weeks, int):
        weeks = (weeks,)
    if week is not None and weeks is not None:
        raise SettingsError("Name one week or several, not both.")
    # Predictions that are not made yet are looked for in earlier terms.
    dated = "weekly_metrics" if table in EMPTY_WEEKS else table
    term = term or store.find_highest(dated, "term") or analysed
    if week is not None:
        require_week(store, term, week)
    elif weeks is not None:
        week = _choose_analysed(store, term, weeks)
    elif student is None and not every_week:
        week = store.find_highest(dated, "sem_week", term=term)
    where = {"term": term} | ({} if week is None else {"sem_week": week})
    rows = store.read(table, None, **where, **match_filters(table, filters, store))
    # What people entered was computed by no run.
    return rows.drop(columns=["run_id", "computed_at"], errors="ignore")
