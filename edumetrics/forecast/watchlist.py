"""The watchlist: the chance of failing the semester ahead, from records of earlier semesters."""

from __future__ import annotations

from math import erf

import numpy as np
import pandas as pd

from edumetrics.fields.chances import BASELINE
from edumetrics.forecast.contest import WATCHLIST, Question, choose_unless_beaten, has_enough_fails
from edumetrics.forecast.measures import measure_chances
from edumetrics.forecast.models import Linear, fit_windows, make_logistic
from edumetrics.forecast.scores import CORRELATION
from edumetrics.params.forecast import Forecast
from edumetrics.scoring.signals import Floats, compute_probability

# What is known from earlier semesters, and in which direction more of it should move the chance.
HISTORY = {
    "exam_avg_hist": -1,
    "att_rate_hist": -1,
    "assn_rate_hist": -1,
    "max_plagiarism": 1,
    "escalation_level": 1,
    "hard_subject_count": 1,
}
NAME = "history"
# The measure `top_fifth` is named after this share.
TOP = 0.2
FOLDS = 5


def predict_chance(rows: pd.DataFrame, pass_mark: float, model: Linear | None) -> Floats:
    """Return the chance of failing the semester ahead.

    Without a model, next semester's mean is assumed to be normal around the regression on the mean
    so far (`CORRELATION`), with the spread of the college's own means.

    Args:
        rows: `HISTORY`; NaN where nothing is known.
        pass_mark: percent.
        model: a model learnt from earlier pairs of terms; None if there is no such pair yet.

    Returns:
        0..1, one for each row; NaN for all if no exam is known and there is no model.
    """
    if model is not None:
        return compute_probability(model.predict_logit(rows.assign(sem_week=0)))
    average = rows["exam_avg_hist"].to_numpy("float64")
    known = average[~np.isnan(average)]
    if not len(known):
        return np.full(len(rows), np.nan)
    # At least one point, because a college in which all means are equal has no spread to divide by.
    middle, spread = known.mean(), max(known.std(), 1.0) * np.sqrt(1 - CORRELATION**2)
    expected = middle + CORRELATION * (np.where(np.isnan(average), middle, average) - middle)
    return np.array([(1 + erf(z / np.sqrt(2))) / 2 for z in (pass_mark - expected) / spread])


def compute_contributions(rows: pd.DataFrame, model: Linear | None) -> pd.DataFrame:
    """Return what each column of `HISTORY` adds to the log-odds.

    Without a model only exam_avg_hist adds something: its distance below the college's mean, in
    standard deviations.
    """
    if model is not None:
        return model.compute_contributions(rows.assign(sem_week=0)).drop(columns="base")
    average = rows["exam_avg_hist"]
    spread = max(float(average.std(ddof=0)), 1.0)
    frame = pd.DataFrame(0.0, index=rows.index, columns=list(HISTORY))
    return frame.assign(exam_avg_hist=((average.mean() - average) / spread).fillna(0.0))


def build_question(pass_mark: float, settings: Forecast) -> Question[Linear, Linear]:
    """Return the question who fails the semester ahead.

    Its rows have `HISTORY` as known before the term, student_id, class_id and failed (bool) in the
    term.

    Args:
        pass_mark: percent.
        settings: how many students and fails are enough.
    """
    return Question(
        task=WATCHLIST,
        outcome="failed",
        folds=FOLDS,
        has_enough=lambda rows: has_enough_fails(rows["failed"], len(rows), settings),
        fit=lambda rows, _=None: {NAME: _fit(rows)},
        predict=lambda models, rows: {NAME: predict_chance(rows, pass_mark, models[NAME])},
        convert=np.asarray,
        measure=_measure_by_week,
        choose=lambda tables: choose_unless_beaten(tables, NAME, BASELINE, "brier"),
        finish=lambda model, *_: model,
        get_features=lambda _: tuple(HISTORY),
        baselines={BASELINE: lambda rows: predict_chance(rows, pass_mark, None)},
    )


def _fit(rows: pd.DataFrame) -> Linear:
    failed = rows["failed"].to_numpy("float64")
    # Everyone is in week 0, so there is one window.
    return fit_windows(rows.assign(sem_week=0), failed, tuple(HISTORY), make_logistic(0.1), reach=0)


def _measure_by_week(rows: pd.DataFrame, p: Floats) -> pd.DataFrame:
    """Return the measures in one row, of week 0: those of `chances`, and top_fifth.

    top_fifth is the share of all fails that are among the fifth with the highest chances.
    """
    failed = rows["failed"].to_numpy(dtype=bool)
    top = np.argsort(-p, kind="stable")[: max(round(TOP * len(p)), 1)]
    found = {
        **measure_chances(p, failed),
        "top_fifth": failed[top].sum() / failed.sum() if failed.any() else np.nan,
    }
    return pd.DataFrame([found], index=pd.Index([0], name="sem_week"))
