"""Who is scored in a week, in which class, and which weeks are excused. Week 6 is 9 to 15 February 2026."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.scoring.roll import Roll, build_roll
from tests.scoring.builder import facts

TWO = {"C": (2, "2026-01-05"), "D": (2, "2026-01-07")}


def call(week: int = 6, students: Any = "asha", **known: Any) -> Roll:
    return build_roll(facts(week, students, **known))


def students_on(roll: Roll) -> list[str]:
    return roll.frame["student_id"].tolist()


def classes_by_week(roll: Roll) -> list[str]:
    """The class of the first student in each week, from week 1; a dash for none."""
    names = [*roll.class_semesters["class_id"], "-"]
    return [names[code] for code in roll.classes[0, 1:]]


def excused_weeks(roll: Roll) -> list[int]:
    return roll.away[0].nonzero()[0].tolist()


def test_students_are_in_the_order_of_their_ids() -> None:
    assert students_on(call(students="chen asha bala")) == ["asha", "bala", "chen"]


@pytest.mark.parametrize(
    ("dates", "is_on"),
    [
        ({}, True),
        ({"joined_on": "2026-02-15"}, True),
        ({"joined_on": "2026-02-16"}, False),
        ({"withdrawn_on": "2026-02-15"}, False),
        ({"withdrawn_on": "2026-02-16"}, True),
        ({"joined_on": "2026-01-20", "withdrawn_on": "2026-02-01"}, False),
    ],
)
def test_the_last_day_of_the_week_decides_who_is_on_the_roll(
    dates: dict[str, str], is_on: bool
) -> None:
    assert students_on(call(students={"asha": dates})) == (["asha"] if is_on else [])


@pytest.mark.parametrize("class_id", ["X", None])
def test_a_student_whose_class_is_not_scored_is_not_on_the_roll(class_id: str | None) -> None:
    assert students_on(call(students={"asha": {"class_id": class_id}, "bala": {}})) == ["bala"]


def test_a_register_puts_a_student_without_a_class_on_the_roll() -> None:
    roll = call(students={"asha": {"class_id": None}}, registers={"asha": "- 3/4"})
    assert students_on(roll) == ["asha"]
    assert classes_by_week(roll) == ["-", "C", "C", "C", "C", "C"]


@pytest.mark.parametrize(
    ("registers", "classes"),
    [
        ("", "CCCC"),
        ("3/4@D 3/4@D 3/4 3/4", "DDCC"),
        ("3/4@D - - 3/4", "DDDC"),
        ("- 3/4@D", "CDDD"),
        ("3/4 3/4@X 3/4@D 3/4@X", "CCDD"),
        ("3/4 3/4 3/4 3/4 3/4@D", "CCCC"),
    ],
)
def test_the_latest_register_so_far_says_the_class(registers: str, classes: str) -> None:
    roll = call(4, classes=TWO, registers={"asha": registers})
    assert "".join(classes_by_week(roll)) == classes
    assert roll.frame["class_id"].tolist() == [classes[-1]]


def test_of_two_registers_in_a_week_the_one_that_is_decided_counts() -> None:
    roll = call(3, classes=TWO, registers={"asha": "3/4 3/4 3/4"}, doubles=[("asha", 2, "D")])
    assert classes_by_week(roll) == ["C", "D", "C"]


def test_a_register_of_another_semester_says_nothing() -> None:
    known = facts(3, classes=TWO, registers={"asha": "3/4@D"})
    known.seats["semester"] = 1
    assert classes_by_week(build_roll(known)) == ["C", "C", "C"]


def test_each_class_has_its_own_days() -> None:
    roll = call(2, {"asha": {}, "bala": {"class_id": "D"}}, classes=TWO)
    assert roll.frame["week_end"].dt.strftime("%d %b").tolist() == ["18 Jan", "20 Jan"]
    first = pd.to_datetime(roll.first_day, unit="D").strftime("%d %b").tolist()
    assert first == ["05 Jan", "07 Jan"]
    second = pd.to_datetime(roll.starts[:, 2], unit="D").strftime("%d %b").tolist()
    assert second == ["12 Jan", "14 Jan"]


@pytest.mark.parametrize(
    ("spans", "weeks"),
    [
        ([], []),
        ([("2026-01-12", "2026-01-13")], []),
        ([("2026-01-12", "2026-01-14")], [2]),
        ([("2026-01-09", "2026-01-13")], [1]),
        ([("2026-01-05", "2026-01-25")], [1, 2, 3]),
        ([("2026-01-12", "2026-01-12"), ("2026-01-14", "2026-01-14"), ("2026-01-18", "2026-01-18")], [2]),
        ([("2026-01-12", "2026-01-13"), ("2026-01-12", "2026-01-13")], []),
        ([("2026-01-12", "2026-01-13"), ("2026-01-13", "2026-01-14")], [2]),
        ([("2026-02-09", "2999-12-31")], [6]),
        ([("1999-01-01", "2026-01-07")], [1]),
        ([("2026-01-12", None)], []),  # one day
        ([("2026-01-12", None), ("2026-01-13", None), ("2026-01-15", None)], [2]),
        ([("2026-01-16", "2026-01-12")], []),
    ],
)  # fmt: skip
def test_a_week_is_excused_from_three_days_on(
    spans: list[tuple[str, str | None]], weeks: list[int]
) -> None:
    assert excused_weeks(call(excuses=[("asha", *span) for span in spans])) == weeks


def test_an_excuse_is_for_one_student() -> None:
    span = ("2026-01-05", "2026-01-11")
    roll = call(2, "asha bala", excuses=[("bala", *span), ("nobody", *span)])
    assert roll.away[:, 1].tolist() == [False, True]


def test_a_part_of_the_roll_keeps_the_order_that_is_asked_for() -> None:
    roll = call(2, {"asha": {}, "bala": {"class_id": "D"}, "chen": {}}, classes=TWO)
    part = roll.take(pd.Index([1, 0]).to_numpy())
    assert students_on(part) == ["bala", "asha"]
    assert part.frame["class_id"].tolist() == ["D", "C"]
    assert part.first_day[0] == part.first_day[1] + 2
    assert part.find_rows(pd.Series(["asha", "chen", "bala"])).tolist() == [1, -1, 0]


def test_a_roll_may_be_empty() -> None:
    roll = call(students="", excuses=[("asha", "2026-01-05", "2026-01-11")])
    assert students_on(roll) == []
    assert roll.classes.shape == roll.away.shape == (0, 7)
