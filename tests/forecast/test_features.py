"""Features by hand: what each value is for a few students, and how it is compared with the class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields import FEATURES
from edumetrics.forecast.features import (
    PRIOR,
    OwnValues,
    build_features,
    build_features_alone,
    compute_own_values,
    rank_in_class,
)
from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.observed import observe
from tests.triage.builder import EMPTY_HISTORY, score
from tests.triage.facts import NOT_IN, make_facts

NO_PRIOR = pd.DataFrame({"student_id": [], **{name: [] for name in PRIOR}})


def own(
    week: int = 6, prior: pd.DataFrame = NO_PRIOR, history: Any = None, **facts: Any
) -> OwnValues:
    """The own values of a week, without a history unless there is one."""
    past = EMPTY_HISTORY if history is None else history
    return compute_own_values(
        score(week, **facts), past, prior, Calendar(), Scoring(), later_half=True
    )


def value(name: str, student: int = 0, **given: Any) -> float:
    return float(own(**given).frame.loc[student, name])


WORK = {"due": (4, 5, 6), "marks": {"a": {4: 80, 5: 60, 6: NOT_IN}}}


def test_marks_with_and_without_zeros() -> None:
    assert value("mark", **WORK) == 70
    assert value("mark_with_zeros", **WORK) == pytest.approx(140 / 3)
    assert value("handed_in", **WORK) == pytest.approx(2 / 3)
    assert value("missed_recent", **WORK) == pytest.approx(1 / 3)


def test_the_lowest_mark_is_one_of_work_that_is_in() -> None:
    assert value("lowest_mark", **WORK) == 60
    assert np.isnan(value("lowest_mark", due=(4, 5), marks={"a": {4: NOT_IN, 5: None}}))


def test_work_done_ahead_and_its_mark() -> None:
    given = {"students": "abc", "ahead": {"a": [80, 60], "b": [90]}}
    frame = own(**given).frame
    assert frame["ahead"].tolist() == [2, 1, 0]
    assert frame["ahead_mark"].tolist()[:2] == [70, 90]
    assert np.isnan(frame.loc[2, "ahead_mark"])
    made = build_features(own(**given), pd.Series(list("abc")))
    assert made["ahead_rank"].tolist() == pytest.approx([2.5 / 3, 0.5, 0.5 / 3])


def test_work_ahead_that_classes_share_counts_once() -> None:
    """The college lists it once for each class; a is in C."""
    people = {"a": {"class_id": "C"}, "b": {"class_id": "D"}}
    facts = make_facts(6, students=people, ahead={"a": [80]})
    facts = replace(facts, ahead=pd.concat([facts.ahead, facts.ahead.assign(class_id="D")]))
    assert observe(facts, Calendar(), Scoring()).ahead.tolist() == [1, 0]


def test_recent_marks_weigh_more() -> None:
    """Every two weeks a mark weighs 0.6 of what it weighed."""
    given = {"due": (4, 6), "marks": {"a": {4: 100, 6: 20}}}
    assert value("mark_recent", **given) == pytest.approx((0.6 * 100 + 20) / 1.6)


def test_work_due_is_on_a_log_scale() -> None:
    assert value("work_due", **WORK) == pytest.approx(np.log(4))
    assert value("work_due") == 0


def test_without_any_work_there_is_nothing_to_say_of_it() -> None:
    frame = own().frame
    for name in ("mark", "mark_with_zeros", "mark_recent", "handed_in", "earliness", "late"):
        assert frame[name].isna().all(), name


@pytest.mark.parametrize(
    ("days", "earliness", "late"), [(0, 0, 0), (7, 1, 0), (-7, -1, 1), (70, 3, 0)]
)
def test_earliness_is_in_weeks_before_the_end_of_the_week_and_is_limited(
    days: int, earliness: float, late: float
) -> None:
    given = {"week": 16, "due": (14,), "early": {"a": days}}
    assert value("earliness", **given) == earliness
    assert value("late", **given) == late


def test_work_not_handed_in_counts_as_three_weeks_late() -> None:
    assert value("earliness", **WORK) == pytest.approx((0 + 0 - 3) / 3)
    assert value("late", **WORK) == 0, "only work that was handed in can be late"


def test_work_without_a_date_says_nothing_of_promptness() -> None:
    assert value("earliness", **WORK, undated=(4, 5, 6)) == -3, "only the missing item counts"
    assert np.isnan(value("earliness", 1, **WORK, undated=(4, 5, 6)))


def test_attendance_so_far_recently_and_this_week() -> None:
    given = {"attendance": {"a": {1: 0, 2: 0, 5: 5, 6: 3}}}
    assert value("attendance", **given) == pytest.approx(28 / 60)
    assert value("attendance_recent", **given) == pytest.approx(28 / 40)
    assert value("attendance_week", **given) == pytest.approx(0.3)


def test_a_change_of_attendance_needs_earlier_weeks() -> None:
    assert np.isnan(value("attendance_change", attendance={"a": {6: 3}}))


def test_activity_of_earlier_weeks_weighs_less_and_missing_weeks_nothing() -> None:
    history = pd.DataFrame({
        "student_id": ["a", "a"], "sem_week": [5, 3], "effort_score": [50.0, 80.0],
        "lms_active_days": np.nan, "lms_events": np.nan, "library_visits": [2.0, np.nan],
    })  # fmt: skip
    given = {"history": history, "attendance": {"a": {6: 2}}}
    # 20 this week; last week weighs 0.6, and three weeks ago 0.6 three times.
    assert value("effort", **given) == pytest.approx((20 + 0.6 * 50 + 0.216 * 80) / 1.816)
    assert value("visits", **given) == 2
    assert np.isnan(value("visits", 1, **given))


def test_weeks_active_counts_lectures_and_days_on_the_platform() -> None:
    away = {"attendance": {"a": dict.fromkeys(range(3, 7), 0)}}
    assert value("weeks_active", **away) == 0
    assert value("weeks_active", 1, **away) == 4
    assert value("weeks_active", **away, active_days={"a": {6: 2}}) == 1


def test_silence_lasts_until_a_lecture_or_work_or_the_platform() -> None:
    away = {"attendance": {"a": {1: 0, 2: 0, 5: 0, 6: 0}}}
    assert (value("silent_weeks", **away), value("longest_silence", **away)) == (2, 2)
    assert (value("silent_weeks", 1, **away), value("longest_silence", 1, **away)) == (0, 0)
    assert value("silent_weeks", **away, active_days={"a": {6: 2}}) == 0
    never = {"attendance": {"a": dict.fromkeys(range(1, 7), 0)}}
    assert (value("silent_weeks", **never), value("longest_silence", **never)) == (6, 6)
    # Work of week 5, handed in a week before its end, in week 4.
    handed_in = never | {"due": (5,), "early": {"a": 7}}
    assert (value("silent_weeks", **handed_in), value("longest_silence", **handed_in)) == (2, 3)


def test_clicks_before_the_semester_are_ranked_and_whoever_has_none_is_last() -> None:
    given = {"students": "abc", "early_clicks": {"a": 20, "c": 5}}
    made = build_features(own(**given), pd.Series(list("abc")))
    assert made["early_clicks_rank"].tolist() == pytest.approx([2.5 / 3, 0.5 / 3, 0.5])
    nobody = build_features(own(students="abc"), pd.Series(list("abc")))
    assert nobody["early_clicks_rank"].isna().all()


def test_an_excused_week_is_no_silence() -> None:
    """Week 5 begins on 2 February; whoever is ill does nothing on the platform either."""
    given: dict[str, Any] = {"attendance": {"a": {5: 0, 6: 0}}, "active_days": {"b": {5: 3, 6: 3}}}
    ill = (("a", "2026-02-02", "2026-02-08"),)
    assert value("silent_weeks", **given) == 2
    assert value("silent_weeks", **given, excuses=ill) == 1


def test_weeks_of_which_nothing_is_known_are_no_silence() -> None:
    """Without lectures and without a platform."""
    given = {"attendance": {"a": dict.fromkeys(range(1, 7), (0, 0)) | {4: (0, 10), 5: (0, 10)}}}
    assert (value("silent_weeks", **given), value("longest_silence", **given)) == (2, 2)
    nothing = {"attendance": {"a": dict.fromkeys(range(1, 7), (0, 0))}}
    assert np.isnan(value("silent_weeks", **nothing))


def test_what_was_known_before_the_semester_is_the_student_s_own() -> None:
    prior = pd.DataFrame({"student_id": ["b", "gone"], **{name: [55.0, 1.0] for name in PRIOR}})
    frame = own(prior=prior).frame
    assert frame.loc[1, list(PRIOR)].tolist() == [55.0] * len(PRIOR)
    assert frame.loc[0, list(PRIOR)].isna().all()


def test_the_share_of_the_semester_counts_teaching_weeks() -> None:
    """Of 16 teaching weeks, 7 are over after week 7, and 8 after week 9: week 8 is the midterm."""
    assert value("semester_gone", week=7) == 7 / 16
    assert value("semester_gone", week=9) == 8 / 16


def test_days_idle_and_the_midterm_are_taken_over() -> None:
    assert value("days_idle", **WORK) == 7
    assert value("midterm", midterms={"a": 44}) == 44
    assert np.isnan(value("midterm", 1, midterms={"a": 44}))


def test_a_rank_in_a_class_has_its_middle_at_a_half() -> None:
    values, classes = pd.Series([1.0, 3.0, 2.0, 9.0, np.nan]), np.array([0, 0, 0, 1, 0])
    ranks = rank_in_class(values, classes)
    assert ranks[:4].tolist() == pytest.approx([0.5 / 3, 2.5 / 3, 0.5, 0.5])
    assert np.isnan(ranks[4])


def test_equal_values_share_a_rank() -> None:
    ranks = rank_in_class(pd.Series([2.0, 2.0, 1.0, 3.0]), np.zeros(4, dtype=int))
    assert ranks.tolist() == [0.5, 0.5, 0.125, 0.875]


CLASS_OF_FOUR = {
    "students": "abcd", "due": (5, 6), "attendance": {"a": {6: 2}, "c": {6: 6}},
    "marks": {"a": {6: 10}, "b": {5: 90}, "d": {6: NOT_IN}},
}  # fmt: skip


def test_features_are_those_of_the_table_in_the_order_of_the_roll() -> None:
    made = build_features(own(**CLASS_OF_FOUR), pd.Series(list("abcd")))
    assert made.columns.tolist() == [*FEATURES, "student_id"]
    assert made["student_id"].tolist() == list("abcd")


def test_a_gap_is_the_distance_from_the_mean_of_the_class() -> None:
    made = build_features(own(**CLASS_OF_FOUR), pd.Series(list("abcd")))
    assert made["mark"].tolist() == [40, 80, 70, 70]
    assert made["mark_gap"].tolist() == [-25, 15, 5, 5]
    assert made["mark_with_zeros_rank"].tolist() == [0.375, 0.875, 0.625, 0.125]


def test_this_week_s_effort_is_the_feature_and_recent_weeks_are_its_rank() -> None:
    values = own(**CLASS_OF_FOUR)
    frame = values.frame.assign(effort=[4.0, 3.0, 2.0, 1.0], effort_week=[10.0, 20.0, 30.0, 40.0])
    made = build_features(OwnValues(frame, values.classes), pd.Series(list("abcd")))
    assert made["effort"].tolist() == [10, 20, 30, 40]
    assert made["effort_rank"].tolist() == [0.875, 0.625, 0.375, 0.125]


@pytest.mark.parametrize("mark", [95.0, 70.0, np.nan])
def test_one_student_s_change_alone_is_as_in_the_whole_class(mark: float) -> None:
    students, before = pd.Series(list("abcd")), own(**CLASS_OF_FOUR)
    changed = before.frame.copy()
    changed.loc[0, ["mark", "mark_with_zeros", "days_idle"]] = [mark, mark, 3.0]
    whole = build_features(OwnValues(changed, before.classes), students).iloc[[0]]
    one = OwnValues(changed.iloc[[0]], before.classes[[0]])
    alone = build_features_alone(one, np.array([0]), students.iloc[[0]], before)
    pd.testing.assert_frame_equal(alone, whole, rtol=1e-12)


def test_two_students_who_change_do_not_see_each_other() -> None:
    """Each is compared with the others as they were."""
    students, before = pd.Series(list("abcd")), own(**CLASS_OF_FOUR)
    both = OwnValues(before.frame.iloc[[0, 3]].assign(mark=100.0), before.classes[[0, 3]])
    made = build_features_alone(both, np.array([0, 3]), students.iloc[[0, 3]], before)
    # The class's marks are 40, 80, 70, 70: with 100 for a the mean is 80, with 100 for d 72.5.
    assert made["mark_gap"].tolist() == [20, 27.5]
