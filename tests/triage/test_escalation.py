"""Weeks on a list: all of the term, and in a row across exam weeks, vacations and changes."""

from __future__ import annotations

from typing import Any

import pytest

from edumetrics.params import Calendar
from tests.triage.builder import by_score, draw, follow


def count(found: dict[int, Any]) -> dict[int, tuple[int, int]]:
    """By week: all weeks of a on the list, and those in a row."""
    names = ["weeks_on_list", "escalation_level"]
    return {
        week: tuple(lists.loc["a", names]) for week, lists in found.items() if "a" in lists.index
    }


@pytest.mark.slow
def test_both_count_teaching_weeks_and_go_on_across_the_exam_week() -> None:
    found = follow((4, 5, 6, 7, 9, 10), **by_score({"a": dict.fromkeys(range(4, 11), 80)}))
    assert count(found) == {4: (1, 1), 5: (2, 2), 6: (3, 3), 7: (4, 4), 9: (5, 5), 10: (6, 6)}
    statuses = {week: lists.loc["a", "status"] for week, lists in found.items()}
    assert statuses == {4: "new"} | dict.fromkeys((5, 6, 7, 9, 10), "continuing")
    assert {lists.loc["a", "first_flagged_week"] for lists in found.values()} == {4}


def test_a_level_goes_on_across_a_vacation() -> None:
    given = by_score({"a": {4: 50, 7: 50}}, calendar=Calendar(vacation_weeks=(5, 6)))
    assert count(follow((4, 7), **given)) == {4: (1, 1), 7: (2, 2)}


def test_a_break_ends_the_level_but_not_the_weeks_that_are_told() -> None:
    found = follow((4, 5, 6, 7), **by_score({"a": {4: 80, 5: 80, 6: 0, 7: 80}}))
    assert count(found) == {4: (1, 1), 5: (2, 2), 7: (3, 1)}
    assert found[7].loc["a", ["status", "first_flagged_week"]].tolist() == ["returned", 4]


def test_weeks_of_grace_are_told_and_do_not_escalate() -> None:
    attended = {"a": {1: 10, 2: 1, 3: 1, 4: 1, 5: 1}}
    found = follow((2, 3, 4, 5), attendance=attended, students="abuvwxyz", list_at=10)
    assert count(found) == {2: (1, 0), 3: (2, 0), 4: (3, 1), 5: (4, 2)}
    assert found[5].loc["a", "first_flagged_week"] == 2
    assert [lists.loc["a", "risk_tier"] for lists in found.values()][:2] == ["watch", "watch"]


def test_without_grace_weeks_the_first_week_counts() -> None:
    given = by_score({"a": {1: 50}}, calendar=Calendar(grace_weeks=0))
    assert count({1: draw(**given, week=1)}) == {1: (1, 1)}


@pytest.mark.slow
def test_weeks_on_the_list_raise_no_tier() -> None:
    """The tier is cut from the urgency only, however long a student has been listed."""
    given = by_score({"a": dict.fromkeys(range(4, 11), 50)})
    found = follow((4, 5, 6, 7, 9, 10), **given)
    assert {lists.loc["a", "risk_tier"] for lists in found.values()} == {"high"}
    assert {lists.loc["a", "status"] for lists in found.values()} == {"new", "continuing"}


def test_a_tier_that_rises_is_escalated_and_one_that_falls_continues() -> None:
    """Urgencies: 50; .7·80 + .3·50 = 71; .7·45 + .3·71 = 52.8."""
    found = follow((4, 5, 6), **by_score({"a": {4: 50, 5: 80, 6: 45}}))
    told = {w: lists.loc["a", ["risk_tier", "status"]].tolist() for w, lists in found.items()}
    assert told == {
        4: ["high", "new"], 5: ["critical", "escalated"], 6: ["high", "continuing"]
    }  # fmt: skip


def test_a_change_of_class_and_advisor_keeps_the_weeks() -> None:
    people = {"a": {"class_id": "D", "advisor_id": "NEW"}, **{s: {"class_id": "D"} for s in "xyz"}}
    given = by_score({"a": {6: 50}}, students=people)
    last = {"a": {"escalation_level": 2, "class_id": "C", "risk_tier": "high"}}
    found = draw(**given, last_list=last, earlier={"a": (4,)})
    assert count({6: found}) == {6: (3, 3)}
    assert found.loc["a", "status"] == "continuing"
