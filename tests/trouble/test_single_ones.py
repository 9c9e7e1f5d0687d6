"""One odd item or register, which the share of all of them would hide."""

from __future__ import annotations

import pytest

from tests.trouble.conftest import Damage

ITEM = (
    "(SELECT min(assignment_id) FROM assignment_definitions WHERE semester = 4 AND due_week <= 7)"
)
WHERE = "WHERE semester = 4 AND week = 7 AND subject_id = 'CS401'"


@pytest.mark.slow
def test_a_register_of_ten_times_the_lectures_is_told(damage: Damage) -> None:
    own = f"{WHERE} AND student_id = 'S24000001'"
    seen = damage(f"UPDATE attendance SET lectures_held = 40, present = 4 {own}")
    [said] = seen.find("more held than classmates")
    assert "such as 40 where others had 4" in said
    assert seen.stops == []


@pytest.mark.slow
def test_a_week_of_a_subject_with_far_more_lectures_is_told(damage: Damage) -> None:
    seen = damage(f"UPDATE attendance SET lectures_held = 400 {WHERE}")
    [said] = seen.find("more held than in other weeks")
    assert "in week 7 it is 400 in subject CS401" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("marks", "check"), [("0", "all marks 0"), ("marks_obtained / 10", "low marks")]
)
def test_an_item_whose_marks_are_odd_is_told(damage: Damage, marks: str, check: str) -> None:
    seen = damage(
        f"UPDATE assignment_submissions SET marks_obtained = {marks} WHERE assignment_id = {ITEM}"
    )
    [row] = seen.findings[seen.findings["check"].str.endswith(check)].to_dict("records")
    assert row["check"] == f"assignment_definitions: {check}"
    assert row["count"] == 1
    assert row["status"] == "warn"


@pytest.mark.slow
def test_work_of_a_group_is_named(damage: Damage) -> None:
    seen = damage("UPDATE assignment_submissions SET student_id = '0' WHERE id = 1619")
    [said] = seen.find("unknown student")
    assert "Work of a group needs a row for each member" in said


@pytest.mark.slow
def test_a_relation_without_a_row_is_told(damage: Damage) -> None:
    seen = damage("DELETE FROM quiz_definitions", "DELETE FROM quiz_submissions")
    assert len(seen.find("no row", "it is mapped and has no row")) == 2


@pytest.mark.slow
def test_a_relation_without_a_row_this_term_is_told(damage: Damage) -> None:
    seen = damage("DELETE FROM quiz_definitions WHERE semester IN (2, 4, 6, 8)")
    assert seen.find("no row this term", "although it had some before")


@pytest.mark.slow
@pytest.mark.parametrize("college", ["base", "two"])
def test_a_healthy_college_has_no_finding_of_the_kind(damage: Damage, college: str) -> None:
    seen = damage(college=college)
    checks = seen.findings.loc[seen.findings["status"] != "ok", "check"]
    assert list(checks[~checks.str.endswith("feed")]) == []
