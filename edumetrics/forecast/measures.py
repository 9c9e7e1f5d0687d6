"""Measures of forecasts: how well chances and scores agree with what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.scoring.signals import Floats

# The documentation names ten bins too, for the reliability table and the calibration error.
BINS = 10
# Newton's steps are at most 1 long, so 30 reach any slope of interest. Beyond a logit of 30 the
# chance is 0 or 1 to all digits that matter, and exp() could overflow.
NEWTON, SATURATED = 30, 30.0


@dataclass(frozen=True)
class Measures:
    """The measures of a forecast on a term that it had not seen.

    Attributes:
        by_week: one row a week.
        reliability: as the function `compute_reliability`, over all weeks.
        by_class: as the function `measure_by_class`, over all weeks.
    """

    by_week: pd.DataFrame
    reliability: pd.DataFrame
    by_class: pd.DataFrame


def measure_chances(p: Floats, failed: np.ndarray) -> dict[str, float]:
    """Return n, base_rate, auc, average_precision, brier and calibration_error.

    Args:
        p: the chances, 0..1.
        failed: the outcomes, in the same order.

    Returns:
        By name; auc and average_precision are NaN if nobody failed or everyone did.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    # scikit-learn cannot compute a ROC curve from one kind of outcome.
    both = 0 < failed.sum() < len(failed)
    return {
        "n": len(p),
        "base_rate": failed.mean(),
        "auc": roc_auc_score(failed, p) if both else np.nan,
        "average_precision": average_precision_score(failed, p) if both else np.nan,
        "brier": np.mean((p - failed) ** 2),
        "calibration_error": compute_calibration_error(p, failed),
    }


def measure_weeks(
    rows: pd.DataFrame, measure: Callable[[pd.DataFrame], dict[str, float]]
) -> pd.DataFrame:
    """Return what `measure` finds in the rows of each week: one row per sem_week (the index)."""
    found = {week: measure(part) for week, part in rows.groupby("sem_week")}
    return pd.DataFrame(found).T.rename_axis("sem_week")


def compute_calibration_error(p: Floats, failed: np.ndarray) -> float:
    """Return the expected calibration error over ten bins of equal size.

    It is the mean distance, over the bins, between the forecast and the share who failed.
    """
    table = compute_reliability(p, failed)
    return float(
        (table["n"] * (table["forecast"] - table["happened"]).abs()).sum() / max(len(p), 1)
    )


def fit_calibration_line(logit: Floats, failed: np.ndarray) -> dict[str, float]:
    """Return calibration_slope and calibration_intercept (Cox 1958).

    They come from a logistic regression of the outcome on the logit of the forecast; a perfect
    forecast has 1 and 0.
    """
    terms, line = np.column_stack([np.ones(len(logit)), logit]), np.array([0.0, 1.0])
    for _ in range(NEWTON):
        p = 1 / (1 + np.exp(-np.clip(terms @ line, -SATURATED, SATURATED)))
        weight = np.maximum(p * (1 - p), 1e-9)
        # A forecast that is the same for everyone has no slope: without the small ridge the matrix
        # could not be inverted.
        hessian = (terms * weight[:, None]).T @ terms + 1e-6 * np.eye(2)
        # Where chances separate the outcomes perfectly, an unlimited step would run to infinity.
        line = line + np.clip(np.linalg.solve(hessian, terms.T @ (failed - p)), -1, 1)
    return {"calibration_slope": float(line[1]), "calibration_intercept": float(line[0])}


def compute_reliability(forecast: Floats, happened: np.ndarray) -> pd.DataFrame:
    """Return ten bins of equal size, lowest forecast first: forecast and happened (means), n.

    There are fewer bins if there are fewer than ten forecasts.
    """
    # Stable: equal forecasts stay in the order of the rows, so that reports repeat exactly.
    order = np.argsort(forecast, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    rows = [(forecast[part].mean(), happened[part].mean(), len(part)) for part in bins]
    return pd.DataFrame(rows, columns=["forecast", "happened", "n"])


def measure_by_class(classes: pd.Series, forecast: Floats, happened: np.ndarray) -> pd.DataFrame:
    """Return class_id, n, forecast and happened (means), and error (forecast less happened)."""
    frame = pd.DataFrame(
        {
            "class_id": classes.to_numpy(),
            "forecast": forecast,
            "happened": happened.astype("float64"),
        }
    )
    groups = frame.groupby("class_id")
    table = groups[["forecast", "happened"]].mean()
    return table.assign(n=groups.size(), error=table["forecast"] - table["happened"]).reset_index()


def compute_abroca(p: Floats, failed: np.ndarray, group: np.ndarray) -> float:
    """Return the area between the ROC curves of two groups (Gardner, Brooks and Baker 2019).

    Args:
        p: the chances, 0..1.
        failed: the outcomes.
        group: which of the two groups each student is in, as bool or 0 and 1.

    Returns:
        0..1; NaN if a group has no curve, because nobody in it failed or everyone did.

     abroca(np.array([0.9, 0.1, 0.9, 0.1]), np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1]))
    0.0
    """
    from sklearn.metrics import roc_curve

    # The curves have steps at different places: they are compared on one fine grid.
    grid, curves = np.linspace(0, 1, 1001), []
    for one in (False, True):
        mine = group.astype(bool) == one
        if not 0 < failed[mine].sum() < mine.sum():
            return float("nan")
        false, true, _ = roc_curve(failed[mine], p[mine])
        curves.append(np.interp(grid, false, true))
    return float(np.trapezoid(np.abs(curves[0] - curves[1]), grid))
