"""Who is on a list: entering, staying, the first weeks, no record, statuses, and the odd roll."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields import TABLES
from edumetrics.params import Calendar
from edumetrics.triage.flags import get_last_tier
from edumetrics.triage.lists import build_lists
from tests.triage.builder import by_score, decide, draw, follow, pick, situation
from tests.triage.model import rank_by


@pytest.mark.parametrize(
    ("risk", "tier"), [(44, 0), (45, 2), (59, 2), (60, 3), (74, 3), (75, 3), (100, 3)]
)
def test_the_shipped_threshold_lists_from_45_on(risk: int, tier: int) -> None:
    """Soon begins at 45 − 8: nobody whom the urgency lists at 45 is below it."""
    now, decision = decide(**by_score({"a": {6: risk}}))
    assert now.scored.metrics.loc[0, "risk_score"] == pytest.approx(risk)
    assert decision.tier.tolist() == [tier, 0, 0]
    assert decision.on_list.tolist() == [tier > 0, False, False]


@pytest.mark.parametrize(("risk", "tier"), [(29, 0), (30, 1), (34, 1), (35, 2), (60, 3)])
def test_a_lower_threshold_lists_more_and_keeps_the_words(risk: int, tier: int) -> None:
    _, decision = decide(**by_score({"a": {6: risk}}), list_at=30)
    assert decision.tier[0] == tier


@pytest.mark.parametrize(("risk", "stays"), [(38, True), (37, False)])
def test_who_was_on_the_list_stays_above_the_threshold_less_the_margin(
    risk: int, stays: bool
) -> None:
    given = by_score({"a": {6: risk}, "b": {6: risk}})
    now, decision = decide(**given, last_list={"a": {}})
    assert pick(now, decision.on_list) == ("a" if stays else "")
    assert decision.listed_by[0] == ("staying" if stays else "")


@pytest.mark.slow
def test_who_left_must_reach_the_threshold_again() -> None:
    found = follow((4, 5, 6, 7), **by_score({"a": {4: 60, 5: 40, 6: 10, 7: 58}}))
    # .7·40 + .3·60 = 46; .7·10 + .3·46 = 20.8; .7·58 + .3·20.8 = 46.84.
    urgency = {week: lists["urgency_score"].to_dict() for week, lists in found.items()}
    assert urgency[5] == {"a": pytest.approx(46)}
    assert urgency[6] == {}
    assert urgency[7] == {"a": pytest.approx(46.84)}
    assert found[7].loc["a", "listed_by"] == "urgency"


def test_the_first_of_rule_urgency_and_staying_is_said() -> None:
    given: dict[str, Any] = {
        "students": "abcwxyz", "list_at": 15,
        "attendance": {"a": {6: 2}, "b": {6: 4}, "c": {6: 6}},
        "due": (6,), "marks": {"b": {6: 0}}, "last_list": {"a": {}, "b": {}, "c": {}},
    }  # fmt: skip
    _now, decision = decide(**given)
    urgencies = dict(zip("abc", decision.urgency[:3], strict=True))
    assert urgencies["b"] >= 15 > urgencies["c"] > 7
    assert decision.listed_by[:4].tolist() == ["rule", "urgency", "staying", ""]


def test_a_student_without_a_score_is_on_no_list_and_does_not_stay() -> None:
    given = by_score({"a": {6: 50}}, attendance={"a": {6: (0, 0)}})
    now, decision = decide(**given, last_list={"a": {}})
    assert np.isnan(now.scored.metrics.loc[0, "risk_score"])
    assert pick(now, decision.on_list) == ""
    assert pick(now, decision.was_on) == "a"


@pytest.mark.parametrize(("week", "who"), [(3, ""), (4, "a")])
def test_in_the_first_three_weeks_no_score_lists_anyone(week: int, who: str) -> None:
    now, decision = decide(**by_score({"a": {week: 90}}), week=week)
    assert now.is_in_grace(week) == (who == "")
    assert pick(now, decision.on_list) == who


def test_nobody_stays_in_a_first_week() -> None:
    now, decision = decide(**by_score({"a": {3: 90}}), week=3, last_list={"a": {}})
    assert pick(now, decision.on_list) == ""


def test_in_a_first_week_a_rule_and_the_watchlist_list_as_keep_in_view() -> None:
    found = draw(students="abcdef", week=2, attendance={"a": {2: 0}}, watchlist="b")
    assert found["risk_tier"].to_dict() == {"a": "watch", "b": "watch"}
    assert found["listed_by"].to_dict() == {"a": "rule", "b": "watchlist"}
    assert found["escalation_level"].to_dict() == {"a": 0, "b": 0}
    assert set(found["ranked_by"]) == {"watchlist"}


def test_in_a_first_week_news_comes_before_a_higher_risk() -> None:
    given = {"students": "abcdef", "week": 2, "attendance": {"a": {2: 1}}}
    found = draw(**given, watchlist={"b": 95, "c": 97})
    assert found["triage_rank"].to_dict() == {"a": 1, "b": 3, "c": 2}


def test_a_card_of_a_first_week_says_first_why() -> None:
    history = {"code": "history_exam_avg_hist", "text": "The average was 38.", "points": 20.0,
               "value": 38.0, "baseline": 61.0}  # fmt: skip
    idle = history | {"code": "history_att_rate_hist", "points": 0.0}
    given = {"students": "abcdef", "week": 2, "attendance": {"a": {2: 0}}, "watchlist": "ab"}
    found = draw(**given, watched_for={"b": [idle, history]})
    assert found.loc["a", "reasons"][0]["code"] == "low_attendance"
    assert "watchlist" not in {record["code"] for record in found.loc["a", "reasons"]}
    told = found.loc["b", "reasons"]
    assert [record["code"] for record in told] == ["watchlist", "history_exam_avg_hist"]
    assert told[0]["text"] == (
        "Results of earlier semesters suggested keeping in touch from the start."
    )
    assert told[1] == history | {"topic": "marks"}


def test_the_watchlist_lists_nobody_after_the_first_weeks() -> None:
    now, decision = decide(week=4, watchlist="b")
    assert pick(now, decision.on_list) == ""


NOTHING = {"attendance": {"a": dict.fromkeys(range(1, 7), (0, 0))}}


@pytest.mark.parametrize(
    ("more", "who"),
    [
        ({}, "b"),
        ({"attendance": {"a": {**dict.fromkeys((1, 2), (0, 0)), 2: (0, 10)}}}, "ab"),
        ({"due": (1,)}, "ab"),
        ({"due": (1,), "marks": {"a": {1: "not in"}}}, "b"),
        ({"quizzes": (1,)}, "ab"),
        ({"active_days": {"a": {2: 1}}}, "ab"),
        ({"recorded": ("a",)}, "ab"),
    ],
    ids=["nothing", "absent", "work", "work not in", "quiz", "active", "earlier week"],
)
def test_of_whom_the_term_holds_nothing_is_on_no_list(more: dict[str, Any], who: str) -> None:
    """A register that says absent is a record; work that fell due and is not in is none."""
    now, decision = decide(**{"students": "abcd", "week": 2, "watchlist": "ab", **NOTHING, **more})
    assert pick(now, decision.on_list) == who


def test_no_record_is_no_reason_to_stay() -> None:
    given = {"students": "abcd", **NOTHING, "model": rank_by(0.9, 0.8, 0.1, 0.1)}
    now, decision = decide(**given, last_list={"a": {}})
    assert pick(now, decision.on_list) == "b"


@pytest.mark.parametrize(
    ("risk", "last", "earlier", "status"),
    [
        (50, None, None, "new"),
        (50, "watch", None, "escalated"),
        (50, "high", None, "continuing"),
        (65, "high", None, "escalated"),
        (65, "critical", None, "continuing"),
        (50, "critical", None, "continuing"),
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


def test_a_rule_on_a_student_who_was_listed_does_not_escalate() -> None:
    found = draw(students="abcdef", attendance={"a": {6: 2}}, last_list={"a": {}})
    assert found.loc["a", ["risk_tier", "status"]].tolist() == ["watch", "continuing"]


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
    now, decision = decide(**by_score({"a": {6: 50}}), last_list={"gone": {}})
    assert pick(now, decision.on_list) == "a"
    assert not decision.was_on.any()


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
    assert decide(**given)[1].plain[:3].tolist() == pytest.approx([80, 10, 50]), "of the whole roll"


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


def test_a_model_ranks_the_list_it_makes() -> None:
    given = by_score({"a": {6: 50}, "b": {6: 80}}, model=rank_by(0.3, 0.5, 0.7, 0.1, 0.1))
    found = draw(**given, calendar=Calendar(attendance_rule_pct=None))
    assert set(found["ranked_by"]) == {"model"}
    assert found["urgency_score"].to_dict() == pytest.approx({"b": 50, "x": 70})
    assert found["risk_tier"].to_dict() == {"b": "high", "x": "critical"}
    assert found["triage_rank"].to_dict() == {"b": 2, "x": 1}
