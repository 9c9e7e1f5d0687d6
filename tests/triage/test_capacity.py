"""How a list is ranked, and whom the advisor has time for."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.params import Triage
from edumetrics.triage.flags import rank
from tests.triage.builder import by_score, draw


def entry(student: str, urgency: float = 50.0, **more: Any) -> dict[str, Any]:
    """A place on X's list: at Watch for the second week."""
    return {
        "student_id": student, "advisor_id": "X", "tier": 1, "urgency_score": urgency,
        "escalation_level": 2, "status": "continuing", "looked_after": False, "first": False,
    } | more  # fmt: skip


def ranks(*entries: dict[str, Any], triage: Triage | None = None) -> dict[str, int]:
    ranked = rank(pd.DataFrame(entries), triage or Triage()).set_index("student_id")
    return {str(student): int(place) for student, place in ranked["triage_rank"].items()}


def inside(*entries: dict[str, Any], **triage: Any) -> str:
    """The students within capacity, in one word."""
    ranked = rank(pd.DataFrame(entries), Triage(**triage))
    return "".join(ranked.loc[ranked["within_capacity"], "student_id"])


def test_the_tier_comes_before_the_score() -> None:
    assert ranks(entry("a", 90, tier=1), entry("b", 10, tier=3), entry("c", 50, tier=2)) == {
        "b": 1, "c": 2, "a": 3,
    }  # fmt: skip


def test_within_a_tier_the_higher_score_comes_first() -> None:
    assert ranks(entry("a", 50), entry("b", 51)) == {"b": 1, "a": 2}


def test_of_equal_scores_the_longer_stay_comes_first() -> None:
    assert ranks(entry("a"), entry("b", escalation_level=3)) == {"b": 1, "a": 2}


def test_what_is_equal_in_all_goes_by_id_whatever_the_order_of_rows() -> None:
    assert ranks(entry("b"), entry("c"), entry("a")) == {"a": 1, "b": 2, "c": 3}


def test_who_is_to_come_first_comes_before_every_tier() -> None:
    assert ranks(entry("a", 99, tier=3), entry("b", 10, first=True)) == {"b": 1, "a": 2}


def test_every_advisor_has_places_from_1() -> None:
    found = ranks(entry("a", 60), entry("b", 50, advisor_id="Y"), entry("c", 55))
    assert found == {"a": 1, "b": 1, "c": 2}


def test_students_without_an_advisor_are_one_more_list() -> None:
    found = ranks(entry("a", 50, advisor_id=None), entry("b"), entry("c", 60, advisor_id=None))
    assert found == {"a": 2, "b": 1, "c": 1}


@pytest.mark.parametrize(("capacity", "who"), [(1, "a"), (2, "ab"), (3, "abc"), (9, "abcd")])
def test_the_first_places_are_within_capacity(capacity: int, who: str) -> None:
    entries = [entry(s, 90 - n) for n, s in enumerate("abcd")]
    assert inside(*entries, capacity=capacity) == who


def test_each_advisor_has_a_capacity_of_their_own() -> None:
    entries = [
        entry(s, 90 - n, advisor_id=x)
        for x in "XY"
        for n, s in enumerate(f"{x}1 {x}2 {x}3".split())
    ]
    assert inside(*entries, capacity=1, capacities={"Y": 2}) == "X1Y1Y2"


def test_the_list_of_nobody_s_students_has_the_capacity_of_its_reader() -> None:
    entries = [entry(s, advisor_id=None) for s in "abc"]
    assert inside(*entries, capacity=1, capacities={"Y": 2}) == "a"
    assert inside(*entries, capacity=1, capacities={"Y": 2}, unassigned_to="Y") == "ab"


def test_two_places_are_kept_for_new_names() -> None:
    old = [entry(s, 90 - n) for n, s in enumerate("abcd")]
    new = [entry(s, 10 - n, status="new") for n, s in enumerate("xyz")]
    assert inside(*old, *new, capacity=3) == "axy"
    assert inside(*old, *new, capacity=4) == "abxy"


def test_the_most_urgent_student_always_has_a_place() -> None:
    assert inside(entry("a", 90), entry("x", 10, status="new"), capacity=1) == "a"


def test_places_that_no_new_name_takes_go_to_the_others() -> None:
    old = [entry(s, 90 - n) for n, s in enumerate("abcd")]
    assert inside(*old, entry("x", 10, status="new"), capacity=3) == "abx"
    assert inside(*old, capacity=3) == "abc"


def test_new_names_beyond_the_places_kept_compete_with_everyone() -> None:
    new = [entry(s, 95 - n, status="new") for n, s in enumerate("xyz")]
    assert inside(entry("a", 90), *new, capacity=3) == "xyz"
    assert inside(entry("a", 94), *new, capacity=3) == "axy"


@pytest.mark.parametrize("status", ["returned", "escalated", "continuing"])
def test_only_who_was_never_listed_is_a_new_name(status: str) -> None:
    old = [entry(s, 90 - n) for n, s in enumerate("abc")]
    assert inside(*old, entry("x", 10, status=status), capacity=3) == "abc"


def test_no_place_is_kept_where_a_college_wants_none() -> None:
    old = [entry(s, 90 - n) for n, s in enumerate("abc")]
    assert inside(*old, entry("x", 10, status="new"), capacity=3, new_names=0) == "abc"


def test_who_is_looked_after_takes_no_place_and_none_that_is_kept() -> None:
    old = [entry(s, 90 - n, looked_after=s == "a") for n, s in enumerate("abcd")]
    assert inside(*old, capacity=2) == "bc"
    new = [entry(s, 10 - n, status="new", looked_after=s == "x") for n, s in enumerate("xyz")]
    assert inside(*old, *new, capacity=3) == "byz"


def test_a_list_in_which_all_are_looked_after_has_nobody_within_capacity() -> None:
    assert inside(entry("a", looked_after=True), entry("b", looked_after=True)) == ""


def test_two_of_equal_score_are_ranked_by_id_through_the_whole_of_triage() -> None:
    found = draw(**by_score({"b": {6: 50}, "a": {6: 50}, "c": {6: 51}}))
    assert found["triage_rank"].to_dict() == {"a": 2, "b": 3, "c": 1}


def test_the_unassigned_are_a_list_through_the_whole_of_triage() -> None:
    people = {
        "a": {"advisor_id": None},
        "b": {},
        "c": {"advisor_id": None},
        **{s: {} for s in "wxyz"},
    }
    given = by_score({"a": {6: 50}, "b": {6: 60}, "c": {6: 70}}, students=people)
    found = draw(**given)
    assert found["triage_rank"].to_dict() == {"a": 2, "b": 1, "c": 1}
    assert found["advisor_id"].isna().to_dict() == {"a": True, "b": False, "c": True}
