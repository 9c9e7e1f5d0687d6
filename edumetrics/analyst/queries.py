"""The questions that people ask the analysis database, answered as typed frames."""

from __future__ import annotations

from dataclasses import asdict
from typing import Unpack

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.analyst.filters import (
    Filters,
    ListFilters,
    SubjectFilters,
    choose_term,
    match_filters,
    read_rows,
    require_student,
)
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
    rows = read_rows("weekly_metrics", filters)
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
    rows = read_rows("weekly_flags", {**filters, "tier": tier})
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
    return read_rows("pre_mid_term", filters).sort_values(order, ignore_index=True)


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
    return read_rows("pre_end_term", filters).sort_values(order, ignore_index=True)


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
    rows = read_rows("risk_of_failing_prediction", {**filters, "label": label or None})
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
    analysed = choose_term(store, term)
    require_student(store, filters.get("student"))
    # A watchlist is for the semester ahead: its term can be newer than the newest analysed one.
    wanted = match_filters(table, filters) | {
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
    name = choose_term(store, term)
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
