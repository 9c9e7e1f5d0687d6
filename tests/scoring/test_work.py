"""What was due, what was done, and its marks. Week 3 is 19 to 25 January 2026."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.scoring.roll import Matrix, build_roll
from edumetrics.scoring.work import Work, collect_work, compute_mean_mark
from tests.scoring.builder import CALENDAR, Item, facts

NAN = np.nan
TWO = {"C": (2, "2026-01-05"), "D": (2, "2026-01-05")}
DONE = {"asha": 60.0}


def collect(*items: Item, week: int = 6, students: Any = "asha", **known: Any) -> tuple[Work, Work]:
    of = facts(week, students, work=items, **known)
    return collect_work(build_roll(of), of, CALENDAR)


def weeks_of(matrix: Matrix, row: int = 0) -> dict[int, int]:
    """What a student has in the weeks in which it is not 0."""
    return {week: int(count) for week, count in enumerate(matrix[row]) if count}


def days(date: str) -> int:
    return (pd.Timestamp(date) - pd.Timestamp("1970-01-01")).days


def test_assignments_and_quizzes_are_counted_apart() -> None:
    assignments, quizzes = collect(Item(2), Item(2, DONE), Item(5), Item(4, DONE, quiz=True))
    assert weeks_of(assignments.due) == {2: 2, 5: 1}
    assert weeks_of(assignments.done) == {2: 1}
    assert weeks_of(assignments.missed) == {2: 1, 5: 1}
    assert weeks_of(quizzes.due) == weeks_of(quizzes.done) == {4: 1}
    assert weeks_of(quizzes.missed) == {}


@pytest.mark.parametrize("week", [None, 8, 12, 18], ids=["no week", "midterm", "ahead", "end-term"])
def test_work_of_any_other_week_is_never_due(week: int | None) -> None:
    work, _ = collect(Item(week, DONE), Item(3), week=10)
    assert weeks_of(work.due) == {3: 1}
    assert weeks_of(work.done) == {}


def test_the_work_of_another_class_is_not_due() -> None:
    work, _ = collect(Item(3), Item(3, class_id="D"), Item(4, class_id="D"), classes=TWO)
    assert weeks_of(work.due) == {3: 1}


def test_a_student_has_the_work_of_the_class_they_were_in() -> None:
    items = [Item(week, DONE, class_id=name) for week in (2, 3) for name in "CD"]
    work, _ = collect(*items, classes=TWO, registers={"asha": "3/4@D 3/4@D 3/4"})
    assert weeks_of(work.due) == weeks_of(work.done) == {2: 1, 3: 1}


def test_in_an_excused_week_nothing_is_due() -> None:
    excuse = ("asha", "2026-01-19", "2026-01-21")
    work, _ = collect(Item(3, DONE), Item(3), Item(4), excuses=[excuse])
    assert weeks_of(work.due) == {4: 1}
    assert weeks_of(work.done) == {}


@pytest.mark.parametrize(
    ("new_week", "due"), [(5, {5: 1}), (9, {}), (8, {}), (3, {3: 1}), (2, {2: 1})]
)
def test_an_extension_moves_work_to_another_week(new_week: int, due: dict[int, int]) -> None:
    work, _ = collect(Item(3, DONE), extensions=[("asha", 0, new_week)])
    assert weeks_of(work.due) == weeks_of(work.done) == due


def test_an_extension_is_for_one_student_and_one_item() -> None:
    work, _ = collect(Item(3), Item(3), students="asha bala", extensions=[("bala", 1, 5)])
    assert weeks_of(work.due, 0) == {3: 2}
    assert weeks_of(work.due, 1) == {3: 1, 5: 1}


def test_an_extension_into_an_excused_week_leaves_nothing_due() -> None:
    excuse = ("asha", "2026-02-02", "2026-02-08")
    work, _ = collect(Item(3), extensions=[("asha", 0, 5)], excuses=[excuse])
    assert weeks_of(work.due) == {}


def test_an_extension_ends_with_the_class() -> None:
    registers = {"asha": "3/4 3/4 3/4 3/4 3/4@D"}
    work, _ = collect(Item(3), classes=TWO, registers=registers, extensions=[("asha", 0, 5)])
    assert weeks_of(work.due) == {}


def test_quizzes_are_extended_too() -> None:
    _, quizzes = collect(Item(3, quiz=True), extensions=[("asha", 0, 5)])
    assert weeks_of(quizzes.due) == {5: 1}


def test_what_a_student_is_exempt_from_is_not_due() -> None:
    of = [("asha", 0, math.nan), ("asha", 1, math.nan)]
    work, quizzes = collect(Item(3), Item(3, quiz=True), Item(3), extensions=of)
    assert (weeks_of(work.due), weeks_of(quizzes.due)) == ({3: 1}, {})


def test_nothing_is_due_in_a_week_that_was_over_before_a_student_joined() -> None:
    late = {"asha": {"joined_on": pd.Timestamp("2026-01-26")}}
    work, _ = collect(Item(2), Item(3, DONE), Item(4), students=late)
    assert (weeks_of(work.due), weeks_of(work.done)) == ({4: 1}, {})


def test_nobodys_zero_counts_before_a_mark_of_the_item_is_known() -> None:
    work, _ = collect(Item(5), Item(6), Item(6), unmarked=[1])
    assert weeks_of(work.missed) == {5: 1, 6: 2}
    assert weeks_of(work.zeros) == {5: 1, 6: 1}
    assert compute_mean_mark((work,), [6]).tolist() == [0]
    work, _ = collect(Item(6), unmarked=[0])
    assert np.isnan(compute_mean_mark((work,), [6])).all(), "a class waits together"


@pytest.mark.parametrize(
    ("first", "last", "is_due"),
    [
        (None, None, True),
        ("2026-01-25", None, True),
        ("2026-01-26", None, False),
        (None, "2026-01-25", True),
        (None, "2026-01-24", False),
        ("2026-01-20", "2026-02-20", True),
    ],
)
def test_the_last_day_of_the_week_decides_about_an_enrolment(
    first: str | None, last: str | None, is_due: bool
) -> None:
    work, _ = collect(Item(3, DONE), enrolments=[("asha", "S", first, last)])
    assert weeks_of(work.due) == weeks_of(work.done) == ({3: 1} if is_due else {})


def test_a_student_has_the_work_of_their_own_subjects() -> None:
    work, _ = collect(
        Item(3, subject="S"),
        Item(3, subject="T"),
        Item(4, subject="T"),
        students="asha bala",
        enrolments=[("asha", "S", None, None)],
    )
    assert weeks_of(work.due, 0) == {3: 1}
    assert weeks_of(work.due, 1) == {3: 2, 4: 1}, "without any known enrolment it is all subjects"


def test_an_extension_of_work_in_a_dropped_subject_changes_nothing() -> None:
    enrolled = [("asha", "T", None, None)]
    work, _ = collect(Item(3, subject="S"), extensions=[("asha", 0, 5)], enrolments=enrolled)
    assert weeks_of(work.due) == {}


def test_only_what_was_known_at_the_end_of_the_week_counts() -> None:
    of = facts(6, work=[Item(3, DONE)])
    rows = of.assignments_done
    later = rows.assign(known_by=rows["known_by"] + pd.Timedelta(days=1))
    both = replace(of, assignments_done=pd.concat([rows, later], ignore_index=True))
    roll = build_roll(both)
    assert weeks_of(collect_work(roll, both, CALENDAR)[0].done) == {3: 1}
    late_only = replace(of, assignments_done=later)
    assert weeks_of(collect_work(roll, late_only, CALENDAR)[0].done) == {}


def test_missed_work_is_never_negative() -> None:
    work, _ = collect(Item(3, DONE), Item(4))
    more = replace(work, done=work.done + 2)
    assert weeks_of(more.missed) == {}


def test_marks_are_summed_and_unmarked_work_is_not_zero() -> None:
    work, _ = collect(Item(3, {"asha": 40.0}), Item(3, {"asha": 70.0}), Item(3, {"asha": None}))
    assert weeks_of(work.done) == {3: 3}
    assert weeks_of(work.marked) == {3: 2}
    assert work.mark_sum[0, 3] == 110


def test_the_quality_and_similarity_are_those_of_this_week() -> None:
    work, quizzes = collect(
        Item(5, DONE, quality=10, similarity=95),
        Item(6, DONE, quality=80, similarity=20),
        Item(6, DONE, quality=60, similarity=35),
        Item(6, DONE),
        Item(6, DONE, quiz=True),
    )
    assert (work.judged[0], work.quality_sum[0], work.similarity[0]) == (2, 140, 35)
    assert (quizzes.judged[0], quizzes.quality_sum[0]) == (0, 0)
    assert np.isnan(quizzes.similarity[0])


def test_without_a_report_there_is_no_similarity() -> None:
    work, _ = collect(Item(6, DONE, quality=80), Item(5, DONE, similarity=50))
    assert np.isnan(work.similarity[0])


def test_the_latest_day_counts_work_that_is_not_due_as_well() -> None:
    work, quizzes = collect(
        Item(3, DONE, handed_on="2026-01-20"),
        Item(3, DONE, handed_on="2026-01-22"),
        Item(None, DONE, handed_on="2026-02-03"),
    )
    assert work.last_day.tolist() == [days("2026-02-03")]
    assert weeks_of(work.handed_on) == {3: days("2026-01-22")}
    assert quizzes.last_day.tolist() == [-1]


MARKS = [
    ([Item(3, {"asha": 80.0})], 80),
    ([Item(3, {"asha": 80.0}), Item(3)], 40),
    ([Item(3, {"asha": 80.0}), Item(3, {"asha": None})], 80),
    ([Item(3, {"asha": 80.0}), Item(4, {"asha": 20.0})], 50),
    ([Item(3, {"asha": 80.0}), Item(4, {"asha": 50.0}, quiz=True)], 65),
    ([Item(3, {"asha": 80.0}), Item(5, {"asha": 0.0})], 80),
    ([Item(3), Item(4)], 0),
    ([Item(3, {"asha": None})], NAN),
    ([Item(5, {"asha": 80.0})], NAN),
    ([], NAN),
]


@pytest.mark.parametrize(("items", "mean"), MARKS)
def test_in_a_mean_mark_missed_work_counts_zero(items: list[Item], mean: float) -> None:
    assert compute_mean_mark(collect(*items), [3, 4]) == pytest.approx([mean], nan_ok=True)


def test_the_work_of_some_students_keeps_the_order_that_is_asked_for() -> None:
    work, _ = collect(Item(3, {"asha": 40.0, "chen": 90.0}), students="asha bala chen")
    part = work.take(np.array([2, 1]))
    assert part.mark_sum[:, 3].tolist() == [90, 0]
    assert part.missed[:, 3].tolist() == [0, 1]


def test_an_empty_roll_has_no_work() -> None:
    work, _ = collect(Item(3, DONE), students="")
    assert work.due.shape == (0, 7)
