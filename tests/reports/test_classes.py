"""The weekly page for the head of department: classes side by side, and nothing about small ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from edumetrics.reports.classes import ClassesPage, build_classes_page, render_classes_page
from tests.reports.builder import PEOPLE, make_occasion

BIG = {"class_id": "CS3B", "sem_week": 7, "students": 40, "weekly_att_pct": 79.6, "effort_score": 55.2,
       "academic_performance": 61.0}  # fmt: skip
SECOND = {**BIG, "class_id": "EE1", "students": 10, "weekly_att_pct": None}
SMALL = {**BIG, "class_id": "ME2", "students": 9}


def make_flags(**classes: list[tuple[str, bool]]) -> pd.DataFrame:
    """By class, the status of each student on a list, and whether someone looks after the student."""
    rows = [(name, *row) for name, listed in classes.items() for row in listed]
    return pd.DataFrame(rows, columns=["class_id", "status", "looked_after"])


def build(*classes: dict[str, Any], week: int = 7, **frames: Any) -> ClassesPage:
    given = {
        "flags": make_flags(CS3B=[("new", False), ("stays", True), ("returned", False)], ME2=[("new", True)]),
        "exits": pd.DataFrame({"class_id": ["CS3B", "CS3B", "ME2"]}),
        "findings": pd.DataFrame({"class_id": ["CS3B", "ME2"], "text": ["27 of the 40.", "9 of the 9."]}),
        "health": pd.DataFrame({"class_id": ["all", "CS3B", "all"], "message": ["Fresh.", "Late.", "Fresh."]}),
    }  # fmt: skip
    weeks = pd.DataFrame(list(classes))
    return build_classes_page(make_occasion(week=week), weeks, **(given | frames))


def test_the_title_counts_who_is_on_a_list() -> None:
    page = build(BIG, SECOND)
    assert page.title == "Week 7: 3 of 50 students are on a list"
    assert page.kicker == ("Week 7 of 18 · 31 August to 6 September 2026",)
    assert page.summary == ("1 are new, 2 left, 1 are being looked after.",)


def test_each_class_has_a_row_by_the_order_of_its_id() -> None:
    first, second = build(SECOND, BIG).rows
    assert (first.name, first.students) == ("CS 3 B", 40)
    assert first.cells == ("3", "1", "2", "1", "80%", "55", "61")
    assert (second.name, second.students) == ("EE1", 10)
    assert second.cells == ("0", "0", "0", "0", "", "55", "61"), "nobody listed is 0, not unknown"


def test_a_class_that_is_small_has_no_numbers_anywhere() -> None:
    page = build(BIG, SMALL)
    assert page.title == "Week 7: 3 of 40 students are on a list"
    assert page.summary == (
        "1 are new, 2 left, 1 are being looked after.",
        "Of one class with fewer than 10 students nothing is told.",
    )
    small = page.rows[1]
    assert (small.name, small.students, set(small.cells)) == ("ME2", 9, {""})
    assert page.findings == (("CS 3 B", "27 of the 40."),)


def test_several_small_classes_are_counted_in_words() -> None:
    page = build(BIG, SMALL, {**SMALL, "class_id": "ME3"})
    assert page.summary[1] == "Of two classes with fewer than 10 students nothing is told."


def test_where_all_classes_are_small_there_is_no_picture() -> None:
    page = build(SMALL)
    assert page.picture is None
    assert page.title == "Week 7: 0 of 0 students are on a list"
    assert "<img" not in render_classes_page(page)


def test_only_what_is_true_of_all_classes_is_said_of_the_data_and_once() -> None:
    assert build(BIG).health == ("Fresh.",)


def test_other_weeks_are_in_the_picture_and_not_in_the_table() -> None:
    page = build({**BIG, "sem_week": 6, "effort_score": 70.0}, BIG)
    assert [row.cells[5] for row in page.rows] == ["55"]
    assert page.picture is not None
    line = page.picture.figure.axes[0].get_lines()[0]
    assert [float(value) for value in line.get_ydata()] == [70.0, 55.2]  # type: ignore[arg-type]


def test_the_picture_has_a_field_for_each_class_that_is_told() -> None:
    picture = build(BIG, SECOND, SMALL).picture
    assert picture is not None
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes]
    assert titles == ["CS 3 B", "EE1"]


def test_the_picture_has_room_for_the_classes_with_the_largest_share_on_a_list() -> None:
    many = [{**BIG, "class_id": f"C{n:02d}", "students": 20} for n in range(26)]
    page = build(*many, flags=make_flags(C25=[("new", False)]))
    assert page.picture is not None
    titles = [axes.get_title(loc="left") for axes in page.picture.figure.axes]
    assert titles == [*(f"C{n:02d}" for n in range(23)), "C25"]
    assert len(page.rows) == 26


@pytest.mark.parametrize("name", ["CS & <3>", "O'Brien's"])
def test_the_page_escapes_what_a_college_wrote(name: str) -> None:
    occasion = make_occasion(people=replace(PEOPLE, classes={"CS3B": name}))
    empty = pd.DataFrame({"class_id": [], "message": [], "text": []}, dtype="object")
    flags = make_flags(CS3B=[("new", False)])
    page = build_classes_page(occasion, pd.DataFrame([BIG]), flags, empty, empty, empty)
    html = render_classes_page(replace(page, picture=None))
    assert name not in html
    assert page.rows[0].name == name
    assert page.title in html
