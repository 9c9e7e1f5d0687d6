"""The questions people ask of the analysis database, as typed frames."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.errors import SettingsError
from edumetrics.stages.workspace import open_workspace
from edumetrics.triage.situation import TIERS

MEDIANS = ("weekly_att_pct", "overall_att_pct", "effort_score", "academic_performance", "risk_score")


def student_performance(
    *,
    term: str | None = None,
    semester: int | None = None,
    week: int | None = None,
    class_id: str | None = None,
    student: str | None = None,
    advisor: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """The weekly metrics of students.

    Args:
        term: ISO date of the term's first week; the newest term analysed when None.
        semester: only students in this semester of their degree.
        week: semester week; the newest analysed when None, or, for one student, every week of the term.
        class_id, student, advisor: only these.
        store: the analysis database; that of the settings when None.

    Returns:
        Rows of `weekly_metrics` in order of student and week, without run_id and computed_at; none, with the same
        columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.
    """
    store = store or open_workspace().store
    wanted = {"semester": semester, "class_id": class_id, "advisor_id": advisor}
    rows = _rows(store, "weekly_metrics", wanted, term, week, student)
    return rows.sort_values(["student_id", "sem_week"], ignore_index=True)


def class_performance(
    *,
    term: str | None = None,
    semester: int | None = None,
    week: int | None = None,
    class_id: str | None = None,
    advisor: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Each class's week: students and medians of the main metrics.

    Args:
        term, semester, week, class_id, advisor, store: as `student_performance`.

    Returns:
        term, sem_week, class_id, semester, students, and the medians (0..100, NaN where no student has a value).

    Raises:
        SettingsError: nothing has been analysed yet.
    """
    rows = student_performance(term=term, semester=semester, week=week, class_id=class_id, advisor=advisor, store=store)
    groups = rows.groupby(["term", "sem_week", "class_id", "semester"])
    table = groups[list(MEDIANS)].median()
    table.insert(0, "students", groups.size())
    return table.reset_index()


def flagged(
    *,
    term: str | None = None,
    semester: int | None = None,
    week: int | None = None,
    class_id: str | None = None,
    student: str | None = None,
    advisor: str | None = None,
    tier: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Who was on an advisor's list, most urgent first, and why.

    Args:
        term, semester, week, class_id, student, advisor, store: as `student_performance`.
        tier: watch, high or critical: only this one.

    Returns:
        Rows of `weekly_flags` in order of week, advisor and place on the advisor's list, without run_id and
        computed_at; `reasons` are lists of records. No rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or tier.
    """
    if tier is not None and tier not in TIERS[1:]:
        raise SettingsError(f"There is no tier {tier}: the tiers are {', '.join(TIERS[1:])}.")
    store = store or open_workspace().store
    wanted = {"semester": semester, "class_id": class_id, "advisor_id": advisor, "risk_tier": tier}
    rows = _rows(store, "weekly_flags", wanted, term, week, student)
    return rows.sort_values(["sem_week", "advisor_id", "triage_rank"], ignore_index=True)


def _rows(
    store: Store, table: str, wanted: dict[str, Any], term: str | None, week: int | None, student: str | None
) -> pd.DataFrame:
    """A question's rows: of the newest term and week by default, and for one student of every week."""
    newest = _newest(store, "term")
    known = store.distinct("weekly_metrics", "term")
    if term is not None and term not in known:
        raise SettingsError(f"There is no term {term}: the terms are {', '.join(known)}.")
    term = term or newest
    if week is None and student is None:
        week = _newest(store, "sem_week", term=term)
    wanted = {**wanted, "term": term, "sem_week": week, "student_id": student}
    rows = store.read(table, None, **{name: value for name, value in wanted.items() if value is not None})
    return rows.drop(columns=["run_id", "computed_at"])


def _newest(store: Store, column: str, **equal: Any) -> Any:
    value = store.highest("weekly_metrics", column, **equal)
    if value is None:
        raise SettingsError("Nothing has been analysed yet: run `edumetrics run` first.")
    return value
