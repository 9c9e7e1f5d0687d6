"""Work that is not in, by name: which items, and how a colleague would say them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edumetrics.triage.work_by_name import describe_items, find_missing_items
from tests.triage.builder import draw, shipped, situation
from tests.triage.facts import NOT_IN


def missing(student: str = "a", **given: Any) -> list[tuple[str, str, str, int, bool]]:
    """The items of a student that are not in: kind, subject, label, week, and whether open."""
    now = situation(**given)
    row = np.array([list(now.students).index(student)])
    return [
        (i.kind, i.subject, i.label, i.week, i.is_open) for i in find_missing_items(now, row)[0]
    ]


def names(**given: Any) -> tuple[str, int, str]:
    """The names, how many more, and when they were due."""
    now = situation(**given)
    said = describe_items(shipped().sentences, find_missing_items(now, np.array([0]))[0])
    return said["names"], said["more"], said["due"]


ALL = {"a": dict.fromkeys(range(1, 8), NOT_IN)}


def test_items_have_the_number_of_their_place_in_the_subject() -> None:
    """By due week: those of weeks 1 to 3 are in."""
    given = {"due": (1, 2, 4, 6), "marks": {"a": {4: NOT_IN, 6: NOT_IN}}}
    assert missing(**given) == [
        ("assignment", "Databases", "3", 4, True), ("assignment", "Databases", "4", 6, True)
    ]  # fmt: skip
    assert names(**given) == ("Databases assignments 3 and 4", 0, "weeks 4 and 6")
    assert missing("b", **given) == []


def test_numbers_are_counted_within_a_subject() -> None:
    given = {"due": (4, 5, 6), "subjects": ("Databases", "Methods", "Databases"), "marks": ALL}
    assert names(**given)[0] == "Databases assignments 1 and 2 and Methods assignment 1"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Databases assignment 7", "Databases assignment 7"),
        ("Databases Assignment #7", "Databases assignment 7"),
        ("Assignment 7", "Databases assignment 7"),
        ("DBMS: assignment 7", "DBMS assignment 7"),
        ("Lab report 7", "Databases assignment “Lab report 7”"),
        ("Normal  forms", "Databases assignment “Normal forms”"),
        ("", "Databases assignment 1"),
        (None, "Databases assignment 1"),
    ],
)
def test_a_title_gives_the_name(title: str | None, name: str) -> None:
    assert names(due=(6,), titles=(title,), marks=ALL)[0] == name


def test_a_quiz_that_is_over_is_named_after_what_is_open() -> None:
    given: dict[str, Any] = {"quizzes": (5,), "skipped": {"a": (5,)}, "due": (6,), "marks": ALL}
    assert missing(**given) == [
        ("assignment", "Databases", "1", 6, True), ("quiz", "Databases", "1", 5, False)
    ]  # fmt: skip
    assert names(**given)[0] == "Databases assignment 1 and quiz 1"


@pytest.mark.parametrize(("week", "told"), [(3, True), (5, True), (6, True), (7, False)])
def test_an_assignment_is_open_for_21_days_after_its_week(week: int, told: bool) -> None:
    found = missing(week=week, due=(3,), marks=ALL)
    assert bool(found) == told


def test_an_exam_week_uses_up_its_days() -> None:
    assert missing(week=9, due=(6,), marks=ALL)
    assert not missing(week=9, due=(5,), marks=ALL)


def test_at_most_three_are_named_and_the_others_counted() -> None:
    given = {"due": (4, 4, 5, 6, 6), "marks": ALL}
    assert names(**given) == ("Databases assignments 1, 2 and 3", 2, "weeks 4-6")
    told = draw(students="abcdefgh", **given, past=1, list_at=10).loc["a", "reasons"]
    said = next(record for record in told if record["code"] == "missed_work")
    assert said["text"] == ("Not in: Databases assignments 1, 2 and 3 and two more; due weeks 4-6.")
    assert said["short"] == "Not in: Databases assignment 1 and four more; due weeks 4-6."
    assert said["value"] == 5
    assert [item["name"] for item in said["items"]] == [
        f"Databases assignment {n}" for n in (1, 2, 3, 4, 5)
    ]
    assert said["items"][0] == {
        "name": "Databases assignment 1", "kind": "assignment", "subject": "Databases",
        "label": "1", "week": 4, "due": "2026-02-01", "open": True,
    }  # fmt: skip


def test_one_item_has_its_singular() -> None:
    given: dict[str, Any] = {"students": "abcdefgh", "due": (5, 6), "marks": {"a": {6: NOT_IN}}}
    told = draw(**given, list_at=1).loc["a", "reasons"]
    assert "Not in: Databases assignment 2; due week 6." in [record["text"] for record in told]


def test_an_extension_moves_an_item_into_another_week() -> None:
    given = {"due": (4, 6), "marks": {"a": {4: NOT_IN}}}
    assert [item[3] for item in missing(**given)] == [4]
    assert [item[3] for item in missing(**given, extensions=(("a", 0, 6),))] == [6]
    assert missing(**given, extensions=(("a", 0, 7),)) == [], "it is not due yet"
    assert [item[3] for item in missing(**given, extensions=(("b", 0, 7),))] == [4]


def test_an_item_of_a_week_that_is_excused_is_not_missing() -> None:
    """Week 5 begins on 2 February."""
    given = {"due": (4, 5), "marks": {"a": {4: NOT_IN, 5: NOT_IN}}}
    ill = (("a", "2026-02-02", "2026-02-04"),)
    assert [item[3] for item in missing(**given, excuses=ill)] == [4]


def test_an_item_of_a_subject_that_is_not_taken_is_not_missing() -> None:
    given = {"due": (5, 6), "subjects": ("Databases", "Methods"), "marks": ALL}
    taken = (("a", "Methods"), ("b", "Databases"))
    assert [item[1] for item in missing(**given, enrolments=taken)] == ["Methods"]
    assert len(missing(**given, enrolments=(("b", "Databases"),))) == 2, "a takes all"


def test_items_are_those_of_the_class_of_the_week() -> None:
    people = {"a": {"class_id": "C"}, "b": {"class_id": "D"}}
    given = {"students": people, "due": (6,), "marks": {"a": {6: NOT_IN}, "b": {6: NOT_IN}}}
    assert len(missing("a", **given)) == len(missing("b", **given)) == 1


def test_an_item_that_classes_share_has_its_own_number_in_each() -> None:
    """D had an assignment before it; for C it is the first one."""
    people = {"a": {"class_id": "C"}, "b": {"class_id": "D"}}
    marks = {student: {5: NOT_IN, 6: NOT_IN} for student in people}
    now = situation(students=people, due=(5, 6), marks=marks)
    items = now.facts.assignments
    shared = items["item_id"].where(items["due_week"] == 5, "shared")
    only_d = items[(items["class_id"] == "D") | (items["due_week"] == 6)]
    facts = replace(now.facts, assignments=only_d.assign(item_id=shared))
    rows = find_missing_items(replace(now, facts=facts), np.array([0, 1]))
    assert [[item.label for item in row] for row in rows] == [["1"], ["1", "2"]]
