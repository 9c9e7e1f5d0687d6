"""When what is wrong with many students of a class is a finding about the class."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.params import Triage
from edumetrics.triage.flags import find_leading_reason
from edumetrics.triage.lists import build_lists
from tests.triage.builder import ATTENDANCE_ONLY, SCORE_ALONE, by_score, decide, pick, situation
from tests.triage.model import rank_by


def findings(**given: Any) -> list[list[Any]]:
    _, decision = decide(**given)
    names = ["class_id", "code", "students_affected", "size"]
    return list(decision.findings[names].to_numpy().tolist())


def listed(who: str, students: str) -> dict[str, Any]:
    """A class in which some students have a score that lists them, for little activity."""
    attendance = {s: {6: (50, 100)} for s in who} | {
        s: {6: (100, 100)} for s in set(students) - set(who)
    }
    return {"students": students, "attendance": attendance, "scoring": ATTENDANCE_ONLY,
            "triage": SCORE_ALONE}  # fmt: skip


@pytest.mark.parametrize(("who", "found"), [("abcd", False), ("abcde", True)])
def test_more_than_40_percent_with_one_leading_reason_are_a_finding(who: str, found: bool) -> None:
    """Half of eleven, so that the median student has no trouble."""
    table = findings(**listed(who, "abcdefghij" if not found else "abcdefghijk"))
    assert table == ([["C", "effort_level", 5, 11]] if found else [])


@pytest.mark.parametrize(("who", "found"), [("ab", []), ("abc", [["C", "effort_level", 3, 7]])])
def test_fewer_than_three_students_are_no_finding(who: str, found: list[Any]) -> None:
    assert findings(**listed(who, "abwx" if len(who) == 2 else "abctuvw")) == found


def test_share_and_minimum_are_parameters() -> None:
    five = listed("abcde", "abcdefghijk")
    strict = SCORE_ALONE.model_copy(update={"class_share_pct": 60})
    assert findings(**{**five, "triage": strict}) == []
    mild = SCORE_ALONE.model_copy(update={"class_share_pct": 10, "class_minimum": 2})
    assert len(findings(**{**listed("ab", "abcdefghij"), "triage": mild})) == 1


def test_students_with_different_leading_reasons_are_counted_apart() -> None:
    """Of nine students four are listed: two for activity, and two by a rule of week 5."""
    rule = {"rules": [{"code": "low_attendance", "since_week": 5}], "looked_after": False}
    attended = {"c": {5: 1, 6: 4}, "d": {5: 1, 6: 4}, "a": {6: 5}, "b": {6: 5}}
    given = {"students": "abcduvwxy", "attendance": attended, "scoring": ATTENDANCE_ONLY}
    now, decision = decide(**given, last_list={"c": rule, "d": rule})
    assert pick(now, decision.on_list) == "abcd"
    assert find_leading_reason(decision.news, decision.points)[:4].tolist() == (
        ["effort_level"] * 2 + ["low_attendance"] * 2
    )
    assert decision.findings.empty


def test_every_class_is_judged_by_itself() -> None:
    people = {s: {"class_id": "C" if s in "abcuvwx" else "D"} for s in "abcduvwxyz"}
    given = listed("abcd", "abcduvwxyz") | {"students": people}
    assert findings(**given) == [["C", "effort_level", 3, 7]]


def test_a_student_who_is_not_listed_does_not_count() -> None:
    """Three of seven have the same leading reason, but a score that lists nobody."""
    assert findings(**by_score({s: {6: 40} for s in "abc"})) == []


def test_where_nothing_adds_to_the_score_the_watchlist_leads() -> None:
    given = by_score({"a": {2: 10}}, week=2, watchlist="azy", students="avwxyz")
    now, decision = decide(**given)
    leading = find_leading_reason(decision.news, decision.points)
    assert dict(zip(now.students, leading, strict=True)) == {
        "a": "effort_level", **dict.fromkeys("vwxyz", "watchlist")
    }  # fmt: skip
    assert decision.findings.empty


def test_the_finding_is_a_sentence_with_the_share() -> None:
    given = by_score({s: {17: 50} for s in "abcd"}, week=17)
    found = build_lists(situation(**given)).findings
    assert found["text"].tolist() == [
        "4 of the 9 students (44%) show little recorded activity this week."
    ]
    assert found["sem_week"].tolist() == [17]


def test_a_rule_that_fires_for_many_is_a_sentence_too() -> None:
    lists = build_lists(situation(students="abcde", attendance={key: {6: 0} for key in "abcd"}))
    assert "4 of the 5 students (80%) missed most of this week's lectures." in (
        lists.findings["text"].tolist()
    )


# In C, five of seven missed work: their median component is 1, where d and e have less activity too.
SHARED: dict[str, Any] = {
    "students": "abcdefg", "due": (6,), "marks": {key: {6: "not in"} for key in "abcde"},
    "attendance": {"d": {6: 5}, "e": {6: 5}}, "list_at": 40,
    "scoring": ATTENDANCE_ONLY.model_copy(
        update={"risk_weights": ATTENDANCE_ONLY.risk_weights.model_copy(
            update={"missed_work": 1, "effort_level": 1})}
    ),
    "triage": SCORE_ALONE,
}  # fmt: skip


def test_what_a_whole_class_shares_is_taken_away_before_urgency_is_made() -> None:
    """Without it a, b and c have 50 and d and e 75; with it, 0 and 25 of 100, and are not listed."""
    now, decision = decide(**SHARED)
    score = now.scored.metrics["risk_score"].tolist()
    assert score == pytest.approx([50, 50, 50, 75, 75, 0, 0])
    assert decision.findings[["code", "students_affected", "size"]].to_numpy().tolist() == [
        ["missed_work", 5, 7]
    ]
    assert decision.urgency.tolist() == pytest.approx([0, 0, 0, 25, 25, 0, 0])
    assert pick(now, decision.on_list) == ""
    now, decision = decide(**{**SHARED, "list_at": 20})
    assert pick(now, decision.on_list) == "de"


def test_where_a_model_ranks_nothing_is_taken_away() -> None:
    given = SHARED | {"model": rank_by(*[0.6] * 5, 0.1, 0.1)}
    now, decision = decide(**given)
    assert len(decision.findings) == 1
    assert pick(now, decision.on_list) == "abcde"
    assert (decision.urgency[:5] >= 60).all()


def test_another_class_keeps_its_urgency() -> None:
    people = {s: {"class_id": "D" if s in "xyz" else "C"} for s in "abcdefgxyz"}
    marks = {key: {6: "not in"} for key in "abcdex"}
    now, decision = decide(**{**SHARED, "students": people, "marks": marks})
    urgency = pd.Series(decision.urgency, index=now.students)
    assert urgency["x"] == pytest.approx(50)
    assert urgency["a"] == pytest.approx(0)


def test_who_has_no_record_is_not_in_what_a_class_shares() -> None:
    """Three of five with a record missed the work; with two no-shows the median would be the same."""
    people = {s: {} for s in "abcdeyz"}
    nothing = {s: dict.fromkeys(range(1, 7), (0, 0)) for s in "yz"}
    given = SHARED | {
        "students": people, "attendance": nothing,
        "marks": {key: {6: "not in"} for key in "abcyz"},
    }  # fmt: skip
    now, decision = decide(**given)
    assert pick(now, decision.on_list) == ""
    assert decision.findings["students_affected"].tolist() == [3]


def test_a_leading_reason_that_is_a_rule_takes_nothing_away() -> None:
    """The rule fires for all: nobody is listed by it, and no component is shared."""
    given = {"students": "abcdefg", "attendance": {key: {6: 0} for key in "abcdefg"}, "list_at": 99}
    now, decision = decide(**given, triage=Triage())
    assert decision.findings["code"].tolist() == ["low_attendance"]
    assert pick(now, decision.on_list) == ""
    assert decision.urgency.tolist() == pytest.approx(now.scored.metrics["risk_score"].tolist())
