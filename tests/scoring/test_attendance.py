"""Lectures held and attended, and what the attendance rule still asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.attendance import (
    compute_attendance,
    compute_beta_binomial_cdf,
    compute_class_share,
    compute_lectures_left,
    compute_lectures_needed,
    count_lectures,
)
from edumetrics.scoring.roll import build_roll
from tests.scoring.builder import CALENDAR, SCORING, facts, observed

NAN = np.nan
FOR_THE_RULE = ["lectures_left", "lectures_to_attend", "lectures_can_miss", "risk_of_detention"]


def count(week: int, words: str, **known: Any) -> tuple[list[int], list[int]]:
    """Lectures held and attended of asha, from week 1."""
    of = facts(week, registers={"asha": words}, **known)
    held, present = count_lectures(build_roll(of), of, CALENDAR)
    return held[0, 1:].tolist(), present[0, 1:].tolist()


def stand(
    week: int, calendar: Calendar = CALENDAR, scoring: Scoring = SCORING, **registers: str
) -> pd.DataFrame:
    """The attendance columns, by student."""
    of = facts(week, " ".join(registers), registers=registers)
    roll = build_roll(of)
    held, present = count_lectures(roll, of, calendar)
    share = compute_class_share(roll, held, present)
    frame = compute_attendance(week, held, present, share, calendar, scoring)
    return frame.set_index(roll.frame["student_id"].to_numpy())


def test_lectures_are_counted_by_week() -> None:
    assert count(4, "3/4 0/2 - 5/5") == ([4, 2, 0, 5], [3, 0, 0, 5])


def test_the_exam_week_and_the_weeks_ahead_do_not_count() -> None:
    held, present = count(9, "1/2 " * 12)
    assert held == [2, 2, 2, 2, 2, 2, 2, 0, 2]
    assert sum(present) == 8


def test_an_excused_week_counts_neither_for_nor_against() -> None:
    excuse = ("asha", "2026-01-12", "2026-01-15")
    assert count(3, "3/4 1/4 4/4", excuses=[excuse]) == ([4, 0, 4], [3, 0, 4])


def test_registers_of_an_earlier_class_in_the_semester_count() -> None:
    classes = {"C": (2, "2026-01-05"), "D": (2, "2026-01-05")}
    assert count(3, "1/2@D 2/3 4/4", classes=classes) == ([2, 3, 4], [1, 2, 4])
    assert count(3, "1/2@X 2/3 4/4") == ([2, 3, 4], [1, 2, 4]), "nobody is scored in X"


def test_registers_of_another_semester_count_too() -> None:
    classes = {"C": (2, "2026-01-05"), "D": (3, "2026-01-05")}
    assert count(2, "1/2@D 2/3", classes=classes) == ([2, 3], [1, 2])


def test_weeks_that_were_over_before_a_student_joined_do_not_count() -> None:
    late = {"asha": {"joined_on": pd.Timestamp("2026-01-18")}}
    of = facts(3, late, registers={"asha": "0/2 1/3 4/4"})
    held, present = count_lectures(build_roll(of), of, CALENDAR)
    assert (held[0].tolist(), present[0].tolist()) == ([0, 0, 3, 4], [0, 0, 1, 4])


def test_registers_of_a_subject_that_is_not_taken_do_not_count() -> None:
    of = facts(2, registers={"asha": "3/4 3/4"}, enrolments=[("asha", "S", None, "2026-01-11")])
    unsure = pd.DataFrame({"student_id": ["asha"] * 3, "week": [1, 2, 2], "semester": [2, 2, 1],
                           "subject_id": ["S", "S", "T"], "held": [2.0, 2.0, 1.0],
                           "present": [1.0, 2.0, 1.0]})  # fmt: skip
    of = replace(of, unsure_registers=unsure)
    held, present = count_lectures(build_roll(of), of, CALENDAR)
    # S is taken until the end of week 1; of semester 1 no enrolment is known.
    assert (held[0, 1:].tolist(), present[0, 1:].tolist()) == ([4, 2], [3, 1])


def test_halves_of_lectures_count() -> None:
    of = facts(2, registers={"asha": "1/2 2/3"})
    of = replace(of, attendance=of.attendance.assign(present=[1.5, 2.5]))
    held, present = count_lectures(build_roll(of), of, CALENDAR)
    standing = compute_attendance(
        2, held, present, compute_class_share(build_roll(of), held, present), CALENDAR, SCORING
    )
    assert standing.loc[0, ["lectures_held", "lectures_attended"]].tolist() == [5, 4]
    # 5 lectures in 2 weeks, 14 weeks left: 35 to come; 75% of 40 is 30, of which 4 are attended.
    assert standing.loc[0, ["lectures_left", "lectures_to_attend"]].tolist() == [35, 26]


def test_two_registers_of_a_week_add_up() -> None:
    of = facts(1, registers={"asha": "1/2"})
    second = of.attendance.assign(held=3, present=3)
    both = replace(of, attendance=pd.concat([of.attendance, second], ignore_index=True))
    held, present = count_lectures(build_roll(both), both, CALENDAR)
    assert (held[0, 1], present[0, 1]) == (5, 4)


@pytest.mark.parametrize(
    ("held", "weeks_held", "weeks_left", "left"),
    [(20, 5, 4, 16), (10, 3, 2, 7), (10, 4, 1, 3), (10, 4, 3, 8), (9, 4, 1, 2), (12, 3, 0, 0), (0, 0, 6, 0)],
)  # fmt: skip
def test_lectures_go_on_at_the_pace_so_far_rounded_half_up(
    held: int, weeks_held: int, weeks_left: int, left: int
) -> None:
    found = compute_lectures_left(np.array([held]), np.array([weeks_held]), weeks_left)
    assert found.tolist() == [left]


@pytest.mark.parametrize(
    ("held", "attended", "left", "rule", "needed"),
    [
        # 75% of 20 is 15; 75% of 25 is 18.75.
        (10, 10, 10, 75, 5),
        (10, 10, 15, 75, 9),
        (20, 20, 5, 75, -1),
        (15, 15, 5, 75, 0),
        # With floats 0.55 · 100 is a little above 55, and its ceiling 56.
        (60, 0, 40, 55, 55),
        (50, 0, 50, 66.67, 67),
        (0, 0, 0, 75, 0),
    ],
)
def test_the_rule_asks_for_whole_lectures(
    held: int, attended: int, left: int, rule: float, needed: int
) -> None:
    found = compute_lectures_needed(*(np.array([n]) for n in (held, attended, left)), rule)
    assert found.tolist() == [needed]


def test_what_was_attended_and_what_is_still_asked() -> None:
    # Ten teaching weeks follow week 6: 40 lectures. 75% of 64 is 48, of which 36 are missing.
    row = stand(6, asha="4/4 4/4 2/4 2/4 0/4 0/4").loc["asha"]
    assert row.drop("risk_of_detention").to_dict() == {
        "weekly_att_pct": 0,
        "week_lectures_held": 4,
        "week_lectures_attended": 0,
        "overall_att_pct": 50,
        "lectures_held": 24,
        "lectures_attended": 12,
        "lectures_left": 40,
        "lectures_to_attend": 36,
        "lectures_can_miss": 4,
    }
    assert 0 < row["risk_of_detention"] < 100


@pytest.mark.parametrize(
    ("word", "asked"),
    # Of 60 lectures to week 16 all or none were attended; 4 are left, and 48 of 64 must be attended.
    [("4/4 ", [4, 0, 4, 0]), ("0/4 ", [4, 48, 0, 100])],
)
def test_near_the_end_the_rule_is_met_or_out_of_reach(word: str, asked: list[float]) -> None:
    assert stand(16, asha=word * 16).loc["asha", FOR_THE_RULE].tolist() == asked


def test_without_a_lecture_there_is_no_pace() -> None:
    row = stand(6, asha="- - -").loc["asha"]
    assert row[[*FOR_THE_RULE, "weekly_att_pct", "overall_att_pct"]].isna().all()
    assert row[["lectures_held", "lectures_attended", "week_lectures_held"]].tolist() == [0, 0, 0]


def test_a_college_without_the_rule_has_facts_only() -> None:
    row = stand(6, Calendar(attendance_rule_pct=None), asha="1/4 " * 6).loc["asha"]
    assert row[FOR_THE_RULE].isna().all()
    assert row["overall_att_pct"] == 25


@pytest.mark.parametrize(("week", "known"), [(3, False), (4, True)])
def test_the_risk_is_known_from_week_4_on(week: int, known: bool) -> None:
    row = stand(week, asha="3/4 " * week).loc["asha"]
    assert pd.notna(row["risk_of_detention"]) == known
    assert pd.notna(row["lectures_left"]), "what is left is known before"


# One week is left: with one lecture a week, the risk is the chance to miss it, beta / (alpha + beta).
def weeks(number: int, rule: float) -> Calendar:
    return Calendar(
        weeks_per_semester=number, midterm_week=None, endterm_week=None, attendance_rule_pct=rule
    )


def test_the_class_counts_as_much_as_four_weeks_of_the_student() -> None:
    # Class: 3 of 8. asha: alpha = 4 · 3/8 + 3 = 4.5, beta = 4 · 5/8 + 1 = 3.5.
    found = stand(4, weeks(5, 80), asha="1/1 1/1 1/1 0/1", bala="0/1 0/1 0/1 0/1")
    assert found.loc["asha", "lectures_to_attend"] == 1
    assert found["risk_of_detention"].tolist() == pytest.approx([43.75, 100])


def test_the_lectures_of_a_week_are_one_observation() -> None:
    # alpha = 3 + 3, beta = 1 + 1; all of 4 lectures must be attended.
    # The chance of it is B(10, 2) / B(6, 2) = (1/110) / (1/42).
    found = stand(4, weeks(5, 80), asha="4/4 4/4 4/4 0/4")
    assert found["lectures_to_attend"].tolist() == [4]
    assert found["risk_of_detention"].tolist() == pytest.approx([100 * (1 - 42 / 110)])


def test_only_the_last_four_weeks_are_the_students_own() -> None:
    # alpha = 4 · 4/5 + 4 = 7.2, beta = 4 · 1/5 + 0 = 0.8: the absence of week 1 is the class's only.
    found = stand(5, weeks(6, 80), asha="0/1 1/1 1/1 1/1 1/1")
    assert found["risk_of_detention"].tolist() == pytest.approx([10])


def test_a_smaller_prior_gives_the_student_more_weight() -> None:
    # alpha = 1 · 3/8 + 3, beta = 1 · 5/8 + 1.
    scoring = Scoring(detention_prior_weeks=1)
    found = stand(4, weeks(5, 80), scoring, asha="1/1 1/1 1/1 0/1", bala="0/1 0/1 0/1 0/1")
    assert found.loc["asha", "risk_of_detention"] == pytest.approx(100 * 1.625 / 5)


def test_the_share_of_a_class_is_that_of_all_its_students() -> None:
    classes = dict.fromkeys("CDE", (2, "2026-01-05"))
    known = facts(
        2,
        {"asha": {}, "bala": {}, "chen": {"class_id": "D"}, "devi": {"class_id": "E"}},
        classes=classes,
        registers={"asha": "4/4 2/4", "bala": "0/2 -", "chen": "1/4@D 1/4@D"},
    )
    roll = build_roll(known)
    share = compute_class_share(roll, *count_lectures(roll, known, CALENDAR))
    assert share == pytest.approx([0.6, 0.6, 0.25, NAN], nan_ok=True)


@pytest.mark.parametrize(
    ("k", "n", "alpha", "beta", "chance"),
    [
        # With alpha = beta = 1 every number from 0 to n has the same chance.
        (0, 4, 1, 1, 1 / 5),
        (2, 4, 1, 1, 3 / 5),
        (499, 999, 1, 1, 1 / 2),
        # n = 2, alpha = 1, beta = 2: 1/2, 1/3, 1/6.
        (0, 2, 1, 2, 1 / 2),
        (1, 2, 1, 2, 5 / 6),
        (1, 2, 2, 1, 1 / 2),
        (0, 1, 6, 2, 1 / 4),
        (0, 5, 0, 3, 1),
        (4, 5, 3, 0, 0),
    ],
)
def test_the_chance_of_attending_at_most_so_many(
    k: int, n: int, alpha: float, beta: float, chance: float
) -> None:
    found = compute_beta_binomial_cdf(
        np.array([k]), np.array([n]), np.array([alpha], dtype=float), np.array([beta], dtype=float)
    )
    assert found == pytest.approx([chance])


def test_students_of_any_number_of_lectures_are_computed_together() -> None:
    one, two = np.array([1.0, 1.0]), np.array([0, 3])
    assert compute_beta_binomial_cdf(two, np.array([1, 7]), one, one) == pytest.approx([0.5, 0.5])


def test_an_empty_roll_has_no_lectures() -> None:
    assert observed(students="", registers={"asha": "3/4"}).held.shape == (0, 7)
