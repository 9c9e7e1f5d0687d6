"""Marks of the last teaching weeks and so far, and the days since anything was handed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.params import Scoring
from edumetrics.scoring.academic import score_academic
from tests.scoring.builder import CALENDAR, SCORING, Item, observed

NAN = np.nan


def score(*items: Item, week: int = 6, scoring: Scoring = SCORING, **known: Any) -> pd.Series:
    """The academic columns of asha."""
    return score_academic(observed(week, work=items, **known), CALENDAR, scoring).iloc[0]


def marks(by_week: Mapping[int, float | None]) -> list[Item]:
    """One assignment a week with a mark, or one that was missed."""
    return [Item(w, {} if mark is None else {"asha": mark}) for w, mark in by_week.items()]


@pytest.mark.parametrize(
    ("week", "by_week", "performance"),
    [
        (6, {6: 80, 5: 60, 4: 40}, (40 * 80 + 30 * 60 + 30 * 40) / 100),
        (6, {6: 80, 5: 60, 4: 40, 3: 0, 2: 0}, 62),
        # Nothing was due in week 5: it is left out. Work that was missed counts 0.
        (6, {6: 80, 4: 40}, (40 * 80 + 30 * 40) / 70),
        (6, {6: 80, 5: None, 4: 40}, (40 * 80 + 30 * 40) / 100),
        (6, {5: 60}, 60),
        (6, {3: 60}, NAN),
        # Week 8 is the midterm: weeks 9, 7 and 6 are the last three.
        (9, {9: 80, 7: 60, 6: 40, 5: 0}, 62),
        # Near the start there are fewer weeks.
        (1, {1: 80}, 80),
        (2, {2: 80, 1: 10}, (40 * 80 + 30 * 10) / 70),
    ],
)
def test_the_performance_is_of_the_last_three_teaching_weeks(
    week: int, by_week: dict[int, float | None], performance: float
) -> None:
    found = score(*marks(by_week), week=week)["academic_performance"]
    assert found == pytest.approx(performance, nan_ok=True)


def test_a_college_may_weigh_other_weeks() -> None:
    found = score(*marks({6: 80, 5: 60, 4: 0}), scoring=Scoring(academic_weights=(1, 3)))
    assert found["academic_performance"] == pytest.approx(65)


def test_the_mark_of_the_week_is_that_of_both_kinds_of_work() -> None:
    row = score(Item(6, {"asha": 90.0}), Item(6, {"asha": 60.0}, quiz=True), Item(6, quiz=True))
    assert row["week_mark_pct"] == 50


def test_averages_are_over_everything_due_so_far() -> None:
    row = score(
        *marks({1: 90, 2: None, 6: 60}),
        Item(3, {"asha": 40.0}, quiz=True),
        Item(4, {"asha": None}, quiz=True),
        Item(7, {"asha": 100.0}, quiz=True),
    )
    assert row["assn_avg_pct"] == 50
    assert row["quiz_avg_pct"] == 40


def test_without_marks_there_are_no_averages() -> None:
    row = score(Item(3, {"asha": None}))
    names = ["week_mark_pct", "academic_performance", "quiz_avg_pct", "assn_avg_pct"]
    assert row[[*names, "midterm_score_pct"]].isna().all()


def test_the_midterm_is_passed_on() -> None:
    assert score(midterms={"asha": 62.5})["midterm_score_pct"] == 62.5


@pytest.mark.parametrize(
    ("items", "since"),
    [
        # Week 6 ends on 15 February.
        ([Item(3, {"asha": 50.0}, handed_on="2026-02-10")], 5),
        ([Item(3, {"asha": 50.0}, handed_on="2026-02-15")], 0),
        ([Item(3, {"asha": 50.0}, handed_on="2026-01-20"), Item(4, {"asha": 50.0}, quiz=True, handed_on="2026-02-12")], 3),
        ([Item(3, {"asha": 50.0}, handed_on="2026-02-12"), Item(4, {"asha": 50.0}, quiz=True, handed_on="2026-01-20")], 3),
        ([Item(12, {"asha": 50.0}, handed_on="2026-02-14")], 1),
        # Nothing was handed in: from 5 January.
        ([Item(3), Item(4)], 41),
        ([], 41),
    ],
)  # fmt: skip
def test_days_count_from_the_latest_work_else_from_the_first_day(
    items: list[Item], since: int
) -> None:
    assert score(*items)["days_since_submission"] == since
