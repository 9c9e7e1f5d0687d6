"""Why a forecast says what it says: what each feature adds to its logit, gathered under headings people understand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.fields import FEATURES
from edumetrics.forecast.models import ALL, Blend, Boosted, Calibrated, Linear, Model, filled
from edumetrics.scoring.signals import Floats

BASE = "base"
# Under each heading: the value that people are told, and what one of its units is called in whole numbers.
TOPICS = {
    "marks": ("mark_with_zeros", 1.0),
    "work": ("handed_in", 100.0),
    "promptness": ("days_idle", 1.0),
    "attendance": ("attendance_recent", 100.0),
    "activity": ("effort_week", 1.0),
    "midterm": ("midterm", 1.0),
    "earlier": ("prior_mean", 1.0),
}


def contributions(model: Calibrated, rows: pd.DataFrame) -> pd.DataFrame:
    """What each feature adds to the logit: with `base` (the average row's) they sum to it.

    Exact for linear models; for trees each split's step from a node's mean to its child's goes to the feature that is
    split on (Saabas 2014, "Interpreting random forests"); for the blend the mean of both.

    Args:
        model: a fitted, calibrated model.
        rows: features with sem_week.

    Returns:
        `FEATURES` and `base`, aligned with `rows`.
    """
    parts = _parts(model.model, rows)
    return parts.assign(base=parts[BASE] + model.shift_of(rows))


def by_topic(parts: pd.DataFrame) -> dict[str, Floats]:
    """The contributions of each heading's features, summed, by heading; features without one are left out."""
    return {
        topic: parts[[name for name, feature in FEATURES.items() if feature.topic == topic]]
        .sum(axis=1)
        .to_numpy()
        for topic in TOPICS
    }


def _parts(model: Model, rows: pd.DataFrame) -> pd.DataFrame:
    if isinstance(model, Linear):
        return model.contributions(rows).reindex(columns=[*ALL, BASE], fill_value=0.0)
    if isinstance(model, Boosted):
        return _of_trees(model, rows)
    assert isinstance(model, Blend)
    return (_parts(model.linear, rows) + _parts(model.boosted, rows)) / 2


def _of_trees(model: Boosted, rows: pd.DataFrame) -> pd.DataFrame:
    values = filled(rows, model.median)
    added = np.zeros(values.shape)
    base = float(np.ravel(model.trees._baseline_prediction)[0])
    for (tree,) in model.trees._predictors:
        base += _walk(tree.nodes, values, added)
    # The week is one of the trees' features, and the same for everyone: it belongs to the average.
    frame = pd.DataFrame(added[:, :-1], columns=list(ALL), index=rows.index)
    return frame.assign(base=base + added[:, -1])


def _walk(nodes: np.ndarray, values: np.ndarray, added: np.ndarray) -> float:
    """Send all rows down one tree, crediting each step to its feature; returns the tree's mean."""
    mean, leaf = nodes["value"].astype("float64"), nodes["is_leaf"].astype(bool)
    for node in range(len(nodes) - 1, -1, -1):
        if not leaf[node]:
            below = [nodes["left"][node], nodes["right"][node]]
            mean[node] = np.average(mean[below], weights=nodes["count"][below])
    at, row = np.zeros(len(values), dtype=np.int64), np.arange(len(values))
    while (row := row[~leaf[at[row]]]).size:
        here = nodes[at[row]]
        split = here["feature_idx"].astype(np.int64)
        below = np.where(
            values[row, split] <= here["num_threshold"], here["left"], here["right"]
        ).astype(np.int64)
        np.add.at(added, (row, split), mean[below] - mean[at[row]])
        at[row] = below
    return float(mean[0])
