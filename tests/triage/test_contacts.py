"""Who is being looked after: by which contacts, for how long, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest

from edumetrics.params import Calendar
from edumetrics.triage.flags import find_looked_after
from tests.triage.builder import SCORE_ALONE, by_score, decide, draw, pick

LISTED = by_score({"a": {6: 50, 7: 50, 9: 50, 10: 50}})
# A cared-for week before: so that no earlier end of the care is assumed.
CARED_FOR = {"a": {"looked_after": True}}


def looked_after(*contacts: tuple[str, int, str, str | None], **more: Any) -> str:
    """Who is looked after in a week, by default week 6, in which a is at Watch."""
    now, standing = decide(**{**LISTED, "contacts": contacts, **more})
    return pick(now, find_looked_after(now, standing))


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("talked", "a"),
        ("referred", "a"),
        ("known reason", "a"),
        ("e-mail", ""),
        ("called", ""),
        ("no answer", ""),
        ("wrong flag", ""),
    ],
)
def test_only_some_kinds_of_contact_look_after_a_student(kind: str, who: str) -> None:
    assert looked_after(("a", 5, kind, None)) == who


@pytest.mark.parametrize(
    ("contact_week", "who"),
    [(3, ""), (4, "a"), (5, "a"), (6, ""), (7, "")],
)
def test_a_contact_without_a_date_counts_for_the_two_teaching_weeks_after_its_own(
    contact_week: int, who: str
) -> None:
    assert looked_after(("a", contact_week, "talked", None)) == who


def test_the_exam_week_is_none_of_the_two() -> None:
    talked = ("a", 6, "talked", None)
    assert looked_after(talked, week=7) == "a"
    assert looked_after(talked, week=9) == "a"
    assert looked_after(talked, week=10) == ""


def test_how_many_weeks_a_contact_counts_is_a_parameter() -> None:
    one = SCORE_ALONE.model_copy(update={"looked_after_weeks": 1})
    assert looked_after(("a", 5, "talked", None), triage=one) == "a"
    assert looked_after(("a", 4, "talked", None), triage=one) == ""


def test_near_the_start_a_contact_of_any_earlier_week_counts() -> None:
    given = by_score({"a": {2: 50}}, calendar=Calendar(grace_weeks=0))
    assert looked_after(("a", 1, "talked", None), **given, week=2) == "a"


@pytest.mark.parametrize(
    ("until", "who"),
    [("2026-02-14", ""), ("2026-02-15", "a"), ("2026-03-31", "a")],
)
def test_a_contact_with_a_date_counts_while_the_week_ends_by_it(until: str, who: str) -> None:
    """Week 6 ends on 15 February."""
    assert looked_after(("a", 5, "known reason", until)) == who


def test_a_date_far_ahead_outlasts_the_two_weeks() -> None:
    assert looked_after(("a", 1, "known reason", "2026-02-15")) == "a"
    assert looked_after(("a", 1, "known reason", None)) == ""


def test_a_date_cuts_the_two_weeks_short() -> None:
    assert looked_after(("a", 5, "talked", "2026-02-08")) == ""


def test_a_contact_is_the_student_s_own() -> None:
    assert looked_after(("b", 5, "talked", None)) == ""
    both = by_score({"a": {6: 50}, "b": {6: 50}})
    assert looked_after(("b", 5, "talked", None), **both) == "b"


def test_a_contact_of_someone_who_left_the_roll_is_no_trouble() -> None:
    assert looked_after(("gone", 5, "talked", None), ("a", 5, "talked", None)) == "a"


def test_one_contact_that_counts_is_enough() -> None:
    assert looked_after(("a", 2, "talked", None), ("a", 5, "no answer", None)) == ""
    assert looked_after(("a", 2, "talked", "2026-02-15"), ("a", 5, "no answer", None)) == "a"


def test_it_ends_when_the_tier_rises() -> None:
    risen = by_score({"a": {6: 65}})
    talked = ("a", 5, "talked", None)
    assert looked_after(talked, **risen, last_list={"a": {"risk_tier": "high"}}) == "a"
    assert looked_after(talked, **risen, last_list={"a": {"risk_tier": "watch"}}) == ""


def test_it_ends_when_a_rule_newly_fires() -> None:
    given: dict[str, Any] = {
        "students": "abc",
        "attendance": {"a": {6: 2}},
        "contacts": [("a", 5, "talked", None)],
    }
    now, standing = decide(**given, last_list={"a": {"risk_tier": "high"}})
    assert pick(now, find_looked_after(now, standing)) == ""


def test_a_rule_that_fires_again_in_its_second_week_is_nothing_new() -> None:
    was = {"risk_tier": "high", "reasons": [{"code": "low_attendance", "value": 1, "baseline": 10}]}
    now, standing = decide(
        students="abc", attendance={"a": {6: 2}}, last_list={"a": was},
        contacts=[("a", 5, "talked", None)],
    )  # fmt: skip
    assert standing.fired["low_attendance"][0]
    assert standing.held["low_attendance"][0]
    assert pick(now, find_looked_after(now, standing)) == "a"


def test_once_ended_it_stays_ended_until_there_is_a_newer_contact() -> None:
    """Last week a was listed without being looked after, although the contact was older."""
    ended = {"a": {"looked_after": False}}
    assert looked_after(("a", 4, "talked", None), last_list=ended) == ""
    assert looked_after(("a", 4, "talked", None), last_list=CARED_FOR) == "a"
    assert looked_after(("a", 4, "talked", None), ("a", 5, "talked", None), last_list=ended) == "a"


def test_a_contact_that_answers_last_week_s_list_is_not_ended_by_it() -> None:
    assert looked_after(("a", 5, "talked", None), last_list={"a": {"looked_after": False}}) == "a"


def test_who_was_off_the_list_last_week_has_no_ended_care() -> None:
    assert looked_after(("a", 4, "talked", None), earlier={"a": (3,)}) == "a"


def test_who_is_looked_after_has_a_rank_but_no_place() -> None:
    given = by_score({"a": {6: 55}, "b": {6: 50}})
    one_place = SCORE_ALONE.model_copy(update={"capacity": 1})
    found = draw(**{**given, "triage": one_place}, contacts=[("a", 5, "talked", None)])
    assert found["looked_after"].to_dict() == {"a": True, "b": False}
    assert found["triage_rank"].to_dict() == {"a": 1, "b": 2}
    assert found["within_capacity"].to_dict() == {"a": False, "b": True}


def test_without_contacts_nobody_is_looked_after() -> None:
    assert looked_after() == ""
