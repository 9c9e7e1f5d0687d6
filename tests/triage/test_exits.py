"""Who left a list, and what improved."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.triage.lists import build_lists
from tests.triage.builder import NOT_IN, by_score, situation, tell


def leave(**given: Any) -> pd.DataFrame:
    """Who left the list, by student; as far as a test says nothing else, a was on it."""
    given = {"past": 1, "last_list": {"a": {}}, "students": "abcde"} | given
    return build_lists(situation(**given)).exits.set_index("student_id")


def improved(**given: Any) -> dict[str, str]:
    """What improved for a, by code."""
    return tell(leave(**given).loc["a", "improved"])


def test_who_is_on_the_list_again_did_not_leave() -> None:
    given = by_score({"a": {16: 50, 17: 50}}, week=17)
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


def test_the_largest_improvement_in_its_own_scale_comes_first() -> None:
    """Attendance rose by 50 of 40 points; activity, which is the same here, by 50 of 30."""
    assert list(improved(attendance={"a": {5: 5, 6: 10}})) == ["activity", "attendance"]


def test_what_got_worse_is_no_improvement() -> None:
    given = {"due": (5, 6), "marks": {"a": {6: 40}}, "attendance": {"a": {5: 5}}}
    assert set(improved(**given)) == {"activity", "attendance"}


def test_where_nothing_improved_nothing_stands_out() -> None:
    assert improved() == {"nothing": "Nothing stands out any more."}


@pytest.mark.parametrize(
    ("silent", "told"),
    [((4, 5), True), ((5,), False)],
)
def test_work_after_two_weeks_of_silence_is_told(silent: tuple[int, ...], told: bool) -> None:
    """Handed in on the last day of week 3 (or 4): by the end of week 5 that is 14 (or 7) days ago."""
    given = {"due": (3, 4, 5, 6), "marks": {"a": dict.fromkeys(silent, NOT_IN)}}
    said = improved(**given).get("work")
    assert said == ("Handed in work again this week, after 14 days without." if told else None)


def test_who_left_the_roll_is_told_so_with_the_last_place_known() -> None:
    exits = leave(last_list={"gone": {"class_id": "D", "advisor_id": "Y"}})
    assert tell(exits.loc["gone", "improved"]) == {"off_roll": "No longer on the class's roll."}
    assert exits.loc["gone", ["class_id", "advisor_id"]].tolist() == ["D", "Y"]


def test_who_moved_is_reported_to_the_new_advisor() -> None:
    exits = leave(students={"a": {"advisor_id": "NEW"}, "b": {}})
    assert exits.loc["a", "advisor_id"] == "NEW"


def test_who_has_no_metrics_of_last_week_left_without_a_reason() -> None:
    assert improved(past=0) == {"nothing": "Nothing stands out any more."}


@pytest.mark.parametrize(
    ("earlier", "weeks"),
    [
        ((), 1),
        ((7,), 2),
        ((6, 7), 3),
        ((5, 7), 2),
        ((1, 2, 3, 4, 5, 6, 7), 8),
    ],
)
def test_the_weeks_on_the_list_are_counted_back_to_the_first_gap(
    earlier: tuple[int, ...], weeks: int
) -> None:
    """Week 8 is the midterm: before week 10 come 9, 7, 6 and so on."""
    exits = leave(week=10, past=0, earlier={"a": earlier})
    assert exits["weeks_on_list"].to_dict() == {"a": weeks}


def test_exits_are_in_order_of_student() -> None:
    exits = leave(past=0, last_list={"c": {}, "a": {}, "b": {}})
    assert exits.index.tolist() == ["a", "b", "c"]
    assert set(exits["sem_week"]) == {6}
