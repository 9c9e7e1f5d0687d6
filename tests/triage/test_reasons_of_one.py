"""The reasons of one student: which there are, their numbers, and their sentences."""

from __future__ import annotations

from typing import Any

import pytest

from edumetrics.fields.reasons import COMPONENTS
from edumetrics.params import Calendar, Triage
from edumetrics.triage import flags
from edumetrics.triage.evidence import measure_changes
from edumetrics.triage.reasons import (
    ReasonBuilder,
    describe_no_step,
    select_reasons,
)
from tests.triage.builder import NOT_IN, Reason, by_score, shipped, situation, tell

# Everyone with a score is on the list, so that a test can ask for any student's reasons.
ALL_LISTED = Triage(watch=0.001, high=99, critical=99)
SENTENCES = shipped().sentences


def reasons(student: str = "a", **given: Any) -> list[Reason]:
    """The reasons of a student, who is on the list whatever the score."""
    now = situation(**{"students": "abcde", "triage": ALL_LISTED, **given})
    standing = flags.apply_rules(now)
    listed = flags.build_list(now, standing, flags.find_class_findings(now, standing))
    return ReasonBuilder(now, standing, listed).build_records(
        list(listed["student_id"]).index(student)
    )


def say(code: str, student: str = "a", **given: Any) -> str | None:
    """The sentence of one reason; None where it is not given."""
    return tell(reasons(student, **given)).get(code)


def record(code: str, points: float) -> Reason:
    return {"code": code, "text": code, "value": 1, "baseline": None, "points": points}


def test_low_attendance_tells_lectures_attended_and_held() -> None:
    assert (
        say("low_attendance", attendance={"a": {6: 2}})
        == "Attended 2 of the 10 lectures this week."
    )


def test_no_work_tells_the_days_and_what_is_open() -> None:
    given = {"due": (4, 5, 6), "marks": {"a": {5: NOT_IN, 6: NOT_IN}}}
    assert say("no_work", **given) == (
        "No work handed in for 14 days; two items that fell due are not in."
    )


def test_no_work_with_one_open_item_has_its_singular() -> None:
    given = {"due": (4, 5, 6), "marks": {"a": {6: NOT_IN}}, "early": {"a": 7}}
    assert say("no_work", **given) == (
        "No work handed in for 14 days; one item that fell due is not in."
    )


def test_out_of_reach_tells_the_rule_and_what_is_left() -> None:
    attended = {1: 10, **dict.fromkeys(range(2, 7), 0)}
    said = reasons(attendance={"a": attended})
    assert tell(said)["out_of_reach"] == (
        "75% attendance went out of reach this week: 10 of 60 lectures attended, 100 left."
    )
    told_again = tell(said)["attendance_out_of_reach"]
    assert told_again == "75% attendance is out of reach: 10 of 60 lectures attended, 100 left."
    assert [r["code"] for r in select_reasons(said, 9)].count("attendance_out_of_reach") == 0


def test_missed_work_tells_how_many_of_the_last_three_weeks() -> None:
    given = {"due": (2, 4, 5, 6), "marks": {"a": {2: NOT_IN, 5: NOT_IN}}}
    assert say("missed_work", **given) == "1 of the 3 items due in the last three weeks is not in."


@pytest.mark.parametrize(
    ("due", "code", "text"),
    [
        ((6,), "missed_work_only", "The only item due in the last three weeks is not in."),
        ((5, 6), "missed_work_all", "None of the 2 items due in the last three weeks is in."),
    ],
)
def test_missed_work_has_texts_for_one_item_and_for_all(
    due: tuple[int, ...], code: str, text: str
) -> None:
    said = reasons(due=(1, *due), marks={"a": dict.fromkeys(due, NOT_IN)})
    assert tell(said)[code] == text
    assert "missed_work" not in tell(said)


def test_early_in_the_semester_the_last_three_weeks_are_fewer() -> None:
    given = {"week": 2, "due": (1, 2), "marks": {"a": {2: NOT_IN}}, "watchlist": ("a",)}
    assert say("missed_work", **given) == "1 of the 2 items due in the last two weeks is not in."


def test_low_marks_are_told_beside_the_class() -> None:
    given = {"due": (5, 6), "marks": {"a": {5: 20, 6: 30}}}
    # 40% of this week's mark and 30% of last week's, of the 70% that are there.
    assert say("academic_level", **given) == (
        "Average mark over the last three weeks is 26 of 100; the class's is 70."
    )


def test_where_nobody_else_of_the_class_has_marks_they_are_told_alone() -> None:
    given = {"students": {"a": {}, "b": {"class_id": "D"}}, "due": (6,), "marks": {"a": {6: 30}}}
    assert (
        say("academic_level_alone", **given)
        == "Average mark over the last three weeks is 30 of 100."
    )


def test_a_fall_of_attendance_names_its_weeks_and_their_mean() -> None:
    given = {"week": 7, "past": 4, "attendance": {"a": {3: 8, 4: 6, 7: 4}}}
    # 80, 60, 100 and 100 in weeks 3 to 6.
    assert say("attendance_fall", **given) == (
        "Attendance fell from 85% (weeks 3-6) to 40% this week."
    )


def test_a_baseline_names_only_the_weeks_that_have_a_value() -> None:
    given = {"week": 7, "past": 4, "attendance": {"a": {4: (0, 0), 7: 4}}}
    assert say("attendance_fall", **given) == (
        "Attendance fell from 100% (weeks 3 and 5-6) to 40% this week."
    )


def test_one_earlier_week_is_no_baseline() -> None:
    assert say("attendance_fall", week=2, past=1, attendance={"a": {2: 4}}, watchlist="a") is None


def test_a_fall_of_marks_is_told_against_the_average_of_earlier_weeks() -> None:
    given = {"week": 7, "past": 4, "due": (3, 4, 5, 6, 7), "marks": {"a": {7: 0}}}
    assert say("academic_fall", **given) == "Average mark fell from 70 (weeks 3-6) to 42 of 100."


def test_silence_on_the_platform_is_told_in_days() -> None:
    busy = {s: dict.fromkeys(range(3, 8), 3) for s in "abcde"}
    given = {"week": 7, "past": 4, "active_days": {**busy, "a": {3: 3, 4: 2, 5: 3, 6: 2, 7: 1}}}
    assert say("platform_silence", **given) == (
        "On the learning platform on 1 day this week; on 2.5 on average before (weeks 3-6)."
    )


def test_little_activity_is_told_beside_the_class() -> None:
    assert say("effort_level", attendance={"a": {6: 5}}) == (
        "Recorded activity is 50 of 100; the class's is 100."
    )


def test_the_attendance_rule_tells_what_must_be_attended() -> None:
    """36 of 60 lectures were attended and 100 are left: 120 of 160 are needed."""
    given = {"attendance": {"a": {3: 4, 4: 4, 5: 4, 6: 4}}}
    assert say("attendance_standing", **given) == (
        "Must attend 84 of the 100 lectures left to reach 75%; can miss 16."
    )


def test_the_week_out_of_reach_is_the_one_in_which_the_last_miss_is_used_up() -> None:
    """6 lectures a week are missed and 16 can be: the third teaching week is one too many."""
    said = reasons(attendance={"a": {3: 4, 4: 4, 5: 4, 6: 4}})
    assert tell(said)["out_of_reach_week"] == (
        "At the pace of the last four weeks (24 of 40 lectures missed),"
        " 75% is out of reach in week 10."
    )


def test_who_misses_nothing_has_no_week_out_of_reach() -> None:
    assert say("out_of_reach_week", marks={"a": {6: 10}}, due=(6,)) is None


def test_without_an_attendance_rule_nothing_is_said_of_it() -> None:
    said = reasons(attendance={"a": {6: 5}}, calendar=Calendar(attendance_rule_pct=None))
    assert not [r["code"] for r in said if "reach" in r["code"] or "standing" in r["code"]]


def test_open_work_counts_assignments() -> None:
    given = {"due": (4, 6), "marks": {"a": {4: NOT_IN, 6: NOT_IN}}}
    assert say("open_work", **given) == ("Two assignments of the last three weeks are still open.")
    assert say("open_work", "b", **given, attendance={"b": {6: 4}}) is None


@pytest.mark.parametrize(
    ("week", "code", "text"),
    [
        (6, "midterm", "The midterm is in two weeks, in week 8."),
        (7, "midterm", "The midterm is in one week, in week 8."),
        (9, "endterm", "The end-term exam is in nine weeks, in week 18."),
    ],
)
def test_the_next_exam_is_told(week: int, code: str, text: str) -> None:
    said = tell(reasons(week=week, attendance={"a": {week: 5}}))
    assert said[code] == text
    assert len({"midterm", "endterm"} & said.keys()) == 1


def test_the_change_since_last_week_is_the_largest_in_its_own_scale() -> None:
    """Attendance rose by 20 of its 40 points, and activity, which is the same, by 20 of its 30."""
    given = by_score({"a": {5: 80, 6: 60}}, past=1, last_list={"a": {}})
    found = tell(reasons(**{**given, "triage": ALL_LISTED}))
    assert found["since_activity"] == "Recorded activity was 20 in week 5 and is 40 this week."


def test_where_nothing_changed_that_is_said() -> None:
    given = by_score({"a": {5: 50, 6: 50}}, past=1, last_list={"a": {}})
    assert say("since_nothing", **given) == "Little has changed since week 5."


def test_who_comes_back_is_told_so() -> None:
    assert say("returned", **by_score({"a": {6: 50}}), earlier={"a": (3, 4)}) == (
        "Back on the list; first on it in week 3."
    )


@pytest.mark.parametrize(("change", "told"), [(4.0, True), (3.9, False), (-4.0, True)])
def test_a_change_of_a_tenth_of_its_scale_is_worth_a_word(change: float, told: bool) -> None:
    before = {"weekly_att_pct": 50.0, "academic_performance": 50.0, "effort_score": float("nan")}
    now = before | {"weekly_att_pct": 50.0 + change}
    assert measure_changes(now, before) == (
        {"attendance": pytest.approx(change / 40)} if told else {}
    )


def test_points_add_up_to_the_score_and_the_largest_comes_first() -> None:
    given = {
        "week": 7, "past": 4, "due": (3, 5, 6, 7), "attendance": {"a": {5: 6, 7: 5}},
        "marks": {"a": {6: 30, 7: NOT_IN}}, "triage": Triage(watch=0.001, high=99, critical=99, reason_points=0.001),
    }  # fmt: skip
    weighed = [r["points"] for r in reasons(**given) if r["points"] > 0]
    assert weighed == sorted(weighed, reverse=True)
    assert sum(weighed) == pytest.approx(
        situation(students="abcde", **given).scored.metrics.loc[0, "risk_score"]
    )
    assert len(weighed) >= 5


def test_a_component_below_one_point_is_no_reason() -> None:
    given = {"attendance": {"a": {6: 9}}, "students": "abcde"}
    said = {r["code"]: r["points"] for r in reasons(**given)}
    component = {code: points for code, points in said.items() if code in COMPONENTS}
    assert all(points >= 1 or points == 0 for points in component.values())
    assert "effort_level" in component, "10 points less activity are 10/40 of its weight"


def test_a_rule_comes_before_every_component() -> None:
    said = reasons(attendance={"a": {6: 1}}, due=(6,), marks={"a": {6: 0}})
    assert said[0]["code"] == "low_attendance"
    assert said[0]["points"] == ALL_LISTED.high


def test_numbers_are_stored_whole_where_they_are_whole() -> None:
    first = reasons(attendance={"a": {6: 1}})[0]
    assert (first["value"], type(first["value"])) == (1, int)


def test_reasons_without_points_are_left_out_beside_those_with() -> None:
    both = [record("missed_work", 5), record("midterm", 0), record("effort_level", 3)]
    assert [r["code"] for r in select_reasons(both, 9)] == ["missed_work", "effort_level"]
    assert [r["code"] for r in select_reasons([record("midterm", 0)], 9)] == ["midterm"]


def test_one_fact_is_told_once_and_no_more_than_asked() -> None:
    twice = [
        record("out_of_reach", 60),
        record("attendance_out_of_reach", 20),
        record("missed_work", 5),
    ]
    assert [r["code"] for r in select_reasons(twice, 9)] == ["out_of_reach", "missed_work"]
    assert [r["code"] for r in select_reasons(twice, 1)] == ["out_of_reach"]


@pytest.mark.parametrize(
    ("code", "next_week", "text"),
    [
        ("missed_work", 7, "No one or two steps clear this; steady weeks might."),
        ("no_work", 7, "Stays in view in week 7; steady weeks count."),
        ("no_work_last_week", 7, "No one or two steps clear this; steady weeks might."),
        ("no_work", None, "This is the last list of the semester."),
    ],
)
def test_where_no_step_helps_the_cause_is_said(code: str, next_week: int | None, text: str) -> None:
    assert describe_no_step(SENTENCES, [record(code, 5)], next_week) == text
