"""How far a forecast can be believed: measures of chances and of scores against what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from edumetrics.scoring.signals import Floats

BINS = 10
NEWTON, SATURATED = 30, 30.0


@dataclass(frozen=True)
class Measured:
    """How a forecast did on a term that it had not seen.

    Attributes:
        by_week: one row a week.
        reliability: as `reliability`, over all weeks.
        by_class: as `by_class`, over all weeks.
    """

    by_week: pd.DataFrame
    reliability: pd.DataFrame
    by_class: pd.DataFrame


def chances(p: Floats, failed: np.ndarray) -> dict[str, float]:
    """n, base_rate, auc, average_precision (NaN where nothing is to be told apart), brier and calibration_error."""
    both = 0 < failed.sum() < len(failed)
    return {
        "n": len(p),
        "base_rate": failed.mean(),
        "auc": roc_auc_score(failed, p) if both else np.nan,
        "average_precision": average_precision_score(failed, p) if both else np.nan,
        "brier": np.mean((p - failed) ** 2),
        "calibration_error": calibration_error(p, failed),
    }


def calibration_error(p: Floats, failed: np.ndarray) -> float:
    """Expected calibration error: ten bins of equal size, the mean distance between forecast and share who failed."""
    table = reliability(p, failed)
    return float(
        (table["n"] * (table["forecast"] - table["happened"]).abs()).sum() / max(len(p), 1)
    )


def calibration_line(logit: Floats, failed: np.ndarray) -> dict[str, float]:
    """calibration_slope and calibration_intercept: logistic regression of the outcome on the forecast (Cox 1958)."""
    terms, line = np.column_stack([np.ones(len(logit)), logit]), np.array([0.0, 1.0])
    for _ in range(NEWTON):
        p = 1 / (1 + np.exp(-np.clip(terms @ line, -SATURATED, SATURATED)))
        weight = np.maximum(p * (1 - p), 1e-9)
        # A forecast that is the same for everyone has no slope of its own.
        hessian = (terms * weight[:, None]).T @ terms + 1e-6 * np.eye(2)
        line = line + np.clip(np.linalg.solve(hessian, terms.T @ (failed - p)), -1, 1)
    return {"calibration_slope": float(line[1]), "calibration_intercept": float(line[0])}


def reliability(forecast: Floats, happened: np.ndarray) -> pd.DataFrame:
    """Ten bins of equal size, lowest forecast first: forecast and happened (means), n."""
    order = np.argsort(forecast, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    rows = [(forecast[part].mean(), happened[part].mean(), len(part)) for part in bins]
    return pd.DataFrame(rows, columns=["forecast", "happened", "n"])


def by_class(classes: pd.Series, forecast: Floats, happened: np.ndarray) -> pd.DataFrame:
    """class_id, n, forecast and happened (means), error (their difference), by class_id."""
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


def abroca(p: Floats, failed: np.ndarray, group: np.ndarray) -> float:
    """The area between the ROC curves of two groups (Gardner, Brooks and Baker 2019); NaN where one has no curve.

    >>> abroca(np.array([0.9, 0.1, 0.9, 0.1]), np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1]))
    0.0
    """
    grid, curves = np.linspace(0, 1, 1001), []
    for one in (False, True):
        mine = group.astype(bool) == one
        if not 0 < failed[mine].sum() < mine.sum():
            return float("nan")
        false, true, _ = roc_curve(failed[mine], p[mine])
        curves.append(np.interp(grid, false, true))
    return float(np.trapezoid(np.abs(curves[0] - curves[1]), grid))
