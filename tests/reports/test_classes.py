"""The weekly page for the head of department: which class first, and is it the class or a few."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from edumetrics.briefing.kept import Briefings
from edumetrics.params import Head
from edumetrics.reports.class_rows import ClassLists, ClassRows
from edumetrics.reports.classes import (
    ClassCard,
    ClassesPage,
    build_classes_page,
    render_classes_page,
)
from edumetrics.reports.head_mail import build_head_report
from edumetrics.reports.model import Numbers, Prose
from edumetrics.reports.weekly import build_weekly_reports
from tests.reports.builder import PEOPLE, make_occasion, make_week

Listed = tuple[str, bool, bool]
NEW, CARED, WAITING = ("new", False, False), ("continuing", True, False), ("returned", False, True)


def make_lists(
    sizes: dict[str, int],
    listed: dict[str, list[Listed]] | None = None,
    *,
    exits: tuple[str, ...] = (),
    contacts: tuple[str, ...] = (),
    **means: float,
) -> ClassLists:
    """Lists of a week: by class its size, and of each listed student status, care and hand-over.

    The students of CS3B are CS3B-0, CS3B-1 and so on; all of them have the same means.
    """
    usual = {"effort_score": 55.2, "academic_performance": 61.0, "weekly_att_pct": 79.6,
             "submission_pct": 83.3, "lectures_to_attend": 30, "lectures_left": 40}  # fmt: skip
    students = [(f"{name}-{n}", name) for name, size in sizes.items() for n in range(size)]
    rows = [
        (f"{name}-{n}", name, *one) for name, ones in (listed or {}).items() for n, one in enumerate(ones)
    ]  # fmt: skip
    return ClassLists(
        metrics=pd.DataFrame(students, columns=["student_id", "class_id"]).assign(**usual | means),
        flags=pd.DataFrame(
            rows, columns=["student_id", "class_id", "status", "looked_after", "hand_over"]
        ),
        exits=pd.DataFrame({"class_id": list(exits)}, dtype="str"),
        contacts=pd.Series(list(contacts), dtype="str"),
    )


def build(
    now: ClassLists,
    before: ClassLists | None = None,
    earlier: ClassLists | None = None,
    found: dict[str, str] | None = None,
    course: pd.DataFrame | None = None,
    **more: Any,
) -> ClassesPage:
    nothing = pd.DataFrame({"class_id": [], "sem_week": [], "students": [], "weekly_att_pct": [],
                            "overall_att_pct": [], "academic_performance": []})  # fmt: skip
    rows = ClassRows(
        now=now,
        before=before or make_lists({}),
        earlier=earlier or make_lists({}),
        courses=nothing if course is None else course,
        findings=pd.DataFrame(list((found or {}).items()), columns=["class_id", "text"]),
        health=pd.DataFrame(
            {"check": ["work: feed", "work: doubled"], "class_id": ["all", "CS3B"], "count": [0, 3],
             "message": ["Work: recorded up to 2026-09-06.", "Three rows are there twice."]}
        ),
    )  # fmt: skip
    occasion = make_occasion(**more)
    kept = Briefings(occasion.params.briefing, occasion.params.sentences, {})
    return build_classes_page(occasion, rows, kept)


def read_counts(card: ClassCard) -> dict[str, tuple[str, ...]]:
    return {label: tuple(texts) for label, *texts in card.counts}


def test_a_finding_about_a_class_comes_before_larger_lists_of_others() -> None:
    page = build(
        make_lists({"CS3B": 40, "EE1": 10, "ME2": 20}, {"EE1": [NEW] * 4, "CS3B": [NEW]}),
        found={"CS3B": "27 of the 40 missed most lectures."},
    )
    assert [card.name for card in page.classes] == ["CS 3 B", "EE1", "ME2"]
    assert page.headline == (
        "CS 3 B needs attention first, and it is the class as a whole, not a few students."
    )
    assert page.title == "Week 7 · CS 3 B: the whole class · 5 of 70 on a list"
    first, second, third = (card.verdict for card in page.classes)
    assert first == "The class as a whole. 27 of the 40 missed most lectures."
    assert second == "", "single students: the headline says so"
    assert third == "Nobody is on a list."


def test_without_a_finding_the_largest_share_is_first_and_no_class_is_called_the_cause() -> None:
    page = build(make_lists({"CS3B": 40, "EE1": 10}, {"CS3B": [NEW] * 5, "EE1": [NEW] * 2}))
    assert [card.name for card in page.classes] == ["EE1", "CS 3 B"], "2 of 10 before 5 of 40"
    assert page.headline == (
        "No class as a whole needs attention this week, only students in them;"
        " the largest share on a list is in EE1."
    )


def make_courses(**performance: list[float]) -> pd.DataFrame:
    """Means of classes of 30 students in weeks 4 to 7, of which attendance is always the same."""
    return pd.DataFrame(
        [(name, week, 30, 79.0, 79.0, value)
         for name, values in performance.items() for week, value in zip(range(4, 8), values, strict=True)],
        columns=["class_id", "sem_week", "students", "weekly_att_pct", "overall_att_pct",
                 "academic_performance"],
    )  # fmt: skip


def test_a_class_whose_mean_fell_comes_first_though_few_of_it_are_on_a_list() -> None:
    lists = make_lists({"CS3B": 30, "EE1": 30, "ME2": 30}, {"CS3B": [NEW], "EE1": [NEW] * 4})
    course = make_courses(CS3B=[50, 52, 51, 40.6], EE1=[50, 49, 50, 50], ME2=[60, 60, 60, 60])
    page = build(lists, course=course)
    assert page.classes[0].verdict == (
        "The class as a whole. Academic performance is 41; usual this term is 51."
    )
    assert page.headline.startswith("CS 3 B needs attention first, and it is the class as a whole")
    assert [card.whole for card in page.classes] == [True, False, False]


@pytest.mark.parametrize(
    "course",
    [
        make_courses(CS3B=[50, 52, 51, 41.5], EE1=[50, 49, 50, 50], ME2=[60, 60, 60, 60]),
        make_courses(CS3B=[50, 52, 51, 40], EE1=[50, 49, 50, 40], ME2=[60, 60, 60, 50]),
        make_courses(CS3B=[50, 52, 51, 40], EE1=[50] * 4, ME2=[60] * 4).query("sem_week > 5"),
        make_courses(CS3B=[50, 52, 51, 40], EE1=[50] * 4, ME2=[60] * 4).query("sem_week < 7"),
    ],
    ids=["by a little", "as all do", "after too few weeks", "no mean this week"],
)
def test_else_no_class_is_said_to_have_fallen(course: pd.DataFrame) -> None:
    page = build(make_lists({"CS3B": 30, "EE1": 30, "ME2": 30}), course=course)
    assert not any(card.whole for card in page.classes)


def test_many_students_without_a_shared_reason_are_called_neither() -> None:
    (card,) = build(make_lists({"CS3B": 10}, {"CS3B": [NEW] * 5})).classes
    assert card.verdict == "Many students, but not for one reason.", "more than 40% of the class"


def test_nobody_on_a_list_is_said() -> None:
    page = build(make_lists({"CS3B": 40}))
    assert page.headline == "No class needs attention this week: nobody is on a list."
    assert page.title == "Week 7 · no class stands out · 0 of 40 on a list"


def test_lists_stand_beside_last_week_and_the_same_week_of_last_term() -> None:
    page = build(
        make_lists(
            {"CS3B": 40},
            {"CS3B": [NEW, CARED, WAITING]},
            exits=("CS3B", "CS3B"),
            contacts=("CS3B-0", "CS3B-9", "somebody else"),
        ),
        make_lists({"CS3B": 41}, {"CS3B": [NEW] * 5}, lectures_to_attend=41),
        make_lists({"CS3B": 50}, {"CS3B": [CARED] * 7}, lectures_to_attend=float("nan")),
    )
    (card,) = page.classes
    assert page.columns == ("This week", "Last week", "Last term")
    assert read_counts(card) == {
        "On a list": ("3", "5", "7"),
        "New on it": ("1", "5", "0"),
        "Back on it": ("1", "0", "0"),
        "No longer on it": ("2", "0", "0"),
        "Looked after": ("1", "0", "7"),
        "Contact logged about last week's list": ("2", "0", "0"),
        "No contact for weeks": ("1", "0", "0"),
        "75% attendance out of reach": ("0", "41", "0"),
    }
    assert card.listed == "3 of 40 on a list (5 last week, 7 in this week of last term)."
    assert page.summary == (
        "3 of 40 students are on an advisor's list (5 last week), 1 of them new, 1 back on it"
        " and 1 looked after; 2 are no longer on it. For 2 students a contact about last week's list is logged."
        " One has had a place for three weeks, and no contact is logged.",
    )


def test_a_term_in_which_nobody_entered_anything_does_not_know_whom_an_advisor_reached() -> None:
    lists = make_lists({"CS3B": 40}, {"CS3B": [NEW]})
    (card,) = build(lists, lists, lists).classes
    assert read_counts(card)["On a list"] == ("1", "1", "1")
    assert read_counts(card)["Looked after"] == ("0", "0", "")
    assert read_counts(card)["Contact logged about last week's list"] == ("0", "0", "")
    assert read_counts(card)["No contact for weeks"] == ("0", "0", "")


def test_of_all_classes_it_is_said_for_how_many_attendance_is_out_of_reach() -> None:
    now = make_lists({"CS3B": 40, "EE1": 10}, lectures_to_attend=41)
    page = build(now, make_lists({"CS3B": 41, "EE1": 10}))
    assert page.summary[-1] == (
        "75% attendance is out of reach for 50 of 50 students (0 last week)."
    )


def test_without_a_term_before_it_is_not_compared_with() -> None:
    page = build(make_lists({"CS3B": 40}), make_lists({"CS3B": 40}))
    assert page.columns == ("This week", "Last week")
    assert {len(row) for row in (*page.classes[0].counts, *page.classes[0].means)} == {3}


def test_the_means_are_those_of_the_advisors_mail() -> None:
    week = make_week()
    own = week.metrics["advisor_id"] == "A1"
    metrics = pd.concat([week.metrics[own].assign(class_id="CS3B")] * 4, ignore_index=True)
    empty = make_lists({})
    page = build(
        replace(empty, metrics=metrics), replace(empty, metrics=week.last.assign(class_id="CS3B"))
    )
    (mail,) = (
        section
        for section in build_weekly_reports(make_occasion(), week)[0].sections
        if isinstance(section, Numbers)
    )
    assert [row[:2] for row in page.classes[0].means] == [
        (row.label, f"{row.now}{row.unit}") for row in mail.rows
    ]
    # Asha, Noor, K. Raman: recorded activity 20, 50, 70, and 10 more last week.
    assert page.classes[0].means[0] == ("Recorded activity", "47", "57")


def test_last_weeks_means_are_of_the_same_students() -> None:
    page = build(
        make_lists({"CS3B": 20}, effort_score=50.0), make_lists({"CS3B": 30}, effort_score=60.0)
    )
    assert page.classes[0].means[0] == ("Recorded activity", "50", "60")


def test_a_class_that_is_small_has_no_numbers_anywhere() -> None:
    now = make_lists({"CS3B": 40, "ME2": 9}, {"CS3B": [NEW], "ME2": [NEW] * 9})
    page = build(now, make_lists({"CS3B": 9}, {"CS3B": [NEW] * 8}), found={"ME2": "9 of the 9."})
    (card,) = page.classes
    assert read_counts(card)["On a list"] == ("1", ""), "and none of a week in which it was small"
    assert page.title == "Week 7 · most in CS 3 B · 1 of 40 on a list"
    assert page.summary == (
        "1 of 40 students is on an advisor's list, 1 of them new, 0 back on it and 0 looked after;"
        " 0 are no longer on it.",
        "Of one class with fewer than 10 students nothing is told.",
    )
    assert "ME2" not in render_classes_page(page)


def test_where_all_classes_are_small_nothing_is_told() -> None:
    page = build(make_lists({"ME2": 9, "ME3": 1}, {"ME2": [NEW]}))
    assert page.headline == "Every class is too small to be told of here."
    assert page.summary == ("Of two classes with fewer than 10 students nothing is told.",)
    assert "<svg" not in render_classes_page(page)


def test_the_weeks_so_far_are_drawn_without_weeks_in_which_the_class_was_small() -> None:
    course = pd.DataFrame(
        {"class_id": "CS3B", "sem_week": [5, 6, 7], "students": [9, 40, 40], "overall_att_pct": 80.0,
         "weekly_att_pct": [10.0, 70.0, 60.0], "academic_performance": [10.0, 50.0, 55.0]}
    )  # fmt: skip
    (card,) = build(make_lists({"CS3B": 40}), course=course).classes
    assert card.panel is not None
    assert card.panel.alt == (
        "Up to week 7: Attendance: 70% in week 6 to 60% in week 7;"
        " Academic performance: 50 in week 6 to 55 in week 7."
    )


def test_only_what_is_true_of_all_classes_is_said_of_the_data() -> None:
    assert build(make_lists({"CS3B": 40})).health == "To 6 September: work handed in."


def test_every_number_has_its_plain_meaning() -> None:
    meaning = build(make_lists({"CS3B": 40})).meaning
    for words in (
        "Last term: the same week of it.",
        "for three teaching weeks running",
        "Means are of all",
    ):
        assert words in meaning


def test_no_student_is_on_the_page() -> None:
    now = make_lists({"CS3B": 40}, {"CS3B": [NEW, CARED, WAITING]}, contacts=("CS3B-0",))
    html = render_classes_page(build(now))
    assert not re.search(r"CS3B-\d|Asha|Noor", html)


def test_the_mail_has_a_line_for_each_class_in_the_same_order() -> None:
    page = build(
        make_lists({"CS3B": 40, "EE1": 10}, {"EE1": [NEW] * 2}), found={"CS3B": "27 of the 40."}
    )
    report = build_head_report(make_occasion(), Head(address="dean@college.example"), page)
    (lines,) = (part for part in report.sections if part.title == "Class by class")
    assert isinstance(lines, Prose)
    assert lines.paragraphs == (
        "CS 3 B: The class as a whole. 27 of the 40. 0 of 40 on a list.",
        "EE1: 2 of 10 on a list.",
    )
    assert (report.headline, report.subject) == (page.headline, page.title)


@pytest.mark.parametrize("name", ["CS & <3>", "O'Brien's"])
def test_the_page_escapes_what_a_college_wrote(name: str) -> None:
    people = replace(PEOPLE, classes={"CS3B": name})
    page = build(make_lists({"CS3B": 40}, {"CS3B": [NEW]}), people=people)
    html = render_classes_page(page)
    assert name not in html
    assert page.classes[0].name == name
