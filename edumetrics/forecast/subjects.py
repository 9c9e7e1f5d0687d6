"""The chance of failing each subject, from the student's own forecast and the subject's records."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from edumetrics.fields.chances import HIGH, LOW
from edumetrics.forecast.contest import SUBJECT, Question, has_enough_fails
from edumetrics.forecast.measures import measure_chances, measure_weeks
from edumetrics.forecast.models import Linear, fit_windows, make_logistic
from edumetrics.params.forecast import Forecast
from edumetrics.scoring.signals import Floats, compute_probability

# The student's logit of failing or leaving, what is known of the subject so far, and its past.
COLUMNS = ("logit", "mark", "mark_gap", "attendance", "midterm", "midterm_gap", "fail_rate")
CANDIDATES = {
    "subject": COLUMNS,
    "student only": ("logit",),
    "subject's marks only": ("mark",),
}
FOLDS = 4
# The model learns from every third week: the weeks between are almost the same.
EVERY = 3


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


def build_question(settings: Forecast) -> Question[Linear, Linear]:
    """Return the question which subjects a student fails.

    Its rows have student_id, class_id, subject_id, sem_week, failed (bool: the subject) and
    `COLUMNS`; and term, if there are several.

    Args:
        settings: how many students and fails are enough.
    """
    return Question(
        task=SUBJECT,
        outcome="failed",
        folds=FOLDS,
        has_enough=partial(_has_enough, settings=settings),
        fit=lambda rows, _=None: {
            name: _fit(rows, columns) for name, columns in CANDIDATES.items()
        },
        predict=lambda models, rows: {n: model.predict_logit(rows) for n, model in models.items()},
        convert=compute_probability,
        measure=_measure_by_week,
        # The Brier score judges the chances themselves: readers see labels of them, and no ranking.
        choose=lambda tables: min(tables, key=lambda name: tables[name]["brier"].mean()),
        finish=lambda model, *_: model,
        get_features=CANDIDATES.__getitem__,
    )


def label_risk(p: Floats) -> np.ndarray:
    """Return LOW, MEDIUM or HIGH for each chance: LOW < .35 ≤ MEDIUM < .60 ≤ HIGH."""
    return np.select([p < LOW, p < HIGH], ["LOW", "MEDIUM"], "HIGH").astype(object)


def _has_enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    # Rows are repeated for every week; a result counts once.
    papers = rows.drop_duplicates(["student_id", "subject_id", *({"term"} & set(rows.columns))])
    return has_enough_fails(papers["failed"], rows["student_id"].nunique(), settings)


def _fit(rows: pd.DataFrame, columns: tuple[str, ...]) -> Linear:
    failed = rows["failed"].to_numpy("float64")
    # The weeks in the rows are `EVERY` apart: a window with a smaller reach would have one week.
    return fit_windows(rows, failed, columns, make_logistic(1.0), reach=EVERY)


def _measure_by_week(rows: pd.DataFrame, logit: Floats) -> pd.DataFrame:
    return measure_weeks(
        rows.assign(p=compute_probability(logit)),
        lambda part: measure_chances(
            part["p"].to_numpy("float64"), part["failed"].to_numpy(dtype=bool)
        ),
    )
