"""Who is no longer on a list: what improved, what remains, and whether that is to have left."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.params import Calendar
from edumetrics.triage.lists import build_lists
from tests.triage.builder import Reason, by_score, situation, tell
from tests.triage.facts import NOT_IN

ITEM = {"name": "Databases assignment 1", "kind": "assignment", "subject": "Databases",
        "label": "1", "week": 4, "due": "2026-02-01", "open": True}  # fmt: skip


def reason(code: str, **more: Any) -> Reason:
    return {"code": code, "text": code, "value": 1, "baseline": 2, "points": 5.0, **more}


def leave(**given: Any) -> pd.DataFrame:
    """Who is no longer listed, by student; as far as a test says nothing else, a was, for attendance."""
    last = {"a": {"reasons": [reason("attendance_low")]}}
    given = {"past": 1, "last_list": last, "students": "abcde", "list_at": 100} | given
    return build_lists(situation(**given)).exits.set_index("student_id")


def improved(**given: Any) -> dict[str, str]:
    """What improved for a, by code."""
    return tell(leave(**given).loc["a", "improved"])


def kind(code: str = "attendance_low", **given: Any) -> str:
    """How a, whose strongest reason was this one, is no longer listed."""
    return str(leave(last_list={"a": {"reasons": [reason(code)]}}, **given).loc["a", "kind"])


def test_who_is_on_the_list_again_did_not_leave() -> None:
    given = by_score({"a": {16: 50, 17: 50}}, week=17, list_at=45)
    assert leave(**given).empty


def test_better_attendance_is_told_in_lectures() -> None:
    assert improved(attendance={"a": {5: 3, 6: 9}})["attendance"] == (
        "Attended 9 of 10 lectures this week; 3 of 10 in week 5."
    )


def test_better_marks_are_told() -> None:
    given = {"due": (5, 6), "marks": {"a": {5: 20, 6: 80}}}
    # (40 · 80 + 30 · 20) / 70 is 54; last week it was 20.
    assert improved(**given)["marks"] == "The average mark is 54 of 100, up from 20 in week 5."


def test_more_activity_is_told() -> None:
    assert improved(attendance={"a": {5: 5, 6: 10}})["activity"] == (
        "Recorded activity is 100 of 100, up from 50 in week 5."
    )


def test_the_largest_improvement_comes_first() -> None:
    """Attendance, and activity with it, rose by 30 points; marks from 20 to 54."""
    given = {"due": (5, 6), "marks": {"a": {5: 20, 6: 80}}, "attendance": {"a": {5: 7, 6: 10}}}
    assert next(iter(improved(**given))) == "marks"


@pytest.mark.parametrize(("before", "told"), [(95, True), (96, False), (100, False)])
def test_a_change_within_the_reading_error_is_no_improvement(before: int, told: bool) -> None:
    said = improved(attendance={"a": {5: (before, 100), 6: (100, 100)}})
    assert ("attendance" in said) == told


def test_what_got_worse_is_no_improvement() -> None:
    given = {"due": (5, 6), "marks": {"a": {6: 40}}, "attendance": {"a": {5: 5}}}
    assert set(improved(**given)) == {"activity", "attendance"}


def test_where_nothing_improved_nothing_is_told() -> None:
    assert improved() == {}
    assert improved(past=0, attendance={"a": {5: 3}}) == {}, "no metrics of last week"


@pytest.mark.parametrize(("silent", "told"), [((4, 5), True), ((5,), True), ((), False)])
def test_work_after_a_week_of_silence_is_told(silent: tuple[int, ...], told: bool) -> None:
    """Handed in on the last day of week 3 (or 4): by the end of week 5 that is 14 (or 7) days ago."""
    given = {"due": (3, 4, 5, 6), "marks": {"a": dict.fromkeys(silent, NOT_IN)}}
    days = {(4, 5): 14, (5,): 7}.get(silent)
    said = improved(**given).get("work")
    assert said == (f"Handed in work again this week, after {days} days without." if told else None)


def test_room_up_to_the_deadline_is_told_where_the_deadline_was_the_reason() -> None:
    """In week 5 the class had 8 lectures a week: with 10 in week 6, more are to come."""
    given = {"attendance": {s: dict.fromkeys(range(1, 6), (8, 8)) for s in "abcde"}}
    last = {"a": {"reasons": [reason("deadline")]}}
    now = situation(past=1, students="abcde", **given)
    spare = now.scored.metrics.loc[0, "lectures_can_miss"]
    before = now.memory.metrics.loc[0, "lectures_can_miss"]
    assert spare > before
    assert improved(**given, last_list=last)["spare"] == (
        f"Can miss {spare:.0f} of the lectures left; {before:.0f} in week 5."
    )
    assert "spare" not in improved(**given)


# ------------------------------------------------------------ left, no longer listed, withdrawn


def test_left_needs_the_measure_of_the_strongest_reason_to_be_better() -> None:
    attended = {"a": {5: 3, 6: 9}}
    assert kind("attendance_low", attendance=attended) == "left"
    assert kind("low_attendance", attendance=attended) == "left"
    assert kind("academic_fall", attendance=attended) == "no longer listed"
    assert kind("missed_work", attendance=attended) == "no longer listed"


def test_without_an_improvement_a_student_is_no_longer_listed() -> None:
    assert kind("attendance_low") == "no longer listed"
    assert kind("attendance_low", past=0) == "no longer listed"


def test_where_the_strongest_reason_has_no_measure_any_improvement_counts() -> None:
    assert kind("similarity", attendance={"a": {5: 7}}) == "left"
    assert kind("similarity") == "no longer listed"


@pytest.mark.parametrize(("attended", "told"), [(5, "left"), (4, "no longer listed")])
def test_nobody_has_left_who_attended_under_half(attended: int, told: str) -> None:
    assert kind(attendance={"a": {5: 1, 6: attended}}) == told


@pytest.mark.parametrize(("mark", "told"), [(55, "left"), (54, "no longer listed")])
def test_nobody_has_left_whose_average_mark_is_still_below_the_pass_mark(
    mark: int, told: str
) -> None:
    """(40 · 55 + 30 · 20) / 70 is 40, the pass mark; last week it was 20."""
    given = {"due": (5, 6), "marks": {"a": {5: 20, 6: mark}}}
    assert kind("academic_fall", **given) == told


def test_only_the_measure_of_the_strongest_reason_decides() -> None:
    """Listed for attendance, which is well again; the marks were no reason, and are low as ever."""
    given = {"due": (5, 6), "marks": {"a": {5: 20, 6: 20}}, "attendance": {"a": {5: 3}}}
    assert kind("attendance_low", **given) == "left"
    assert kind("academic_fall", **given) == "no longer listed"


def test_nobody_has_left_for_whom_the_attendance_rule_is_out_of_reach() -> None:
    """19 of 60 lectures attended and 100 left: 75% of 160 are 120."""
    attended = {"a": {1: 9, 2: 0, 3: 0, 4: 0, 5: 0, 6: 10}}
    assert kind(attendance=attended) == "no longer listed"
    free = Calendar(attendance_rule_pct=None)
    assert kind(attendance=attended, calendar=free) == "left"


def of_work(*labels: str, **given: Any) -> pd.Series:
    """How a, who was listed for open work of week 4, is no longer listed."""
    items = [ITEM | {"label": n, "name": f"Databases assignment {n}"} for n in labels]
    last = {"a": {"reasons": [reason("missed_work", items=items)]}}
    return leave(last_list=last, due=(4, 4, 6), **given).loc["a"]


def test_open_work_that_is_in_is_an_improvement() -> None:
    row = of_work("1", "2")
    assert row["kind"] == "left"
    assert tell(row["improved"])["handed_in"] == "Two of the two open items of week 5 are in."


def test_nobody_has_left_whose_work_is_open() -> None:
    """Of the two assignments of week 4 neither is in."""
    row = of_work("1", "2", marks={"a": {4: NOT_IN}})
    assert row["kind"] == "no longer listed"
    assert "handed_in" not in tell(row["improved"])
    assert tell(row["remaining"])["missed_work"] == (
        "Not in: Databases assignments 1 and 2; due week 4."
    )


def test_work_that_is_too_old_to_be_open_has_not_been_handed_in() -> None:
    row = of_work("1", week=9, marks={"a": {4: NOT_IN}})
    assert "handed_in" not in tell(row["improved"])
    assert row["kind"] == "no longer listed"


def test_a_quiz_that_is_over_was_never_open() -> None:
    quiz = ITEM | {"kind": "quiz", "name": "Databases quiz 1", "open": False}
    last = {"a": {"reasons": [reason("missed_work", items=[quiz])]}}
    assert "handed_in" not in improved(last_list=last, due=(6,))


def test_who_left_the_college_is_said_so_with_the_last_place_known() -> None:
    exits = leave(last_list={"gone": {"class_id": "D", "advisor_id": "Y"}})
    assert exits.loc["gone", "kind"] == "withdrawn"
    assert tell(exits.loc["gone", "improved"]) == {"off_roll": "No longer on the class's roll."}
    assert exits.loc["gone", "remaining"] == []
    assert exits.loc["gone", ["class_id", "advisor_id"]].tolist() == ["D", "Y"]


def test_what_remains_are_the_two_strongest_facts() -> None:
    given = {
        "attendance": {"a": {5: 2, 6: 4}}, "due": (5, 6), "marks": {"a": {6: NOT_IN}},
    }  # fmt: skip
    remaining = leave(**given).loc["a", "remaining"]
    assert [record["code"] for record in remaining] == ["attendance_low", "missed_work"]


def test_where_nothing_remains_nothing_is_told_of_it() -> None:
    assert leave(attendance={"a": {5: 3}}).loc["a", "remaining"] == []


def test_a_mark_below_the_pass_mark_remains_whatever_the_class_has() -> None:
    marks = {student: dict.fromkeys(range(4, 7), 30) for student in "abcde"}
    exits = leave(attendance={"a": {5: 3}}, due=(4, 5, 6), marks=marks)
    assert [record["code"] for record in exits.loc["a", "remaining"]] == ["academic_level"]


def test_who_moved_is_reported_to_the_new_advisor() -> None:
    exits = leave(students={"a": {"advisor_id": "NEW"}, "b": {}})
    assert exits.loc["a", "advisor_id"] == "NEW"


@pytest.mark.parametrize(
    ("earlier", "weeks"), [((), 1), ((7,), 2), ((6, 7), 3), ((5, 7), 3), ((1, 2, 3, 4, 5, 6, 7), 8)]
)
def test_the_weeks_on_the_list_are_all_of_the_term(earlier: tuple[int, ...], weeks: int) -> None:
    """a was on the list of week 9, too."""
    exits = leave(week=10, past=0, earlier={"a": earlier})
    assert exits["weeks_on_list"].to_dict() == {"a": weeks}


def test_exits_are_in_order_of_student() -> None:
    exits = leave(past=0, last_list={"c": {}, "a": {}, "b": {}})
    assert exits.index.tolist() == ["a", "b", "c"]
    assert set(exits["sem_week"]) == {6}
