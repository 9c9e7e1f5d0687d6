"""How a list is ranked, whom the advisor has time for, and which places are kept."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.params import Triage
from edumetrics.triage.places import rank
from tests.triage.builder import SCORE_ALONE, by_score, draw, follow


def entry(student: str, urgency: float = 50.0, **more: Any) -> dict[str, Any]:
    """A place on X's list, for the second week."""
    return {
        "student_id": student, "advisor_id": "X", "urgency_score": urgency, "weeks_on_list": 2,
        "looked_after": False, "fresh": False, "first": False,
    } | more  # fmt: skip


def ranks(*entries: dict[str, Any], triage: Triage | None = None) -> dict[str, int]:
    ranked = rank(pd.DataFrame(entries), triage or Triage()).set_index("student_id")
    return {str(student): int(place) for student, place in ranked["triage_rank"].items()}


def inside(*entries: dict[str, Any], **triage: Any) -> str:
    """The students within capacity, in one word."""
    ranked = rank(pd.DataFrame(entries), Triage(**triage))
    return "".join(ranked.loc[ranked["within_capacity"], "student_id"])


OLD = [entry(s, 90 - n) for n, s in enumerate("abcd")]
NEW = [entry(s, 10 - n, fresh=True) for n, s in enumerate("xyz")]


def test_the_higher_urgency_comes_first() -> None:
    assert ranks(entry("a", 50), entry("b", 51), entry("c", 10)) == {"b": 1, "a": 2, "c": 3}


def test_of_equal_urgencies_more_weeks_on_the_list_come_first() -> None:
    assert ranks(entry("a"), entry("b", weeks_on_list=3)) == {"b": 1, "a": 2}


def test_what_is_equal_in_all_goes_by_id_whatever_the_order_of_rows() -> None:
    assert ranks(entry("b"), entry("c"), entry("a")) == {"a": 1, "b": 2, "c": 3}


def test_who_is_to_come_first_comes_before_every_urgency() -> None:
    assert ranks(entry("a", 99), entry("b", 10, first=True)) == {"b": 1, "a": 2}


def test_every_advisor_has_places_from_1() -> None:
    found = ranks(entry("a", 60), entry("b", 50, advisor_id="Y"), entry("c", 55))
    assert found == {"a": 1, "b": 1, "c": 2}


def test_students_without_an_advisor_are_one_more_list() -> None:
    found = ranks(entry("a", 50, advisor_id=None), entry("b"), entry("c", 60, advisor_id=None))
    assert found == {"a": 2, "b": 1, "c": 1}


@pytest.mark.parametrize(("capacity", "who"), [(1, "a"), (2, "ab"), (3, "abc"), (9, "abcd")])
def test_the_first_places_are_within_capacity(capacity: int, who: str) -> None:
    assert inside(*OLD, capacity=capacity) == who


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


@pytest.mark.parametrize(
    ("capacity", "who"), [(1, "a"), (2, "ax"), (3, "axy"), (4, "abxy"), (6, "abcdxy")]
)
def test_two_places_are_kept_for_new_names_but_the_most_urgent_always_has_one(
    capacity: int, who: str
) -> None:
    assert inside(*OLD, *NEW, capacity=capacity) == who


def test_a_kept_place_does_not_change_the_rank() -> None:
    assert ranks(*OLD, *NEW, triage=Triage(capacity=3)) == {
        "a": 1, "b": 2, "c": 3, "d": 4, "x": 5, "y": 6, "z": 7
    }  # fmt: skip


def test_places_that_no_new_name_takes_go_to_the_others() -> None:
    assert inside(*OLD, NEW[0], capacity=3) == "abx"
    assert inside(*OLD, capacity=3) == "abc"


def test_new_names_that_have_a_place_anyway_take_no_other_one() -> None:
    high = [entry(s, 95 - n, fresh=True) for n, s in enumerate("xyz")]
    assert inside(entry("a", 90), *high, capacity=3) == "xyz"
    assert inside(entry("a", 94), *high, capacity=3) == "axy"
    one = entry("x", 89.5, fresh=True)
    assert inside(*OLD, one, NEW[1], NEW[2], capacity=4) == "abxy"


def test_how_many_places_are_kept_is_a_parameter() -> None:
    assert inside(*OLD, *NEW, capacity=3, new_names=0) == "abc"
    assert inside(*OLD, *NEW, capacity=4, new_names=3) == "axyz"


def test_who_is_looked_after_takes_no_place_and_none_that_is_kept() -> None:
    old = [entry(s, 90 - n, looked_after=s == "a") for n, s in enumerate("abcd")]
    assert inside(*old, capacity=2) == "bc"
    new = [entry(s, 10 - n, fresh=True, looked_after=s == "x") for n, s in enumerate("xyz")]
    assert inside(*old, *new, capacity=3) == "byz"


def test_a_list_in_which_all_are_looked_after_has_nobody_within_capacity() -> None:
    assert inside(entry("a", looked_after=True), entry("b", looked_after=True)) == ""


def test_an_empty_list_has_no_places() -> None:
    empty = pd.DataFrame([entry("a")]).iloc[:0]
    assert rank(empty, Triage()).empty


def placed(more: dict[str, Any], risks: dict[str, dict[int, int]], **last: Any) -> str:
    """Who has one of two places; as far as a test says nothing else, a and b were on the list."""
    two = SCORE_ALONE.model_copy(update={"capacity": 2})
    given = by_score(risks, **{"triage": two, **more})
    found = draw(**given, last_list={"a": {}, "b": {}, **last})
    return "".join(found.index[found["within_capacity"]])


def test_a_new_name_is_one_that_last_week_s_list_did_not_have() -> None:
    risks = {"a": {6: 90}, "b": {6: 80}, "c": {6: 50}}
    assert placed({}, risks) == "ac"
    assert placed({}, risks, c={}) == "ab"
    assert placed({"earlier": {"c": (3, 4)}}, risks) == "ac", "back after a break"


def test_a_new_name_far_below_the_threshold_has_no_place_kept() -> None:
    """c is listed by a rule. A place is kept within 8 points of the threshold, at 45 − 8."""
    off = {key: {"enabled": False} for key in ("no_work", "deadline")}
    triage = Triage(capacity=2, rule_share_pct=100, rules=off)
    given: dict[str, Any] = {"triage": triage, "list_at": 98}
    near = {"a": {6: 100}, "b": {6: 100}, "c": {6: 90}}
    assert placed(given, near) == "ac"
    assert placed(given, near | {"c": {6: 89}}) == "ab"


def test_a_new_name_with_a_deadline_has_a_place_kept_whatever_the_urgency() -> None:
    """In week 6 the chance that c misses the attendance rule rises to .93, while it can be met."""
    attended = {
        "a": {6: 0}, "b": {6: 0}, "c": dict.fromkeys((2, 3, 4, 5, 6), 4),
    }  # fmt: skip
    given: dict[str, Any] = {
        "students": "abcuvwxyz", "attendance": attended, "list_at": 20, "past": 1,
        "triage": Triage(capacity=2, rules={"low_attendance": {"enabled": False}}),
    }  # fmt: skip
    last: dict[str, Any] = {"a": {}, "b": {}, "c": {}}
    found = draw(**given, last_list=last)
    assert found.loc["c", "rules"] == [{"code": "deadline", "since_week": 6}]
    assert set(found.index) == set("abc")
    assert found["within_capacity"].sum() == 2
    assert bool(found.loc["c", "within_capacity"]) or found.loc["c", "triage_rank"] < 3


def test_two_of_equal_urgency_are_ranked_by_id_through_the_whole_of_triage() -> None:
    found = draw(**by_score({"b": {6: 50}, "a": {6: 50}, "c": {6: 51}}))
    assert found["triage_rank"].to_dict() == {"a": 2, "b": 3, "c": 1}


def test_weeks_with_a_break_between_them_break_ties() -> None:
    found = draw(**by_score({"a": {6: 50}, "b": {6: 50}}), earlier={"b": (2, 4), "a": (4,)})
    assert found["weeks_on_list"].to_dict() == {"a": 2, "b": 3}
    assert found["triage_rank"].to_dict() == {"a": 2, "b": 1}


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


# ------------------------------------------------------------ nobody waits

ALWAYS = by_score({"a": dict.fromkeys(range(4, 12), 80)})


def handed_over(week: int, **more: Any) -> bool:
    found = draw(**{**ALWAYS, "week": week, **more})
    return bool(found.loc["a", "hand_over"])


def test_three_weeks_with_a_place_and_without_an_entry_are_handed_over() -> None:
    found = follow((4, 5, 6, 7, 9), **ALWAYS)
    told = {week: bool(lists.loc["a", "hand_over"]) for week, lists in found.items()}
    assert told == {4: False, 5: False, 6: True, 7: True, 9: True}


def test_the_three_weeks_go_on_over_an_exam_week_and_have_no_gap() -> None:
    assert handed_over(9, places={"a": (6, 7)})
    assert not handed_over(9, places={"a": (5, 7)})
    assert not handed_over(9, places={"a": (7,)}, earlier={"a": (6,)}), "on the list, but no place"


@pytest.mark.parametrize(
    ("kind", "waits"),
    [("no answer", True), ("emailed", False), ("called", False), ("talked", False)],
)
def test_only_no_answer_is_no_entry(kind: str, waits: bool) -> None:
    # So that a contact does not take the student out of the places.
    given = {"last_list": {"a": {"looked_after": False}}, "places": {"a": (4, 5)}}
    assert handed_over(6, contacts=[("a", 4, kind, None)], **given) == waits


@pytest.mark.parametrize(
    ("week", "waits"), [(3, True), (4, False), (5, False), (6, True), (7, True)]
)
def test_an_entry_counts_from_the_first_of_the_three_weeks_up_to_last_week(
    week: int, waits: bool
) -> None:
    """An entry of this week or later was not there when the list was made."""
    assert handed_over(6, contacts=[("a", week, "emailed", None)], places={"a": (4, 5)}) == waits


def test_an_entry_about_someone_else_is_none() -> None:
    assert handed_over(6, contacts=[("z", 5, "emailed", None)], places={"a": (4, 5)})


def test_after_how_many_weeks_is_a_parameter() -> None:
    two = SCORE_ALONE.model_copy(update={"hand_over_after": 2})
    assert handed_over(5, triage=two, places={"a": (4,)})
    assert not handed_over(5, places={"a": (4,)})


def test_without_a_place_this_week_nobody_is_handed_over() -> None:
    given = by_score({"a": {6: 80}, "b": {6: 90}}, places={"a": (4, 5), "b": (4, 5)})
    one = SCORE_ALONE.model_copy(update={"capacity": 1})
    found = draw(**{**given, "triage": one}, last_list={"a": {}, "b": {}})
    assert found["hand_over"].to_dict() == {"a": False, "b": True}
