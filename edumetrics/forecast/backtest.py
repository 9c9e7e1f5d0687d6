"""Models tried on a term that they have not seen, week by week, on the list as it would have been shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from edumetrics.forecast import drift, folds
from edumetrics.forecast.measures import Measured, by_class, calibration_line, chances, reliability
from edumetrics.forecast.models import (
    SIMPLICITY,
    Calibrated,
    all_logits,
    calibrate,
    fit_all,
    probability,
    smoothed,
)
from edumetrics.params import Forecast, Triage
from edumetrics.scoring.signals import Floats
from edumetrics.triage.flags import NOBODY

FOLDS = 4
MANY_ROWS = 50_000
# All terms together: so many times the rows that trees learn from are enough to try and to calibrate on.
MANY_TIMES = 4
MANY_CLASSES = 50
SAME_PRECISION, SAME_AUC = 0.005, 0.001


@dataclass(frozen=True)
class Contest:
    """How every candidate did on the last completed term, and who won.

    Attributes:
        measured: by candidate, how it did; its weeks as `by_week`.
        champion: the winner's name.
        models: every candidate, refitted on all terms, calibrated on what it says of classes it has not seen.
        trained_terms: all completed terms, in order.
        tested_term: the last of them.
        rows: how many rows the models learnt from.
        reference: what the features looked like, as `drift.reference`.
        unseen: term, student_id, sem_week and the champion's logit of everyone, from models that had not seen them.
    """

    measured: dict[str, Measured]
    champion: str
    models: dict[str, Calibrated]
    trained_terms: tuple[str, ...]
    tested_term: str
    rows: int
    reference: dict[str, dict[str, Any]]
    unseen: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """By candidate, one row a week."""
        return {name: measured.by_week for name, measured in self.measured.items()}


def contest(
    terms: Mapping[str, pd.DataFrame], settings: Forecast, triage: Triage
) -> Contest | None:
    """Fit the candidates on all terms but the last, try them on the last, and refit them on all.

    Where there is one term only, it is folded by class.

    Args:
        terms: by name, rows of features with student_id, class_id, advisor_id, sem_week and failed (bool).
        settings: how models are fitted.
        triage: the advisors' capacities.

    Returns:
        The contest; None where too little is known to learn from.
    """
    names = tuple(sorted(terms))
    if not names or not _enough(pd.concat([terms[name] for name in names]), settings):
        return None
    most = MANY_TIMES * settings.most_rows // len(names)
    everything = pd.concat(
        [_thinned(terms[name], most).assign(term=name) for name in names], ignore_index=True
    )
    unseen = _out_of_fold(everything, settings)
    before = everything[everything["term"] != names[-1]]
    if len(before) and _enough(before, settings):
        last = terms[names[-1]].reset_index(drop=True)
        logits = all_logits(fit_all(before, _failed(before), settings), last)
    else:
        last = everything.iloc[len(before) :].reset_index(drop=True)
        logits = {name: logit[len(before) :] for name, logit in unseen.items()}
    fitted = fit_all(everything, _failed(everything), settings)
    models = {
        name: calibrate(fitted[name], everything, _failed(everything), unseen[name])
        for name in fitted
    }
    measured = {name: _measured(last, logit, triage, settings) for name, logit in logits.items()}
    champion = _champion({name: found.by_week for name, found in measured.items()})
    logits_unseen = everything[["term", "student_id", "sem_week"]].assign(logit=unseen[champion])
    return Contest(
        measured=measured,
        champion=champion,
        models=models,
        trained_terms=names,
        tested_term=names[-1],
        rows=len(everything),
        reference=drift.reference(everything),
        unseen=logits_unseen,
    )


def _measured(rows: pd.DataFrame, logit: Floats, triage: Triage, settings: Forecast) -> Measured:
    p, failed = probability(logit), _failed(rows)
    return Measured(
        by_week(rows, logit, triage, settings),
        reliability(p, failed),
        by_class(rows["class_id"], p, failed),
    )


def _enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    students = rows.drop_duplicates(["student_id", *({"term"} & set(rows.columns))])["failed"]
    fails = int(students.sum())
    return (
        len(students) >= settings.least_students
        and min(fails, len(students) - fails) >= settings.least_fails
    )


def _thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most about so many rows: of some classes all students, or, where there are few classes, of some students."""
    every = -(-len(rows) // most)
    if every <= 1:
        return rows
    whole = rows["class_id"] if rows["class_id"].nunique() >= MANY_CLASSES else rows["student_id"]
    kept: pd.DataFrame = rows[pd.util.hash_array(whole.to_numpy(dtype=object)) % every == 0]
    return kept


def _failed(rows: pd.DataFrame) -> Floats:
    return rows["failed"].to_numpy("float64")


def _out_of_fold(rows: pd.DataFrame, settings: Forecast) -> dict[str, Floats]:
    """Each candidate's logits from models that have seen no one of the class; by student where there is one class."""
    splits = folds.by_class(rows, FOLDS)
    # Starting processes takes longer than a small college does.
    workers = Parallel(n_jobs=min(FOLDS, cpu_count()) if len(rows) > MANY_ROWS else 1)
    parts = workers(
        delayed(_fold)(rows.iloc[seen], rows.iloc[unseen], settings) for seen, unseen in splits
    )
    found = {name: np.zeros(len(rows)) for name in parts[0]}
    for (_, unseen), logits in zip(splits, parts, strict=True):
        for name, logit in logits.items():
            found[name][unseen] = logit
    return found


def _fold(seen: pd.DataFrame, unseen: pd.DataFrame, settings: Forecast) -> dict[str, Floats]:
    """Each candidate's logits of some rows, learnt from others."""
    models = fit_all(seen.reset_index(drop=True), _failed(seen), settings)
    return all_logits(models, unseen)


def _champion(tables: Mapping[str, pd.DataFrame]) -> str:
    """The best precision at capacity; of about equals the better AUC; of equals in that too the simpler."""
    # A term in which nobody failed, or everyone, tells nothing of who is likelier: all are then equal.
    means = {
        name: tables[name][["precision_at_capacity", "auc"]].mean().fillna(0) for name in SIMPLICITY
    }
    most = max(mean["precision_at_capacity"] for mean in means.values())
    close = [
        name for name in SIMPLICITY if means[name]["precision_at_capacity"] >= most - SAME_PRECISION
    ]
    best = max(means[name]["auc"] for name in close)
    return next(name for name in close if means[name]["auc"] >= best - SAME_AUC)


def by_week(rows: pd.DataFrame, logit: Floats, triage: Triage, settings: Forecast) -> pd.DataFrame:
    """How a forecast did, week by week.

    Args:
        rows: student_id, sem_week, advisor_id, failed; with ruled (bool) the list is the one that would have been
            sent: those for whom a rule stands come first.
        logit: the forecast, one for each row.
        triage: the advisors' capacities.
        settings: how lists are smoothed.

    Returns:
        By sem_week: n, base_rate, auc, average_precision, brier, calibration_error (expected, ten bins of equal size),
        calibration_slope and calibration_intercept (of the outcome's logit on the forecast's; 1 and 0 are perfect),
        precision_top_tenth, precision_at_capacity and recall_at_capacity (each advisor's list, ordered by the smoothed
        logit), lead_time (median weeks from the first place of those who fail, so far, to the week after the last),
        overlap (share of last week's places that stay), flips (how often those ever placed left or came back, on
        average, so far). NaN where there is nothing to tell apart.
    """
    names = ["student_id", "sem_week", "advisor_id", "failed", *({"ruled"} & set(rows.columns))]
    frame = rows[names].assign(p=probability(logit), logit=logit)
    frame = places(frame, triage, settings.smoothing)
    end, course = int(rows["sem_week"].max()) + 1, _Course()
    found = {
        int(str(week)): {
            **_chances(part),
            **_places(part),
            **course.after(int(str(week)), part, end),
        }
        for week, part in frame.groupby("sem_week")
    }
    return pd.DataFrame(found).T.rename_axis("sem_week")


def _chances(part: pd.DataFrame) -> dict[str, float]:
    """What one week's chances were worth."""
    failed, p = part["failed"].to_numpy(dtype=bool), part["p"].to_numpy("float64")
    both = 0 < failed.sum() < len(failed)
    return {
        **chances(p, failed),
        **(calibration_line(part["logit"].to_numpy("float64"), failed) if both else {}),
        "precision_top_tenth": failed[np.argsort(-p, kind="stable")[: max(len(p) // 10, 1)]].mean(),
    }


def _places(part: pd.DataFrame) -> dict[str, float]:
    """What one week's places were worth."""
    failed, inside = part["failed"].to_numpy(dtype=bool), part["inside"].to_numpy(dtype=bool)
    return {
        "precision_at_capacity": failed[inside].mean() if inside.any() else np.nan,
        "recall_at_capacity": failed[inside].sum() / failed.sum() if failed.any() else np.nan,
    }


class _Course:
    """What is remembered of earlier weeks' places while a semester goes on."""

    def __init__(self) -> None:
        self.last: set[str] = set()
        self.first: dict[str, int] = {}
        self.fails: set[str] = set()
        self.flips = 0

    def after(self, week: int, part: pd.DataFrame, end: int) -> dict[str, float]:
        """lead_time, overlap and flips once a week's places are given out."""
        inside = part[part["inside"].astype(bool)]
        now = set(inside["student_id"])
        self.fails |= set(inside.loc[inside["failed"].astype(bool), "student_id"])
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


def places(frame: pd.DataFrame, triage: Triage, keep: float) -> pd.DataFrame:
    """The rows with `order` (the smoothed logit) and `inside` (within the advisor's capacity that week)."""
    weeks, last = [], pd.Series(dtype="float64")
    for _, part in frame.groupby("sem_week"):
        order = smoothed(
            part["logit"].to_numpy("float64"),
            last.reindex(part["student_id"]).to_numpy("float64"),
            keep,
        )
        last = pd.Series(order, index=part["student_id"]).combine_first(last)
        weeks.append(part.assign(order=order))
    frame = pd.concat(weeks)
    frame = frame.assign(advisor=frame["advisor_id"].fillna(NOBODY))
    frame = frame.assign(ruled=frame.get("ruled", False))
    by = ["sem_week", "advisor", "ruled", "order", "student_id"]
    frame = frame.sort_values(by, ascending=[True, True, False, False, True])
    capacity = frame["advisor"].map(triage.capacity_of)
    return frame.assign(inside=frame.groupby(["sem_week", "advisor"]).cumcount() < capacity)
