"""Each hard rule at its edge: where it fires, where it just does not, and what it does to a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edumetrics.fields.reasons import RULES
from edumetrics.params import Calendar, Triage
from edumetrics.triage import rules
from edumetrics.triage.flags import find_leading_reason
from tests.triage.builder import NOT_IN, decide, draw, pick, situation

SILENT = {"due": (4, 5, 6), "marks": {"a": {5: NOT_IN, 6: NOT_IN}}}
SIMILARITY = Triage(rules={"similarity": {"enabled": True}})


def fired(name: str, **given: Any) -> str:
    """For whom a rule fires."""
    now, standing = decide(**given)
    return pick(now, standing.fired[name])


@pytest.mark.parametrize(
    ("this_week", "who"),
    [
        ((3, 10), "a"),  # 30% is not above 30%
        ((4, 10), ""),
        ((0, 3), "a"),
        ((0, 2), ""),  # fewer than three lectures say little
        ((0, 0), ""),
    ],
)
def test_low_attendance_is_at_most_30_percent_of_at_least_three_lectures(
    this_week: tuple[int, int], who: str
) -> None:
    assert fired("low_attendance", attendance={"a": {6: this_week}}) == who


def test_low_attendance_is_about_this_week_only() -> None:
    assert fired("low_attendance", attendance={"a": {5: 0, 6: 4}}) == ""


def test_the_limits_of_low_attendance_are_parameters() -> None:
    half = Triage(rules={"low_attendance": {"at_most_pct": 50, "lectures": 4}})
    attendance = {"a": {6: (5, 10)}, "b": {6: (6, 10)}, "c": {6: (0, 3)}}
    given = {"students": "abc", "attendance": attendance}
    assert fired("low_attendance", triage=half, **given) == "a"
    assert fired("low_attendance", **given) == "c"


def test_no_work_for_14_days_in_which_two_items_fell_due_fires() -> None:
    now, standing = decide(**SILENT)
    assert now.scored.metrics["days_since_submission"].tolist() == [14, 0]
    assert pick(now, standing.fired["no_work"]) == "a"


def test_no_work_for_13_days_is_not_yet_two_weeks() -> None:
    late_by_a_day = {"a": -1}
    assert fired("no_work", **SILENT, early=late_by_a_day) == ""


def test_one_item_that_fell_due_is_too_little_for_no_work() -> None:
    assert fired("no_work", due=(4, 6), marks={"a": {6: NOT_IN}}) == ""


def test_who_handed_everything_in_early_is_not_silent() -> None:
    """a handed in the work of week 6 at the end of week 4: nothing of what fell due since is open."""
    now, standing = decide(due=(4, 5, 6), early={"a": 14})
    assert now.scored.metrics["days_since_submission"].tolist() == [14, 0]
    due, missed = rules.count_since_last_work(now.scored)
    assert (due[0], missed[0]) == (2, 0)
    assert pick(now, standing.fired["no_work"]) == ""


def test_one_open_item_among_those_handed_in_early_is_enough() -> None:
    assert fired("no_work", due=(4, 5, 6), early={"a": 7}, marks={"a": {6: NOT_IN}}) == "a"


def test_where_no_submission_has_a_date_nobody_is_called_silent() -> None:
    assert rules.has_no_dates(situation(**SILENT, dated=False).scored)
    assert fired("no_work", **SILENT, dated=False) == ""


def test_where_nobody_ever_handed_anything_in_everybody_is_silent() -> None:
    nothing = dict.fromkeys((4, 5, 6), NOT_IN)
    given = {"due": (4, 5, 6), "marks": {"a": nothing, "b": nothing}}
    assert not rules.has_no_dates(situation(**given).scored)
    assert fired("no_work", **given) == "ab"


def test_quizzes_are_work_too() -> None:
    """a hands in no assignment, but attempted a quiz on the last day of this week."""
    given: dict[str, Any] = {**SILENT, "quizzes": (6,)}
    assert fired("no_work", **given) == ""
    assert fired("no_work", **{**given, "quizzes": (3,)}) == "a"


@pytest.mark.parametrize(("second_week", "who"), [(10, ""), (9, "a")])
def test_out_of_reach_is_where_all_lectures_left_are_not_enough(second_week: int, who: str) -> None:
    """60 lectures were held in six weeks and 100 are left in ten: 75% of 160 are 120."""
    attended = {1: 10, 2: second_week, 3: 0, 4: 0, 5: 0, 6: 0}
    now, standing = decide(attendance={"a": attended})
    assert now.scored.metrics.loc[0, "lectures_left"] == 100
    assert now.scored.metrics.loc[0, "lectures_to_attend"] == 110 - second_week
    assert pick(now, standing.fired["out_of_reach"]) == who


def test_out_of_reach_fires_only_once_in_a_term() -> None:
    nothing = {"attendance": {"a": dict.fromkeys(range(1, 7), 0)}}
    assert fired("out_of_reach", **nothing) == "a"
    assert fired("out_of_reach", **nothing, out_of_reach=("a",)) == ""


def test_without_an_attendance_rule_nothing_is_out_of_reach() -> None:
    nothing = {"attendance": {"a": dict.fromkeys(range(1, 7), 0)}}
    assert fired("out_of_reach", **nothing, calendar=Calendar(attendance_rule_pct=None)) == ""


@pytest.mark.parametrize(("report", "who"), [(50, "a"), (49.9, "")])
def test_similarity_counts_from_its_limit(report: float, who: str) -> None:
    given = {"due": (6,), "similarity": {"a": report}}
    assert fired("similarity", **given, triage=SIMILARITY) == who


def test_similarity_is_off_as_shipped() -> None:
    assert fired("similarity", due=(6,), similarity={"a": 100}) == ""


def test_work_that_was_not_checked_has_no_similarity() -> None:
    assert fired("similarity", due=(6,), triage=SIMILARITY) == ""


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("low_attendance", {"attendance": {"a": {6: 0}}}),
        ("no_work", SILENT),
        ("out_of_reach", {"attendance": {"a": dict.fromkeys(range(1, 7), 0)}}),
    ],
)
def test_a_rule_that_is_off_does_not_fire(name: str, given: dict[str, Any]) -> None:
    assert fired(name, **given) == "a"
    assert fired(name, **given, triage=Triage(rules={name: {"enabled": False}})) == ""


def test_a_rule_lists_a_student_at_high_whatever_the_score() -> None:
    now, standing = decide(students="abc", attendance={"a": {6: 3}})
    assert now.scored.metrics.loc[0, "risk_score"] < now.triage.watch
    assert pick(now, standing.on_list) == pick(now, standing.ruled) == "a"
    assert standing.tier.tolist() == [2, 0, 0]


def test_a_rule_holds_for_a_second_week_and_not_for_a_third() -> None:
    second = {"reasons": [{"code": "low_attendance", "value": 1, "baseline": 10}]}
    third = {"reasons": [{"code": "low_attendance_last_week", "value": 1, "baseline": 10}]}
    now, standing = decide(students="abc", last_list={"a": second, "b": third})
    assert pick(now, standing.held["low_attendance"]) == "a"
    assert pick(now, standing.on_list) == "a"
    assert standing.tier.tolist() == [2, 0, 0]


def test_a_rule_that_is_held_tells_the_numbers_of_last_week() -> None:
    held = {"reasons": [{"code": "low_attendance", "value": 1, "baseline": 10}]}
    record = draw(last_list={"a": held}).loc["a", "reasons"][0]
    assert record["code"] == "low_attendance_last_week"
    assert record["text"] == "Attended 1 of the 10 lectures in week 5."
    assert (record["value"], record["baseline"], record["points"]) == (1, 10, 60)


def test_of_two_rules_the_first_in_their_order_leads() -> None:
    attended = dict.fromkeys(range(1, 7), 0)
    _, standing = decide(attendance={"a": attended}, **SILENT)
    assert [name for name, who in standing.fired.items() if who[0]] == [
        "low_attendance", "no_work", "out_of_reach"
    ]  # fmt: skip
    assert find_leading_reason(standing)[0] == "low_attendance"
    assert find_leading_reason(standing)[1] == "attendance_standing"


def test_open_assignments_are_those_of_the_last_three_weeks_and_no_quizzes() -> None:
    missing = dict.fromkeys((3, 4, 6), NOT_IN)
    now = situation(due=(3, 4, 4, 6), quizzes=(5,), marks={"a": missing})
    assert rules.count_open_assignments(now, now.scored.observed).tolist() == [3, 0]


def test_work_due_since_the_last_submission_is_counted_from_the_weeks_after_it() -> None:
    now = situation(due=(2, 3, 4, 6), marks={"a": dict.fromkeys((3, 6), NOT_IN)})
    due, missed = rules.count_since_last_work(now.scored)
    # Everything that b handed in came on the last day of its week: nothing fell due after week 6.
    np.testing.assert_array_equal(due, [1, 0])
    np.testing.assert_array_equal(missed, [1, 0])


def test_every_rule_answers_with_bools() -> None:
    _, standing = decide(**SILENT)
    assert {name: who.dtype for name, who in standing.fired.items()} == dict.fromkeys(
        standing.fired, np.dtype(bool)
    )


def test_every_rule_of_the_reasons_is_decided_here_and_has_its_limits() -> None:
    assert set(rules.BY_NAME) == set(RULES) == set(Triage().rules.model_dump())
