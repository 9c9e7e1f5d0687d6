"""What students do on the platform before the term begins."""

from __future__ import annotations

from edumetrics.college.feeds import read_early_clicks
from tests import colleges as c
from tests.college.conftest import Open
from tests.college.test_health_rows import find_term


def test_clicks_of_the_weeks_before_the_term_are_summed(open_college: Open) -> None:
    """Of subjects S and T; those of the term itself and of long before do not count."""
    rows = c.people("asha", "bala", current_week=2)
    rows["lms_activity"] = [
        {"student_id": student, "subject_id": subject, "semester": 2, "week": week, "class_id": "C",
         "week_date": c.monday(week), "active_days": 1, "events": events}
        for student, subject, week, events in (
            ("asha", "S", 0, 5), ("asha", "T", 0, 7), ("asha", "S", -3, 1), ("asha", "S", -4, 90),
            ("asha", "S", 1, 90), ("bala", "S", 1, 90),
        )
    ]  # fmt: skip
    college = open_college(rows)
    found = read_early_clicks(college, find_term(college))
    assert found.to_dict("records") == [{"student_id": "asha", "semester": 2, "early_clicks": 13}]


def test_a_college_without_a_platform_has_none(open_college: Open) -> None:
    college = open_college(c.people("asha", current_week=2))
    assert read_early_clicks(college, find_term(college)).empty
