"""The first question: who fails or leaves. Its candidates are measured on the lists as sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.forecast import drift
from edumetrics.forecast.contest import (
    FAIL,
    Question,
    has_enough_fails,
    predict_out_of_fold,
)
from edumetrics.forecast.measures import fit_calibration_line, measure_chances, measure_weeks
from edumetrics.forecast.models import (
    SIMPLICITY,
    Calibrated,
    LogitModel,
    calibrate,
    fit_all,
    predict_all,
)
from edumetrics.forecast.places import add_places
from edumetrics.params.forecast import Forecast
from edumetrics.params.triage import Triage
from edumetrics.scoring.signals import Floats, compute_probability

# Every fold fits all candidates, so more folds cost time; with four, a model sees 3/4 of the rows.
FOLDS = 4
# All terms together keep about this many times the rows that trees learn from (`most_rows`):
# that is enough for the trial and for the calibration.
MANY_TIMES = 4
# Smaller differences count as a tie, and the next criterion decides.
SAME_PRECISION, SAME_AUC = 0.005, 0.001


def build_question(settings: Forecast, triage: Triage) -> Question[LogitModel, Calibrated]:
    """Return the question who fails or leaves.

    Its rows are features with student_id, class_id, advisor_id, sem_week and failed (bool).

    Args:
        settings: how models are fitted.
        triage: the advisors' capacities.
    """
    return Question(
        task=FAIL,
        outcome="failed",
        folds=FOLDS,
        has_enough=partial(_has_enough, settings=settings),
        fit=partial(_fit, settings=settings),
        predict=predict_all,
        convert=compute_probability,
        measure=partial(measure_by_week, triage=triage, settings=settings),
        choose=_select_champion,
        finish=_calibrate,
        get_features=lambda _: tuple(FEATURES),
        calibrated=True,
        most_rows=MANY_TIMES * settings.most_rows,
        compute_reference=drift.compute_reference,
    )


def _has_enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    # Rows are student weeks; the limits are about students, and a student counts once a term.
    students = rows.drop_duplicates(["student_id", *({"term"} & set(rows.columns))])["failed"]
    return has_enough_fails(students, len(students), settings)


def _fit(
    rows: pd.DataFrame, names: Collection[str] | None = None, *, settings: Forecast
) -> dict[str, LogitModel]:
    return fit_all(rows, rows["failed"].to_numpy("float64"), settings, names)


def predict_unseen(
    question: Question[LogitModel, Calibrated], rows: pd.DataFrame, name: str
) -> Floats:
    """Return what a candidate says of rows whose class it has not seen, calibrated as it would be.

    Args:
        question: the first question.
        rows: its rows, of one or several terms.
        name: the candidate.

    Returns:
        Logits, one for each row.
    """
    said = predict_out_of_fold(question, rows, (name,))[name]
    failed = rows["failed"].to_numpy("float64")
    return np.asarray(said + calibrate(_Nothing(), rows, failed, said).compute_shift(rows))


class _Nothing:
    """Stands for the model where only the shift of a calibration is asked for."""

    def predict_logit(self, rows: pd.DataFrame) -> Floats:
        """Return 0 for each row."""
        return np.zeros(len(rows))


def _calibrate(model: LogitModel, _: pd.DataFrame, rows: pd.DataFrame, logit: Floats) -> Calibrated:
    return calibrate(model, rows, rows["failed"].to_numpy("float64"), logit)


def _select_champion(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the name of the candidate with the best precision at capacity.

    A tie is decided by the better AUC, and a tie in AUC by the simpler model.
    """
    # If nobody failed, or everyone did, the measures are NaN: all candidates are then equal.
    # The baselines are measured too, but only the names in SIMPLICITY can win.
    means = {
        name: tables[name][["precision_at_capacity", "auc"]].mean().fillna(0) for name in SIMPLICITY
    }
    most = max(mean["precision_at_capacity"] for mean in means.values())
    close = [
        name for name in SIMPLICITY if means[name]["precision_at_capacity"] >= most - SAME_PRECISION
    ]
    best = max(means[name]["auc"] for name in close)
    return next(name for name in close if means[name]["auc"] >= best - SAME_AUC)


def measure_by_week(
    rows: pd.DataFrame, logit: Floats, triage: Triage, settings: Forecast
) -> pd.DataFrame:
    """Return the measures of a forecast, week by week.

    Args:
        rows: student_id, sem_week, advisor_id, failed. With `near` (0..1) the list is the one that
            would be sent: a nearing attendance deadline is part of the urgency.
        logit: the forecast, one for each row.
        triage: the advisors' capacities.
        settings: how lists are smoothed.

    Returns:
        One row per sem_week (the index), with these columns:

        - n, base_rate, auc, average_precision, brier.
        - calibration_error: expected calibration error, ten bins of equal size.
        - calibration_slope, calibration_intercept: of the outcome's logit on the forecast's logit;
          1 and 0 are perfect.
        - precision_top_tenth.
        - precision_at_capacity, recall_at_capacity: of each advisor's list, ordered by the
          smoothed logit.
        - lead_time: median weeks from a student's first place to the week after the last, over
          the students so far who had a place and fail.
        - overlap: share of last week's places that stay.
        - flips: how often a student who ever had a place left the list or came back; the mean so
          far.

        NaN where a measure cannot be computed, for example where nobody failed.
    """
    names = ["student_id", "sem_week", "advisor_id", "failed", *({"near"} & set(rows.columns))]
    frame = rows[names].assign(p=compute_probability(logit), logit=logit)
    frame = add_places(frame, triage, settings.smoothing)
    # The exam is taken to be in the week after the last one.
    end, course = int(rows["sem_week"].max()) + 1, _PlaceTracker()
    return measure_weeks(
        frame,
        lambda part: {
            **_measure_week_chances(part),
            **_measure_places(part),
            **course.update(part, end),
        },
    )


def _measure_week_chances(part: pd.DataFrame) -> dict[str, float]:
    failed, p = part["failed"].to_numpy(dtype=bool), part["p"].to_numpy("float64")
    both = 0 < failed.sum() < len(failed)
    return {
        **measure_chances(p, failed),
        **(fit_calibration_line(part["logit"].to_numpy("float64"), failed) if both else {}),
        # The stable sort gives the same result in every run, also where chances are equal.
        "precision_top_tenth": failed[np.argsort(-p, kind="stable")[: max(len(p) // 10, 1)]].mean(),
    }


def _measure_places(part: pd.DataFrame) -> dict[str, float]:
    """Return the precision and recall of one week's places."""
    failed, inside = part["failed"].to_numpy(dtype=bool), part["inside"].to_numpy(dtype=bool)
    return {
        "precision_at_capacity": failed[inside].mean() if inside.any() else np.nan,
        "recall_at_capacity": failed[inside].sum() / failed.sum() if failed.any() else np.nan,
    }


class _PlaceTracker:
    """The places of earlier weeks, updated week by week through a semester."""

    def __init__(self) -> None:
        self.last: set[str] = set()
        self.first: dict[str, int] = {}
        self.fails: set[str] = set()
        self.flips = 0

    def update(self, part: pd.DataFrame, end: int) -> dict[str, float]:
        """Add a week's places, and return lead_time, overlap and flips so far."""
        inside = part[part["inside"].astype(bool)]
        now = set(inside["student_id"])
        self.fails |= set(inside.loc[inside["failed"].astype(bool), "student_id"])
        # Only a student who had a place before this week can leave or come back.
        known = set(self.first)
        self.flips += len((now ^ self.last) & known)
        overlap = len(now & self.last) / len(self.last) if self.last else np.nan
        self.first |= dict.fromkeys(now - known, int(part["sem_week"].iloc[0]))
        self.last = now
        ahead = [end - self.first[student] for student in self.fails]
        return {
            "lead_time": float(np.median(ahead)) if ahead else np.nan,
            "overlap": overlap,
            "flips": self.flips / len(self.first) if self.first else np.nan,
        }
