"""What is counted of each student: an absent feed is not zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.scoring.observed import observe
from tests.scoring.builder import CALENDAR, SCORING, Item, facts, observed

NAN = np.nan
METRICS = ("library_visits", "book_borrows", "lms_active_days", "lms_events")


def visits(by_student: dict[str, dict[int, Any]], week: int = 6, **known: Any) -> list[float]:
    """The library visits of asha and bala."""
    of = observed(week, "asha bala", feeds={"library_visits": by_student}, **known)
    return of.counts["library_visits"].tolist()


@pytest.mark.parametrize(
    ("by_student", "counts"),
    [
        ({"asha": {6: 3}, "bala": {6: 1}}, [3, 1]),
        ({"asha": {6: 3, 5: 9}}, [3, 0]),
        ({"asha": {6: None}, "bala": {6: 2}}, [0, 2]),
        # Someone has a row within four teaching weeks: the feed is there, with zero visits.
        ({"asha": {3: 2}}, [0, 0]),
        ({"nobody": {5: 2}}, [0, 0]),
        # Nobody has: the feed is absent.
        ({"asha": {2: 2}, "bala": {1: 4}}, [NAN, NAN]),
        ({"asha": {7: 2}}, [NAN, NAN]),
        ({}, [NAN, NAN]),
    ],
)
def test_a_feed_without_a_row_in_four_weeks_is_absent(
    by_student: dict[str, dict[int, Any]], counts: list[float]
) -> None:
    assert visits(by_student) == pytest.approx(counts, nan_ok=True)


def test_weeks_without_teaching_do_not_make_a_feed_absent() -> None:
    # Before week 10 come 9, 7 and 6: week 8 is the midterm.
    assert visits({"asha": {6: 2}}, week=10) == [0, 0]
    assert np.isnan(visits({"asha": {5: 2, 8: 2}}, week=10)).all()


@pytest.mark.parametrize(
    ("college_has", "counts"), [(frozenset({"library_visits"}), [0, 0]), (frozenset(), [NAN, NAN])]
)
def test_a_part_of_a_college_is_told_which_feeds_there_are(
    college_has: frozenset[str], counts: list[float]
) -> None:
    assert visits({}, college_has=college_has) == pytest.approx(counts, nan_ok=True)


def test_rows_of_another_semester_do_not_count() -> None:
    known = facts(6, "asha", feeds={"library_visits": {"asha": {6: 3}}})
    known.weekly["library_visits"]["semester"] = 1
    assert observe(known, CALENDAR, SCORING).counts["library_visits"].tolist() == [0]


def test_two_rows_of_a_week_add_up() -> None:
    known = facts(6, "asha", feeds={"library_visits": {"asha": {6: 3}}})
    rows = known.weekly["library_visits"]
    feeds = {**known.weekly, "library_visits": pd.concat([rows, rows], ignore_index=True)}
    assert observe(replace(known, weekly=feeds), CALENDAR, SCORING).counts[
        "library_visits"
    ].tolist() == [6]


def test_a_week_has_seven_days() -> None:
    of = observed(feeds={"lms_activity": {"asha": {6: (9, 140)}}})
    assert of.counts["lms_active_days"].tolist() == [7]
    assert of.counts["lms_events"].tolist() == [140]
    assert np.isnan(of.counts["library_visits"]).all()
    assert tuple(of.counts) == METRICS


def test_the_midterm_score_is_that_known_at_the_end_of_the_week() -> None:
    known = facts(6, "asha bala chen", midterms={"chen": 40, "asha": 72, "nobody": 10})
    assert observe(known, CALENDAR, SCORING).midterm == pytest.approx([72, NAN, 40], nan_ok=True)
    known.midterms["known_by"] -= pd.Timedelta(days=1)
    assert np.isnan(observe(known, CALENDAR, SCORING).midterm).all()


@pytest.mark.parametrize("week", [8, 18, 19])
def test_a_week_without_teaching_is_refused(week: int) -> None:
    with pytest.raises(ValueError, match=f"week {week} is not a teaching week"):
        observed(week)


def test_a_part_of_the_students_has_the_same_counts() -> None:
    of = observed(
        students="asha bala chen",
        registers={"asha": "1/4", "bala": "2/4", "chen": "3/4"},
        work=[Item(6, {"bala": 90.0}), Item(6, {"chen": 30.0}, quiz=True)],
        feeds={"library_visits": {"asha": {6: 5}, "chen": {6: 1}}},
        midterms={"bala": 66.0},
    )
    part = of.take(np.array([2, 1]))
    assert part.roll.frame["student_id"].tolist() == ["chen", "bala"]
    assert part.present[:, 1].tolist() == [3, 2]
    assert part.held[:, 1].tolist() == [4, 4]
    assert part.counts["library_visits"].tolist() == [1, 0]
    assert part.midterm == pytest.approx([NAN, 66], nan_ok=True)
    assignments, quizzes = part.work
    assert assignments.mark_sum[:, 6].tolist() == [0, 90]
    assert quizzes.done[:, 6].tolist() == [1, 0]


def test_an_empty_roll_has_no_counts() -> None:
    of = observed(students="", feeds={"library_visits": {"asha": {6: 3}}}, midterms={"asha": 50.0})
    assert of.counts["library_visits"].shape == of.midterm.shape == (0,)
