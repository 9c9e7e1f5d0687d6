"""Weeks in a row on a list: levels across exam weeks, and what three weeks at Watch mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from edumetrics.params import Calendar, Triage
from tests.triage.builder import SCORE_ALONE, by_score, decide, draw, follow, pick

RAISED = [{"code": "raised"}]


def at_watch(level: int, **more: Any) -> Mapping[str, Mapping[str, Any]]:
    """Last week's list: a was on it, at Watch and at a level."""
    return {"a": {"escalation_level": level, **more}}


def raised(risks: dict[int, int], last: Mapping[str, Mapping[str, Any]], **more: Any) -> str:
    """Who is raised in week 6; a has these risk scores by week."""
    now, standing = decide(**by_score({"a": risks}, **more), past=1, last_list=last)
    who = pick(now, standing.raised)
    assert pick(now, standing.tier == 2) == who, "High is only from being raised"
    return who


def test_a_level_counts_teaching_weeks_and_goes_on_across_the_exam_week() -> None:
    found = follow((4, 5, 6, 7, 9, 10), **by_score({"a": dict.fromkeys(range(4, 11), 80)}))
    levels = {week: lists.loc["a", "escalation_level"] for week, lists in found.items()}
    assert levels == {4: 1, 5: 2, 6: 3, 7: 4, 9: 5, 10: 6}
    statuses = {week: lists.loc["a", "status"] for week, lists in found.items()}
    assert statuses == {4: "new"} | dict.fromkeys((5, 6, 7, 9, 10), "continuing")
    assert {lists.loc["a", "first_flagged_week"] for lists in found.values()} == {4}


def test_a_level_goes_on_across_a_vacation() -> None:
    calendar = Calendar(vacation_weeks=(5, 6))
    given = by_score({"a": {4: 50, 7: 50}}, calendar=calendar)
    found = follow((4, 7), **given)
    assert found[7].loc["a", ["escalation_level", "status"]].tolist() == [2, "continuing"]


def test_a_level_begins_again_after_a_week_off_the_list() -> None:
    found = follow((4, 5, 6, 7), **by_score({"a": {4: 80, 5: 80, 6: 10, 7: 80}}))
    assert found[5].loc["a", "escalation_level"] == 2
    assert found[6].empty
    assert found[7].loc["a", ["escalation_level", "status", "first_flagged_week"]].tolist() == [
        1, "returned", 4
    ]  # fmt: skip


def test_weeks_of_grace_do_not_count_but_the_first_of_them_is_remembered() -> None:
    found = follow((2, 3, 4, 5), attendance={"a": dict.fromkeys(range(1, 6), 1)}, students="abc")
    levels = {week: lists.loc["a", "escalation_level"] for week, lists in found.items()}
    assert levels == {2: 0, 3: 0, 4: 1, 5: 2}
    assert found[5].loc["a", "first_flagged_week"] == 2
    tiers = [lists.loc["a", "risk_tier"] for lists in found.values()]
    assert tiers[:2] == ["watch", "watch"]
    assert tiers[2] != "watch"


def test_three_weeks_at_watch_with_an_equal_score_raise_to_high() -> None:
    found = follow((4, 5, 6, 7), **by_score({"a": dict.fromkeys((4, 5, 6, 7), 50)}))
    tiers = {week: lists.loc["a", "risk_tier"] for week, lists in found.items()}
    assert tiers == {4: "watch", 5: "watch", 6: "high", 7: "high"}
    assert found[6].loc["a", "status"] == "escalated"
    assert found[7].loc["a", "status"] == "continuing"


@pytest.mark.parametrize(
    ("last_level", "who"),
    [(0, ""), (1, ""), (2, "a"), (3, "")],
)
def test_a_student_is_raised_in_the_third_week_only(last_level: int, who: str) -> None:
    assert raised({5: 50, 6: 50}, at_watch(last_level)) == who


@pytest.mark.parametrize(("last_week", "who"), [(49, "a"), (50, "a"), (51, "")])
def test_a_score_that_falls_is_not_raised(last_week: int, who: str) -> None:
    assert raised({5: last_week, 6: 50}, at_watch(2)) == who


def test_a_score_that_is_not_known_for_last_week_counts_as_not_falling() -> None:
    given = by_score({"a": {6: 50}}, attendance={"a": {5: (0, 0), 6: (50, 100)}})
    now, standing = decide(**given, past=1, last_list=at_watch(2))
    assert now.memory.metrics["risk_score"].isna().tolist() == [True, False, False]
    assert pick(now, standing.raised) == "a"


def test_who_was_raised_stays_raised_until_the_score_falls() -> None:
    last = at_watch(5, risk_tier="high", reasons=RAISED)
    assert raised({5: 50, 6: 50}, last) == "a"
    assert raised({5: 50, 6: 49}, last) == ""


def test_being_raised_ends_for_good_when_the_score_falls() -> None:
    found = follow((4, 5, 6, 7, 9), **by_score({"a": {4: 50, 5: 50, 6: 50, 7: 48, 9: 52}}))
    tiers = {week: lists.loc["a", "risk_tier"] for week, lists in found.items()}
    assert tiers == {4: "watch", 5: "watch", 6: "high", 7: "watch", 9: "watch"}


def test_a_stay_below_watch_counts_too() -> None:
    """42 would not list a student, but keeps one on the list; it did not fall either."""
    assert raised({5: 42, 6: 42}, at_watch(2)) == "a"


def test_in_which_week_a_student_is_raised_is_a_parameter() -> None:
    second = SCORE_ALONE.model_copy(update={"raise_at_level": 2})
    assert raised({5: 50, 6: 50}, at_watch(1), triage=second) == "a"
    assert raised({5: 50, 6: 50}, at_watch(2), triage=second) == ""


@pytest.mark.parametrize("risk", [60, 75])
def test_who_earns_high_by_the_score_is_not_called_raised(risk: int) -> None:
    _, standing = decide(
        **by_score({"a": {5: risk, 6: risk}}), past=1, last_list=at_watch(2, risk_tier="high")
    )
    assert not standing.raised.any()


def test_a_student_under_a_rule_is_not_raised_but_high_anyway() -> None:
    rules_on = Triage(rules={"out_of_reach": {"enabled": False}})
    given = by_score({"a": {5: 80, 6: 70}}, triage=rules_on)
    _, standing = decide(**given, past=1, last_list=at_watch(2))
    assert standing.fired["low_attendance"][0]
    assert not standing.raised.any()
    assert standing.tier[0] == 2


def test_the_reason_of_being_raised_names_the_weeks() -> None:
    found = draw(**by_score({"a": {5: 50, 6: 50}}), past=1, last_list=at_watch(2))
    said = [r for r in found.loc["a", "reasons"] if r["code"] in ("raised", "weeks_on_list")]
    assert [record["text"] for record in said] == [
        "On the list three weeks running, since week 4, and no better than last week."
    ]


def test_the_weeks_on_the_list_leave_out_the_exam_week() -> None:
    found = draw(**by_score({"a": {7: 55, 9: 50}}), week=9, past=1, last_list=at_watch(2))
    said = [r["text"] for r in found.loc["a", "reasons"] if r["code"] == "weeks_on_list"]
    assert said == ["On the list three weeks running, since week 6."]


def test_a_first_week_on_the_list_is_no_history() -> None:
    found = draw(**by_score({"a": {6: 50}}))
    codes = {record["code"] for record in found.loc["a", "reasons"]}
    assert not codes & {"weeks_on_list", "raised", "returned", "since_nothing"}


def test_without_grace_weeks_the_first_week_counts() -> None:
    given = by_score({"a": {1: 50}}, calendar=Calendar(grace_weeks=0))
    now, standing = decide(**given, week=1)
    assert not now.is_in_grace(1)
    assert standing.level.tolist() == [1, 0, 0]
