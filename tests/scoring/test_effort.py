"""The effort score of week 6: six signals, of which absent ones are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.scoring.effort import score_effort
from tests.scoring.builder import SCORING, Item, observed

NAN = np.nan
BOTH_FEEDS = {"library_visits": {"asha": {6: 3}}, "book_borrows": {"asha": {6: 1}}}
DONE = {"asha": None}


def score(*items: Item, attendance: float = NAN, **known: Any) -> pd.Series:
    """The effort columns of asha."""
    of = observed(work=items, **known)
    return score_effort(of, np.full(len(of.midterm), attendance), SCORING).iloc[0]


def test_all_six_signals_make_the_score() -> None:
    row = score(
        Item(6, DONE, quality=80, similarity=20),
        Item(6, quiz=True),
        attendance=75,
        feeds=BOTH_FEEDS,
    )
    # 3 of 5 visits are 60, 1 of 2 loans 50, clean work 80, one of two items done 50:
    # (25 · 60 + 20 · 50 + 20 · 80 + 15 · 80 + 10 · 75 + 10 · 50) / 100.
    assert row["effort_score"] == pytest.approx(65.5)
    assert row["effort_coverage"] == 1


def test_absent_signals_are_left_out() -> None:
    row = score(attendance=75)
    assert (row["effort_score"], row["effort_coverage"]) == (75, 0.1)


def test_without_any_signal_there_is_no_score() -> None:
    row = score()
    assert np.isnan(row["effort_score"])
    assert row["effort_coverage"] == 0


def test_more_than_the_full_number_adds_nothing() -> None:
    visits = [score(feeds={"library_visits": {"asha": {6: n}}})["effort_score"] for n in (4, 5, 50)]
    assert visits == [80, 100, 100]


def test_a_student_without_a_visit_has_zero_where_others_visit() -> None:
    row = score(students="asha bala", feeds={"library_visits": {"bala": {6: 3}}})
    assert (row["effort_score"], row["effort_coverage"]) == (0, 0.25)


@pytest.mark.parametrize(
    ("items", "quality"),
    [
        ([Item(6, DONE, quality=80)], 80),
        ([Item(6, DONE, quality=80), Item(6, DONE, quality=40)], 60),
        ([Item(6, DONE, quality=80), Item(6)], 40),
        ([Item(6, DONE, quality=80), Item(6, DONE)], 80),
        ([Item(6, DONE, quality=80), Item(6, quiz=True)], 80),
        ([Item(6), Item(6)], 0),
        ([Item(6, DONE)], NAN),
        ([Item(5, DONE, quality=80)], NAN),
    ],
)
def test_a_missed_assignment_has_quality_zero(items: list[Item], quality: float) -> None:
    assert score(*items)["assn_quality_pct"] == pytest.approx(quality, nan_ok=True)


@pytest.mark.parametrize(
    ("items", "rates"),
    [
        ([Item(6, DONE), Item(6), Item(6), Item(6, DONE, quiz=True)], (100 / 3, 100, 50)),
        ([Item(6, DONE), Item(6)], (50, NAN, 50)),
        ([Item(6, quiz=True)], (NAN, 0, 0)),
        ([Item(5, DONE)], (NAN, NAN, NAN)),
        # A done item that is not due adds nothing.
        ([Item(6), Item(None, DONE)], (0, NAN, 0)),
    ],
)
def test_rates_are_of_the_work_due_this_week(
    items: list[Item], rates: tuple[float, float, float]
) -> None:
    row = score(*items)[["assn_submit_rate", "quiz_attempt_rate", "submission_pct"]]
    assert row.tolist() == pytest.approx(list(rates), nan_ok=True)


def test_the_highest_similarity_lowers_clean_work() -> None:
    row = score(Item(6, DONE, similarity=10), Item(6, DONE, similarity=70))
    assert row["assn_plagiarism_pct"] == 70
    # Clean work 30 (15) and all work done 100 (10).
    assert row["effort_score"] == pytest.approx((15 * 30 + 10 * 100) / 25)
