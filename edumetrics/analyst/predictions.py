"""The questions about what was predicted, and how it came out; `queries` offers them."""

from __future__ import annotations

from typing import Unpack, get_args

import pandas as pd

from edumetrics.analyst.filters import (
    ExamFilters,
    Filters,
    SubjectFilters,
    match_filters,
    open_question,
    read_rows,
)
from edumetrics.errors import SettingsError
from edumetrics.types import Exam

# As stored in `risk_of_failing_prediction`.
LABELS = ("LOW", "MEDIUM", "HIGH")


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


def review(**filters: Unpack[ExamFilters]) -> pd.DataFrame:
    """Return predictions held against results; see `ExamFilters`. A week has no meaning here.

    Returns:
        Rows of `exam_review` without run_id and computed_at: the midterm first, and within an exam
        who was furthest below the prediction; students without a prediction or a score come last.
        No rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, student or exam.

    >>> review(term="2025-07-14")["exam_type"].unique().tolist()
    ['midterm', 'endterm']
    >>> review(exam="midterm")["term"].unique().tolist()
    ['2026-01-05']
    """
    exam, known = (filters.get("exam") or "").lower(), get_args(Exam)
    if exam not in ("", *known):
        raise SettingsError(
            f"There is no exam {filters.get('exam')}: the exams are {', '.join(known)}."
        )
    asked = {**filters, "exam": exam or None, "week": None}
    rows = read_rows("exam_review", asked, every_week=True)
    return rows.sort_values(
        ["exam_type", "residual", "student_id"], ascending=[False, True, True], ignore_index=True
    )


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
    store, analysed = open_question(filters)
    term = filters.get("term")
    # A watchlist is for the semester ahead: its term can be newer than the newest analysed one.
    wanted = match_filters(table, filters, store) | {
        "target_term": term or store.find_highest(table, "target_term") or analysed
    }
    rows = store.read(table, None, **wanted).sort_values(
        ["risk_probability_pct", "student_id"], ascending=[False, True], ignore_index=True
    )
    return rows.drop(columns=["run_id", "computed_at"])
