"""Which rows a trial learns from, and which it is tried on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

Split = tuple[np.ndarray, np.ndarray]


def last_term(
    rows: pd.DataFrame, enough: Callable[[pd.DataFrame], bool], folds: int
) -> list[Split]:
    """Learn from all terms but the last and try the last; where they do not teach enough, fold by class.

    Args:
        rows: term, class_id, student_id.
        enough: whether some rows are enough to learn from.
        folds: how many.

    Returns:
        Positions of the rows to learn from, and of those to try.
    """
    last = (rows["term"] == rows["term"].max()).to_numpy()
    if enough(rows[~last]):
        return [(np.flatnonzero(~last), np.flatnonzero(last))]
    return by_class(rows, folds)


def by_class(rows: pd.DataFrame, folds: int) -> list[Split]:
    """Every row is tried by what was learnt from other classes; from other students where there is one class."""
    groups = rows["class_id"] if rows["class_id"].nunique() > 1 else rows["student_id"]
    return list(GroupKFold(min(folds, groups.nunique())).split(rows, groups=groups))
