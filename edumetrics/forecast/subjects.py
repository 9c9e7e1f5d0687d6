"""The chance of failing each subject, from the student's own forecast and the subject's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from edumetrics.forecast import folds
from edumetrics.forecast.measures import (
    Measures,
    compute_reliability,
    measure_by_class,
    measure_chances,
)
from edumetrics.forecast.models import Linear, compute_probability, fit_windows
from edumetrics.params import Forecast
from edumetrics.scoring.signals import Floats

# The student's logit of failing or leaving, what is known of the subject so far, and its past.
COLUMNS = ("logit", "mark", "mark_gap", "attendance", "midterm", "midterm_gap", "fail_rate")
ALONE = {"student only": ("logit",), "subject's marks only": ("mark",)}
NAME = "subject"
FOLDS = 4
# The model learns from every third week: the weeks between are almost the same.
EVERY = 3
# Chances from which a risk is MEDIUM and HIGH. Watchlists and exam outlooks use the same limits.
LOW, HIGH = 0.35, 0.60


@dataclass(frozen=True)
class SubjectTrial:
    """The results of the model and of its parts alone on students not seen, and the best of them.

    Attributes:
        measured: the measures of each candidate, by name.
        champion: the name of the best.
        model: the best, refitted on all terms.
        rows: how many rows it learnt from.
    """

    measured: dict[str, Measures]
    champion: str
    model: Linear
    rows: int


def add_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one week with `mark_gap` and `midterm_gap`.

    A gap is the student's value less the mean of the class in the subject, in points; NaN where the
    value is missing.
    """
    groups = rows.groupby(["class_id", "subject_id"])
    return rows.assign(
        **{
            f"{name}_gap": rows[name] - groups[name].transform("mean")
            for name in ("mark", "midterm")
        }
    )


def run_trial(terms: Mapping[str, pd.DataFrame], settings: Forecast) -> SubjectTrial | None:
    """Fit the candidates on all terms but the last, try them on the last, refit the best on all.

    If the earlier terms are not enough to learn from, the trial is folded by class.

    Args:
        terms: by term name, rows with student_id, class_id, subject_id, sem_week, failed (bool:
            the subject) and `COLUMNS`.
        settings: how many students and fails are enough.

    Returns:
        The trial; None if there is too little data to learn from.
    """
    if not terms:
        return None
    rows = pd.concat([terms[name].assign(term=name) for name in sorted(terms)], ignore_index=True)
    if not _has_enough(rows, settings):
        return None
    unseen: dict[str, Floats] = {}
    tried = np.zeros(len(rows), dtype=bool)
    candidates = {NAME: COLUMNS, **ALONE}
    for seen, held_out in folds.split_last_term(
        rows, lambda part: _has_enough(part, settings), FOLDS
    ):
        tried[held_out] = True
        for name, columns in candidates.items():
            fitted = _fit(rows.iloc[seen], columns)
            unseen.setdefault(name, np.zeros(len(rows)))[held_out] = fitted.predict_logit(
                rows.iloc[held_out]
            )
    measured = {
        name: _measure_candidate(rows[tried], logit[tried]) for name, logit in unseen.items()
    }
    # The Brier score judges the chances themselves: readers see labels of them, and no ranking.
    champion = min(measured, key=lambda name: measured[name].by_week["brier"].mean())
    return SubjectTrial(measured, champion, _fit(rows, candidates[champion]), len(rows))


def label_risk(p: Floats) -> np.ndarray:
    """Return LOW, MEDIUM or HIGH for each chance: LOW < .35 ≤ MEDIUM < .60 ≤ HIGH."""
    return np.select([p < LOW, p < HIGH], ["LOW", "MEDIUM"], "HIGH").astype(object)


def _has_enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    # Rows are repeated for every week; a result counts once.
    papers = rows.drop_duplicates(["term", "student_id", "subject_id"])["failed"]
    fails = int(papers.sum())
    students = rows["student_id"].nunique()
    return (
        students >= settings.least_students
        and min(fails, len(papers) - fails) >= settings.least_fails
    )


def _fit(rows: pd.DataFrame, columns: tuple[str, ...]) -> Linear:
    failed = rows["failed"].to_numpy("float64")
    # The weeks in the rows are `EVERY` apart: a window with a smaller reach would have one week.
    return fit_windows(
        rows, failed, columns, lambda: LogisticRegression(C=1.0, max_iter=2000), reach=EVERY
    )


def _measure_candidate(rows: pd.DataFrame, logit: Floats) -> Measures:
    p, failed = compute_probability(logit), rows["failed"].to_numpy("float64")
    return Measures(
        _measure_by_week(rows, logit),
        compute_reliability(p, failed),
        measure_by_class(rows["class_id"], p, failed),
    )


def _measure_by_week(rows: pd.DataFrame, logit: Floats) -> pd.DataFrame:
    found = {}
    for week, part in rows.assign(p=compute_probability(logit)).groupby("sem_week"):
        failed, p = part["failed"].to_numpy(dtype=bool), part["p"].to_numpy("float64")
        found[week] = measure_chances(p, failed)
    return pd.DataFrame(found).T.rename_axis("sem_week")
