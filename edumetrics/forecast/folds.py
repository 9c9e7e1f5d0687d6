"""Splits of the rows into those that a trial learns from and those it is tried on."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Row positions: to learn from, and to try on.
Split = tuple[np.ndarray, np.ndarray]


def split_by_class(rows: pd.DataFrame, folds: int) -> list[Split]:
    """Return folds in which no class is on both sides; no student, if there is only one class.

    Args:
        rows: class_id, student_id.
        folds: the number of folds; fewer if there are fewer classes.
    """
    from sklearn.model_selection import GroupKFold

    # Classmates share teachers and exams: on both sides, they would make a model look too good.
    groups = rows["class_id"] if rows["class_id"].nunique() > 1 else rows["student_id"]
    # GroupKFold raises an error if there are fewer groups than folds.
    return list(GroupKFold(min(folds, groups.nunique())).split(rows, groups=groups))
