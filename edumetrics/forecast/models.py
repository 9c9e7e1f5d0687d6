"""The candidate models: each gives every student of a week a logit of failing or leaving."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from edumetrics.fields import FEATURES
from edumetrics.forecast.features import CALENDAR
from edumetrics.params.forecast import Forecast
from edumetrics.scoring.signals import Floats, compute_probability

if TYPE_CHECKING:
    # Half of the time that a command takes to start: scikit-learn is imported where it is used.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression, RidgeCV

# The linear models of one week leave out what is the same for everyone in that week of every year.
LINEAR = tuple(name for name in FEATURES if name not in CALENDAR)
ALL = tuple(FEATURES)
# Logits are cut at ±8, a chance of 0.03% or 99.97%: a forecast is never certain.
MOST = 8.0
# Trees have one leaf more for every so many rows that they learn from.
ROWS_A_LEAF = 1500
# A feature in which a smaller share of the rows than this differs from the others is left out.
RARE = 0.02


class LogitModel(Protocol):
    """A model that gives rows of features (with sem_week) a logit."""

    def predict_logit(self, rows: pd.DataFrame) -> Floats:
        """Return the logit of failing or leaving, one for each row."""


@dataclass(frozen=True)
class Window:
    """The linear model of one week, learnt from that week and its neighbours.

    Attributes:
        median, mean, scale, coefficient: aligned with the columns of the `Linear` it belongs to.
        intercept: the value where all features are at their mean.
    """

    median: Floats
    mean: Floats
    scale: Floats
    coefficient: Floats
    intercept: float

    def scale_features(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the features, centred and scaled; the training median replaces missing values."""
        values = rows.to_numpy("float64")
        return np.asarray(
            (np.where(np.isnan(values), self.median, values) - self.mean) / self.scale
        )


@dataclass(frozen=True)
class Linear:
    """A linear model of a logit or a score, in overlapping windows of weeks.

    Attributes:
        columns: the features that it uses.
        windows: the model of each week, by semester week.
    """

    columns: tuple[str, ...]
    windows: dict[int, Window]

    def predict_logit(self, rows: pd.DataFrame) -> Floats:
        """Return the logit, one for each row, within ±`MOST`."""
        return np.asarray(np.clip(self.predict_value(rows), -MOST, MOST))

    def predict_value(self, rows: pd.DataFrame) -> Floats:
        """Return the value that the model of each row's week gives, without limits."""
        values, weeks = np.zeros(len(rows)), rows["sem_week"].to_numpy()
        for week in np.unique(weeks):
            window = self.find_window(int(week))
            part = rows.loc[weeks == week, list(self.columns)]
            values[weeks == week] = (
                window.scale_features(part) @ window.coefficient + window.intercept
            )
        return values

    def compute_contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the value, compared with the average training row.

        With `base`, the value of that row, they sum to `value`.
        """
        columns = list(self.columns)
        frame = pd.DataFrame(0.0, index=rows.index, columns=[*columns, "base"])
        for week, part in rows.groupby("sem_week"):
            window = self.find_window(int(str(week)))
            frame.loc[part.index, columns] = (
                window.scale_features(part[columns]) * window.coefficient
            )
            frame.loc[part.index, "base"] = window.intercept
        return frame

    def find_window(self, week: int) -> Window:
        """Return the model of a week, or that of the nearest week if it has none."""
        # Of two weeks equally near, the earlier.
        return self.windows[min(self.windows, key=lambda known: (abs(known - week), known))]


@dataclass(frozen=True)
class Boosted:
    """Gradient boosting over all weeks; the week is one of its features."""

    median: Floats
    trees: HistGradientBoostingClassifier

    def predict_logit(self, rows: pd.DataFrame) -> Floats:
        """Return the logit, one for each row, within ±`MOST`."""
        # One thread, for the reason given in `fit_boosted`.
        with threadpool_limits(1, user_api="openmp"):
            return np.asarray(
                np.clip(
                    self.trees.decision_function(replace_missing(rows, self.median)), -MOST, MOST
                )
            )


@dataclass(frozen=True)
class Blend:
    """The mean of the linear and the boosted logit."""

    linear: Linear
    boosted: Boosted

    def predict_logit(self, rows: pd.DataFrame) -> Floats:
        """Return the logit, one for each row."""
        return (self.linear.predict_logit(rows) + self.boosted.predict_logit(rows)) / 2


@dataclass(frozen=True)
class Calibrated:
    """A model with a shift of its logit; the slope of the logit is kept.

    Attributes:
        model: the model before calibration.
        shift: coefficients of the shift, a quadratic in the share of the semester that is over.
    """

    model: LogitModel
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def predict_logit(self, rows: pd.DataFrame) -> Floats:
        """Return the calibrated logit, one for each row."""
        return np.asarray(self.model.predict_logit(rows) + self.compute_shift(rows))

    def compute_shift(self, rows: pd.DataFrame) -> Floats:
        """Return what calibration adds to the logit, one for each row."""
        return np.asarray(_build_terms(rows) @ np.array(self.shift))


def fit_linear(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Linear:
    """Return one logistic regression for every week, fitted on the weeks around it."""
    return fit_windows(
        rows,
        failed,
        LINEAR,
        make_logistic(settings.linear_c),
        settings.window,
        settings.most_rows // 2,
    )


def fit_alone(name: str, rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Linear:
    """Return a model of one feature alone, fitted week by week.

    It is hardly regularised, because one feature cannot overfit.
    """
    return fit_windows(
        rows, failed, (name,), make_logistic(1.0), settings.window, settings.most_rows // 2
    )


def make_logistic(strength: float) -> Callable[[], LogisticRegression]:
    """Return what makes a logistic regression; less `strength` shrinks its coefficients more."""
    from sklearn.linear_model import LogisticRegression

    return lambda: LogisticRegression(C=strength, max_iter=2000)


def fit_windows(
    rows: pd.DataFrame,
    target: Floats,
    columns: tuple[str, ...],
    estimator: Callable[[], LogisticRegression | RidgeCV],
    reach: int,
    most: int | None = None,
) -> Linear:
    """Return a linear model with one window for every week of the rows.

    Args:
        rows: student_id, sem_week and `columns`; NaN where a value is missing.
        target: what to predict, one for each row.
        columns: the features to use.
        estimator: makes a new, unfitted model.
        reach: a window also learns from weeks up to this many weeks away.
        most: about how many rows a window learns from at most; None is no limit.
    """
    from sklearn.base import is_classifier

    weeks, windows = rows["sem_week"].to_numpy(), {}
    every = rows[list(columns)].to_numpy("float64")
    # A hash of the id samples whole students, and the same ones in every run.
    lot = (
        pd.util.hash_array(rows["student_id"].to_numpy(dtype=object))
        if most
        else np.zeros(len(rows))
    )
    for week in np.unique(weeks):
        near = np.abs(weeks - week) <= reach
        if most and near.sum() > most:
            near &= lot % -(-near.sum() // most) == 0
        # Logistic regression raises an error if all outcomes are the same.
        if len(np.unique(target[near])) < 2:
            windows[int(week)] = _make_constant_window(
                len(columns), target[near], chance=is_classifier(estimator())
            )
            continue
        median = _compute_medians(every[near])
        values = np.where(np.isnan(every[near]), median, every[near])
        # Scaled, the few who differ would be far out, and the model would learn them by heart.
        values[:, (values != median).mean(axis=0) < RARE] = 0.0
        mean, scale = values.mean(axis=0), values.std(axis=0)
        # A feature that is the same for everyone must not be divided by 0.
        scale = np.where(scale > 0, scale, 1.0)
        # Scaled, all features are shrunk alike by the penalty.
        fitted = estimator().fit((values - mean) / scale, target[near])
        windows[int(week)] = Window(
            median, mean, scale, np.ravel(fitted.coef_), float(np.ravel(fitted.intercept_)[0])
        )
    return Linear(columns, windows)


def _make_constant_window(columns: int, target: Floats, *, chance: bool) -> Window:
    """Return the model of a week in which all targets are the same: a constant for everyone.

    Args:
        columns: how many features the model has; none has an effect.
        target: the targets of the week.
        chance: whether the constant is a logit, which is never certain, or a score.
    """
    # Half a failure is added, so that the chance is neither 0 nor 1 and its logit is finite.
    value = (target.sum() + 0.5) / (len(target) + 1)
    said = float(np.log(value / (1 - value))) if chance else float(target[0])
    nothing = np.zeros(columns)
    return Window(nothing, nothing, np.ones(columns), nothing, said)


def fit_boosted(rows: pd.DataFrame, failed: Floats, settings: Forecast) -> Boosted:
    """Return shallow, strongly regularised trees, fitted on all weeks.

    If there are more rows than `most_rows`, the trees learn from a sample of the students.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    every = -(-len(rows) // settings.most_rows)  # rounded up
    if every > 1:
        chosen = pd.util.hash_array(rows["student_id"].to_numpy(dtype=object)) % every == 0
        rows, failed = rows[chosen], failed[chosen]
    median = _compute_medians(rows[list(ALL)].to_numpy("float64"))
    # A small college gets smaller leaves, down to 20 rows: otherwise its trees could not split. It
    # also gets fewer of them: larger trees would learn it by heart.
    trees = HistGradientBoostingClassifier(
        max_iter=settings.trees,
        learning_rate=settings.learning_rate,
        max_leaf_nodes=max(2, min(settings.tree_leaves, len(rows) // ROWS_A_LEAF)),
        min_samples_leaf=max(20, min(settings.leaf_students, len(rows) // 50)),
        l2_regularization=50.0,
        max_features=0.15,
        early_stopping=False,
        random_state=settings.seed,
    )
    # A second thread gains little on so few rows, and loses much if other processes use the cores.
    with threadpool_limits(1, user_api="openmp"):
        return Boosted(median, trees.fit(replace_missing(rows, median), failed))


# One feature alone, turned into a probability: the rules, and the baselines that a model must beat.
# The names are stored in `model_runs`.
ALONE = {"rules": "risk", "attendance only": "attendance", "previous semester only": "prior_mean"}
# Candidates for champion, simplest first: in a tie the simpler one wins.
SIMPLICITY = ("rules", "linear", "boosted", "blend")


def fit_all(
    rows: pd.DataFrame,
    failed: Floats,
    settings: Forecast,
    names: Collection[str] | None = None,
) -> dict[str, LogitModel]:
    """Return candidates and baselines by name, fitted on the same rows; all where None are named.

    `blend` consists of the `linear` and `boosted` models; these are returned with it.
    """
    asked = set(names or (*ALONE, "linear", "boosted", "blend"))
    found: dict[str, LogitModel] = {
        name: fit_alone(feature, rows, failed, settings)
        for name, feature in ALONE.items()
        if name in asked
    }
    if asked & {"linear", "blend"}:
        found["linear"] = linear = fit_linear(rows, failed, settings)
    if asked & {"boosted", "blend"}:
        found["boosted"] = boosted = fit_boosted(rows, failed, settings)
    if "blend" in asked:
        found["blend"] = Blend(linear, boosted)
    return found


def predict_all(models: Mapping[str, LogitModel], rows: pd.DataFrame) -> dict[str, Floats]:
    """Return the logits of every model of `fit_all`, by name."""
    # The blend is computed from its parts: trees are slow, and run once this way.
    found = {
        name: model.predict_logit(rows)
        for name, model in models.items()
        if not isinstance(model, Blend)
    }
    return {
        name: found[name] if name in found else (found["linear"] + found["boosted"]) / 2
        for name in models
    }


def calibrate(model: LogitModel, rows: pd.DataFrame, failed: Floats, logits: Floats) -> Calibrated:
    """Return the model with the shift that fits its logits best, by penalised maximum likelihood.

    The slope is kept at 1.

    Args:
        model: the model to calibrate.
        rows: semester_gone, one row for each logit.
        failed: the outcomes, 0 or 1.
        logits: logits of the rows from models that had not seen them.
    """
    terms, shift = _build_terms(rows), np.zeros(3)
    # The penalty grows with the rows, so that it weighs the same at a small and a large college.
    ridge = 1e-3 * len(rows) * np.eye(3)
    for _ in range(50):
        p = compute_probability(logits + terms @ shift)
        gradient = terms.T @ (failed - p) - ridge @ shift
        step = np.linalg.solve((terms * (p * (1 - p))[:, None]).T @ terms + ridge, gradient)
        shift = shift + step
        if np.abs(step).max() < 1e-9:
            break
    return Calibrated(model, (float(shift[0]), float(shift[1]), float(shift[2])))


def _build_terms(rows: pd.DataFrame) -> np.ndarray:
    # Centred on the middle of the semester, so that the three terms are nearly independent.
    gone = rows["semester_gone"].to_numpy("float64")
    return np.column_stack([np.ones(len(rows)), gone - 0.5, (gone - 0.5) ** 2])


def replace_missing(rows: pd.DataFrame, median: Floats) -> np.ndarray:
    """Return the rows as trees see them: every feature, then the week.

    The training median replaces missing values.
    """
    # Trees could treat missing values by themselves, but "missing" tells classes apart and not
    # students. `explain` expects the week in the last column.
    values = rows[list(ALL)].to_numpy("float64")
    return np.column_stack(
        [np.where(np.isnan(values), median, values), rows["sem_week"].to_numpy("float64")]
    )


def _compute_medians(values: np.ndarray) -> Floats:
    """Return the median of each column; 0 for a column without any value."""
    # nanmedian gives NaN and a warning for a column without any value.
    known = ~np.isnan(values).all(axis=0)
    median = np.zeros(values.shape[1])
    median[known] = np.nanmedian(values[:, known], axis=0)
    return median
