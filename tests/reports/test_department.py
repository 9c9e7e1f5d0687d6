"""The page for the head of department after an exam: rounded numbers, no names, nothing invented."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from edumetrics.reports.department import (
    DepartmentPage,
    ReviewTables,
    build_department_page,
    render_department_page,
)
from edumetrics.reports.figures import Picture
from tests.reports.builder import SENTENCES

NAN = float("nan")
WHOLE = {"class_id": "all", "students": 62, "results": 60, "failed": 9, "mae": 7.6, "in_range": 0.815, "listed": 2 / 3,
         "false_alarms": 1.25}  # fmt: skip
UNKNOWN = {
    "results": 0,
    "failed": 0,
    "mae": NAN,
    "in_range": NAN,
    "listed": NAN,
    "false_alarms": NAN,
}


def make_tables(*classes: dict[str, Any], lead_time: float = 3.0, **frames: Any) -> ReviewTables:
    lists = pd.DataFrame({"list": ["our lists", "by marks alone"], "precision": [0.444, NAN], "recall": [1.0, 0.0]})  # fmt: skip
    errors = pd.DataFrame({"kind": ["failed and never listed"], "students": [3.0], "contacted": [1.0]})  # fmt: skip
    groups = pd.DataFrame(
        [("women", 31, 0.25, 0.124, 0.436, NAN, NAN, NAN)],
        columns=["group", "students", "flag_rate", "flag_rate_low", "flag_rate_high", "miss_rate", "miss_rate_low",
                 "miss_rate_high"],
    )  # fmt: skip
    given = {"lists": lists, "errors": errors, "groups": groups, "fairness": ["No group stands out."],
             "small": 0, "curves": pd.DataFrame({"first": ["men"], "second": ["women"], "abroca": [0.042]})}  # fmt: skip
    return ReviewTables(classes=pd.DataFrame(list(classes or (WHOLE,))), lead_time=lead_time, **(given | frames))  # fmt: skip


def build(*classes: dict[str, Any], picture: Picture | None = None, **more: Any) -> DepartmentPage:
    return build_department_page(
        SENTENCES, "midterm", "20 July 2026", make_tables(*classes, **more), picture
    )


@pytest.mark.parametrize(("results", "of"), [(60, "9 of 60"), (0, "9 of 62")])
def test_the_headline_counts_results_or_else_students(results: int, of: str) -> None:
    page = build({**WHOLE, "results": results})
    assert page.headline == f"After the midterm: {of} students failed"


def test_the_summary_has_a_sentence_for_each_number() -> None:
    predicted, listed, alarms = build().summary
    assert predicted.startswith("Predicted scores were 8 points off on average; 82% of the scores")
    assert listed == (
        "Of those who failed, 67% had been on an advisor's list before,"
        " half of them at least 3 weeks before the exam."
    )
    assert alarms.startswith("For each student listed who failed, 1.2 listed passed.")


def test_without_a_lead_time_nothing_is_said_of_it() -> None:
    assert build(lead_time=NAN).summary[1] == (
        "Of those who failed, 67% had been on an advisor's list before."
    )


@pytest.mark.parametrize(
    ("missing", "starts"),
    [
        ("mae", ["Of those who failed,", "For each student"]),
        ("listed", ["Predicted scores", "For each student"]),
        ("false_alarms", ["Predicted scores", "Of those who failed,"]),
    ],
)
def test_a_sentence_without_its_number_is_left_out(missing: str, starts: list[str]) -> None:
    summary = build({**WHOLE, missing: NAN}).summary
    assert len(summary) == len(starts)
    for sentence, start in zip(summary, starts, strict=True):
        assert sentence.startswith(start)


def test_classes_stand_below_all_of_them() -> None:
    first, second = build(WHOLE, {**WHOLE, "class_id": "CS3B", "students": 30, "failed": 4}).classes
    assert (first.name, first.students, first.failed) == ("All classes", 62, 9)
    assert (first.error, first.in_range, first.listed, first.false_alarms) == (8, 82, 67, "1.2")
    assert (second.name, second.students, second.failed) == ("CS3B", 30, 4)


def test_what_cannot_be_counted_is_empty_and_not_zero() -> None:
    page = build({**WHOLE, **UNKNOWN})
    (row,) = page.classes
    assert (row.failed, row.error, row.in_range, row.listed, row.false_alarms) == (0, None, None, None, None)  # fmt: skip
    assert page.summary == ()


def test_lists_errors_and_groups_are_told_in_percent_and_counts() -> None:
    page = build()
    assert [(row.name, row.precision, row.recall) for row in page.lists] == [
        ("our lists", 44, 100),
        ("by marks alone", None, 0),
    ]
    assert page.errors == (("failed and never listed", 3, 1),)
    assert page.groups == (("women", 31, "25% (12 to 44)", "too few to tell"),)


def test_the_page_says_all_of_it() -> None:
    page = build(WHOLE, {**WHOLE, "class_id": "CS<3>B"})
    html = render_department_page(page)
    for text in (page.headline, "20 July 2026", "All classes", "CS&lt;3&gt;B", "25% (12 to 44)", "No group stands out."):  # fmt: skip
        assert text in html
    assert "CS<3>B" not in html


def test_the_picture_is_in_the_page_with_its_text_and_only_where_there_is_one() -> None:
    without = build()
    assert (without.picture, without.picture_alt) == ("", "")
    assert "<img" not in render_department_page(without)
    html = render_department_page(build(picture=Picture(Figure(figsize=(1, 1)), "What it shows.")))
    assert "data:image/png;base64,iVBOR" in html
    assert 'alt="What it shows."' in html
    assert "http" not in html.replace("http://www.w3.org", ""), "nothing is fetched"


def test_abroca_stands_only_in_a_footnote_that_says_what_it_means() -> None:
    html = render_department_page(build())
    body, _, foot = html.partition('class="footnote"')
    assert "ABROCA" not in body
    assert "ABROCA of men and women: 0.04. It says how differently the forecast tells" in foot
    unknown = pd.DataFrame({"first": ["men"], "second": ["women"], "abroca": [NAN]})
    assert "ABROCA" not in render_department_page(build(curves=unknown))


def test_without_a_prediction_the_table_has_no_columns_about_it() -> None:
    assert "Prediction off by" in render_department_page(build())
    html = render_department_page(build({**WHOLE, "mae": NAN, "in_range": NAN}))
    assert "Prediction off by" not in html
    assert "predicted range" not in html
    assert "Failed, and had been on a list" in html


def test_small_classes_are_only_counted() -> None:
    assert build(small=1).summary[-1] == "Of one class with fewer than 10 students nothing is told."
