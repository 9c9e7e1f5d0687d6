"""Who is on a list: scores at their edges, staying, the first weeks, statuses, and the odd roll."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields import TABLES
from edumetrics.triage.flags import classify_by_score, get_last_tier
from edumetrics.triage.lists import build_lists
from tests.triage.builder import (
    SCORE_ALONE,
    by_score,
    decide,
    draw,
    pick,
    situation,
)


@pytest.mark.parametrize(
    ("risk", "tier"), [(44, 0), (45, 1), (59, 1), (60, 2), (74, 2), (75, 3), (100, 3)]
)
def test_a_tier_begins_at_its_threshold(risk: int, tier: int) -> None:
    now, standing = decide(**by_score({"a": {6: risk}}))
    assert now.scored.metrics.loc[0, "risk_score"] == pytest.approx(risk)
    assert standing.tier.tolist() == [tier, 0, 0]
    assert standing.on_list.tolist() == [tier > 0, False, False]


@pytest.mark.parametrize(("risk", "stays"), [(41, True), (40, False)])
def test_who_was_on_the_list_stays_above_watch_less_the_margin(risk: int, stays: bool) -> None:
    given = by_score({"a": {6: risk}, "b": {6: risk}})
    now, standing = decide(**given, last_list={"a": {}})
    assert pick(now, standing.on_list) == ("a" if stays else "")
    assert standing.tier[0] == (1 if stays else 0)


def test_staying_keeps_the_tier_that_the_score_earns() -> None:
    tier = classify_by_score(
        np.array([41.0, 60.0, 80.0, 41.0, 10.0, np.nan]),
        was_on=np.array([True, True, True, False, True, True]),
        ruled=np.array([False, False, False, False, True, False]),
        triage=SCORE_ALONE,
    )
    assert tier.tolist() == [1, 2, 3, 0, 1, 0]


def test_a_student_without_a_score_is_on_no_list_and_does_not_stay() -> None:
    given = by_score({"a": {6: 50}}, attendance={"a": {6: (0, 0)}})
    now, standing = decide(**given, last_list={"a": {}})
    assert np.isnan(now.scored.metrics.loc[0, "risk_score"])
    assert pick(now, standing.on_list) == ""
    assert pick(now, standing.was_on) == "a"


@pytest.mark.parametrize(("week", "who"), [(3, ""), (4, "a")])
def test_in_the_first_three_weeks_no_score_lists_anyone(week: int, who: str) -> None:
    now, standing = decide(**by_score({"a": {week: 90}}), week=week)
    assert now.is_in_grace(week) == (who == "")
    assert pick(now, standing.on_list) == who


def test_in_a_first_week_a_rule_and_the_watchlist_list_at_watch_and_level_0() -> None:
    now, standing = decide(students="abc", week=2, attendance={"a": {2: 0}}, watchlist=("b",))
    assert pick(now, standing.on_list) == "ab"
    assert standing.tier.tolist() == [1, 1, 0]
    assert standing.level.tolist() == [0, 0, 0]
    assert not standing.raised.any()


def test_the_watchlist_lists_nobody_after_the_first_weeks() -> None:
    now, standing = decide(week=4, watchlist=("b",))
    assert pick(now, standing.on_list) == ""


def test_a_grace_week_says_that_little_is_known_and_who_was_watched() -> None:
    found = draw(students="abc", week=2, attendance={"a": {2: 0}}, watchlist=("b",))
    codes = {s: [record["code"] for record in records] for s, records in found["reasons"].items()}
    assert codes["a"][0] == "low_attendance"
    assert "early_signal" in codes["a"]
    assert "watchlist" not in codes["a"]
    assert codes["b"][:2] == ["watchlist", "early_signal"]


@pytest.mark.parametrize(
    ("risk", "last", "earlier", "status"),
    [
        (50, None, None, "new"),
        (50, "watch", None, "continuing"),
        (50, "high", None, "continuing"),
        (65, "watch", None, "escalated"),
        (80, "high", None, "escalated"),
        (50, None, {"a": (4,)}, "returned"),
        (80, None, {"a": (4,)}, "returned"),
    ],
)
def test_the_status_tells_the_student_s_way_to_this_list(
    risk: int, last: str | None, earlier: dict[str, Any] | None, status: str
) -> None:
    entry = None if last is None else {"a": {"risk_tier": last}}
    found = draw(**by_score({"a": {6: risk}}), last_list=entry, earlier=earlier)
    assert found["status"].to_dict() == {"a": status}


def test_a_rule_that_fires_on_a_student_at_watch_escalates() -> None:
    found = draw(students="abc", attendance={"a": {6: 2}}, last_list={"a": {}})
    assert found.loc["a", ["risk_tier", "status"]].tolist() == ["high", "escalated"]


def test_the_first_week_on_a_list_is_remembered() -> None:
    found = draw(
        **by_score({"a": {6: 50}, "b": {6: 50}, "c": {6: 50}}),
        last_list={"b": {}},
        earlier={"a": (4,), "b": (2, 4)},
    )
    assert found["first_flagged_week"].to_dict() == {"a": 4, "b": 2, "c": 6}


def test_last_week_s_tier_is_0_for_those_who_were_not_on_the_list() -> None:
    now = situation(
        students="abcd",
        last_list={"b": {}, "c": {"risk_tier": "high"}, "d": {"risk_tier": "critical"}},
    )
    assert get_last_tier(now).tolist() == [0, 1, 2, 3]


def test_a_last_list_of_students_who_left_the_roll_changes_nothing() -> None:
    now, standing = decide(**by_score({"a": {6: 50}}), last_list={"gone": {}})
    assert pick(now, standing.on_list) == "a"
    assert not standing.was_on.any()


def test_after_the_exam_week_last_week_is_the_week_before_it() -> None:
    now = situation(week=9)
    assert (now.last_week, now.next_week) == (7, 10)
    assert situation(week=1).last_week == 0
    assert situation(week=17).next_week is None


def test_students_who_joined_later_or_left_are_not_on_the_roll() -> None:
    people = {
        "a": {"withdrawn_on": pd.Timestamp("2026-02-15")},
        "b": {"withdrawn_on": pd.Timestamp("2026-02-16")},
        "c": {"joined_on": pd.Timestamp("2026-02-15")},
        "d": {"joined_on": pd.Timestamp("2026-02-16")},
    }
    assert "".join(situation(students=people, week=6).students) == "bc", (
        "week 6 ends on 15 February"
    )


def test_each_advisor_has_one_list_and_nobody_s_students_share_one() -> None:
    people = {
        "a": {"advisor_id": "X"},
        "b": {"advisor_id": None},
        "c": {"advisor_id": "Y"},
        "d": {"advisor_id": None},
        "e": {"advisor_id": "X"},
    }
    lists = situation(students=people).lists
    assert lists[0] == lists[4]
    assert lists[1] == lists[3]
    assert len(set(lists.tolist())) == 3
    assert lists.min() == 0


def test_a_list_is_written_in_order_of_student_with_the_columns_of_its_table() -> None:
    given = by_score({"c": {17: 50}, "a": {17: 80}, "b": {17: 10}}, week=17)
    lists = build_lists(situation(**given))
    assert lists.flags["student_id"].tolist() == ["a", "c"]
    assert lists.flags.columns.tolist() == list(TABLES["weekly_flags"].computed)
    assert lists.exits.columns.tolist() == list(TABLES["list_exits"].computed)
    assert lists.findings.columns.tolist() == list(TABLES["class_findings"].computed)
    assert set(lists.flags["sem_week"]) == {17}
    assert set(lists.flags["ranked_by"]) == {"rules"}
    assert lists.flags["urgency_score"].tolist() == pytest.approx([80, 50])


def test_the_same_week_gives_the_same_lists() -> None:
    given = by_score({"a": {17: 50}, "b": {17: 50}}, week=17)
    one, two = (build_lists(situation(**given, last_list={"b": {}})) for _ in range(2))
    pd.testing.assert_frame_equal(one.flags, two.flags)
    pd.testing.assert_frame_equal(one.exits, two.exits)


def test_a_week_in_which_nothing_happens_has_empty_lists() -> None:
    lists = build_lists(situation(week=6))
    assert lists.flags.empty
    assert lists.exits.empty
    assert lists.findings.empty


def test_the_last_list_of_a_semester_says_that_it_is_the_last() -> None:
    lists = build_lists(situation(**by_score({"a": {17: 50}}, week=17)))
    assert lists.flags["off_list_if"].tolist() == [None]
    assert lists.flags.loc[0, "diagnosis"].endswith("This is the last list of the semester.")
