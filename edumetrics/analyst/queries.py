"""The questions that people ask the analysis database, answered as typed frames."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.errors import SettingsError
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
    """Return the weekly metrics of students.

    Args:
        term: ISO date of the term's first week; the newest analysed term when None.
        semester: only students in this semester of their degree.
        week: semester week. When None, it is the newest analysed week, or every week of the term
            where one student is asked for.
        class_id, student, advisor: only these.
        store: the analysis database; the one in the settings when None.

    Returns:
        Rows of `weekly_metrics` in order of student and week, without run_id and computed_at. No
        rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student.

    >>> student_performance(student="S22000002")["sem_week"].tolist()
    [1, 2, 3, 4, 5, 6, 7, 9, 10]
    """
    store = store or open_workspace().store
    wanted = {"semester": semester, "class_id": class_id, "advisor_id": advisor}
    rows = _read_rows(store, "weekly_metrics", wanted, term, week, student)
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
    """Return the number of students and the medians of the main metrics, by class and week.

    Args:
        term, semester, week, class_id, advisor, store: as for `student_performance`.

    Returns:
        term, sem_week, class_id, semester, students, and the medians (0 to 100; NaN where no
        student has a value).

    Raises:
        SettingsError: nothing has been analysed yet.

    >>> class_performance(class_id="CS-2022-A")[["term", "sem_week", "class_id"]].values.tolist()
    [['2026-01-05', 10, 'CS-2022-A']]
    """
    rows = student_performance(
        term=term, semester=semester, week=week, class_id=class_id, advisor=advisor, store=store
    )
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
    """Return who was on an advisor's list and why, the most urgent first.

    Args:
        term, semester, week, class_id, student, advisor, store: as for `student_performance`.
        tier: only this tier: watch, high or critical, in any case.

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
    tier = tier and tier.lower()
    # `TIERS[0]` is the name of "not on the list".
    if tier is not None and tier not in TIERS[1:]:
        raise SettingsError(f"There is no tier {tier}: the tiers are {', '.join(TIERS[1:])}.")
    store = store or open_workspace().store
    wanted = {"semester": semester, "class_id": class_id, "advisor_id": advisor, "risk_tier": tier}
    rows = _read_rows(store, "weekly_flags", wanted, term, week, student)
    return rows.sort_values(["sem_week", "advisor_id", "triage_rank"], ignore_index=True)


def pre_midterm(
    *,
    term: str | None = None,
    semester: int | None = None,
    week: int | None = None,
    class_id: str | None = None,
    student: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return predicted midterm scores, the lowest first.

    Args:
        term: ISO date of the term's first week; the newest term with such predictions when None.
        semester, class_id, student, store: as for `student_performance`.
        week: semester week. When None, it is the newest week with predictions, or every week where
            one student is asked for.

    Returns:
        Rows of `pre_mid_term` in order of week and score, without run_id and computed_at. No rows,
        with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.

    >>> pre_midterm(class_id="CS-2022-A")["sem_week"].unique().tolist()
    [7]
    """
    rows = _read_rows(
        store or open_workspace().store,
        "pre_mid_term",
        _make_filters(semester, class_id),
        term,
        week,
        student,
    )
    return rows.sort_values(
        ["sem_week", "predicted_midterm_score", "student_id"], ignore_index=True
    )


def pre_endterm(
    *,
    term: str | None = None,
    semester: int | None = None,
    week: int | None = None,
    class_id: str | None = None,
    student: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return predicted end-term scores and the outlook, the lowest first.

    Arguments and errors are as for `pre_midterm`.

    Returns:
        Rows of `pre_end_term` in order of week and score, without run_id and computed_at. No rows,
        with the same columns, when nothing matches.

    >>> pre_endterm()["term"].unique().tolist()
    ['2025-07-14']
    """
    rows = _read_rows(
        store or open_workspace().store,
        "pre_end_term",
        _make_filters(semester, class_id),
        term,
        week,
        student,
    )
    return rows.sort_values(
        ["sem_week", "predicted_endterm_score", "student_id"], ignore_index=True
    )


def risk_of_failing(
    *,
    term: str | None = None,
    semester: int | None = None,
    week: int | None = None,
    class_id: str | None = None,
    student: str | None = None,
    subject: str | None = None,
    label: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return the chance of failing each subject, the highest first.

    Args:
        term, semester, week, class_id, student, store: as for `pre_midterm`.
        subject: only this subject_id.
        label: only this label: LOW, MEDIUM or HIGH, in any case.

    Returns:
        Rows of `risk_of_failing_prediction` in order of week and chance, without run_id and
        computed_at. No rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or label.

    >>> bool(risk_of_failing(label="high")["p_fail"].min() >= 0.6)
    True
    """
    if label is not None and label.upper() not in LABELS:
        raise SettingsError(f"There is no label {label}: the labels are {', '.join(LABELS)}.")
    wanted = {
        **_make_filters(semester, class_id),
        "subject_id": subject,
        "risk_label": label and label.upper(),
    }
    store = store or open_workspace().store
    rows = _read_rows(store, "risk_of_failing_prediction", wanted, term, week, student)
    order = ["sem_week", "p_fail", "student_id", "subject_id"]
    return rows.sort_values(order, ascending=[True, False, True, True], ignore_index=True)


def watchlist(
    *,
    term: str | None = None,
    semester: int | None = None,
    class_id: str | None = None,
    student: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return who to watch from the first week of a term, the students most likely to fail first.

    Args:
        term: ISO date of the first week of the semester ahead; the newest one with a watchlist when
            None.
        semester, class_id, student, store: as for `student_performance`.

    Returns:
        Rows of `pre_sem_watchlist` without run_id and computed_at. No rows, with the same columns,
        when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or student.

    >>> watchlist()["target_term"].unique().tolist()
    ['2026-01-05']
    """
    store = store or open_workspace().store
    name = _choose_term(store, term)
    # A watchlist is for the semester ahead: its term can be newer than the newest analysed one.
    term = term or store.find_highest("pre_sem_watchlist", "target_term") or name
    _require_student(store, student)
    wanted = {
        "target_term": term,
        "target_semester": semester,
        "class_id": class_id,
        "student_id": student,
    }
    rows = store.read(
        "pre_sem_watchlist",
        None,
        **{name: value for name, value in wanted.items() if value is not None},
    )
    rows = rows.sort_values(
        ["risk_probability_pct", "student_id"], ascending=[False, True], ignore_index=True
    )
    return rows.drop(columns=["run_id", "computed_at"])


def changes(
    first: int,
    second: int,
    *,
    class_id: str | None = None,
    term: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return what changed between two weeks, the largest fall in attendance first.

    Args:
        first, second: semester weeks of one term.
        class_id, term, store: as for `student_performance`.

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
    then, now = (
        student_performance(week=week, class_id=class_id, term=term, store=store).set_index(
            "student_id"
        )
        for week in (first, second)
    )
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
        term, store: as for `student_performance`.

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


def _make_filters(semester: int | None, class_id: str | None) -> dict[str, Any]:
    """Return the filters that every table of predictions has."""
    return {"semester": semester, "class_id": class_id}


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


def _read_rows(
    store: Store,
    table: str,
    wanted: dict[str, Any],
    term: str | None,
    week: int | None,
    student: str | None,
) -> pd.DataFrame:
    """Return the rows of a table that answer a question.

    A filter that matches nothing gives an empty answer; a term, week or student that does not exist
    is refused.

    Args:
        store: the analysis database.
        table: the table to read.
        wanted: values by column; None for any value.
        term: ISO date of the term's first week; the newest term of the table when None.
        week: semester week. When None, it is the newest week of the table, or every week where one
            student is asked for.
        student: student_id; None for everyone.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student.
    """
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
    wanted = {**wanted, "term": term, "sem_week": week, "student_id": student}
    # `read` compares with every value that it is given: None is left out, because it means any.
    rows = store.read(
        table, None, **{name: value for name, value in wanted.items() if value is not None}
    )
    return rows.drop(columns=["run_id", "computed_at"])
