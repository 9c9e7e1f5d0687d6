"""The reasons of one student: which there are, their numbers, their sentences, and their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edumetrics.fields.reasons import KINDS, REASONS
from edumetrics.params import Calendar
from edumetrics.triage import flags, rules
from edumetrics.triage.choice import choose_facts, get_kind
from edumetrics.triage.reasons import ReasonBuilder
from edumetrics.triage.work_by_name import find_missing_items
from tests.triage.builder import SCORE_ALONE, Reason, situation, tell
from tests.triage.facts import NOT_IN


def reasons(student: str = "a", **given: Any) -> list[Reason]:
    """The reasons of a student of the roll, listed or not."""
    now = situation(**{"students": "abcdefgh", **given})
    row = np.array([list(now.students).index(student)])
    builder = ReasonBuilder(now, flags.decide(now), row, find_missing_items(now, row))
    return builder.build_records(0)


def say(code: str, student: str = "a", **given: Any) -> str | None:
    """The sentence of one reason; None where it is not given."""
    return tell(reasons(student, **given)).get(code)


# ------------------------------------------------------------ rules


def test_low_attendance_tells_this_week_last_week_and_the_weeks_before() -> None:
    given = {"attendance": {"a": {3: 7, 4: 8, 5: 9, 6: 2}}}
    assert say("low_attendance", **given) == (
        "Attended 2 of 10 lectures, 9 of 10 last week; 83% in weeks 2-4."
    )
    assert say("low_attendance", week=2, attendance={"a": {2: 2}}) == (
        "Attended 2 of 10 lectures, 10 of 10 last week."
    )


def test_no_work_tells_the_days_and_what_fell_due() -> None:
    given = {"due": (4, 5, 6), "marks": {"a": {5: NOT_IN, 6: NOT_IN}}}
    assert say("no_work", **given) == (
        "Nothing handed in for 14 days; none of the two items due since is in."
    )


def test_a_deadline_tells_what_can_be_missed() -> None:
    """20 + 4·10 ... of 60 lectures attended 30; 120 of 160 are needed: 90 of the 100 left."""
    given = {"attendance": {"a": dict.fromkeys((2, 3, 4, 5, 6), 4)}, "past": 1}
    assert say("deadline", **given) == "Can miss only 10 of 100 lectures left for 75%."
    assert say("attendance_standing", **given) is None, "it is said"


# ------------------------------------------------------------ what changed


def test_a_fall_of_attendance_is_told_in_lectures_with_the_weeks_before_last() -> None:
    given = {"week": 7, "past": 4, "attendance": {"a": {3: 8, 4: 6, 6: 6, 7: 5}}}
    assert say("attendance_fall", **given) == (
        "Attended 5 of 10 lectures, 6 of 10 last week; 80% in weeks 3-5."
    )


def test_the_weeks_before_are_those_with_lectures() -> None:
    given = {"week": 7, "past": 4, "attendance": {"a": {4: (0, 0), 7: 5}}}
    assert say("attendance_fall", **given) == (
        "Attended 5 of 10 lectures, 10 of 10 last week; 100% in weeks 3 and 5."
    )


def test_one_earlier_week_is_nothing_to_fall_from() -> None:
    assert say("attendance_fall", week=2, past=1, attendance={"a": {2: 6}}) is None


@pytest.mark.parametrize(("attended", "told"), [((95, 100), True), ((96, 100), False), ((9, 10), True), ((19, 20), True), ((18, 19), True)])  # fmt: skip
def test_a_fall_within_the_reading_error_is_no_reason(
    attended: tuple[int, int], told: bool
) -> None:
    """Five points, and one lecture."""
    given = {"week": 7, "past": 4, "attendance": {"a": {7: attended}}}
    assert (say("attendance_fall", **given) is not None) == told


def test_one_lecture_less_is_the_least_that_is_told() -> None:
    """Usually 94%: of six lectures that is 5.64, less than one more than five attended."""
    before = dict.fromkeys((3, 4, 5, 6), (94, 100))
    given = {"week": 7, "past": 4, "attendance": {"a": {**before, 7: (5, 6)}}}
    assert say("attendance_fall", **given) is None
    given = {"week": 7, "past": 4, "attendance": {"a": {**before, 7: (4, 6)}}}
    assert say("attendance_fall", **given) is not None


def test_a_fall_of_marks_is_told_against_the_average_of_earlier_weeks() -> None:
    given = {"week": 7, "past": 4, "due": (3, 4, 5, 6, 7), "marks": {"a": {7: 0}}}
    assert say("academic_fall", **given) == "Average mark 42 of 100; 70 in weeks 3-6."


def test_a_fall_of_activity_is_told_likewise() -> None:
    given = {"week": 7, "past": 4, "attendance": {"a": {7: 6}}}
    assert say("effort_fall", **given) == "Recorded activity 60 of 100; 100 in weeks 3-6."
    near = {"week": 7, "past": 4, "attendance": {"a": {7: (96, 100)}}}
    assert say("effort_fall", **near) is None


def test_silence_on_the_platform_is_told_in_days() -> None:
    busy = {s: dict.fromkeys(range(3, 8), 3) for s in "abcdefgh"}
    days = {3: 3, 4: 2, 5: 3, 6: 2, 7: 1}
    assert say("platform_silence", week=7, past=4, active_days={**busy, "a": days}) == (
        "On the learning platform on 1 day this week; 2.5 a week before (weeks 3-6)."
    )
    less = busy | {"a": days | {7: 2}}
    assert say("platform_silence", week=7, past=4, active_days=less) is None, "half a day less"


def test_the_week_in_which_the_rule_goes_out_of_reach_tells_it_and_later_ones_the_fact() -> None:
    attended = {1: 10, 2: 9, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0}
    given = {"attendance": {"a": attended}, "past": 1, "triage": SCORE_ALONE}
    assert say("out_of_reach", **given) == (
        "75% attendance went out of reach this week: attended 19 of 60."
    )
    assert say("attendance_out_of_reach", **given) is None
    later = {**given, "week": 7}
    assert say("out_of_reach", **later) is None
    assert say("attendance_out_of_reach", **later) == (
        "75% attendance is out of reach: attended 19 of 70."
    )
    alone = {**given, "past": 0}
    assert say("out_of_reach", **alone) is None, "of the week before nothing is known"
    assert say("attendance_out_of_reach", **alone) == (
        "75% attendance is out of reach: attended 19 of 60."
    )


# ------------------------------------------------------------ levels of this week


def test_a_sentence_that_may_be_too_long_for_a_card_has_a_short_one() -> None:
    given = {"week": 7, "past": 4, "attendance": {"a": {7: 4}}, "due": (7,),
             "marks": {"a": {7: NOT_IN}}}  # fmt: skip
    short = {record["code"]: record.get("short") for record in reasons(**given)}
    assert short["attendance_fall"] == "Attended 4 of 10 lectures; 100% in weeks 3-5."
    assert short["missed_work"] == "Not in: Databases assignment 1; due week 7."
    assert short["effort_fall"] == "Recorded activity 10 of 100, 100 before."
    news = reasons(attendance={"a": {6: 2}})[0]
    assert (news["code"], news["short"]) == (
        "low_attendance",
        "Attended 2 of 10 lectures; 100% in weeks 2-4.",
    )


@pytest.mark.parametrize(("attended", "told"), [(4, True), (5, False)])
def test_attendance_under_half_is_told_in_every_week_in_which_it_holds(
    attended: int, told: bool
) -> None:
    given = {"attendance": {"a": {5: 4, 6: attended}}}
    said = say("attendance_low", **given)
    assert said == ("Attended 4 of 10 lectures, 4 of 10 last week." if told else None)


def test_attendance_is_told_once() -> None:
    """The fall has the level's numbers, and those of the weeks before."""
    given = {"week": 7, "past": 4, "attendance": {"a": {7: 4}}}
    assert [r["code"] for r in reasons(**given) if r["code"].startswith("attendance_")][:1] == [
        "attendance_fall"
    ]
    assert say("attendance_low", **given) is None


def test_nothing_of_what_was_due_is_told() -> None:
    given = {"due": (5, 6, 6), "marks": {"a": {6: NOT_IN}}}
    assert say("nothing_handed_in", **given) == "Two items fell due this week; none is in."
    one = {"due": (5, 6), "marks": {"a": {6: NOT_IN}}}
    assert say("nothing_handed_in", **one) == "One item fell due this week; it is not in."
    assert say("nothing_handed_in", **one, quizzes=(6,)) is None, "the quiz was done"


def test_no_activity_is_told_where_nothing_else_could_be_seen() -> None:
    free = {key: {4: (0, 0), 5: (0, 0), 6: (0, 0)} for key in "abcdefgh"}
    given = {"attendance": free, "active_days": {"b": {6: 1}}}
    assert say("no_activity", **given) == "No lecture, work or visit on record since week 3."
    assert say("no_activity", attendance=free, active_days={"a": {6: 1}}) is None
    assert say("no_activity", attendance=free) is None, "nothing could have shown a sign"
    away = [("a", "2026-02-09", "2026-02-15")]
    assert say("no_activity", **given, excuses=away) is None, "nobody owes a sign while excused"
    assert say("no_activity", attendance={"a": {6: 0}}) is None, "the lectures say it"
    never = {"a": dict.fromkeys(range(1, 7), (0, 0))}  # the others had lectures
    assert say("no_activity", attendance=never, recorded="a") == (
        "No lecture, work or visit on record this semester."
    )


# ------------------------------------------------------------ what lies ahead


def test_the_attendance_rule_tells_what_can_be_missed() -> None:
    """40 of 60 lectures were attended and 100 are left: 120 of 160 are needed."""
    given = {"attendance": {"a": {3: 5, 4: 5, 5: 5, 6: 5}}}
    assert say("attendance_standing", **given) == "Can miss 20 of 100 lectures left."


def test_who_is_in_no_danger_of_the_rule_is_not_told_of_it() -> None:
    assert say("attendance_standing") is None
    assert say("attendance_standing", attendance={"a": {6: 9}}) is None
    assert say("attendance_standing", attendance={"a": {5: 6, 6: 6}}) is None, "52 of 60"


def test_the_week_out_of_reach_is_the_one_in_which_the_last_miss_is_used_up() -> None:
    """6 lectures a week are missed and 16 can be: the third teaching week is one too many."""
    assert say("out_of_reach_week", attendance={"a": {3: 4, 4: 4, 5: 4, 6: 4}}) == (
        "Can miss 16 of 100 lectures left; at this pace 75% is out of reach in week 10."
    )


def test_the_week_out_of_reach_takes_the_place_of_what_can_be_missed() -> None:
    said = reasons(attendance={"a": {3: 4, 4: 4, 5: 4, 6: 4}})
    ahead = [record for record in said if get_kind(record) == "ahead"]
    assert [record["code"] for record in ahead] == ["out_of_reach_week"]
    assert ahead[0]["short"] == "Can miss 16 of 100 lectures left."


@pytest.mark.parametrize(("attended", "week"), [((3, 3, 3, 4), 9), ((5, 4, 5, 5), 11), ((5, 5, 5, 5), None)])  # fmt: skip
def test_a_week_out_of_reach_is_told_within_four_teaching_weeks(
    attended: tuple[int, ...], week: int | None
) -> None:
    """Weeks 7, 9, 10 and 11. 27 were missed and 13 can be; 21 and 19; 20 and 20: week 12."""
    given: dict[str, Any] = {
        "attendance": {"a": dict(zip((3, 4, 5, 6), attended, strict=True))},
        "triage": SCORE_ALONE,
    }
    found = [r["value"] for r in reasons(**given) if r["code"] == "out_of_reach_week"]
    assert found == ([week] if week else [])
    assert (say("attendance_standing", **given) is None) == bool(week)


def test_who_misses_nothing_has_no_week_out_of_reach() -> None:
    assert say("out_of_reach_week", marks={"a": {6: 10}}, due=(6,)) is None


def test_without_an_attendance_rule_nothing_is_said_of_it() -> None:
    said = reasons(attendance={"a": {6: 5}}, calendar=Calendar(attendance_rule_pct=None))
    assert not [r["code"] for r in said if "reach" in r["code"] or "standing" in r["code"]]


# ------------------------------------------------------------ background


def test_low_marks_are_told_beside_the_class() -> None:
    # 40% of this week's mark and 30% of last week's, of the 70% that are there.
    assert say("academic_level", due=(5, 6), marks={"a": {5: 20, 6: 30}}) == (
        "Average mark 26 of 100 over three weeks; the class's middle is 70."
    )
    assert say("academic_level", due=(6,), marks={"a": {6: 66}}) is None, "four points less"


def test_results_of_exams_are_told_beside_the_class() -> None:
    scores = dict.fromkeys("bcdefgh", 60.0)
    assert say("midterm_level", midterms=scores | {"a": 41}) == (
        "Midterm 41 of 100; the class's middle was 60."
    )
    assert say("earlier_level", prior=scores | {"a": 55}) == (
        "Last semester's average 55 of 100; the class's middle was 60."
    )
    assert say("midterm_level", midterms=scores | {"a": 55.5}) is None


def test_where_nobody_else_has_the_result_nothing_is_compared() -> None:
    assert say("midterm_level", midterms={"a": 10}) is None


def test_little_activity_is_told_beside_the_class() -> None:
    assert say("effort_level", attendance={"a": {6: 5}}) == (
        "Recorded activity 50 of 100 this week; the class's middle is 100."
    )
    assert say("effort_level", attendance={"a": {6: (96, 100)}}) is None


def test_a_student_without_any_record_is_in_no_median() -> None:
    """Of two others one has 60 and one 40: the no-show's 0 is not between them."""
    scores = {"a": 20.0, "b": 60.0, "c": 40.0, "d": 0.0}
    given = {"students": "abcd", "attendance": {"d": dict.fromkeys(range(1, 7), (0, 0))}}
    assert say("midterm_level", **given, midterms=scores) == (
        "Midterm 20 of 100; the class's middle was 40."
    )


RESULTS: dict[str, Any] = {"midterms": dict.fromkeys("bcdefgh", 60.0) | {"a": 20.0}}


def test_where_only_results_are_known_a_card_says_that_nothing_is_new() -> None:
    """Everyone is listed at 0."""
    (said,) = reasons(**RESULTS, list_at=0)
    assert said["code"] == "midterm_level"
    assert said["text"] == (
        "Nothing new this week; this remains. Midterm 20 of 100; the class's middle was 60."
    )


def test_where_nothing_at_all_stands_out_a_card_says_so() -> None:
    (said,) = reasons(list_at=0)
    assert said["text"] == "Nothing new this week."
    news = reasons(list_at=0, attendance={"a": {6: 4}})
    assert news and "Nothing new" not in str(news)


def test_of_those_who_are_not_listed_only_facts_are_told() -> None:
    assert [record["code"] for record in reasons(**RESULTS)] == ["midterm_level"]
    assert reasons() == []


# ------------------------------------------------------------ the order

MANY: dict[str, Any] = {
    "week": 7, "past": 4, "due": (3, 4, 6, 7), "marks": {"a": {6: 30, 7: NOT_IN}},
    "attendance": {"a": {4: 3, 5: 4, 6: 3, 7: 2}}, "midterms": dict.fromkeys("bcdefgh", 60.0) | {"a": 20.0},
}  # fmt: skip


def test_reasons_come_by_kind_news_first_then_by_points_then_levels() -> None:
    said = reasons(**MANY)
    kinds = [get_kind(record) for record in said]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert set(kinds) == set(KINDS)
    for kind in KINDS:
        mine = [record for record in said if get_kind(record) == kind]
        order = [
            (not REASONS[r["code"]].rule, REASONS[r["code"]].level, -r["points"]) for r in mine
        ]
        assert order == sorted(order)


def test_points_are_what_a_fact_adds_to_the_risk_score() -> None:
    now = situation(**{"students": "abcdefgh", **MANY})
    points = flags.decide(now).points
    said = {record["code"]: record["points"] for record in reasons(**MANY)}
    assert sum(values[0] for values in points.values()) == pytest.approx(
        now.scored.metrics.loc[0, "risk_score"]
    )
    shared = said.keys() & points.keys()
    assert shared >= {"missed_work", "academic_fall", "effort_level"}
    assert {code: said[code] for code in shared} == pytest.approx(
        {code: points[code][0] for code in shared}
    )


def test_the_same_facts_are_told_whatever_ranks() -> None:
    from tests.triage.model import rank_by

    assert reasons(**MANY) == reasons(**MANY, model=rank_by(0.9, *[0.1] * 7))


def test_numbers_are_stored_whole_where_they_are_whole() -> None:
    first = reasons(attendance={"a": {6: 1}})[0]
    assert (first["value"], type(first["value"])) == (1, int)
    assert (first["topic"], first["baseline"]) == ("attendance", 10)


def record(code: str, points: float = 1.0) -> Reason:
    return {"code": code, "text": code, "value": 1, "baseline": None, "points": points}


def test_a_card_tells_the_strongest_of_each_kind_then_the_next_and_background_last() -> None:
    codes = ["low_attendance", "academic_fall", "attendance_low", "missed_work",
             "attendance_standing", "academic_level"]  # fmt: skip
    every = [record(code) for code in codes]
    assert [r["code"] for r in choose_facts(every)] == [
        "low_attendance", "missed_work", "attendance_standing"
    ]  # fmt: skip
    assert [r["code"] for r in choose_facts(every, 4)][:2] == ["low_attendance", "academic_fall"]
    assert [r["code"] for r in choose_facts(every[:3])] == codes[:3]
    assert [r["code"] for r in choose_facts([every[3], every[5]])] == [
        "missed_work",
        "academic_level",
    ]
    watched = [record("watchlist"), record("academic_fall"), record("missed_work")]
    assert [r["code"] for r in choose_facts(watched, 2)] == ["watchlist", "academic_fall"]


def test_rules_know_who_can_still_meet_the_deadline() -> None:
    metrics = situation(attendance={"a": dict.fromkeys(range(1, 7), 0)}).scored.metrics
    assert rules.is_out_of_reach(metrics).tolist() == [True, False]
    assert rules.is_reachable(metrics).tolist() == [False, True]
