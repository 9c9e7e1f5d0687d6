"""Whether this term's students look like those a forecast learnt from: population stability, feature by feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.forecast.features import CALENDAR
from edumetrics.scoring.signals import Floats

# Not what is the same for everyone in a week or half of the year: that says when it is, not who it is. Nor ranks in the
# class, which are spread alike in every class but for ties.
WATCHED = tuple(
    name
    for name in FEATURES
    if name not in (*CALENDAR, "later_half") and not name.endswith("_rank")
)
BINS = 10
# Above this a shift is called significant in credit scoring, where the index comes from (Siddiqi 2006).
SHIFTED = 0.25
# So many features must shift: one alone may be a deadline that moved.
MANY = 3
LEAST = 0.005


def reference(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What the features looked like in each week of the training terms.

    Returns:
        By week and feature: edges (of at most ten bins), shares (of the rows in each bin, the last of those without a
        value) and rows (how many); features without any value are left out.
    """
    return {str(week): _described(part) for week, part in rows.groupby("sem_week")}


def _described(part: pd.DataFrame) -> dict[str, Any]:
    found = {}
    for name in WATCHED:
        values = part[name].to_numpy("float64")
        known = values[~np.isnan(values)]
        if len(known):
            edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
            found[name] = {
                "edges": edges.tolist(),
                "shares": _shares(values, edges).tolist(),
                "rows": len(values),
            }
    return found


def _shares(values: Floats, edges: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    bins = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="right"))
    return np.bincount(bins, minlength=len(edges) + 2) / max(len(values), 1)


def stability(known: dict[str, dict[str, Any]], rows: pd.DataFrame, week: int) -> pd.Series:
    """The population stability index of every feature of a week, highest first; empty where nothing is known of it.

    Less what it is expected to be between two samples of one population, bins / rows of either, so that a small college
    does not drift by chance.
    """
    then = known.get(str(week), {})
    found = {}
    for name, described in then.items():
        expected = np.maximum(described["shares"], LEAST)
        actual = np.maximum(
            _shares(rows[name].to_numpy("float64"), np.array(described["edges"])), LEAST
        )
        noise = len(described["shares"]) * (1 / described["rows"] + 1 / max(len(rows), 1))
        found[name] = max(
            float(((actual - expected) * np.log(actual / expected)).sum()) - 2 * noise, 0.0
        )
    return pd.Series(found, dtype="float64").sort_values(ascending=False, kind="stable")


def finding(index: pd.Series) -> str:
    """What to say of the stability of a week's features; empty where it holds."""
    shifted = index[index > SHIFTED]
    if len(shifted) < MANY:
        return ""
    return (
        f"{len(shifted)} of the {len(index)} things the forecast goes by are distributed otherwise than in the terms it"
        f" learnt from, most of all {FEATURES[str(shifted.index[0])].meaning}: read it with care."
    )
