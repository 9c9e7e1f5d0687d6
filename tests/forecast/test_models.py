"""What models may learn from few rows, and from features in which hardly anybody differs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.forecast.models import fit_boosted, fit_linear
from edumetrics.params import Forecast
from tests.unit.forecast.test_forecast import made_up


def fit(rows: pd.DataFrame) -> float:
    """The coefficient of `silent_weeks` in the linear model of week 3."""
    linear = fit_linear(rows, rows["failed"].to_numpy("float64"), Forecast())
    return float(linear.windows[3].coefficient[linear.columns.index("silent_weeks")])


@pytest.mark.parametrize(("differ", "learnt"), [(3, False), (40, True)])
def test_a_feature_in_which_hardly_anybody_differs_is_left_out(differ: int, learnt: bool) -> None:
    """All of the few failed: that would be learnt by heart."""
    rows = made_up(400, 1)
    number = rows["student_id"].str.split("-").str[1].astype(int)
    rows["failed"] |= number < differ
    rows["silent_weeks"] = np.where(number < differ, 4.0, 0.0)
    assert (fit(rows) != 0) == learnt


@pytest.mark.parametrize(("copies", "leaves"), [(1, 2), (3, 6), (8, 12)])
def test_trees_grow_with_the_rows(copies: int, leaves: int) -> None:
    """One leaf more for every 1,500 rows, up to `tree_leaves`; 3,200 rows a copy."""
    rows = pd.concat([made_up(800, 2)] * copies, ignore_index=True)
    settings = Forecast(trees=5, leaf_students=20)
    trees = fit_boosted(rows, rows["failed"].to_numpy("float64"), settings).trees
    assert max(int(tree.get_n_leaf_nodes()) for (tree,) in trees._predictors) == leaves
