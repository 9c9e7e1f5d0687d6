"""The questions that people ask the analysis database, answered as typed frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypedDict, Unpack

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.triage import effects
from edumetrics.triage.situation import TIERS
from edumetrics.workspace import open_workspace

# Kinds of entries in the log that say that someone reached the student.
REACHED = ("talked", "emailed", "called", "referred")
# Kinds that explain the flag: it says nothing about a need for help.
EXPLAINED = ("known reason", "wrong flag")
# As stored in `risk_of_failing_prediction`.
LABELS = ("LOW", "MEDIUM", "HIGH")
MEDIANS = (
    "weekly_att_pct",
    "overall_att_pct",
    "effort_score",
    "academic_performance",
    "risk_score",
)
# The column of each filter.
COLUMNS = {
    "semester": "semester",
    "class_id": "class_id",
    "student": "student_id",
    "advisor": "advisor_id",
    "tier": "risk_tier",
    "subject": "subject_id",
    "label": "risk_label",
}


class Filters(TypedDict, total=False):
    """Which rows a question is about. All are optional, and None is any.

    Attributes:
        term: ISO date of the term's first week; the newest one with an answer when left out.
        semester: only students in this semester of their degree.
        week: semester week. When left out, it is the newest week with an answer, or every week
            where one student is asked for.
        class_id, student, advisor: only these.
        store: the analysis database; the one in the settings when left out.
    """

    term: str | None
    semester: int | None
    week: int | None
    class_id: str | None
    student: str | None
    advisor: str | None
    store: Store | None


class ListFilters(Filters, total=False):
    """Those of lists; `tier` is watch, high or critical, in any case."""

    tier: str | None


class SubjectFilters(Filters, total=False):
    """Those of subjects; `label` is LOW, MEDIUM or HIGH, in any case."""

    subject: str | None
    label: str | None


def student_performance(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return the weekly metrics of students; see `Filters`.

    Returns:
        Rows of `weekly_metrics` in order of student and week, without run_id and computed_at. No
        rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student.

    >>> student_performance(student="S22000002")["sem_week"].tolist()
    [1, 2, 3, 4, 5, 6, 7, 9, 10]
    """
    rows = _read_rows("weekly_metrics", filters)
    return rows.sort_values(["student_id", "sem_week"], ignore_index=True)


def class_performance(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return the number of students and the medians of the main metrics, by class and week.

    Returns:
        term, sem_week, class_id, semester, students, and the medians (0 to 100; NaN where no
        student has a value).

    Raises:
        SettingsError: nothing has been analysed yet.

    >>> class_performance(class_id="CS-2022-A")[["term", "sem_week", "class_id"]].values.tolist()
    [['2026-01-05', 10, 'CS-2022-A']]
    """
    rows = student_performance(**filters)
    groups = rows.groupby(["term", "sem_week", "class_id", "semester"])
    table = groups[list(MEDIANS)].median()
    table.insert(0, "students", groups.size())
    return table.reset_index()


def flagged(**filters: Unpack[ListFilters]) -> pd.DataFrame:
    """Return who was on an advisor's list and why, the most urgent first; see `ListFilters`.

    Returns:
        Rows of `weekly_flags` in order of week, advisor and place on the advisor's list, without
        run_id and computed_at; `reasons` are lists of records. No rows, with the same columns, when
        nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or tier.

    >>> flagged(advisor="ADV22001")["triage_rank"].tolist()[:3]
    [1, 2, 3]
    >>> len(flagged(class_id="no such class"))
    0
    """
    tier = filters.get("tier")
    tier = None if tier is None else tier.lower()
    # `TIERS[0]` is the name of "not on the list": nobody can ask for it.
    if tier is not None and tier not in TIERS[1:]:
        raise SettingsError(f"There is no tier {tier}: the tiers are {', '.join(TIERS[1:])}.")
    rows = _read_rows("weekly_flags", {**filters, "tier": tier})
    return rows.sort_values(["sem_week", "advisor_id", "triage_rank"], ignore_index=True)


def pre_midterm(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return predicted midterm scores, the lowest first.

    Returns:
        Rows of `pre_mid_term` in order of week and score, without run_id and computed_at. No rows,
        with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.

    >>> pre_midterm(class_id="CS-2022-A")["sem_week"].unique().tolist()
    [7]
    """
    order = ["sem_week", "predicted_midterm_score", "student_id"]
    return _read_rows("pre_mid_term", filters).sort_values(order, ignore_index=True)


def pre_endterm(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return predicted end-term scores and the outlook, the lowest first.

    Returns:
        Rows of `pre_end_term` in order of week and score, without run_id and computed_at. No rows,
        with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.

    >>> pre_endterm()["term"].unique().tolist()
    ['2025-07-14']
    """
    order = ["sem_week", "predicted_endterm_score", "student_id"]
    return _read_rows("pre_end_term", filters).sort_values(order, ignore_index=True)


def risk_of_failing(**filters: Unpack[SubjectFilters]) -> pd.DataFrame:
    """Return the chance of failing each subject, the highest first; see `SubjectFilters`.

    Returns:
        Rows of `risk_of_failing_prediction` in order of week and chance, without run_id and
        computed_at. No rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or label.

    >>> bool(risk_of_failing(label="high")["p_fail"].min() >= 0.6)
    True
    """
    label = (filters.get("label") or "").upper()
    if label not in ("", *LABELS):
        raise SettingsError(
            f"There is no label {filters.get('label')}: the labels are {', '.join(LABELS)}."
        )
    rows = _read_rows("risk_of_failing_prediction", {**filters, "label": label or None})
    order = ["sem_week", "p_fail", "student_id", "subject_id"]
    return rows.sort_values(order, ascending=[True, False, True, True], ignore_index=True)


def watchlist(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return who to watch from the first week of a term, the students most likely to fail first.

    `term` is the semester ahead, and `week` has no meaning.

    Returns:
        Rows of `pre_sem_watchlist` without run_id and computed_at. No rows, with the same columns,
        when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or student.

    >>> watchlist()["target_term"].unique().tolist()
    ['2026-01-05']
    """
    table = "pre_sem_watchlist"
    store, term = filters.get("store") or open_workspace().store, filters.get("term")
    analysed = _choose_term(store, term)
    _require_student(store, filters.get("student"))
    # A watchlist is for the semester ahead: its term can be newer than the newest analysed one.
    wanted = _match_filters(table, filters) | {
        "target_term": term or store.find_highest(table, "target_term") or analysed
    }
    rows = store.read(table, None, **wanted).sort_values(
        ["risk_probability_pct", "student_id"], ascending=[False, True], ignore_index=True
    )
    return rows.drop(columns=["run_id", "computed_at"])


def changes(first: int, second: int, **filters: Unpack[Filters]) -> pd.DataFrame:
    """Return what changed between two weeks, the largest fall in attendance first.

    Args:
        first, second: semester weeks of one term.
        filters: see `Filters`; a week has no meaning here.

    Returns:
        One row per student: student_id, class_id, and the differences in attendance, recorded
        activity and academic performance (second week less first, in points; NaN where a week has
        no value). Only students who have both weeks.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or week.

    >>> changes(9, 10, class_id="CS-2022-A").columns.tolist()
    ['student_id', 'class_id', 'weekly_att_pct', 'effort_score', 'academic_performance']
    """
    measures = ["weekly_att_pct", "effort_score", "academic_performance"]
    both_weeks: list[Filters] = [{**filters, "week": week} for week in (first, second)]
    then, now = (student_performance(**one).set_index("student_id") for one in both_weeks)
    # Frames align by student: without the intersection others would come in with NaN.
    both = now.index.intersection(then.index)
    table = (
        now.loc[both, ["class_id"]]
        .join(now.loc[both, measures] - then.loc[both, measures])
        .reset_index()
    )
    return table.sort_values(["weekly_att_pct", "student_id"], ignore_index=True)


def did_it_help(*, term: str | None = None, store: Store | None = None) -> pd.DataFrame:
    """Return what followed a contact, compared with similar students who had none.

    It looks at the next three teaching weeks. Contacts are entries of the log that say that someone
    reached the student: talked, emailed, called, referred.

    Args:
        term: ISO date of the term's first week; the newest analysed one when None.
        store: the analysis database; the one in the settings when None.

    Returns:
        One row for each of attendance, recorded activity and academic performance: outcome,
        contacted and compared (numbers of students), difference, low, high (points, 95% interval;
        NaN where there are too few students), said (a sentence). `triage.effects` explains the
        method, and what it cannot tell.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.

    >>> did_it_help()["outcome"].tolist()
    ['attendance', 'recorded activity', 'academic performance']
    """
    workspace = open_workspace()
    store = store or workspace.store
    name = _choose_term(store, term)
    flags = store.read("weekly_flags", ("student_id", "sem_week"), term=name)
    entered = store.read("intervention_log", ("student_id", "sem_week", "kind"), term=name)
    weeks = store.read_listed_metrics(name, None, ("risk_score", *effects.OUTCOMES))
    # A student with a known reason, or who was listed wrongly, is left out from that week on, with
    # or without a contact: the flag has another explanation.
    explained = entered[entered["kind"].isin(EXPLAINED)].groupby("student_id")["sem_week"].min()
    since = flags["student_id"].map(explained).astype("float64")
    flags = flags[since.isna() | (flags["sem_week"] < since)]
    found = effects.measure_effects(
        weeks, flags, entered[entered["kind"].isin(REACHED)], workspace.params.calendar
    )
    return pd.DataFrame([asdict(one) for one in found])


def _require_student(store: Store, student: str | None) -> None:
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


def _choose_term(store: Store, term: str | None) -> str:
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


def _match_filters(table: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by column that rows of a table must have; None is left out: it is any.

    Raises:
        SettingsError: the table has no column for a filter.
    """
    wanted = {}
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


def _read_rows(table: str, filters: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of a table that answer a question.

    A filter that matches nothing gives an empty answer; a term, week or student that does not exist
    is refused.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student, or
            the table has no column for a filter.
    """
    store = filters.get("store") or open_workspace().store
    term, week, student = (filters.get(name) for name in ("term", "week", "student"))
    analysed = _choose_term(store, term)
    _require_student(store, student)
    # A week without anyone listed is an answer, so the newest list is that of the newest analysed
    # week. Predictions that are not made yet are looked for in earlier terms.
    dated = "weekly_metrics" if table == "weekly_flags" else table
    term = term or store.find_highest(dated, "term") or analysed
    newest = store.find_highest("weekly_metrics", "sem_week", term=term)
    if week is not None and not store.has_rows("weekly_metrics", term=term, sem_week=week):
        raise SettingsError(
            f"Week {week} of the term of {term} was not analysed: the newest is week {newest}."
        )
    if week is None and student is None:
        week = store.find_highest(dated, "sem_week", term=term)
    where = {"term": term} | ({} if week is None else {"sem_week": week})
    rows = store.read(table, None, **where, **_match_filters(table, filters))
    return rows.drop(columns=["run_id", "computed_at"])
