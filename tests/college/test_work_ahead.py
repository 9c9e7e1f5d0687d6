"""Work that is done before its week: what forecasts know of it, and scores do not."""

from __future__ import annotations

from datetime import date

import pandas as pd

from edumetrics.college.work import read_done_work, read_work_ahead
from edumetrics.college.work_items import read_items
from tests import colleges as c
from tests.college.conftest import Open
from tests.college.test_health_rows import find_term

DAY = date.fromisoformat(c.day(3, 6))


def make_rows() -> c.Rows:
    """At the end of week 3: A1 was due, A2 will be in week 9, A3 is optional and open till then."""
    rows = c.people("asha", "bala", current_week=3)
    rows["assignment_definitions"] = [
        c.assignment("A1", 2, weight=10),
        c.assignment("A2", 9, weight=10),
        c.assignment("A3", 9, weight=0),
    ]
    rows["assignment_submissions"] = [
        c.handed_in(1, "A1", "asha", c.day(2, 4), 10),
        c.handed_in(2, "A2", "asha", c.day(3, 1), 16),
        c.handed_in(3, "A3", "asha", c.day(3, 2), 12),
        c.handed_in(4, "A3", "bala", c.day(4, 2), 20),
    ]
    return rows


def test_work_done_ahead_is_counted_with_optional_work(open_college: Open) -> None:
    college = open_college(make_rows())
    found = read_work_ahead(college, find_term(college), "assignment", DAY, 3)
    assert found.to_dict("records") == [
        {"student_id": "asha", "class_id": "C", "semester": 2, "ahead": 2, "ahead_marked": 2,
         "ahead_mark_sum": 140}
    ]  # fmt: skip


def test_optional_work_counts_in_nothing_else(open_college: Open) -> None:
    college = open_college(make_rows())
    term = find_term(college)
    assert sorted(read_items(college, term, "assignment")["item_id"]) == ["A1", "A2"]
    done = read_done_work(college, term, "assignment", DAY)
    assert done.groupby("week")["done"].sum().to_dict() == {2: 1, 9: 1}


def test_work_that_an_extension_moves_into_the_future_is_ahead(open_college: Open) -> None:
    rows = make_rows()
    for row in rows["assignment_submissions"]:
        row["due_week_override"] = 5 if row["id"] == 1 else None
        row["exempt"] = int(row["id"] == 2)
    college = open_college(rows)
    found = read_work_ahead(college, find_term(college), "assignment", DAY, 3)
    assert found["ahead"].tolist() == [2], "A1, and A3; the student is exempt from A2"


def test_without_work_there_is_nothing_ahead(open_college: Open) -> None:
    rows = c.people("asha", current_week=3)
    college = open_college(rows)
    found = read_work_ahead(college, find_term(college), "quiz", DAY, 3)
    assert isinstance(found, pd.DataFrame) and found.empty
