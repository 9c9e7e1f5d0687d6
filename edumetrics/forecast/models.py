"""The candidates: each gives every student of a week a logit of failing or leaving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeCV
from threadpoolctl import threadpool_limits

from edumetrics.fields import FEATURES
from edumetrics.forecast.features import CALENDAR
from edumetrics.params import Forecast
from edumetrics.scoring.signals import Floats

# What the linear models of one week may use: nothing that is the same for everyone in that week of every year.
LINEAR = tuple(name for name in FEATURES if name not in CALENDAR)
ALL = tuple(FEATURES)
MOST = 8.0


class Model(Protocol):
    """Anything that gives rows of features (with sem_week) a logit."""

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit of failing or leaving, one for each row."""


@dataclass(frozen=True)
class Window:
    """The linear model of one week, learnt from it and its neighbours; arrays are aligned with its columns."""

    median: Floats
    mean: Floats
    scale: Floats
    coefficient: Floats
    intercept: float

    def standard(self, rows: pd.DataFrame) -> np.ndarray:
        """Features as the model sees them: the training median where missing, centred and scaled."""
        values = rows.to_numpy("float64")
        return np.asarray(
            (np.where(np.isnan(values), self.median, values) - self.mean) / self.scale
        )


@dataclass(frozen=True)
class Linear:
    """A linear model in overlapping windows of weeks, on some columns: of a logit, or of a score."""

    columns: tuple[str, ...]
    windows: dict[int, Window]

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        return np.asarray(np.clip(self.value(rows), -MOST, MOST))

    def value(self, rows: pd.DataFrame) -> Floats:
        """What the model of each row's week says, as it is."""
        values, weeks = np.zeros(len(rows)), rows["sem_week"].to_numpy()
        for week in np.unique(weeks):
            window = self.window(int(week))
            part = rows.loc[weeks == week, list(self.columns)]
            values[weeks == week] = window.standard(part) @ window.coefficient + window.intercept
        return values

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the logit against the average training row: with `base` they sum to the logit."""
        columns = list(self.columns)
        frame = pd.DataFrame(0.0, index=rows.index, columns=[*columns, "base"])
        for week, part in rows.groupby("sem_week"):
            window = self.window(int(str(week)))
            frame.loc[part.index, columns] = window.standard(part[columns]) * window.coefficient
            frame.loc[part.index, "base"] = window.intercept
        return frame

    def window(self, week: int) -> Window:
        """The model of a week; of the nearest week that has one."""
        return self.windows[min(self.windows, key=lambda known: (abs(known - week), known))]


@dataclass(frozen=True)
class Boosted:
    """Gradient boosting over all weeks, the week one of its features."""

    median: Floats
    trees: HistGradientBoostingClassifier

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        with threadpool_limits(1, user_api="openmp"):
            return np.asarray(
                np.clip(self.trees.decision_function(filled(rows, self.median)), -MOST, MOST)
            )


@dataclass(frozen=True)
class Blend:
    """The mean of the two logits."""

    linear: Linear
    boosted: Boosted

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        return (self.linear.logit(rows) + self.boosted.logit(rows)) / 2


@dataclass(frozen=True)
class Calibrated:
    """A model, shifted by an amount that varies smoothly with the share of the semester gone; its slope is kept."""

    model: Model
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The calibrated logit, one for each row."""
        return np.asarray(self.model.logit(rows) + self.shift_of(rows))

    def shift_of(self, rows: pd.DataFrame) -> Floats:
        """What calibration adds to the logit, one for each row."""
        return np.asarray(_terms(rows) @ np.array(self.shift))


def fit_linear(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Linear:
    """Fit one logistic regression for every week, on the weeks around it."""
    return fit_windows(
        rows, failed, LINEAR, _logistic(settings.linear_c), settings.window, settings.most_rows // 2
    )


def fit_alone(name: str, rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Linear:
    """Fit one feature alone, week by week; hardly regularised: it cannot overfit."""
    return fit_windows(
        rows, failed, (name,), _logistic(1.0), settings.window, settings.most_rows // 2
    )


def _logistic(strength: float) -> Callable[[], LogisticRegression]:
    return lambda: LogisticRegression(C=strength, max_iter=2000)


def fit_windows(
    rows: pd.DataFrame,
    target: Floats,
    columns: tuple[str, ...],
    estimator: Callable[[], LogisticRegression | RidgeCV],
    reach: int,
    most: int | None = None,
) -> Linear:
    """Fit a linear model for every week of the rows, each on (a sample of `most` of) the weeks at most `reach` away."""
    weeks, windows = rows["sem_week"].to_numpy(), {}
    every = rows[list(columns)].to_numpy("float64")
    lot = (
        pd.util.hash_array(rows["student_id"].to_numpy(dtype=object))
        if most
        else np.zeros(len(rows))
    )
    for week in np.unique(weeks):
        near = np.abs(weeks - week) <= reach
        if most and near.sum() > most:
            near &= lot % -(-near.sum() // most) == 0
        if len(np.unique(target[near])) < 2:
            windows[int(week)] = _alike(
                len(columns), target[near], chance=isinstance(estimator(), LogisticRegression)
            )
            continue
        median = _medians(every[near])
        values = np.where(np.isnan(every[near]), median, every[near])
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        fitted = estimator().fit((values - mean) / scale, target[near])
        windows[int(week)] = Window(
            median, mean, scale, np.ravel(fitted.coef_), float(np.ravel(fitted.intercept_)[0])
        )
    return Linear(columns, windows)


def _alike(columns: int, target: Floats, *, chance: bool) -> Window:
    """The model of a week in which everyone came out alike: the same for everyone, and a chance never for certain."""
    value = (target.sum() + 0.5) / (len(target) + 1)
    said = float(np.log(value / (1 - value))) if chance else float(target[0])
    nothing = np.zeros(columns)
    return Window(nothing, nothing, np.ones(columns), nothing, said)


def fit_boosted(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Boosted:
    """Fit shallow, strongly regularised trees on all weeks, of a sample of students where there are very many."""
    every = -(-len(rows) // settings.most_rows)
    if every > 1:
        chosen = pd.util.hash_array(rows["student_id"].to_numpy(dtype=object)) % every == 0
        rows, failed = rows[chosen], failed[chosen]
    median = _medians(rows[list(ALL)].to_numpy("float64"))
    trees = HistGradientBoostingClassifier(
        max_iter=settings.trees, learning_rate=settings.learning_rate, max_leaf_nodes=settings.tree_leaves,
        min_samples_leaf=max(20, min(settings.leaf_students, len(rows) // 50)), l2_regularization=50.0,
        max_features=0.3, early_stopping=False, random_state=settings.seed,
    )  # fmt: skip
    # Two threads gain little on so few rows, and lose much where another process wants the same cores.
    with threadpool_limits(1, user_api="openmp"):
        return Boosted(median, trees.fit(filled(rows, median), failed))


# One feature alone, turned into a probability: the rules, and baselines that a model must beat.
ALONE = {"rules": "risk", "attendance only": "attendance", "previous semester only": "prior_mean"}
# Simplest first: of equals, the simpler wins.
SIMPLICITY = ("rules", "linear", "boosted", "blend")


def fit_all(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> dict[str, Model]:
    """Every candidate and baseline, fitted on the same rows; `blend` is made of the other two."""
    linear, boosted = fit_linear(rows, failed, settings), fit_boosted(rows, failed, settings)
    alone = {name: fit_alone(feature, rows, failed, settings) for name, feature in ALONE.items()}
    return {**alone, "linear": linear, "boosted": boosted, "blend": Blend(linear, boosted)}


def all_logits(models: Mapping[str, Model], rows: pd.DataFrame) -> dict[str, Floats]:
    """What every model of `fit_all` says of some rows; the blend's parts are asked once."""
    found = {
        name: model.logit(rows) for name, model in models.items() if not isinstance(model, Blend)
    }
    return {
        name: found[name] if name in found else (found["linear"] + found["boosted"]) / 2
        for name in models
    }


def calibrate(model: Model, rows: pd.DataFrame, failed: Floats, logits: Floats) -> Calibrated:
    """The model with the shift that fits held-out logits best, by maximum likelihood, the slope kept at 1."""
    terms, shift = _terms(rows), np.zeros(3)
    ridge = 1e-3 * len(rows) * np.eye(3)
    for _ in range(50):
        p = probability(logits + terms @ shift)
        gradient = terms.T @ (failed - p) - ridge @ shift
        step = np.linalg.solve((terms * (p * (1 - p))[:, None]).T @ terms + ridge, gradient)
        shift = shift + step
        if np.abs(step).max() < 1e-9:
            break
    return Calibrated(model, (float(shift[0]), float(shift[1]), float(shift[2])))


def probability(logit: Floats) -> Floats:
    """The probability that a logit stands for."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def smoothed(now: Floats, before: Floats, keep: float) -> Floats:
    """The logit that lists are ordered by: some of last week's is kept; this week's alone where there was none."""
    return np.where(np.isnan(before), now, (1 - keep) * now + keep * before)


def _terms(rows: pd.DataFrame) -> np.ndarray:
    gone = rows["semester_gone"].to_numpy("float64")
    return np.column_stack([np.ones(len(rows)), gone - 0.5, (gone - 0.5) ** 2])


def filled(rows: pd.DataFrame, median: Floats) -> np.ndarray:
    """Rows as trees see them: every feature, the training median where missing, and the week."""
    values = rows[list(ALL)].to_numpy("float64")
    return np.column_stack(
        [np.where(np.isnan(values), median, values), rows["sem_week"].to_numpy("float64")]
    )


def _medians(values: np.ndarray) -> Floats:
    """Each column's median; 0 for a column without any value."""
    known = ~np.isnan(values).all(axis=0)
    median = np.zeros(values.shape[1])
    median[known] = np.nanmedian(values[:, known], axis=0)
    return median
