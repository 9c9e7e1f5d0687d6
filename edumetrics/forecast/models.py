"""The candidates: each gives every student of a week a logit of failing or leaving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

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
    """The linear model of one week, learnt from it and its neighbours; arrays are aligned with `LINEAR`."""

    median: Floats
    mean: Floats
    scale: Floats
    coefficient: Floats
    intercept: float

    def standard(self, rows: pd.DataFrame) -> np.ndarray:
        """Features as the model sees them: the training median where missing, centred and scaled."""
        values = rows[list(LINEAR)].to_numpy("float64")
        return np.asarray((np.where(np.isnan(values), self.median, values) - self.mean) / self.scale)


@dataclass(frozen=True)
class Linear:
    """Logistic regression in overlapping windows of weeks."""

    windows: dict[int, Window]

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        return self._each(rows, lambda window, part: window.standard(part) @ window.coefficient + window.intercept)

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the logit against the average training row: with `base` they sum to the logit."""
        frame = pd.DataFrame(0.0, index=rows.index, columns=[*LINEAR, "base"])
        for week, part in rows.groupby("sem_week"):
            window = self.window(int(str(week)))
            frame.loc[part.index, list(LINEAR)] = window.standard(part) * window.coefficient
            frame.loc[part.index, "base"] = window.intercept
        return frame

    def window(self, week: int) -> Window:
        """The model of a week; of the nearest week that has one."""
        return self.windows[min(self.windows, key=lambda known: (abs(known - week), known))]

    def _each(self, rows: pd.DataFrame, score: Callable[[Window, pd.DataFrame], Floats]) -> Floats:
        logits = np.zeros(len(rows))
        weeks = rows["sem_week"].to_numpy()
        for week in np.unique(weeks):
            logits[weeks == week] = score(self.window(int(week)), rows[weeks == week])
        return np.asarray(np.clip(logits, -MOST, MOST))


@dataclass(frozen=True)
class Boosted:
    """Gradient boosting over all weeks, the week one of its features."""

    median: Floats
    trees: HistGradientBoostingClassifier

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        return np.asarray(np.clip(self.trees.decision_function(_filled(rows, self.median)), -MOST, MOST))


@dataclass(frozen=True)
class Blend:
    """The mean of the two logits."""

    linear: Linear
    boosted: Boosted

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        return (self.linear.logit(rows) + self.boosted.logit(rows)) / 2


@dataclass(frozen=True)
class Column:
    """One feature alone, turned into a probability: the rules, or a baseline that a model must beat."""

    name: str
    windows: dict[int, tuple[float, float, float]]

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The logit, one for each row."""
        values, weeks = rows[self.name].to_numpy("float64"), rows["sem_week"].to_numpy()
        found = np.zeros(len(rows))
        for week in np.unique(weeks):
            at = weeks == week
            median, slope, intercept = self.windows[min(self.windows, key=lambda known: (abs(known - week), known))]
            found[at] = slope * np.where(np.isnan(values[at]), median, values[at]) + intercept
        return np.clip(found, -MOST, MOST)


@dataclass(frozen=True)
class Calibrated:
    """A model, shifted by an amount that varies smoothly with the share of the semester gone; its slope is kept."""

    model: Model
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def logit(self, rows: pd.DataFrame) -> Floats:
        """The calibrated logit, one for each row."""
        return np.asarray(self.model.logit(rows) + _terms(rows) @ np.array(self.shift))


def fit_linear(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Linear:
    """Fit one logistic regression for every week, on the weeks around it."""
    return Linear(_fit_windows(rows, failed, LINEAR, settings.linear_c, settings.window))


def _fit_windows(
    rows: pd.DataFrame, failed: Floats, columns: tuple[str, ...], strength: float, reach: int
) -> dict[int, Window]:
    weeks, windows = rows["sem_week"].to_numpy(), {}
    every = rows[list(columns)].to_numpy("float64")
    for week in np.unique(weeks):
        near = np.abs(weeks - week) <= reach
        if len(np.unique(failed[near])) < 2:
            continue
        median = _medians(every[near])
        values = np.where(np.isnan(every[near]), median, every[near])
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        fitted = LogisticRegression(C=strength, max_iter=2000).fit((values - mean) / scale, failed[near])
        windows[int(week)] = Window(median, mean, scale, fitted.coef_[0], float(fitted.intercept_[0]))
    return windows


def fit_boosted(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Boosted:
    """Fit shallow, strongly regularised trees on all weeks, of a sample of students where there are very many."""
    every = max(1, -(-len(rows) // settings.most_rows))
    if every > 1:
        chosen = pd.util.hash_array(rows["student_id"].to_numpy(dtype=object)) % every == 0
        rows, failed = rows[chosen], failed[chosen]
    median = _medians(rows[list(ALL)].to_numpy("float64"))
    trees = HistGradientBoostingClassifier(
        max_iter=settings.trees, learning_rate=settings.learning_rate, max_leaf_nodes=settings.tree_leaves,
        min_samples_leaf=max(20, min(settings.leaf_students, len(rows) // 50)), l2_regularization=50.0,
        max_features=0.3, early_stopping=False, random_state=settings.seed,
    )  # fmt: skip
    return Boosted(median, trees.fit(_filled(rows, median), failed))


def fit_column(name: str, rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Column:
    """Fit one feature alone, week by week; hardly regularised: it cannot overfit."""
    windows = _fit_windows(rows, failed, (name,), 1.0, settings.window)
    return Column(
        name,
        {
            week: (float(w.median[0]), float(w.coefficient[0] / w.scale[0]),
                   float(w.intercept - w.coefficient[0] * w.mean[0] / w.scale[0]))
            for week, w in windows.items()
        },
    )  # fmt: skip


FITS: dict[str, Callable[[pd.DataFrame, Floats, Forecast], Any]] = {
    "rules": lambda rows, failed, settings: fit_column("risk", rows, failed, settings),
    "linear": fit_linear,
    "boosted": fit_boosted,
    "attendance only": lambda rows, failed, settings: fit_column("attendance", rows, failed, settings),
    "previous semester only": lambda rows, failed, settings: fit_column("prior_mean", rows, failed, settings),
}
# Simplest first: of equals, the simpler wins.
SIMPLICITY = ("rules", "linear", "boosted", "blend")


def fit_all(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> dict[str, Model]:
    """Every candidate and baseline, fitted on the same rows; `blend` is made of the other two."""
    fitted: dict[str, Model] = {name: fit(rows, failed, settings) for name, fit in FITS.items()}
    linear, boosted = fitted["linear"], fitted["boosted"]
    assert isinstance(linear, Linear)
    assert isinstance(boosted, Boosted)
    return {**fitted, "blend": Blend(linear, boosted)}


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
    return np.asarray(1 / (1 + np.exp(-logit)))


def smoothed(now: Floats, before: Floats, keep: float) -> Floats:
    """The logit that lists are ordered by: some of last week's is kept; this week's alone where there was none."""
    return np.where(np.isnan(before), now, (1 - keep) * now + keep * before)


def _terms(rows: pd.DataFrame) -> np.ndarray:
    gone = rows["semester_gone"].to_numpy("float64")
    return np.column_stack([np.ones(len(rows)), gone - 0.5, (gone - 0.5) ** 2])


def _filled(rows: pd.DataFrame, median: Floats) -> np.ndarray:
    values = rows[list(ALL)].to_numpy("float64")
    return np.column_stack([np.where(np.isnan(values), median, values), rows["sem_week"].to_numpy("float64")])


def _medians(values: np.ndarray) -> Floats:
    """Each column's median; 0 for a column without any value."""
    known = ~np.isnan(values).all(axis=0)
    median = np.zeros(values.shape[1])
    median[known] = np.nanmedian(values[:, known], axis=0)
    return median
