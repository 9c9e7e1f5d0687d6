"""How high the exam will be: a predicted score, a range that holds four times in five, and the chance of failing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

from edumetrics.forecast import folds
from edumetrics.forecast.measures import Measured, by_class, reliability
from edumetrics.forecast.models import LINEAR, Linear, fit_windows
from edumetrics.params import Forecast
from edumetrics.scoring.signals import Floats

FOLDS = 5
COVERAGE = 0.8
STRENGTHS = tuple(np.logspace(0, 4, 9))
# What a forecast must beat: the marks so far as they stand, and one thing alone, fitted.
MARKS = "mark_with_zeros"
ALONE = {
    "marks so far, fitted": MARKS,
    "attendance only": "attendance",
    "previous semester only": "prior_mean",
}
# Where no past exam says how far marks so far are from the exam: a range that is meant to be too wide.
WIDE = 25.0
BASELINE = "baseline"
# Last semester's mean: learnt where enough of the training rows had one; else as studies say, of enough students.
HISTORY = "prior_mean"
KNOWN_SHARE, LEAST_KNOWN = 0.2, 30
# Averages of two semesters running correlate at about .67 in published studies of college grades.
CORRELATION = 0.67


@dataclass(frozen=True)
class Scores:
    """A model of exam scores (percent).

    Attributes:
        linear: ridge regression, week by week.
        residuals: actual less predicted of students that the model behind them had not seen, ascending.
        spread: standard deviation of the scores it learnt from.
        knows_history: whether it has learnt from students whose semester before was known.
    """

    linear: Linear
    residuals: Floats
    spread: float
    knows_history: bool

    def predict(self, rows: pd.DataFrame, pass_mark: float) -> pd.DataFrame:
        """Predicted score, its range and the chance of a score below the pass mark.

        The range is split conformal (Vovk et al. 2005): as wide as past predictions were wrong four times in five. The
        chance is the share of past residuals that would have taken this prediction below the pass mark.

        Returns:
            predicted, low, high (0..100) and p_fail (0..1), aligned with `rows`.
        """
        history = self._history(rows)
        value, narrower = self.linear.value(rows), np.ones(len(rows))
        if history is not None:
            value = history.middle + history.scale * (value - history.middle) + history.added
            narrower = history.narrower
        n = len(self.residuals)
        level = min(1.0, COVERAGE * (n + 1) / n)
        reach = np.quantile(np.abs(self.residuals), level, method="higher") * narrower
        below = np.searchsorted(self.residuals, (pass_mark - value) / narrower)
        return _ranged(value, reach, rows.index).assign(p_fail=(below + 0.5) / (n + 1))

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the score; with `base` they sum to it."""
        parts, history = self.linear.contributions(rows), self._history(rows)
        if history is None:
            return parts
        features = parts.columns.drop("base")
        parts[features] = parts[features].mul(history.scale, axis=0)
        parts["base"] = history.middle + history.scale * (parts["base"] - history.middle)
        parts[HISTORY] += history.added
        return parts

    def _history(self, rows: pd.DataFrame) -> _History | None:
        """Last semester's mean, where no term has taught the model what that is worth; None where one has.

        Then it enters by the correlation that published studies report (`CORRELATION`): the best linear combination of
        two predictors, of which one's correlation with the score is known from past residuals, the other's from the
        studies, and their own from these students. Where the three cannot all be true, the assumed one gives way.
        """
        value, mean = self.linear.value(rows), rows[HISTORY].to_numpy("float64")
        known = ~np.isnan(mean)
        unexplained = (
            min(float(np.var(self.residuals)) / self.spread**2, 1.0) if self.spread else 0.0
        )
        if self.knows_history or known.sum() < LEAST_KNOWN or not unexplained:
            return None
        if not np.ptp(mean[known]) or not np.ptp(value[known]):
            return None
        ours = np.sqrt(1 - unexplained)
        between = float(np.corrcoef(value[known], mean[known])[0, 1])
        rest = 1 - between**2
        # At most half of what the model leaves open may be explained by the assumption.
        most = between * ours + np.sqrt(rest * unexplained / 2)
        theirs = min(CORRELATION, most)
        weight = (theirs - between * ours) / rest if rest > 0 else 0.0
        if weight <= 0:
            return None
        own = (ours - between * theirs) / rest
        explained = own * ours + weight * theirs
        scale, added = np.ones(len(rows)), np.zeros(len(rows))
        scale[known] = self.spread * own / value[known].std()
        added[known] = self.spread * weight * _standard(mean[known])
        narrower = np.where(known, np.sqrt((1 - explained) / unexplained), 1.0)
        return _History(float(value[known].mean()), scale, added, narrower)


@dataclass(frozen=True)
class _History:
    """How last semester's mean changes predictions: the model's are scaled around `middle`, then `added` to.

    `narrower` is by how much their residuals shrink.
    """

    middle: float
    scale: Floats
    added: Floats
    narrower: Floats


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / values.std())


@dataclass(frozen=True)
class Trial:
    """How every candidate did on students that it had not seen, and what is kept.

    Attributes:
        measured: by candidate, how it did; its weeks: n, mae, coverage and width of its range.
        model: the fitted model; None where marks so far, as they stand, did better.
        rows: how many rows it learnt from.
    """

    measured: dict[str, Measured]
    model: Scores | None
    rows: int


def baseline(rows: pd.DataFrame, pass_mark: float) -> pd.DataFrame:
    """Marks so far with a wide range, as `Scores.predict` where there is nothing to learn from; p_fail is NaN.

    Students without any mark so far are predicted the pass mark.
    """
    value = rows[MARKS].fillna(pass_mark).to_numpy("float64")
    return _ranged(value, WIDE, rows.index).assign(p_fail=np.nan)


def trial(terms: Mapping[str, pd.DataFrame], settings: Forecast) -> Trial | None:
    """Fit on all terms but the last and try on the last (by class where there is one term only), then refit on all.

    Args:
        terms: by name, rows of features with class_id, sem_week and score (percent).
        settings: how many students are enough.

    Returns:
        The trial; None where too little is known to learn from.
    """
    rows = (
        pd.concat([terms[name].assign(term=name) for name in sorted(terms)], ignore_index=True)
        if terms
        else None
    )
    if rows is None or not _enough(rows, settings):
        return None
    unseen: dict[str, Floats] = {}
    tried = np.zeros(len(rows), dtype=bool)
    for seen, held_out in folds.last_term(rows, lambda part: _enough(part, settings), FOLDS):
        tried[held_out] = True
        part = rows.iloc[seen]
        for name, columns in (
            ("linear", LINEAR),
            *((key, (column,)) for key, column in ALONE.items()),
        ):
            fitted = _fit(part, columns)
            unseen.setdefault(name, np.full(len(rows), np.nan))[held_out] = fitted.value(
                rows.iloc[held_out]
            )
    unseen["marks so far"] = rows[MARKS].to_numpy("float64")
    measured = {name: _measured(rows[tried], value[tried]) for name, value in unseen.items()}
    mae = {name: found.by_week["mae"].mean() for name, found in measured.items()}
    model = None
    # Where no work is marked before the exam there are no marks so far to be better than.
    if not mae["linear"] >= mae["marks so far"]:
        residuals = (rows["score"].to_numpy() - unseen["linear"])[tried]
        knows = bool(rows.loc[tried, HISTORY].notna().mean() >= KNOWN_SHARE)
        model = Scores(
            _fit(rows, LINEAR), np.sort(residuals), float(rows["score"].std(ddof=0)), knows
        )
    return Trial(measured, model, len(rows))


def _fit(rows: pd.DataFrame, columns: tuple[str, ...]) -> Linear:
    score = rows["score"].to_numpy("float64")
    # Both weeks before an exam are alike: each learns from the other too.
    return fit_windows(
        rows, score, columns, lambda: RidgeCV(STRENGTHS), reach=max(rows["sem_week"])
    )


def _enough(rows: pd.DataFrame, settings: Forecast) -> bool:
    return bool(rows["student_id"].nunique() >= settings.least_students)


def _measured(rows: pd.DataFrame, value: Floats) -> Measured:
    known = ~np.isnan(value)
    part, said = rows[known], np.clip(value[known], 0, 100)
    score = part["score"].to_numpy("float64")
    return Measured(
        _by_week(rows, value), reliability(said, score), by_class(part["class_id"], said, score)
    )


def _by_week(rows: pd.DataFrame, value: Floats) -> pd.DataFrame:
    """n, mae, and how often and how widely a range made of one half of the classes holds the other's scores."""
    found = {}
    for week, part in rows.assign(value=np.clip(value, 0, 100)).groupby("sem_week"):
        error = (part["score"] - part["value"]).dropna()
        half = part.loc[error.index, "class_id"].rank(method="dense") % 2 == 0
        pairs = [(error[half], error[~half]), (error[~half], error[half])]
        reach = [np.quantile(past.abs(), COVERAGE) if len(past) else np.nan for past, _ in pairs]
        held = [(now.abs() <= r).sum() for r, (_, now) in zip(reach, pairs, strict=True)]
        known = len(error) > 0
        found[week] = {
            "n": len(error),
            "mae": error.abs().mean(),
            "coverage": sum(held) / len(error) if known else np.nan,
            "width": 2 * float(np.nanmean(reach)) if known else np.nan,
        }
    return pd.DataFrame(found).T.rename_axis("sem_week")


def _ranged(value: Floats, reach: Floats | float, index: pd.Index) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"predicted": value, "low": value - reach, "high": value + reach}, index=index
    )
    return frame.clip(0, 100)
