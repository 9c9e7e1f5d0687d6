"""Marks as percentages."""

from __future__ import annotations

import pandas as pd
import pytest

from edumetrics.college.percent import clip_percents, compute_percents

NAN = float("nan")


@pytest.mark.parametrize(
    ("percent", "clipped"), [(-5, 0), (0, 0), (50.5, 50.5), (100, 100), (130, 100), (NAN, NAN)]
)
def test_a_percentage_is_within_0_and_100(percent: float, clipped: float) -> None:
    assert clip_percents(pd.Series([percent], dtype="float64")).tolist() == pytest.approx(
        [clipped], nan_ok=True
    )


@pytest.mark.parametrize(
    ("marks", "out_of", "percent"),
    [(5, 10, 50), (0, 10, 0), (1, 3, 100 / 3), (10, 10, 100), (12, 10, 100), (-1, 10, NAN),
     (5, 0, NAN), (0, 0, NAN), (5, -10, NAN), (NAN, 10, NAN), (5, NAN, NAN)],
)  # fmt: skip
def test_marks_are_percent_of_what_could_be_had(
    marks: float, out_of: float, percent: float
) -> None:
    found = compute_percents(*(pd.Series([one], dtype="float64") for one in (marks, out_of)))
    assert found.tolist() == pytest.approx([percent], nan_ok=True)
