"""The step that helps most is true: next week is scored as the sentence says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.params import Calendar, Scoring
from edumetrics.triage.best_step import STEPS, Change, apply_change, copy_week_ahead
from edumetrics.triage.lists import build_lists
from edumetrics.triage.situation import build_thresholds
from tests.triage.builder import (
    ATTENDANCE_ONLY,
    QUIET,
    SCORE_ALONE,
    by_score,
    decide,
    draw,
    score,
    situation,
)
from tests.triage.facts import NOT_IN
from tests.triage.model import rank_by

NO_WEIGHTS = dict.fromkeys(ATTENDANCE_ONLY.risk_weights.model_dump(), 0)
# The risk score is the share of the work of the last three weeks that is missing.
WORK_ONLY = Scoring(risk_weights=NO_WEIGHTS | {"missed_work": 1})
# The risk score is the weighted mean of that share and of the lectures missed.
BOTH = ATTENDANCE_ONLY.model_copy(
    update={"risk_weights": Scoring(risk_weights=NO_WEIGHTS | {"missed_work": 4, "effort_level": 1}).risk_weights}
)  # fmt: skip


def given(**more: Any) -> dict[str, Any]:
    return {"students": "a" + QUIET[:4], "triage": SCORE_ALONE, "list_at": 20} | more


def step(**facts: Any) -> dict[str, Any] | None:
    """The step that helps a, who is on the list."""
    found = draw(**facts)
    assert found.index.tolist() == ["a"]
    told: dict[str, Any] | None = found.loc["a", "best_step"]
    return told


def text(**facts: Any) -> str | None:
    told = step(**facts)
    return told["text"] if told else None


def urgency(week: int, **facts: Any) -> float:
    """The urgency of a in a week that remembers the one before."""
    return float(decide(week=week, past=1, **facts)[1].plain[0])


def test_attending_all_lectures_is_told_with_what_was_attended() -> None:
    """a missed 7 of 10. Next week .7·70 + .3·70 = 70 with nothing done, and .3·70 = 21 with all."""
    facts = given(scoring=ATTENDANCE_ONLY)
    told = step(**facts, attendance={"a": {6: 3}})
    assert told is not None
    assert told["text"] == "Helps most: attending all of week 7 (3 of 10 this week)."
    assert told["urgency_before"] == pytest.approx(70)
    assert told["urgency_after"] == pytest.approx(21)
    assert not told["off_list"], "a would stay above 20 − 8"
    assert urgency(7, **facts, attendance={"a": {6: 3, 7: 3}}) == pytest.approx(70)
    assert urgency(7, **facts, attendance={"a": {6: 3, 7: 10}}) == pytest.approx(21)


@pytest.mark.parametrize(("list_at", "off"), [(29, True), (28, False)])
def test_a_step_takes_off_the_list_who_would_not_stay(list_at: int, off: bool) -> None:
    """With the step the urgency is 21: off where it is not above the threshold less 8."""
    facts = given(scoring=ATTENDANCE_ONLY) | {"list_at": list_at}
    told = step(**facts, attendance={"a": {6: 3}})
    assert told is not None
    assert told["off_list"] == off
    assert told["text"].startswith("Helps most, enough to leave the list: ") == off


def test_no_step_is_said_to_do_what_next_week_does_anyway() -> None:
    """With nothing done the urgency is 70, and who is not above 79 less 8 does not stay."""
    now = situation(**given(scoring=ATTENDANCE_ONLY), attendance={"a": {6: 3}})
    limits = build_thresholds(79, now.triage)
    found = build_lists(replace(now, next_thresholds=limits)).flags
    assert found["best_step"].iloc[0]["urgency_after"] == pytest.approx(21)
    assert not found["best_step"].iloc[0]["off_list"]


@pytest.mark.parametrize(("ahead", "off"), [(29, True), (28, False)])
def test_next_weeks_thresholds_decide(ahead: int, off: bool) -> None:
    now = situation(**given(scoring=ATTENDANCE_ONLY), attendance={"a": {6: 3}})
    limits = build_thresholds(ahead, now.triage)
    found = build_lists(replace(now, next_thresholds=limits)).flags
    assert found["best_step"].iloc[0]["off_list"] == off


def test_a_step_of_a_week_that_the_model_ranks_is_tried_by_the_model() -> None:
    """This week, the last that rules rank, has no model; next week's logits are as below."""
    free = Calendar(attendance_rule_pct=None)
    facts = by_score({"a": {6: 80}}, attendance={"a": {6: 2}}, calendar=free)
    now = situation(**facts)
    told = build_lists(replace(now, next_model=rank_by(0.9, 0.1, 0.1))).flags["best_step"].iloc[0]
    assert told["urgency_after"] == pytest.approx(100 / (1 + np.exp(4)))


def test_after_the_last_week_before_an_exam_the_step_is_in_the_week_after_it() -> None:
    said = text(**given(scoring=ATTENDANCE_ONLY), week=7, attendance={"a": {7: 3}})
    assert said == "Helps most: attending all of week 9 (3 of 10 this week)."


def test_open_work_is_named_and_what_is_due_next_week_comes_after_it() -> None:
    """3 of 5 are missing now. As this week, 3 of 7 next; with them handed in, none."""
    facts = given(scoring=WORK_ONLY, marks={"a": {5: NOT_IN}})
    told = step(**facts, due=(5, 5, 5, 6, 6))
    assert told is not None
    assert told["text"].endswith(": handing in Databases 1, 2 and 3.")
    assert told["urgency_before"] == pytest.approx(0.7 * 300 / 7 + 0.3 * 60)
    assert told["urgency_after"] == pytest.approx(0.3 * 60)


def test_what_is_open_is_as_the_college_will_see_it() -> None:
    """The step is the next week itself, with the two items of weeks 5 and 6 handed in."""
    facts = given(scoring=WORK_ONLY, marks={"a": {5: NOT_IN, 6: NOT_IN}})
    told = step(**facts, due=(4, 5, 6))
    assert told is not None
    late = {**facts, "marks": {"a": {7: NOT_IN}}}
    same = {**facts, "marks": {"a": dict.fromkeys((5, 6, 7), NOT_IN)}}
    assert told["urgency_before"] == pytest.approx(urgency(7, **same, due=(4, 5, 6, 7)))
    # Of week 6 the store remembers that two of three were missing.
    after = decide(week=7, **late, due=(4, 5, 6, 7))[1].plain[0]
    assert told["urgency_after"] == pytest.approx(0.7 * after + 0.3 * 200 / 3)


def test_a_quiz_that_was_missed_is_gone_but_the_next_one_can_be_done() -> None:
    """Both quizzes were missed. Next week 3 of 3 would be, or 2 of 3: .7·66.7 + .3·100."""
    told = step(**given(scoring=WORK_ONLY), quizzes=(5, 6), skipped={"a": (5, 6)})
    assert told is not None
    assert told["text"] == "Helps most: week 7's work (0 of 1 this week)."
    assert told["urgency_before"] == pytest.approx(100)
    assert told["urgency_after"] == pytest.approx(0.7 * 200 / 3 + 30)


def test_the_first_single_step_that_helps_is_told_before_better_ones() -> None:
    """Attending takes a fifth of 100·(4·1 + 1·.8)/5; handing in would take far more."""
    facts = given(scoring=BOTH, due=(5, 6), marks={"a": {5: NOT_IN, 6: NOT_IN}})
    said = text(**facts, attendance={"a": {6: 2}})
    assert said == "Helps most: attending all of week 7 (2 of 10 this week)."
    less = text(**facts, attendance={"a": {6: 8}})
    assert less is not None
    assert less.endswith(": handing in Databases 1 and 2.")


def test_a_pair_is_told_where_no_single_step_is_enough() -> None:
    """Marks of 0 weigh 60. Now a third of the work is missing, next week two thirds, all the time
    with 10 for no lecture: 80, then 90, smoothed to 87. Attending takes .7·10 off and handing in
    .7·10, each less than a tenth; both leave 73.
    """
    weights = NO_WEIGHTS | {"academic_level": 60, "missed_work": 30, "effort_level": 10}
    scoring = ATTENDANCE_ONLY.model_copy(
        update={
            "risk_weights": Scoring(risk_weights=weights).risk_weights,
            "risk_scales": ATTENDANCE_ONLY.risk_scales,
        }
    )
    facts = given(scoring=scoring, due=(4, 5, 6), marks={"a": {4: 0, 5: 0, 6: NOT_IN}})
    told = step(**facts, attendance={"a": {6: 0}})
    assert told is not None
    assert told["text"] == (
        "Helps most: attending all of week 7 (0 of 10 this week), handing in open work."
    )
    assert told["urgency_before"] == pytest.approx(87)
    assert told["urgency_after"] == pytest.approx(73)


def test_single_steps_come_before_pairs() -> None:
    assert [len(parts) for _, parts in STEPS] == [1, 1, 1, 2, 2, 2]
    assert [name for name, _ in STEPS][:3] == ["attend", "hand_in", "do_work"]


def test_a_step_that_helps_by_less_than_a_tenth_is_not_told() -> None:
    """Of 100 lectures 50 were attended, and marks weigh nine times as much: .7·(1/11) is too little."""
    weights = NO_WEIGHTS | {"academic_level": 9, "effort_level": 1}
    scoring = ATTENDANCE_ONLY.model_copy(
        update={"risk_weights": Scoring(risk_weights=weights).risk_weights}
    )
    facts = given(scoring=scoring, due=(4, 5, 6), marks={"a": dict.fromkeys((4, 5, 6), 5)})
    assert step(**facts, attendance={"a": {6: (50, 100)}}) is None


def test_what_cannot_be_changed_has_no_step() -> None:
    """Marks that were given stay; all lectures were attended, and all work is in."""
    marks_only = Scoring(risk_weights=NO_WEIGHTS | {"academic_level": 1})
    facts = given(scoring=marks_only, due=(4, 5, 6), marks={"a": dict.fromkeys((4, 5, 6), 5)})
    assert step(**facts) is None


def test_the_last_teaching_week_has_no_step() -> None:
    assert step(**given(scoring=ATTENDANCE_ONLY), week=17, attendance={"a": {17: 3}}) is None


def test_a_rule_of_this_week_keeps_a_student_on_the_list() -> None:
    """40% in week 7 would not end the run; half of the lectures does, and so does every one."""
    facts = {"students": "abuvwxyz", "attendance": {"a": {6: 2}}, "list_at": 99}
    told = step(**facts)
    assert told is not None
    assert told["off_list"], "attending all ends the run"
    silent = {"students": "abuvwxyz", "due": (4, 5, 6), "list_at": 99}
    told = step(**silent, marks={"a": {5: NOT_IN, 6: NOT_IN}})
    assert told is not None
    assert told["text"] == "Helps most, enough to leave the list: handing in Databases 2 and 3."


def test_in_a_first_week_no_step_takes_off_the_list_unless_the_next_one_is_none() -> None:
    facts = {"students": "abuvwxyz", "scoring": ATTENDANCE_ONLY, "watchlist": "a"}
    told = {
        week: step(**facts, week=week, attendance={"a": {week: 4}}, triage=SCORE_ALONE)
        for week in (2, 3)
    }
    assert {week: bool(said and said["off_list"]) for week, said in told.items()} == {
        2: False, 3: True
    }  # fmt: skip


def test_a_model_s_list_is_tried_by_the_model() -> None:
    """By the tiny forecast 2 of 10 lectures are a logit of 2.4, and all of them -4."""
    free = Calendar(attendance_rule_pct=None)
    facts = by_score({"a": {6: 80}}, attendance={"a": {6: 2}}, calendar=free)
    told = step(**facts, model=rank_by(0.9, 0.1, 0.1))
    assert told is not None
    assert told["urgency_before"] == pytest.approx(100 / (1 + np.exp(-2.4)))
    assert told["urgency_after"] == pytest.approx(100 / (1 + np.exp(4)))
    assert told["off_list"]


def test_each_of_several_students_has_a_step_of_their_own() -> None:
    facts = by_score({"a": {6: 50}, "b": {6: 10}, "c": {6: 90}})
    facts["attendance"]["a"] = {6: (3, 8)}
    facts["attendance"]["c"] = {6: (1, 2)}
    found = draw(**facts)
    assert {s: told["text"] for s, told in found["best_step"].items()} == {
        "a": "Helps most, enough to leave the list: attending all of week 7 (3 of 8 this week).",
        "c": "Helps most, enough to leave the list: attending all of week 7 (1 of 2 this week).",
    }  # fmt: skip


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


def select_weeks(*weeks: int) -> np.ndarray:
    """The weeks whose assignments can still be handed in, of two students until week 7."""
    return np.tile(np.isin(np.arange(8), weeks), (2, 1))


def test_a_change_does_not_touch_the_week_that_is_tried_again() -> None:
    missing = {"a": {4: NOT_IN, 5: NOT_IN, 6: NOT_IN}}
    facts: dict[str, Any] = {"due": (4, 5, 6), "marks": missing, "attendance": {"a": {6: 4}}}
    ahead = copy_week_ahead(score(6, **facts).observed, 7)
    changed = apply_change(ahead, 7, Change(attend=True, hand_in=True), select_weeks(5, 6))
    assert changed.assignments.done[0, 4:].tolist() == [0, 1, 1, 0]
    assert changed.present[:, 7].tolist() == [10, 10]
    assert changed.assignments.last_day[0] == ahead.roll.starts[0, 7] + 6
    assert ahead.assignments.done[0, 4:].tolist() == [0, 0, 0, 0]
    assert ahead.present[0, 7] == 4


def test_doing_the_work_due_does_assignments_and_quizzes() -> None:
    facts = {"due": (6,), "quizzes": (6,), "marks": {"a": {6: NOT_IN}}, "skipped": {"a": (6,)}}
    ahead = copy_week_ahead(score(6, **facts).observed, 7)
    changed = apply_change(ahead, 7, Change(do_work=True), select_weeks(6))
    assert [part.missed[0, 7] for part in ahead.work] == [1, 1]
    assert [part.missed[0, 7] for part in changed.work] == [0, 0]
    assert [part.missed[0, 6] for part in changed.work] == [1, 1], "what was missed stays missed"
