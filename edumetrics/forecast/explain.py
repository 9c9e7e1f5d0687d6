"""Explanations of a forecast: what each feature adds to its logit, summed under seven headings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.forecast.models import (
    ALL,
    Blend,
    Boosted,
    Calibrated,
    Linear,
    LogitModel,
    replace_missing,
)
from edumetrics.scoring.signals import Floats

BASE = "base"
# For each heading: the column whose value readers see, and the factor that turns it into whole
# numbers (100 makes a percentage of a share).
TOPICS = {
    "marks": ("mark_with_zeros", 1.0),
    "work": ("handed_in", 100.0),
    "promptness": ("days_idle", 1.0),
    "attendance": ("attendance_recent", 100.0),
    "activity": ("effort_week", 1.0),
    "midterm": ("midterm", 1.0),
    "earlier": ("prior_mean", 1.0),
}


def compute_contributions(model: Calibrated, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what each feature adds to the logit; with `base` (the average row) they sum to it.

    For linear models the contributions are exact. For trees, each split moves a row from the mean
    of a node to the mean of its child; that step goes to the feature of the split (Saabas 2014,
    "Interpreting random forests"). For the blend they are the mean of both.

    Args:
        model: a fitted, calibrated model.
        rows: features with sem_week.

    Returns:
        `FEATURES` and `base`, aligned with `rows`.
    """
    parts = _compute_parts(model.model, rows)
    # The shift is the same for everyone in a week, so it explains no difference between students.
    return parts.assign(base=parts[BASE] + model.compute_shift(rows))


def sum_by_topic(parts: pd.DataFrame) -> dict[str, Floats]:
    """Return the sum of the contributions under each heading; features without one are left out."""
    return {
        topic: parts[[name for name, feature in FEATURES.items() if feature.topic == topic]]
        .sum(axis=1)
        .to_numpy()
        for topic in TOPICS
    }


def _compute_parts(model: LogitModel, rows: pd.DataFrame) -> pd.DataFrame:
    if isinstance(model, Linear):
        # A linear model uses fewer columns than trees: what it does not use adds nothing.
        return model.compute_contributions(rows).reindex(columns=[*ALL, BASE], fill_value=0.0)
    if isinstance(model, Boosted):
        return _explain_trees(model, rows)
    assert isinstance(model, Blend)
    return (_compute_parts(model.linear, rows) + _compute_parts(model.boosted, rows)) / 2


def _explain_trees(model: Boosted, rows: pd.DataFrame) -> pd.DataFrame:
    values = replace_missing(rows, model.median)
    added = np.zeros(values.shape)
    # scikit-learn gives no public access to the start value and the trees of the ensemble.
    base = float(np.ravel(model.trees._baseline_prediction)[0])
    for (tree,) in model.trees._predictors:
        base += _add_tree_steps(tree.nodes, values, added)
    # The week, in the last column, is the same for everyone in it: it belongs to the average.
    frame = pd.DataFrame(added[:, :-1], columns=list(ALL), index=rows.index)
    return frame.assign(base=base + added[:, -1])


def _add_tree_steps(nodes: np.ndarray, values: np.ndarray, added: np.ndarray) -> float:
    """Add the steps of all rows down one tree to `added`, by feature, and return the tree's mean.

    Args:
        nodes: the nodes of the tree, as scikit-learn stores them.
        values: rows by features, without missing values.
        added: rows by features; changed in place.
    """
    mean, leaf = nodes["value"].astype("float64"), nodes["is_leaf"].astype(bool)
    # Only the values of leaves include the learning rate, so those of inner nodes are computed
    # from them. Children come after their parent in the array: backwards, they are ready first.
    for node in range(len(nodes) - 1, -1, -1):
        if not leaf[node]:
            below = [nodes["left"][node], nodes["right"][node]]
            mean[node] = np.average(mean[below], weights=nodes["count"][below])
    at, row = np.zeros(len(values), dtype=np.int64), np.arange(len(values))
    # All rows take one step at a time; rows that reached a leaf drop out.
    while (row := row[~leaf[at[row]]]).size:
        here = nodes[at[row]]
        split = here["feature_idx"].astype(np.int64)
        # `filled` leaves no value missing, so the tree's branch for missing values is not needed.
        below = np.where(
            values[row, split] <= here["num_threshold"], here["left"], here["right"]
        ).astype(np.int64)
        np.add.at(added, (row, split), mean[below] - mean[at[row]])
        at[row] = below
    return float(mean[0])
