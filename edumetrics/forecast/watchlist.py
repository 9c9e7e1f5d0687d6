"""Who to watch from week 1: the chance of failing the semester ahead, from what earlier semesters left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erf

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from edumetrics.forecast import folds
from edumetrics.forecast.measures import Measured, by_class, chances, reliability
from edumetrics.forecast.models import Linear, fit_windows, probability
from edumetrics.forecast.scores import CORRELATION
from edumetrics.params import Forecast
from edumetrics.scoring.signals import Floats

# What earlier semesters left behind, and which way more of it should push the chance of failing.
HISTORY = {
    "exam_avg_hist": -1,
    "att_rate_hist": -1,
    "assn_rate_hist": -1,
    "max_plagiarism": 1,
    "escalation_level": 1,
    "hard_subject_count": 1,
}
NAME, BASELINE = "history", "baseline"
TOP = 0.2
FOLDS = 5


@dataclass(frozen=True)
class Trial:
    """How candidates did on students they had not seen (one row each), and the model fitted on all.

    `model` is None where the average over earlier exams alone did better.
    """

    measured: dict[str, Measured]
    model: Linear | None
    rows: int


def chance(rows: pd.DataFrame, pass_mark: float, model: Linear | None) -> Floats:
    """The chance of failing the semester ahead.

    Args:
        rows: `HISTORY`; NaN where nothing is known.
        pass_mark: percent.
        model: learnt from earlier pairs of terms; None where there is no such pair yet. Then next semester's average is
            taken as normal around the regression of this one's (`CORRELATION`), within the college's own spread.
    """
    if model is not None:
        return probability(model.logit(rows.assign(sem_week=0)))
    average = rows["exam_avg_hist"].to_numpy("float64")
    known = average[~np.isnan(average)]
    if not len(known):
        return np.full(len(rows), np.nan)
    middle, spread = known.mean(), max(known.std(), 1.0) * np.sqrt(1 - CORRELATION**2)
    expected = middle + CORRELATION * (np.where(np.isnan(average), middle, average) - middle)
    return np.array([(1 + erf(z / np.sqrt(2))) / 2 for z in (pass_mark - expected) / spread])


def contributions(rows: pd.DataFrame, model: Linear | None) -> pd.DataFrame:
    """What each of `HISTORY` adds to the log-odds; without a model only the exams', against the college's mean."""
    if model is not None:
        return model.contributions(rows.assign(sem_week=0)).drop(columns="base")
    average = rows["exam_avg_hist"]
    spread = max(float(average.std(ddof=0)), 1.0)
    frame = pd.DataFrame(0.0, index=rows.index, columns=list(HISTORY))
    return frame.assign(exam_avg_hist=((average.mean() - average) / spread).fillna(0.0))


def trial(terms: Mapping[str, pd.DataFrame], pass_mark: float, settings: Forecast) -> Trial | None:
    """Fit on all terms but the last and try on the last (by class where there is one term only), then refit on all.

    Args:
        terms: by name, `HISTORY` as known before the term, student_id, class_id and failed (bool) in it.
        pass_mark: percent.
        settings: how many students and fails are enough.

    Returns:
        The trial; None where too little is known to learn from.
    """
    if not terms:
        return None
    rows = pd.concat([terms[name].assign(term=name) for name in sorted(terms)], ignore_index=True)
    if not _enough(rows, settings):
        return None
    said = np.full(len(rows), np.nan)
    for seen, unseen in folds.last_term(rows, lambda part: _enough(part, settings), FOLDS):
        said[unseen] = chance(rows.iloc[unseen], pass_mark, _fit(rows.iloc[seen]))
    tried = ~np.isnan(said)
    part = rows[tried]
    measured = {
        NAME: _measured(part, said[tried]),
        BASELINE: _measured(part, chance(part, pass_mark, None)),
    }
    brier = {name: float(found.by_week["brier"].iloc[0]) for name, found in measured.items()}
    better = not brier[NAME] >= brier[BASELINE]
    return Trial(measured, _fit(rows) if better else None, len(rows))


def _enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    fails = int(rows["failed"].sum())
    return (
        len(rows) >= settings.least_students
        and min(fails, len(rows) - fails) >= settings.least_fails
    )


def _fit(rows: pd.DataFrame) -> Linear:
    failed = rows["failed"].to_numpy("float64")
    estimator = LogisticRegression(C=0.1, max_iter=2000)
    return fit_windows(rows.assign(sem_week=0), failed, tuple(HISTORY), lambda: estimator, reach=0)


def _measured(rows: pd.DataFrame, p: Floats) -> Measured:
    """One row, of week 0: n, base_rate, auc, brier, calibration_error, top_fifth (its share of all fails)."""
    failed = rows["failed"].to_numpy(dtype=bool)
    top = np.argsort(-p, kind="stable")[: max(round(TOP * len(p)), 1)]
    found = {
        **chances(p, failed),
        "top_fifth": failed[top].sum() / failed.sum() if failed.any() else np.nan,
    }
    table = pd.DataFrame([found], index=pd.Index([0], name="sem_week"))
    outcome = failed.astype("float64")
    return Measured(table, reliability(p, outcome), by_class(rows["class_id"], p, outcome))
