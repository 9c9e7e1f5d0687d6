"""Who is being looked after: by which contacts, for how long, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest

from edumetrics.params import Calendar
from tests.triage.builder import SCORE_ALONE, Reason, by_score, draw, follow

LISTED = by_score({"a": dict.fromkeys(range(4, 14), 50)})
# A cared-for week before: so that no earlier end of the care is assumed.
CARED_FOR = {"a": {"looked_after": True, "risk_tier": "high"}}


def looked_after(*contacts: tuple[str, int, str, str | None], **more: Any) -> str:
    """Who is looked after in a week, by default week 6, in which a is listed as Soon."""
    found = draw(**{**LISTED, "contacts": contacts, **more})
    return "".join(found.index[found["looked_after"]])


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("talked", "a"),
        ("referred", "a"),
        ("known reason", "a"),
        ("e-mail", ""),
        ("called", ""),
        ("no answer", ""),
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
    assert looked_after(talked, **risen, last_list={"a": {"risk_tier": "critical"}}) == "a"
    assert looked_after(talked, **risen, last_list={"a": {"risk_tier": "high"}}) == ""


ABSENT: dict[str, Any] = {
    "students": "abuvwxyz", "attendance": {"a": {6: 2}}, "contacts": [("a", 5, "talked", None)],
}  # fmt: skip


def test_it_ends_when_a_rule_newly_fires() -> None:
    found = draw(**ABSENT, last_list=CARED_FOR)
    assert found.loc["a", "rules"] == [{"code": "low_attendance", "since_week": 6}]
    assert not found.loc["a", "looked_after"]


def test_a_rule_in_the_second_week_of_its_run_is_nothing_new() -> None:
    rule = {"code": "low_attendance", "since_week": 5}
    given = ABSENT | {"attendance": {"a": {5: 2, 6: 2}}}
    found = draw(**given, last_list={"a": {"rules": [rule], **CARED_FOR["a"]}})
    assert found.loc["a", "rules"] == [rule]
    assert found.loc["a", "looked_after"]


def test_once_ended_it_stays_ended_until_there_is_a_newer_contact() -> None:
    """Last week a was listed without being looked after, although the contact was older."""
    ended = {"a": {"looked_after": False, "risk_tier": "high"}}
    assert looked_after(("a", 4, "talked", None), last_list=ended) == ""
    assert looked_after(("a", 4, "talked", None), last_list=CARED_FOR) == "a"
    assert looked_after(("a", 4, "talked", None), ("a", 5, "talked", None), last_list=ended) == "a"


def test_a_contact_that_answers_last_week_s_list_is_not_ended_by_it() -> None:
    ended = {"a": {"looked_after": False, "risk_tier": "high"}}
    assert looked_after(("a", 5, "talked", None), last_list=ended) == "a"


def test_a_students_word_does_not_take_up_a_talk_that_ended() -> None:
    ended = {"a": {"looked_after": False, "risk_tier": "critical"}}
    talked, said = ("a", 3, "talked", "2026-03-30"), ("a", 5, "student_says", None)
    card = [("a", 5, [{"code": "effort_fall", "topic": "activity", "text": "x", "points": 1.0}])]
    given = by_score({"a": {6: 90}}) | {"last_list": ended, "cards": card}
    assert not draw(**given, contacts=[talked, said]).loc["a", "looked_after"]


def test_care_that_ended_is_not_taken_up_again_after_a_week_off_the_list() -> None:
    """a was listed in week 4 for something new after the talk about week 3, and not in week 5."""
    talk = ("a", 3, "talked", "2026-03-01")
    assert looked_after(talk, earlier={"a": (4,)}) == ""
    assert looked_after(talk, earlier={"a": (4,)}, cared={"a": (4,)}) == "a"


def test_who_was_off_the_list_last_week_has_no_ended_care() -> None:
    assert looked_after(("a", 4, "talked", None), earlier={"a": (3,)}) == "a"


def test_who_is_looked_after_has_no_place_and_the_level_goes_on() -> None:
    given = by_score({"a": {6: 55}, "b": {6: 50}})
    one_place = SCORE_ALONE.model_copy(update={"capacity": 1})
    found = draw(**{**given, "triage": one_place}, contacts=[("a", 5, "talked", None)],
                 last_list={"a": {"risk_tier": "high", "escalation_level": 3}})  # fmt: skip
    assert found["looked_after"].to_dict() == {"a": True, "b": False}
    assert found["within_capacity"].to_dict() == {"a": False, "b": True}
    assert found["escalation_level"].to_dict() == {"a": 4, "b": 1}


def test_without_contacts_nobody_is_looked_after() -> None:
    assert looked_after() == ""


# ------------------------------------------------------------ a wrong flag


def reason(code: str) -> Reason:
    return {"code": code, "text": code, "value": 1, "baseline": 2, "points": 5.0}


ATTENDANCE, MARKS = [reason("attendance_low")], [reason("academic_fall")]
# This week's card is about attendance and activity: a attended 45 of 100 lectures.
ABOUT_ATTENDANCE = by_score(
    {"a": dict.fromkeys(range(4, 14), 55)}, calendar=Calendar(attendance_rule_pct=None)
)
BOTH = [*ATTENDANCE, reason("effort_fall")]


def disputed(card: list[Reason], week: int = 5, **more: Any) -> str:
    """Who is looked after in week 6, where the flag on a card of a was called wrong."""
    given = {"cards": [("a", week, card)], "last_list": CARED_FOR, **more}
    return looked_after(("a", week, "wrong flag", None), **{**ABOUT_ATTENDANCE, **given})


def test_a_wrong_flag_counts_for_the_topics_of_its_card() -> None:
    assert disputed(BOTH) == "a"
    assert disputed(ATTENDANCE) == "", "activity is another topic"
    assert disputed(MARKS) == ""


@pytest.mark.parametrize(
    ("list_week", "who"), [(6, "a"), (7, "a"), (9, "a"), (10, "a"), (11, ""), (5, "")]
)
def test_a_wrong_flag_counts_for_four_teaching_weeks(list_week: int, who: str) -> None:
    """The exam week is none of them; the list of its own week was made before it."""
    given: dict[str, Any] = {"cards": [("a", 5, BOTH)], "last_list": CARED_FOR, "week": list_week}
    assert looked_after(("a", 5, "wrong flag", None), **ABOUT_ATTENDANCE, **given) == who


def test_a_wrong_flag_of_a_week_without_a_card_covers_nothing() -> None:
    assert looked_after(("a", 5, "wrong flag", None)) == ""


def test_a_rise_of_the_tier_does_not_end_a_wrong_flag() -> None:
    assert disputed(BOTH, last_list={"a": {"risk_tier": "watch", "looked_after": True}}) == "a"


def test_news_of_the_same_topic_does_not_end_a_wrong_flag() -> None:
    card = [*BOTH, reason("missed_work")]
    given = {**ABSENT, "contacts": [("a", 5, "wrong flag", None)], "cards": [("a", 5, card)]}
    found = draw(**given, last_list=CARED_FOR)
    assert found.loc["a", "rules"] == [{"code": "low_attendance", "since_week": 6}]
    assert found.loc["a", "looked_after"]


def test_another_topic_brings_a_student_back_and_it_stays_ended() -> None:
    assert disputed(MARKS) == ""
    ended = {"a": {"looked_after": False, "risk_tier": "high"}}
    assert disputed(BOTH, week=4, last_list=ended) == ""
    assert disputed(BOTH, week=5, last_list=ended) == "a", "a newer word counts"


def test_a_wrong_flag_of_a_later_week_says_nothing_of_this_one() -> None:
    """A replayed week gives the list that it gave at first: by the card of week 5."""
    contacts = (("a", 5, "wrong flag", None), ("a", 7, "wrong flag", None))
    given: dict[str, Any] = {"cards": [("a", 5, ATTENDANCE), ("a", 7, BOTH)]}
    assert looked_after(*contacts, **ABOUT_ATTENDANCE, **given, last_list=CARED_FOR) == ""


def test_a_wrong_flag_that_is_over_adds_no_topic() -> None:
    """In week 12 the four weeks after week 5 are over: only the card of week 11 counts."""
    contacts = (("a", 5, "wrong flag", None), ("a", 11, "wrong flag", None))
    given: dict[str, Any] = {"cards": [("a", 5, BOTH), ("a", 11, ATTENDANCE)], "week": 12}
    assert looked_after(*contacts, **ABOUT_ATTENDANCE, **given, last_list=CARED_FOR) == ""
    given["cards"] = [("a", 5, ATTENDANCE), ("a", 11, BOTH)]
    assert looked_after(*contacts, **ABOUT_ATTENDANCE, **given, last_list=CARED_FOR) == "a"


@pytest.mark.slow
def test_the_way_of_a_wrong_flag_over_weeks() -> None:
    given: dict[str, Any] = {**ABOUT_ATTENDANCE, "contacts": [("a", 4, "wrong flag", None)]}
    found = follow((4, 5, 6, 7, 9, 10), **given, cards=[("a", 4, BOTH)])
    told = {week: bool(lists.loc["a", "looked_after"]) for week, lists in found.items()}
    assert told == {4: False, 5: True, 6: True, 7: True, 9: True, 10: False}


# ------------------------------------------------------------ a student's own word


def said(
    card: list[Reason], *more_contacts: tuple[str, int, str, str | None], week: int = 6, **more: Any
) -> str:
    """Who is looked after in a week, where a said of the card of week 5 that something is wrong."""
    given: dict[str, Any] = {"cards": [("a", 5, card)], "last_list": CARED_FOR, **more}
    contacts = (("a", 5, "student_says", None), *more_contacts)
    return looked_after(*contacts, **{**ABOUT_ATTENDANCE, **given, "week": week})


def test_a_students_word_counts_for_the_topics_of_the_card_that_it_disputes() -> None:
    assert said(BOTH) == "a"
    assert said(MARKS) == "", "what is told this week is about something else"


@pytest.mark.parametrize(("week", "who"), [(5, ""), (6, "a"), (7, "a"), (9, "")])
def test_a_students_word_counts_for_two_teaching_weeks(week: int, who: str) -> None:
    assert said(BOTH, week=week) == who


@pytest.mark.parametrize("answer", ["no answer", "emailed", "called"])
def test_an_advisors_answer_ends_the_wait(answer: str) -> None:
    assert said(BOTH, ("a", 6, answer, None), week=7) == ""
    assert said(BOTH, ("a", 6, "talked", None), week=7) == "a", "then somebody is in touch"


def test_each_topic_counts_once_in_a_term() -> None:
    again: dict[str, Any] = {"cards": [("a", 5, BOTH), ("a", 10, BOTH)], "week": 11}
    assert said(BOTH, ("a", 10, "student_says", None), **again) == ""
    first: dict[str, Any] = {"cards": [("a", 5, MARKS), ("a", 10, BOTH)], "week": 11}
    assert said(MARKS, ("a", 10, "student_says", None), **first) == "a", "another fact"
