"""How models are fitted, and when their forecasts are used."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from edumetrics.params.base import ParameterModel


class Forecast(ParameterModel):
    """`forecast.yml`: how models are fitted, and when their forecasts are used."""

    # With fewer known outcomes there is no model. `least_fails` also holds for those who passed.
    least_students: PositiveInt = 60
    least_fails: PositiveInt = 15
    # The inverse strength of the regularisation of the linear model.
    linear_c: float = Field(default=0.02, gt=0)
    # The linear model of a week also learns from so many weeks on either side of it.
    window: int = Field(default=1, ge=0)
    trees: PositiveInt = 500
    # At most: where there are few rows, trees are smaller (see `models.fit_boosted`).
    tree_leaves: int = Field(default=12, ge=2)
    learning_rate: float = Field(default=0.02, gt=0)
    # A leaf with many rows gives steadier chances; small colleges get a smaller number.
    leaf_students: PositiveInt = 300
    # Bounds memory and time: beyond this, models learn from a sample of students.
    most_rows: PositiveInt = 150_000
    # The part of last week's logit that a list keeps. At 1 it would never change.
    smoothing: float = Field(default=0.3, ge=0, lt=1)
    # For past terms: marks without a date count as known so many days after the work was handed in.
    marking_lag_days: int = Field(default=0, ge=0)
    # Fixed, so that the same data give the same forecasts.
    seed: int = Field(default=1, ge=0)
