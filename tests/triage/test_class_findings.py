"""When what is wrong with many students of a class is a finding about the class."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.params import Triage
from edumetrics.triage.flags import (
    compute_urgency,
    find_class_findings,
    find_leading_reason,
)
from edumetrics.triage.lists import build_lists
from tests.triage.builder import by_score, decide, situation

ABSENT = {6: 0}


def findings(**given: Any) -> pd.DataFrame:
    now, standing = decide(**given)
    return find_class_findings(now, standing)


def absent(who: str, students: str = "abcdefghij") -> dict[str, Any]:
    """A class in which some students attended nothing this week."""
    return {"students": students, "attendance": dict.fromkeys(who, ABSENT)}


@pytest.mark.parametrize(("who", "found"), [("abcd", False), ("abcde", True)])
def test_more_than_40_percent_with_one_leading_reason_are_a_finding(who: str, found: bool) -> None:
    table = findings(**absent(who))
    assert (len(table) == 1) == found
    if found:
        row = table.iloc[0]
        assert (row["class_id"], row["code"]) == ("C", "low_attendance")
        assert (row["students_affected"], row["size"]) == (5, 10)


@pytest.mark.parametrize(("who", "found"), [("ab", False), ("abc", True)])
def test_fewer_than_three_students_are_no_finding(who: str, found: bool) -> None:
    assert (len(findings(**absent(who, "abcd"))) == 1) == found


def test_share_and_minimum_are_parameters() -> None:
    strict, mild = Triage(class_share_pct=60), Triage(class_share_pct=10, class_minimum=2)
    assert findings(**absent("abcde"), triage=strict).empty
    assert len(findings(**absent("ab"), triage=mild)) == 1


def test_students_with_different_leading_reasons_are_counted_apart() -> None:
    """Of six students four are listed: two by the rule of attendance, two by a held rule of work."""
    held = {"reasons": [{"code": "no_work", "value": 14, "baseline": 2}]}
    given = absent("ab", "abcdef") | {"last_list": {"c": held, "d": held}}
    now, standing = decide(**given)
    assert find_leading_reason(standing)[:4].tolist() == ["low_attendance"] * 2 + ["no_work"] * 2
    assert find_class_findings(now, standing).empty


def test_every_class_is_judged_by_itself() -> None:
    people = {s: {"class_id": "C" if s in "abcde" else "D"} for s in "abcdefghij"}
    table = findings(students=people, attendance=dict.fromkeys("abcf", ABSENT))
    assert table[["class_id", "students_affected", "size"]].to_numpy().tolist() == [["C", 3, 5]]


def test_a_student_who_is_not_listed_does_not_count() -> None:
    """Six of ten have the same leading reason, but a score that lists nobody."""
    assert findings(**by_score({s: {6: 40} for s in "abc"})).empty


def test_a_component_leads_where_no_rule_does() -> None:
    given = by_score({s: {6: 50} for s in "abcd"})
    now, standing = decide(**given)
    assert find_leading_reason(standing)[0] == "effort_level"
    table = find_class_findings(now, standing)
    assert table[["code", "students_affected", "size"]].to_numpy().tolist() == [
        ["effort_level", 4, 9]
    ]


def test_where_nothing_adds_to_the_score_the_watchlist_leads() -> None:
    now, standing = decide(**by_score({"a": {2: 10}}), week=2, watchlist=("z", "y", "a"))
    assert find_leading_reason(standing).tolist() == ["effort_level", "watchlist", "watchlist"]
    assert find_class_findings(now, standing).empty


def test_the_finding_is_a_sentence_with_the_share() -> None:
    given = by_score({s: {17: 50} for s in "abcd"}, week=17)
    found = build_lists(situation(**given)).findings
    assert found["text"].tolist() == [
        "4 of the 9 students (44%) show little recorded activity this week."
    ]
    assert found["sem_week"].tolist() == [17]


def test_in_a_class_with_a_finding_only_what_exceeds_the_class_is_urgent() -> None:
    """The median of the class is 0 less activity: nothing is taken away from the four."""
    now, standing = decide(**by_score({s: {6: 50 + n} for n, s in enumerate("abcd")}))
    urgency = compute_urgency(now, find_class_findings(now, standing))
    assert urgency.tolist() == pytest.approx([50, 51, 52, 53, 0, 0, 0, 0, 0])


def test_what_everyone_shares_is_taken_away() -> None:
    """All five attended nothing: nobody is more urgent than the others for that."""
    now, standing = decide(**absent("abcde", "abcde"))
    found = find_class_findings(now, standing)
    assert found["students_affected"].tolist() == [5]
    risk = now.scored.metrics["risk_score"]
    assert (risk > 0).all()
    assert compute_urgency(now, found).tolist() == [0.0] * 5
    assert compute_urgency(now, found.iloc[:0]).tolist() == risk.tolist()


def test_another_class_keeps_its_scores() -> None:
    people = {s: {"class_id": "C" if s in "abcde" else "D"} for s in "abcdefg"}
    now, standing = decide(students=people, attendance=dict.fromkeys("abcdef", ABSENT))
    found = find_class_findings(now, standing)
    assert found["class_id"].tolist() == ["C"]
    urgency = compute_urgency(now, found)
    assert urgency[5] == now.scored.metrics.loc[5, "risk_score"] > 0


def test_a_missing_score_is_not_urgent() -> None:
    now, standing = decide(**by_score({"a": {6: 50}}, attendance={"a": {6: (0, 0)}}))
    assert compute_urgency(now, find_class_findings(now, standing))[0] == 0
