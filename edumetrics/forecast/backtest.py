"""Backtests of the models on a term that they have not seen, week by week, on the list as sent.

The trial decides which candidate becomes the champion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from edumetrics.forecast import drift, folds
from edumetrics.forecast.measures import (
    Measures,
    compute_reliability,
    fit_calibration_line,
    measure_by_class,
    measure_chances,
)
from edumetrics.forecast.models import (
    SIMPLICITY,
    Calibrated,
    calibrate,
    compute_order,
    compute_probability,
    fit_all,
    predict_all,
)
from edumetrics.params import Forecast, Triage
from edumetrics.scoring.signals import Floats
from edumetrics.triage.flags import NOBODY

# Every fold fits all candidates, so more folds cost time; with four, a model sees 3/4 of the rows.
FOLDS = 4
# With fewer rows, starting processes takes longer than fitting the folds one after another.
MANY_ROWS = 50_000
# All terms together keep about this many times the rows that trees learn from (`most_rows`):
# that is enough for the trial and for the calibration.
MANY_TIMES = 4
# With this many classes, whole classes are sampled; with fewer, a sample would leave too few.
MANY_CLASSES = 50
# Smaller differences count as a tie, and the next criterion decides.
SAME_PRECISION, SAME_AUC = 0.005, 0.001


@dataclass(frozen=True)
class Contest:
    """The results of all candidates on the last completed term, and the winner.

    Attributes:
        measured: the measures of each candidate, by name; its weeks are as in `measure_by_week`.
        champion: the name of the winner.
        models: every candidate, refitted on all terms. Each is calibrated on its own logits of
            classes that it has not seen.
        trained_terms: all completed terms, in time order.
        tested_term: the last of them.
        rows: how many rows the models learnt from.
        reference: the distribution of the features, as in `drift.compute_reference`.
        unseen: term, student_id, sem_week and logit: the champion's logit of everyone. It comes
            from models that had not seen the student.
    """

    measured: dict[str, Measures]
    champion: str
    models: dict[str, Calibrated]
    trained_terms: tuple[str, ...]
    tested_term: str
    rows: int
    reference: dict[str, dict[str, Any]]
    unseen: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The weekly measures of each candidate, by name; one row a week."""
        return {name: measured.by_week for name, measured in self.measured.items()}


def run_contest(
    terms: Mapping[str, pd.DataFrame], settings: Forecast, triage: Triage
) -> Contest | None:
    """Fit the candidates on all terms but the last, try them on the last, and refit them on all.

    If there is only one term, or the earlier terms are too small, the trial is folded by class.

    Args:
        terms: by term name, rows of features with student_id, class_id, advisor_id, sem_week and
            failed (bool).
        settings: how models are fitted.
        triage: the advisors' capacities.

    Returns:
        The contest; None if there is too little data to learn from.
    """
    names = tuple(sorted(terms))
    if not names or not _has_enough(pd.concat([terms[name] for name in names]), settings):
        return None
    most = MANY_TIMES * settings.most_rows // len(names)
    everything = pd.concat(
        [_select_sample(terms[name], most).assign(term=name) for name in names], ignore_index=True
    )
    # The calibration and the subject forecasts need logits of models that did not see the student.
    unseen = _predict_out_of_fold(everything, settings)
    before = everything[everything["term"] != names[-1]]
    if len(before) and _has_enough(before, settings):
        # The last term is tried in full, not as a sample: lists have places for all its students.
        last = terms[names[-1]].reset_index(drop=True)
        logits = predict_all(fit_all(before, _get_failed(before), settings), last)
    else:
        # The rows of the last term come last, because the names are sorted.
        last = everything.iloc[len(before) :].reset_index(drop=True)
        logits = {name: logit[len(before) :] for name, logit in unseen.items()}
    fitted = fit_all(everything, _get_failed(everything), settings)
    models = {
        name: calibrate(fitted[name], everything, _get_failed(everything), unseen[name])
        for name in fitted
    }
    measured = {
        name: _measure_candidate(last, logit, triage, settings) for name, logit in logits.items()
    }
    champion = _select_champion({name: found.by_week for name, found in measured.items()})
    logits_unseen = everything[["term", "student_id", "sem_week"]].assign(logit=unseen[champion])
    return Contest(
        measured=measured,
        champion=champion,
        models=models,
        trained_terms=names,
        tested_term=names[-1],
        rows=len(everything),
        reference=drift.compute_reference(everything),
        unseen=logits_unseen,
    )


def _measure_candidate(
    rows: pd.DataFrame, logit: Floats, triage: Triage, settings: Forecast
) -> Measures:
    p, failed = compute_probability(logit), _get_failed(rows)
    return Measures(
        measure_by_week(rows, logit, triage, settings),
        compute_reliability(p, failed),
        measure_by_class(rows["class_id"], p, failed),
    )


def _has_enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    # Rows are student weeks; the limits are about students, and a student counts once a term.
    students = rows.drop_duplicates(["student_id", *({"term"} & set(rows.columns))])["failed"]
    fails = int(students.sum())
    return (
        len(students) >= settings.least_students
        and min(fails, len(students) - fails) >= settings.least_fails
    )


def _select_sample(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most about `most` rows: whole classes, or students where classes are few."""
    every = -(-len(rows) // most)  # rounded up
    if every <= 1:
        return rows
    whole = rows["class_id"] if rows["class_id"].nunique() >= MANY_CLASSES else rows["student_id"]
    # A hash instead of a random draw: every run chooses the same ones, and keeps all their weeks.
    kept: pd.DataFrame = rows[pd.util.hash_array(whole.to_numpy(dtype=object)) % every == 0]
    return kept


def _get_failed(rows: pd.DataFrame) -> Floats:
    return rows["failed"].to_numpy("float64")


def _predict_out_of_fold(rows: pd.DataFrame, settings: Forecast) -> dict[str, Floats]:
    """Return each candidate's logits from models that have not seen the class.

    If there is only one class, the models have not seen the student.
    """
    splits = folds.split_by_class(rows, FOLDS)
    workers = Parallel(n_jobs=min(FOLDS, cpu_count()) if len(rows) > MANY_ROWS else 1)
    parts = workers(
        delayed(_predict_fold)(rows.iloc[seen], rows.iloc[unseen], settings)
        for seen, unseen in splits
    )
    found = {name: np.zeros(len(rows)) for name in parts[0]}
    for (_, unseen), logits in zip(splits, parts, strict=True):
        for name, logit in logits.items():
            found[name][unseen] = logit
    return found


def _predict_fold(
    seen: pd.DataFrame, unseen: pd.DataFrame, settings: Forecast
) -> dict[str, Floats]:
    """Return each candidate's logits of the `unseen` rows, learnt from the `seen` rows."""
    models = fit_all(seen.reset_index(drop=True), _get_failed(seen), settings)
    return predict_all(models, unseen)


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
        rows: student_id, sem_week, advisor_id, failed. With ruled (bool) the list is the one that
            would be sent: students with a hard rule come first.
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
    names = ["student_id", "sem_week", "advisor_id", "failed", *({"ruled"} & set(rows.columns))]
    frame = rows[names].assign(p=compute_probability(logit), logit=logit)
    frame = add_places(frame, triage, settings.smoothing)
    # The exam is taken to be in the week after the last one.
    end, course = int(rows["sem_week"].max()) + 1, _PlaceTracker()
    # str() is for the type checker: a groupby key is Hashable, and int() does not accept that.
    found = {
        int(str(week)): {
            **_measure_week_chances(part),
            **_measure_places(part),
            **course.update(int(str(week)), part, end),
        }
        for week, part in frame.groupby("sem_week")
    }
    return pd.DataFrame(found).T.rename_axis("sem_week")


def _measure_week_chances(part: pd.DataFrame) -> dict[str, float]:
    """Return the measures of one week's chances."""
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

    def update(self, week: int, part: pd.DataFrame, end: int) -> dict[str, float]:
        """Add a week's places, and return lead_time, overlap and flips so far."""
        inside = part[part["inside"].astype(bool)]
        now = set(inside["student_id"])
        self.fails |= set(inside.loc[inside["failed"].astype(bool), "student_id"])
        # Only a student who had a place before this week can leave or come back.
        known = set(self.first)
        self.flips += len((now ^ self.last) & known)
        overlap = len(now & self.last) / len(self.last) if self.last else np.nan
        self.first |= dict.fromkeys(now - known, week)
        self.last = now
        ahead = [end - self.first[student] for student in self.fails]
        return {
            "lead_time": float(np.median(ahead)) if ahead else np.nan,
            "overlap": overlap,
            "flips": self.flips / len(self.first) if self.first else np.nan,
        }


def add_places(frame: pd.DataFrame, triage: Triage, keep: float) -> pd.DataFrame:
    """Return the rows with two more columns, sorted by week, advisor and place.

    Args:
        frame: student_id, sem_week, advisor_id, logit; ruled (bool) where there are hard rules.
        triage: the advisors' capacities.
        keep: the weight of last week's order, 0..1.

    Returns:
        The rows with `order` (the smoothed logit) and `inside` (bool: within the advisor's capacity
        that week); also `advisor`, empty where a student has none, and `ruled`.
    """
    weeks, last = [], pd.Series(dtype="float64")
    for _, part in frame.groupby("sem_week"):
        order = compute_order(
            part["logit"].to_numpy("float64"),
            last.reindex(part["student_id"]).to_numpy("float64"),
            keep,
        )
        # A student who is missing in a week keeps the order of the last week with a row.
        last = pd.Series(order, index=part["student_id"]).combine_first(last)
        weeks.append(part.assign(order=order))
    frame = pd.concat(weeks)
    # groupby leaves out rows whose key is missing; students without an advisor share one list.
    frame = frame.assign(advisor=frame["advisor_id"].fillna(NOBODY))
    frame = frame.assign(ruled=frame.get("ruled", False))
    # student_id comes last, so that equal orders give the same places in every run.
    by = ["sem_week", "advisor", "ruled", "order", "student_id"]
    frame = frame.sort_values(by, ascending=[True, True, False, False, True])
    capacity = frame["advisor"].map(triage.get_capacity)
    return frame.assign(inside=frame.groupby(["sem_week", "advisor"]).cumcount() < capacity)
