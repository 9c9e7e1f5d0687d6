"""Drift of the features between training terms and this term: the population stability index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.forecast.features import CALENDAR
from edumetrics.scoring.signals import Floats

# Left out: features that are the same for everyone in a week or half of the year, because they
# describe the date and not the students; and ranks in the class, because their distribution is the
# same in every class, except for ties.
WATCHED = tuple(
    name
    for name in FEATURES
    if name not in (*CALENDAR, "later_half") and not name.endswith("_rank")
)
# Deciles of the training rows; features with few distinct values get fewer bins.
BINS = 10
# Credit scoring, where the index comes from, calls a shift above this significant (Siddiqi 2006).
SHIFTED = 0.25
# At least this many features must shift: one alone may be a deadline that moved.
MANY = 3
# The index takes the log of shares: an empty bin gets this share instead of 0.
LEAST = 0.005


def compute_reference(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the distribution of the features in each week of the training terms.

    Returns:
        By week and feature: edges (of at most ten bins), shares (of the rows in each bin; the last
        bin holds the rows without a value) and rows (how many). Features without any value are
        left out.
    """
    # The keys are text, because the reference is stored as JSON.
    return {str(week): _describe_week(part) for week, part in rows.groupby("sem_week")}


def _describe_week(part: pd.DataFrame) -> dict[str, Any]:
    found = {}
    for name in WATCHED:
        values = part[name].to_numpy("float64")
        known = values[~np.isnan(values)]
        if len(known):
            # Repeated quantiles (many zeros, for example) would make bins that are always empty.
            edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
            found[name] = {
                "edges": edges.tolist(),
                "shares": _compute_shares(values, edges).tolist(),
                "rows": len(values),
            }
    return found


def _compute_shares(values: Floats, edges: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    # Missing values have a bin of their own: a feed that stops is a shift as well.
    bins = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="right"))
    return np.bincount(bins, minlength=len(edges) + 2) / max(len(values), 1)


def compute_stability(known: dict[str, dict[str, Any]], rows: pd.DataFrame, week: int) -> pd.Series:
    """Return the population stability index of every feature in a week, highest first.

    Two samples of the same population also differ, by about bins / rows of either sample. Twice
    that is subtracted from the index, so that a small college does not drift by chance. The result
    is never below 0.

    Args:
        known: as `compute_reference`.
        rows: this term's features in the week.
        week: semester week.

    Returns:
        The index by feature; empty where the training terms say nothing about the week.
    """
    then = known.get(str(week), {})
    found = {}
    for name, described in then.items():
        expected = np.maximum(described["shares"], LEAST)
        actual = np.maximum(
            _compute_shares(rows[name].to_numpy("float64"), np.array(described["edges"])), LEAST
        )
        noise = len(described["shares"]) * (1 / described["rows"] + 1 / max(len(rows), 1))
        found[name] = max(
            float(((actual - expected) * np.log(actual / expected)).sum()) - 2 * noise, 0.0
        )
    return pd.Series(found, dtype="float64").sort_values(ascending=False, kind="stable")


def describe_drift(index: pd.Series) -> str:
    """Return the data-health message about a week's drift; empty where too few features shifted."""
    shifted = index[index > SHIFTED]
    if len(shifted) < MANY:
        return ""
    return (
        f"{len(shifted)} of the {len(index)} things the forecast goes by are distributed otherwise"
        " than in the terms it learnt from, most of all"
        f" {FEATURES[str(shifted.index[0])].meaning}: read it with care."
    )
