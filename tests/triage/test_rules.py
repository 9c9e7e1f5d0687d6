"""Each rule at its edge: where it holds, where it just does not, and for how long it is news."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edumetrics.fields.reasons import RULES
from edumetrics.params import Calendar, Triage
from edumetrics.triage import rules
from edumetrics.triage.lists import build_lists
from tests.triage.builder import SCORE_ALONE, decide, draw, follow, pick, situation
from tests.triage.facts import NOT_IN

CLASS_OF_SIX = "abuvwxyz"
SILENT = {
    "students": CLASS_OF_SIX, "due": (4, 5, 6), "marks": {"a": {5: NOT_IN, 6: NOT_IN}},
}  # fmt: skip
LOW = "low_attendance"
SIMILARITY = Triage(rules={"similarity": {"enabled": True}})


def fired(name: str, **given: Any) -> str:
    """For whom a rule newly fires."""
    now, decision = decide(**{"students": CLASS_OF_SIX, **given})
    return pick(now, decision.news.fired[name])


def since(name: str, weeks: range, **given: Any) -> dict[int, int]:
    """By week, since when a rule lists a; 0 where it does not."""
    found = follow(tuple(weeks), **{"students": CLASS_OF_SIX, **given})
    told = {
        week: next((r["since_week"] for r in lists["rules"].get("a", []) if r["code"] == name), 0)
        for week, lists in found.items()
    }
    assert all(found[w].loc["a", "listed_by"] == "rule" for w, began in told.items() if began)
    return told


# ------------------------------------------------------------ low attendance


@pytest.mark.parametrize(
    ("this_week", "who"),
    [
        ((3, 10), "a"),  # 30% is not above 30%
        ((4, 10), ""),
        ((0, 3), "a"),
        ((0, 2), ""),  # fewer than three lectures say little
        ((0, 0), ""),
    ],
)
def test_low_attendance_is_at_most_30_percent_of_at_least_three_lectures(
    this_week: tuple[int, int], who: str
) -> None:
    assert fired("low_attendance", attendance={"a": {6: this_week}}) == who


@pytest.mark.parametrize(
    ("before", "who"),
    [
        ({2: 5, 3: 5, 4: 5, 5: 5}, "a"),
        ({2: 5, 3: 5, 4: 5, 5: 4}, ""),
        ({1: 0, 2: 8, 3: 4, 4: 4, 5: 4}, "a"),
        ({1: 10, 2: 8, 3: 4, 4: 4, 5: 3}, ""),
        ({2: (0, 0), 3: (0, 0), 4: (0, 0), 5: 5}, "a"),
        (dict.fromkeys(range(1, 6), (0, 0)), ""),
    ],
)
def test_it_is_news_in_who_attended_half_of_the_four_weeks_before(
    before: dict[int, Any], who: str
) -> None:
    assert fired("low_attendance", attendance={"a": {**before, 6: 2}}) == who


@pytest.mark.parametrize(("known", "began"), [("ab", ""), ("b", "a"), ("", "")])
def test_what_came_after_last_weeks_list_is_news_of_this_week(known: str, began: str) -> None:
    """Of whom nothing was known is told by a null; where nothing is stored, nothing is news."""
    now = situation(students=CLASS_OF_SIX, attendance={"a": {5: 2, 6: 2}}, past=1)
    last = now.memory.metrics
    last = last.assign(
        weekly_att_pct=last["weekly_att_pct"].where(last["student_id"].isin([*known]))
    )
    memory = replace(now.memory, metrics=last if known else last.iloc[:0])
    found = rules.find_news(replace(now, memory=memory))
    assert pick(now, found.fired["low_attendance"]) == began
    assert pick(now, found.get_new("low_attendance", 6)) == began
    nothing_held = situation(students=CLASS_OF_SIX, attendance={"a": {5: 2, 6: (0, 0)}}, past=1)
    again = rules.find_news(replace(nothing_held, memory=memory))
    assert pick(now, again.fired["low_attendance"]) == "", "this week says nothing yet"


def test_the_four_weeks_before_leave_out_the_exam_week() -> None:
    """Before week 10 come 9, 7, 6 and 5."""
    attended = {"a": {4: 0, 5: 10, 6: 10, 7: 0, 9: 0, 10: 0}}
    assert since("low_attendance", range(10, 11), attendance=attended) == {10: 0}, "since week 7"
    assert (
        fired("low_attendance", week=10, attendance={"a": {5: 5, 6: 5, 7: 5, 9: 5, 10: 2}}) == "a"
    )
    assert (
        fired("low_attendance", week=10, attendance={"a": {4: 10, 5: 4, 6: 5, 7: 5, 9: 5, 10: 2}})
        == ""
    )


def test_the_first_week_of_a_term_has_nothing_to_compare_with() -> None:
    assert fired("low_attendance", week=1, attendance={"a": {1: 0}}) == ""
    assert fired("low_attendance", week=2, attendance={"a": {2: 0}}) == "a"


def test_the_limits_of_low_attendance_are_parameters() -> None:
    limits = {"at_most_pct": 40, "lectures": 4, "usual_pct": 90}
    mild = Triage(rules={"low_attendance": limits})
    attendance = {"a": {6: 4}, "b": {6: 5}, "u": {6: (0, 3)}, "v": {5: 5, 6: 0}}
    assert fired("low_attendance", triage=mild, attendance=attendance) == "a"
    assert fired("low_attendance", attendance=attendance) == "uv"


@pytest.mark.slow
def test_a_run_of_low_attendance_is_one_piece_of_news_for_three_weeks() -> None:
    attended = {"a": dict.fromkeys(range(6, 13), 2)}
    assert since("low_attendance", range(5, 8), attendance=attended) == {5: 0, 6: 6, 7: 6}
    weeks = follow((5, 6, 7, 9, 10, 11), students=CLASS_OF_SIX, attendance=attended,
                   list_at=100)  # fmt: skip
    told = {
        week: [r["since_week"] for r in lists.get("rules", {}).get("a", []) if r["code"] == LOW]
        for week, lists in weeks.items()
    }
    assert told == {5: [], 6: [6], 7: [6], 9: [6], 10: [], 11: []}


@pytest.mark.slow
def test_low_attendance_ends_where_half_of_the_lectures_are_attended() -> None:
    """40% is not better; 50% is, and then a fall is news again."""
    slow = {"a": {5: 2, 6: 4, 7: 5}}
    assert since("low_attendance", range(4, 8), attendance=slow) == {4: 0, 5: 5, 6: 5, 7: 0}
    again = {"a": {5: 2, 6: 5, 7: 2}}
    assert since("low_attendance", range(4, 8), attendance=again) == {4: 0, 5: 5, 6: 0, 7: 7}


def test_a_run_is_not_news_again_before_it_has_been_better() -> None:
    """Three weeks are over; 40% is no end of the run, so 20% after it is no news."""
    attended = {"a": {3: 2, 4: 2, 5: 2, 6: 4, 7: 2}}
    found = since("low_attendance", range(3, 8), attendance=attended)
    assert found == {3: 3, 4: 3, 5: 3, 6: 0, 7: 0}


def test_a_week_without_lectures_neither_ends_a_run_nor_begins_one() -> None:
    attended = {"a": {4: 2, 5: (0, 0), 6: 2}}
    assert since("low_attendance", range(4, 7), attendance=attended) == {4: 4, 5: 4, 6: 4}


# ------------------------------------------------------------ no work


def test_no_work_for_14_days_in_which_two_items_fell_due_fires() -> None:
    now, decision = decide(**SILENT)
    assert now.scored.metrics["days_since_submission"].tolist()[:2] == [14, 0]
    assert pick(now, decision.news.fired["no_work"]) == "a"


def test_no_work_for_13_days_is_not_yet_two_weeks() -> None:
    late_by_a_day = {"a": -1}
    assert fired("no_work", **SILENT, early=late_by_a_day) == ""


def test_one_item_that_fell_due_is_too_little_for_no_work() -> None:
    assert fired("no_work", due=(4, 6), marks={"a": {6: NOT_IN}}) == ""


def test_who_handed_everything_in_early_is_not_silent() -> None:
    """a handed in the work of week 6 at the end of week 4: nothing of what fell due is open."""
    now, decision = decide(students=CLASS_OF_SIX, due=(4, 5, 6), early={"a": 14})
    assert now.scored.metrics["days_since_submission"].tolist()[:2] == [14, 0]
    assert pick(now, decision.news.fired["no_work"]) == ""


def test_one_open_item_among_those_handed_in_early_is_enough() -> None:
    given: dict[str, Any] = {**SILENT, "marks": {"a": {6: NOT_IN}}}
    assert fired("no_work", **given, early={"a": 7}) == "a"


def test_where_no_submission_has_a_date_nobody_is_called_silent() -> None:
    assert rules.has_no_dates(situation(**SILENT, undated=(4, 5, 6)).scored)
    assert fired("no_work", **SILENT, undated=(4, 5, 6)) == ""


def test_work_without_a_date_counts_as_in_time() -> None:
    """a handed in the work of weeks 4 and 5: that of week 5, due at its end, is not known by a day."""
    given = {**SILENT, "due": (4, 5, 6, 6), "marks": {"a": {6: NOT_IN}}}
    assert fired("no_work", **given, early={"a": 7}) == "a"
    assert fired("no_work", **given, early={"a": 7}, undated=(5,)) == ""


def test_where_nobody_ever_handed_anything_in_it_is_a_finding_about_the_class() -> None:
    """The 14 days from the first of the term are over at the end of week 2, not of week 1."""
    nothing = dict.fromkeys("abcdef", dict.fromkeys((1, 2, 3), NOT_IN))
    given = {"students": "abcdef", "due": (1, 2, 3), "marks": nothing}
    assert not rules.has_no_dates(situation(week=3, **given).scored)
    began = [week for week in (1, 2, 3) if fired("no_work", week=week, **given)]
    assert len(began) == 1
    lists = build_lists(situation(week=began[0], **given))
    assert lists.flags.empty
    assert lists.findings[["code", "students_affected"]].to_numpy().tolist() == [["no_work", 6]]


def test_quizzes_are_work_too() -> None:
    """a hands in no assignment, but attempted a quiz on the last day of this week."""
    assert fired("no_work", **SILENT, quizzes=(6,)) == ""
    assert fired("no_work", **SILENT, quizzes=(3,)) == "a"


@pytest.mark.slow
def test_no_work_is_news_for_three_weeks_and_until_something_is_handed_in() -> None:
    due = (*range(2, 8), *range(9, 13))
    silent = {"a": dict.fromkeys(range(4, 13), NOT_IN)}
    given = {"students": CLASS_OF_SIX, "due": due}
    # Handed in at the end of week 3: two weeks are over at the end of week 5.
    found = follow((4, 5, 6, 7, 9), **given, marks=silent, list_at=100)
    told = {week: bool(lists.get("rules", {}).get("a", [])) for week, lists in found.items()}
    assert told == {4: False, 5: True, 6: True, 7: True, 9: False}
    back = {"a": {4: NOT_IN, 5: NOT_IN}}
    assert since("no_work", range(4, 8), **given, marks=back) == {4: 0, 5: 5, 6: 0, 7: 0}
    twice = {"a": {4: NOT_IN, 5: NOT_IN, 7: NOT_IN, 9: NOT_IN}}
    found = follow((4, 5, 6, 7, 9), **given, marks=twice, list_at=100)
    assert found[9].loc["a", "rules"] == [{"code": "no_work", "since_week": 9}]


def test_the_limits_of_no_work_are_parameters() -> None:
    three = Triage(rules={"no_work": {"items": 3}})
    assert fired("no_work", **SILENT, triage=three) == ""
    week = Triage(rules={"no_work": {"days": 7, "items": 1}})
    assert fired("no_work", due=(4, 5, 6), marks={"a": {6: NOT_IN}}, triage=week) == "a"


# ------------------------------------------------------------ the deadline of the attendance rule

# Four of ten lectures a week: the chance of missing the rule passes .9 in week 6, when 90 of the 100
# lectures left must be attended; in week 9 all that are left are too few.
NEAR = {"a": dict.fromkeys((2, 3, 4, 5, 6, 7, 9), 4)}
OUT = {"a": {1: 10, 2: 9, 3: 0, 4: 0, 5: 0, 6: 0}}


@pytest.mark.slow
def test_a_deadline_is_news_for_the_one_week_in_which_its_chance_rose() -> None:
    given = {"students": CLASS_OF_SIX, "attendance": NEAR}
    chances = {
        week: situation(week=week, **given).scored.metrics.loc[0, "risk_of_detention"] >= 90
        for week in (5, 6, 7)
    }
    assert chances == {5: False, 6: True, 7: True}, "in week 7 it goes on, and is no news"
    found = follow((4, 5, 6, 7, 9), **given, list_at=100)
    told = {
        week: [r["code"] for r in lists.get("rules", {}).get("a", [])]
        for week, lists in found.items()
    }
    assert [week for week, codes in told.items() if "deadline" in codes] == [6]


@pytest.mark.parametrize(
    ("chance", "before", "needed", "news"),
    [
        (90.0, 89.9, 10.0, True),
        (89.9, 50.0, 10.0, False),
        (95.0, 90.0, 10.0, False),
        (95.0, np.nan, 10.0, True),
        (np.nan, np.nan, 10.0, False),
        (95.0, 50.0, 40.0, True),
        (95.0, 50.0, 41.0, False),
        (95.0, 50.0, 0.0, False),
    ],
)
def test_a_deadline_needs_a_chance_of_90_percent_that_rose_and_a_rule_that_can_be_met(
    chance: float, before: float, needed: float, news: bool
) -> None:
    now = situation(students=CLASS_OF_SIX, past=1)
    numbers = {"risk_of_detention": chance, "lectures_to_attend": needed, "lectures_left": 40.0}
    for name, value in numbers.items():
        now.scored.metrics[name] = now.scored.metrics[name].astype("float64")
        now.scored.metrics.loc[0, name] = value
    now.memory.metrics.loc[0, "risk_of_detention"] = before
    found = rules.find_news(now).since["deadline"][0]
    assert found == (6 if news else 0)


def test_the_chance_of_a_deadline_is_a_parameter() -> None:
    given = {"attendance": {"a": {4: 6, 5: 6, 6: 6}}}
    chance = situation(students=CLASS_OF_SIX, **given).scored.metrics.loc[0, "risk_of_detention"]
    assert 10 < chance < 90
    assert fired("deadline", **given) == ""
    low = Triage(rules={"deadline": {"at_least": float(chance) / 100}})
    assert fired("deadline", **given, triage=low) == "a"


def test_a_rule_out_of_reach_is_told_once_and_lists_nobody() -> None:
    """60 lectures were held and 100 are left: 75% of 160 are 120, and a attended 19."""
    now, decision = decide(students=CLASS_OF_SIX, attendance=OUT, past=1, triage=SCORE_ALONE)
    assert now.scored.metrics.loc[0, "lectures_to_attend"] == 101
    assert "out_of_reach" not in decision.news.since
    given = {"students": CLASS_OF_SIX, "attendance": OUT, "list_at": 1}
    told = {
        week: {record["code"] for record in draw(**given, week=week, past=1).loc["a", "reasons"]}
        for week in (5, 6, 7)
    }
    assert {week: "out_of_reach" in codes for week, codes in told.items()} == {
        5: False, 6: True, 7: False
    }  # fmt: skip
    assert "attendance_out_of_reach" in told[7]
    assert "attendance_out_of_reach" not in told[6]


def test_without_an_attendance_rule_there_is_no_deadline() -> None:
    calendar = Calendar(attendance_rule_pct=None)
    assert fired("deadline", attendance=NEAR, calendar=calendar) == ""


# ------------------------------------------------------------ similarity


@pytest.mark.parametrize(("report", "who"), [(50, "a"), (49.9, "")])
def test_similarity_counts_from_its_limit(report: float, who: str) -> None:
    given = {"due": (6,), "similarity": {"a": report}}
    assert fired("similarity", **given, triage=SIMILARITY) == who


def test_a_run_of_similar_work_is_one_piece_of_news() -> None:
    given = {"students": "abuvwxyz", "similarity": {"a": 80}, "due": (4, 5, 6)}
    lists = follow((4, 5, 6), **given, triage=SIMILARITY)
    since = {w: [r["since_week"] for r in found.loc["a", "rules"]] if "a" in found.index else []
             for w, found in lists.items()}  # fmt: skip
    assert since[4] == [4]
    assert all(week in ([4], []) for week in since.values()), since


def test_similarity_is_off_as_shipped() -> None:
    assert fired("similarity", due=(6,), similarity={"a": 100}) == ""


def test_work_that_was_not_checked_has_no_similarity() -> None:
    assert fired("similarity", due=(6,), triage=SIMILARITY) == ""


# ------------------------------------------------------------ all of them


@pytest.mark.parametrize(
    ("name", "given"),
    [("low_attendance", {"attendance": {"a": {6: 0}}}), ("no_work", SILENT),
     ("deadline", {"attendance": NEAR})],
)  # fmt: skip
def test_a_rule_that_is_off_does_not_fire(name: str, given: dict[str, Any]) -> None:
    assert fired(name, **given) == "a"
    assert fired(name, **given, triage=Triage(rules={name: {"enabled": False}})) == ""


@pytest.mark.parametrize(("who", "wide"), [("abc", False), ("abcd", True)])
def test_a_rule_that_fires_for_more_than_a_fifth_of_a_class_lists_nobody(
    who: str, wide: bool
) -> None:
    """Three of 15 are a fifth, four are more."""
    given = {"students": "abcdefghijklmno", "attendance": {key: {6: 1} for key in who}}
    now, decision = decide(**given, list_at=100)
    assert pick(now, decision.news.fired["low_attendance"]) == who
    assert pick(now, decision.on_list) == ("" if wide else who)
    found = decision.findings[["class_id", "semester", "code", "students_affected", "size"]]
    assert found.to_numpy().tolist() == ([["C", 2, "low_attendance", 4, 15]] if wide else [])


def test_each_class_is_judged_by_itself() -> None:
    people = {s: {"class_id": "C" if s in "abcdefgh" else "D"} for s in "abcdefghijklmnop"}
    now, decision = decide(students=people, attendance={key: {6: 1} for key in "abci"}, list_at=100)
    assert pick(now, decision.on_list) == "i"
    assert decision.findings["class_id"].tolist() == ["C"]


def test_what_was_a_finding_about_the_class_is_nobody_s_news_a_week_later() -> None:
    attended = {key: {5: 1, 6: 1} for key in "abcd"}
    found = follow((5, 6), students="abcdefgh", attendance=attended, list_at=100)
    assert found[5].empty
    assert found[6].empty


def test_in_a_small_class_one_or_two_are_no_finding() -> None:
    now, decision = decide(students="abcd", attendance={key: {6: 1} for key in "ab"}, list_at=100)
    assert pick(now, decision.on_list) == "ab"
    assert decision.findings.empty


def test_of_two_rules_the_first_in_their_order_leads() -> None:
    given: dict[str, Any] = {**SILENT, "attendance": {"a": {6: 0}}}
    found = draw(**given, list_at=100)
    assert [rule["code"] for rule in found.loc["a", "rules"]] == ["low_attendance", "no_work"]
    assert [r["code"] for r in found.loc["a", "reasons"]][:2] == ["low_attendance", "no_work"]


def test_every_rule_of_the_reasons_is_decided_here_and_has_its_limits() -> None:
    assert set(rules.BY_NAME) == set(RULES) == set(Triage().rules.model_dump())
