"""What would take a student off the list is true: next week is scored as the sentence says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.params import Scoring
from edumetrics.triage import flags
from edumetrics.triage.lists import build_lists
from edumetrics.triage.what_if import Change, apply_change, copy_week_ahead, find_steps
from tests.triage.builder import (
    ATTENDANCE_ONLY,
    NOT_IN,
    QUIET,
    SCORE_ALONE,
    by_score,
    decide,
    pick,
    score,
    situation,
)

NO_WEIGHTS = dict.fromkeys(ATTENDANCE_ONLY.risk_weights.model_dump(), 0)
# The risk score is the share of the work of the last three weeks that is missing.
WORK_ONLY = Scoring(risk_weights=NO_WEIGHTS | {"missed_work": 1})
# The risk score is the mean of that share and of the lectures missed.
BOTH = ATTENDANCE_ONLY.model_copy(
    update={"risk_weights": Scoring(risk_weights=NO_WEIGHTS | {"missed_work": 1, "effort_level": 1}).risk_weights}
)  # fmt: skip


def given(**more: Any) -> dict[str, Any]:
    return {"students": "a" + QUIET[:3], "triage": SCORE_ALONE} | more


def step(**facts: Any) -> str | None:
    """What would take a off the list."""
    now, standing = decide(**facts)
    assert pick(now, standing.on_list) == "a"
    return find_steps(now, standing, np.flatnonzero(standing.on_list))[0]


def is_on(week: int, **facts: Any) -> bool:
    """Whether a, who was on last week's list, is on the list of a week."""
    now, standing = decide(week=week, last_list={"a": {}}, **facts)
    return pick(now, standing.on_list) == "a"


def test_the_fewest_lectures_are_named_and_one_fewer_is_too_few() -> None:
    facts = given(scoring=ATTENDANCE_ONLY)
    assert step(**facts, attendance={"a": {6: (3, 8)}}) == "attends 5 lectures in week 7"
    assert not is_on(7, **facts, attendance={"a": {6: (3, 8), 7: (5, 8)}})
    assert is_on(7, **facts, attendance={"a": {6: (3, 8), 7: (4, 8)}})


def test_where_only_all_lectures_are_enough_all_are_named() -> None:
    facts = given(scoring=ATTENDANCE_ONLY)
    assert step(**facts, attendance={"a": {6: (0, 1)}}) == "attends all lectures in week 7"
    assert not is_on(7, **facts, attendance={"a": {6: (0, 1), 7: (1, 1)}})


def test_after_the_last_week_before_an_exam_the_step_is_in_the_week_after_it() -> None:
    facts = given(scoring=ATTENDANCE_ONLY)
    said = step(**facts, week=7, attendance={"a": {7: (3, 8)}})
    assert said == "attends 5 lectures in week 9"
    assert not is_on(9, **facts, attendance={"a": {7: (3, 8), 9: (5, 8)}})


def test_open_assignments_are_named_in_the_smallest_number_that_is_enough() -> None:
    """Missing are 3 of 5; next week, which is as this one, 3 of 7, and with one of them 2 of 7."""
    facts = given(scoring=WORK_ONLY, marks={"a": {5: NOT_IN}})
    assert step(**facts, due=(5, 5, 5, 6, 6)) == "hands in one of the three open assignments"
    assert is_on(7, **facts, due=(5, 5, 5, 6, 6, 7, 7))


def test_where_all_open_assignments_are_needed_all_are_named() -> None:
    facts = given(scoring=WORK_ONLY)
    missing = {5: NOT_IN, 6: NOT_IN}
    assert step(**facts, due=(5, 6), marks={"a": missing}) == "hands in all open assignments"
    handed_in = {"a": {7: NOT_IN}}
    assert not is_on(7, **facts, due=(5, 6, 7), marks=handed_in)
    assert is_on(7, **facts, due=(5, 6, 7), marks={"a": {5: NOT_IN, 7: NOT_IN}})


def test_a_quiz_that_was_missed_is_gone_but_the_next_one_can_be_attempted() -> None:
    facts = given(scoring=WORK_ONLY)
    said = step(**facts, quizzes=(5, 6), skipped={"a": (6,)})
    assert said == "does all the work due in week 7"
    assert not is_on(7, **facts, quizzes=(5, 6, 7), skipped={"a": (6,)})
    assert is_on(7, **facts, quizzes=(5, 6, 7), skipped={"a": (6, 7)})


def test_where_one_change_is_not_enough_two_are_named() -> None:
    facts = given(scoring=BOTH)
    before = {"a": {6: 2}}
    missing = {"a": {5: NOT_IN, 6: NOT_IN}}
    assert step(**facts, due=(5, 6), marks=missing, attendance=before) == (
        "attends all lectures in week 7 and hands in all open assignments"
    )
    handed_in = {"a": {7: NOT_IN}}
    absent = {"a": {6: 2, 7: 2}}
    assert is_on(
        7, **facts, due=(5, 6, 7), marks={"a": {**missing["a"], 7: NOT_IN}}, attendance=before
    )
    assert is_on(7, **facts, due=(5, 6, 7), marks=handed_in, attendance=absent)
    assert not is_on(7, **facts, due=(5, 6, 7), marks=handed_in, attendance=before)


def test_some_leave_without_any_change() -> None:
    """The two items missing are of week 5: 2 of 4 now, 2 of 6 next week."""
    facts = given(scoring=WORK_ONLY, marks={"a": {5: NOT_IN}})
    assert step(**facts, due=(5, 5, 6, 6)) == "has another week like this one"
    assert not is_on(7, **facts, due=(5, 5, 6, 6, 7, 7))


def test_what_cannot_be_changed_has_no_step() -> None:
    """Marks that were given stay: two weeks of them weigh more than the next one could."""
    marks_only = Scoring(risk_weights=NO_WEIGHTS | {"academic_level": 1})
    facts = given(scoring=marks_only, due=(4, 5, 6), marks={"a": dict.fromkeys((4, 5, 6), 5)})
    assert step(**facts) is None


def test_a_rule_of_this_week_keeps_a_student_for_one_more_week() -> None:
    lists = build_lists(situation(students="abc", attendance={"a": {6: 0}}))
    assert lists.flags["off_list_if"].tolist() == [None]
    assert lists.flags.loc[0, "diagnosis"].endswith("Stays in view in week 7; steady weeks count.")


def test_a_rule_in_its_second_week_just_ends() -> None:
    held = {"reasons": [{"code": "low_attendance", "value": 1, "baseline": 10}]}
    now, standing = decide(students="abc", last_list={"a": held})
    assert find_steps(now, standing, np.array([0])) == ["has another week like this one"]


@pytest.mark.parametrize(("week", "said"), [(2, None), (3, "has another week like this one")])
def test_the_watchlist_keeps_its_students_to_the_end_of_the_first_weeks(
    week: int, said: str | None
) -> None:
    assert step(students="abc", week=week, watchlist=("a",)) == said


def test_nobody_on_the_list_has_no_steps() -> None:
    now, standing = decide()
    assert find_steps(now, standing, np.array([], dtype=np.int64)) == []


def test_the_diagnosis_says_so_where_nothing_helps() -> None:
    marks_only = Scoring(risk_weights=NO_WEIGHTS | {"academic_level": 1})
    facts = given(scoring=marks_only, due=(4, 5, 6), marks={"a": dict.fromkeys((4, 5, 6), 5)})
    diagnosis = build_lists(situation(**facts)).flags.loc[0, "diagnosis"]
    assert diagnosis == (
        "Average mark over the last three weeks is 5 of 100; the class's is 70."
        " No one or two steps clear this; steady weeks might."
    )


def test_a_week_ahead_repeats_this_one_and_leaves_the_exam_week_empty() -> None:
    observed = score(7, attendance={"a": {7: 4}}, due=(6, 7)).observed
    ahead = copy_week_ahead(observed, 9)
    assert ahead.roll.week == 9
    assert ahead.held[0].tolist() == [0, 10, 10, 10, 10, 10, 10, 10, 0, 10]
    assert ahead.present[0, 7:].tolist() == [4, 0, 4]
    assert ahead.assignments.due[0, 6:].tolist() == [1, 1, 0, 1]
    # Week 9 begins two weeks after week 7, and the work of week 7 is handed in two weeks later too.
    assert (ahead.roll.starts[:, 9] - observed.roll.starts[:, 7]).tolist() == [14, 14]
    assert (ahead.assignments.last_day - observed.assignments.last_day).tolist() == [14, 14]
    assert set(ahead.roll.frame["week_end"]) == {pd.Timestamp("2026-03-08")}


def test_who_is_silent_this_week_is_silent_in_its_copy() -> None:
    observed = score(6, due=(5, 6), marks={"a": {6: NOT_IN}}).observed
    ahead = copy_week_ahead(observed, 7)
    assert (ahead.assignments.last_day - observed.assignments.last_day).tolist() == [0, 7]


def test_a_change_hands_in_the_latest_week_first_and_leaves_the_week_itself_as_it_was() -> None:
    missing = {"a": {4: NOT_IN, 5: NOT_IN, 6: NOT_IN}}
    ahead = copy_week_ahead(score(6, due=(4, 5, 6), marks=missing).observed, 7)
    change = Change(np.array([7, -1]), np.array([2, 0]), np.array([False, False]))
    changed = apply_change(ahead, 6, 7, change, [6, 5, 4])
    assert changed.assignments.done[0, 4:7].tolist() == [0, 1, 1]
    assert changed.present[:, 7].tolist() == [7, 10]
    assert ahead.assignments.done[0, 4:7].tolist() == [0, 0, 0]
    assert ahead.present[0, 7] == 10
    last_day_of_week_7 = ahead.roll.starts[0, 7] + 6
    assert changed.assignments.last_day[0] == last_day_of_week_7


def test_doing_the_work_due_does_assignments_and_quizzes() -> None:
    facts = {"due": (6,), "quizzes": (6,), "marks": {"a": {6: NOT_IN}}, "skipped": {"a": (6,)}}
    ahead = copy_week_ahead(score(6, **facts).observed, 7)
    change = Change(np.array([-1, -1]), np.array([0, 0]), np.array([True, False]))
    changed = apply_change(ahead, 6, 7, change, [6])
    assert [part.missed[0, 7] for part in ahead.work] == [1, 1]
    assert [part.missed[0, 7] for part in changed.work] == [0, 0]
    assert [part.missed[0, 6] for part in changed.work] == [1, 1], "what was missed stays missed"


def test_a_student_who_leaves_the_list_is_the_one_it_was_said_of() -> None:
    """Each of three has an answer of their own, in the order of the list."""
    facts = by_score({"a": {6: 50}, "b": {6: 10}, "c": {6: 90}})
    facts["attendance"]["a"] = {6: (3, 8)}
    facts["attendance"]["c"] = {6: (1, 2)}
    now = situation(**facts)
    standing = flags.apply_rules(now)
    said = find_steps(now, standing, np.flatnonzero(standing.on_list))
    assert said == ["attends 5 lectures in week 7", "attends all lectures in week 7"]
