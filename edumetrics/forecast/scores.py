"""Predictions of exam scores: a score, a range right four times in five, a chance of failing.

The chance is that of a score below the pass mark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from edumetrics.forecast.contest import Question, choose_unless_beaten
from edumetrics.forecast.measures import measure_weeks
from edumetrics.forecast.models import LINEAR, Linear, fit_windows
from edumetrics.params.forecast import Forecast
from edumetrics.scoring.signals import Floats
from edumetrics.types import Exam

FOLDS = 5
# The reports call it the 80% range.
COVERAGE = 0.8
# Penalties that the ridge regression chooses from: small and large colleges need different ones.
STRENGTHS = tuple(np.logspace(0, 4, 9))
# What a forecast must beat: the marks so far as they are, and models of one feature alone.
MARKS, SO_FAR = "mark_with_zeros", "marks so far"
CANDIDATES = {
    "linear": LINEAR,
    "marks so far, fitted": (MARKS,),
    "attendance only": ("attendance",),
    "previous semester only": ("prior_mean",),
}
# Without a past exam nobody knows how far marks so far are from the score: this range, in points,
# is too wide on purpose.
WIDE = 25.0
# Last semester's mean. A model has learnt its effect if this share of the rows tried had one;
# otherwise the studies' value is used, if at least this many students have one.
HISTORY = "prior_mean"
KNOWN_SHARE, LEAST_KNOWN = 0.2, 30
# In published studies of college grades, the means of two successive semesters correlate at .67.
CORRELATION = 0.67


@dataclass(frozen=True)
class ScoreModel:
    """A model of exam scores (percent).

    Attributes:
        linear: ridge regression, week by week.
        residuals: actual less predicted, ascending, of students not seen by the model that
            predicted them.
        spread: standard deviation of the scores it learnt from, in points.
        knows_history: whether it learnt from students whose semester before was known.
    """

    linear: Linear
    residuals: Floats
    spread: float
    knows_history: bool

    def predict(self, rows: pd.DataFrame, pass_mark: float) -> pd.DataFrame:
        """Return the predicted score, its range and the chance of a score below the pass mark.

        The range is split conformal (Vovk et al. 2005): four in five past errors were at most as
        large as half its width. The chance is the share of past errors that would take this
        prediction below the pass mark.

        Args:
            rows: features with sem_week.
            pass_mark: percent.

        Returns:
            predicted, low, high (0..100) and p_fail (0..1), aligned with `rows`.
        """
        history = self._fit_history(rows)
        value, narrower = self.linear.predict_value(rows), np.ones(len(rows))
        if history is not None:
            value = history.middle + history.scale * (value - history.middle) + history.added
            narrower = history.narrower
        n = len(self.residuals)
        # n + 1, because the student to predict is one more: so the coverage is not below 80%.
        level = min(1.0, COVERAGE * (n + 1) / n)
        reach = np.quantile(np.abs(self.residuals), level, method="higher") * narrower
        below = np.searchsorted(self.residuals, (pass_mark - value) / narrower)
        # Half a count more, so that the chance is never 0 or 1.
        return _build_range(value, reach, rows.index).assign(p_fail=(below + 0.5) / (n + 1))

    def compute_contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the score; with `base` they sum to it."""
        parts, history = self.linear.compute_contributions(rows), self._fit_history(rows)
        if history is None:
            return parts
        features = parts.columns.drop("base")
        parts[features] = parts[features].mul(history.scale, axis=0)
        parts["base"] = history.middle + history.scale * (parts["base"] - history.middle)
        parts[HISTORY] += history.added
        return parts

    def _fit_history(self, rows: pd.DataFrame) -> _HistoryEffect | None:
        """Return the effect of last semester's mean, if the model could not learn it; else None.

        The effect comes from the correlation that published studies report (`CORRELATION`). Two
        predictors are combined linearly, by least squares: the model and last semester's mean. The
        model's correlation with the score is known from past residuals, that of the mean from the
        studies, and the correlation between the two from these students. If the three cannot all be
        true, the assumed one is reduced. None also if too few students have a mean, or if it would
        add nothing.
        """
        value, mean = self.linear.predict_value(rows), rows[HISTORY].to_numpy("float64")
        known = ~np.isnan(mean)
        unexplained = (
            min(float(np.var(self.residuals)) / self.spread**2, 1.0) if self.spread else 0.0
        )
        if self.knows_history or known.sum() < LEAST_KNOWN or not unexplained:
            return None
        # A correlation with a constant is not defined.
        if not np.ptp(mean[known]) or not np.ptp(value[known]):
            return None
        ours = np.sqrt(1 - unexplained)
        between = float(np.corrcoef(value[known], mean[known])[0, 1])
        rest = 1 - between**2
        # The assumption may explain at most half of what the model leaves unexplained.
        most = between * ours + np.sqrt(rest * unexplained / 2)
        theirs = min(CORRELATION, most)
        weight = (theirs - between * ours) / rest if rest > 0 else 0.0
        if weight <= 0:
            return None
        own = (ours - between * theirs) / rest
        explained = own * ours + weight * theirs
        # Students without a mean keep the model's prediction and its range.
        scale, added = np.ones(len(rows)), np.zeros(len(rows))
        scale[known] = self.spread * own / value[known].std()
        added[known] = self.spread * weight * _normalize(mean[known])
        narrower = np.where(known, np.sqrt((1 - explained) / unexplained), 1.0)
        return _HistoryEffect(float(value[known].mean()), scale, added, narrower)


@dataclass(frozen=True)
class _HistoryEffect:
    """The effect of last semester's mean on predictions.

    Attributes:
        middle: the mean of the model's predictions, in points.
        scale: the factor for the model's prediction around `middle`, one for each student.
        added: points added after that.
        narrower: the factor for the residuals, at most 1.
    """

    middle: float
    scale: Floats
    added: Floats
    narrower: Floats


def _normalize(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / values.std())


def predict_baseline(rows: pd.DataFrame, pass_mark: float) -> pd.DataFrame:
    """Return marks so far with a wide range, for a college without a past exam to learn from.

    Args:
        rows: features.
        pass_mark: percent; also the prediction for students without any mark so far.

    Returns:
        As `ScoreModel.predict`; p_fail is rough (see `estimate_chance`), and NaN for students
        without any mark.
    """
    marks = rows[MARKS].to_numpy("float64")
    value = np.where(np.isnan(marks), pass_mark, marks)
    chance = estimate_chance(marks, pass_mark)
    return _build_range(value, WIDE, rows.index).assign(p_fail=chance)


def estimate_chance(marks: Floats, pass_mark: float) -> Floats:
    """Return the share of the wide range's distribution that lies below the pass mark, 0..1.

    The range holds four in five scores, and the distribution is taken to be normal. It is rough:
    nothing has been learnt from a past exam. NaN where there is no mark.
    """
    # Quantile and distribution function of the normal distribution.
    spread = WIDE / special.ndtri((1 + COVERAGE) / 2)
    return np.asarray(special.ndtr((pass_mark - marks) / spread))


def build_question(exam: Exam, settings: Forecast) -> Question[Linear, ScoreModel]:
    """Return the question what score a student gets in an exam.

    Its rows are features with student_id, class_id, sem_week and score (percent).

    Args:
        exam: which exam.
        settings: how many students are enough.
    """
    return Question(
        task=exam,
        outcome="score",
        folds=FOLDS,
        has_enough=lambda rows: rows["student_id"].nunique() >= settings.least_students,
        fit=lambda rows, _=None: {
            name: _fit(rows, columns) for name, columns in CANDIDATES.items()
        },
        predict=lambda models, rows: {n: model.predict_value(rows) for n, model in models.items()},
        convert=_convert_to_percent,
        measure=_measure_by_week,
        # If no work is marked before the exam, marks so far have no error, and the model is kept.
        choose=lambda tables: choose_unless_beaten(tables, "linear", SO_FAR, "mae"),
        finish=_build_model,
        get_features=lambda _: LINEAR,
        baselines={SO_FAR: lambda rows: rows[MARKS].to_numpy("float64")},
    )


def _fit(rows: pd.DataFrame, columns: tuple[str, ...]) -> Linear:
    from sklearn.linear_model import RidgeCV

    score = rows["score"].to_numpy("float64")
    # The two weeks before an exam are alike: each also learns from the other.
    return fit_windows(
        rows, score, columns, lambda: RidgeCV(STRENGTHS), reach=max(rows["sem_week"])
    )


def _build_model(
    linear: Linear, rows: pd.DataFrame, tried: pd.DataFrame, said: Floats
) -> ScoreModel:
    # Only rows of the trial: residuals of rows that the model has seen would be too small.
    residuals = np.sort(tried["score"].to_numpy() - said)
    knows = bool(tried[HISTORY].notna().mean() >= KNOWN_SHARE)
    return ScoreModel(linear, residuals, float(rows["score"].std(ddof=0)), knows)


def _convert_to_percent(value: Floats) -> Floats:
    return np.clip(value, 0, 100)


def _measure_by_week(rows: pd.DataFrame, value: Floats) -> pd.DataFrame:
    """Return n, mae, coverage and width, by week.

    Coverage and width are those of a range made from the errors of half of the classes and tested
    on the scores of the other half.
    """
    return measure_weeks(rows.assign(value=_convert_to_percent(value)), _measure_week)


def _measure_week(part: pd.DataFrame) -> dict[str, float]:
    error = (part["score"] - part["value"]).dropna()
    # A range tested on the errors that it was made from would always hold four in five.
    half = part.loc[error.index, "class_id"].rank(method="dense") % 2 == 0
    pairs = [(error[half], error[~half]), (error[~half], error[half])]
    reach = [np.quantile(past.abs(), COVERAGE) if len(past) else np.nan for past, _ in pairs]
    held = [(now.abs() <= r).sum() for r, (_, now) in zip(reach, pairs, strict=True)]
    known = len(error) > 0
    return {
        "n": len(error),
        "mae": error.abs().mean(),
        "coverage": sum(held) / len(error) if known else np.nan,
        "width": 2 * float(np.nanmean(reach)) if known else np.nan,
    }


def _build_range(value: Floats, reach: Floats | float, index: pd.Index) -> pd.DataFrame:
    # A score is a percentage, so neither the prediction nor its range may leave 0..100.
    frame = pd.DataFrame(
        {"predicted": value, "low": value - reach, "high": value + reach}, index=index
    )
    return frame.clip(0, 100)
