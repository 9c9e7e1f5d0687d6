"""Wide sheets are turned before a draft is made of them."""

from __future__ import annotations

import yaml

from edumetrics.onboarding import match, write
from edumetrics.onboarding.profile import SourceTable
from edumetrics.onboarding.wide import turn_sheets
from tests.onboarding.sources import make_table

DAYS = {f"2026-09-{day:02d} 9.00AM All": "words of present" for day in range(1, 8)}
ITEMS = {f"Essay {number} (12{number})": "number" for number in range(1, 6)}


def draft(*tables: SourceTable) -> dict[str, object]:
    """The draft of a database with these tables."""
    turned, views = turn_sheets(tables)
    text = write.format_yaml(match.find_tables(turned), turned, "sqlite", [], views)
    found: dict[str, object] = yaml.safe_load(text)
    return found


def test_registers_of_several_courses_are_one_attendance() -> None:
    sheets = [make_table(f"register_{name}", **{"Student ID": "text", **DAYS}) for name in "AB"]
    found = draft(make_table("roster", "student_id", student_id="text"), *sheets)
    views, relations = found["views"], found["relations"]
    assert isinstance(views, dict)
    assert isinstance(relations, dict)
    assert 'FROM {cells(register_*, "Student ID")}' in views["attendance_record"]
    for part in ('"attendance_record" t', '"session_date"', '"status"', '"course"'):
        assert part in relations["attendance"]


def test_a_gradebook_has_a_row_for_each_mark() -> None:
    found = draft(make_table("gradebook", **{"SIS User ID": "text", **ITEMS}))
    relations = found["relations"]
    assert isinstance(relations, dict)
    assert '"marks" AS "marks_obtained"' in relations["assignment_submissions"]
    assert "{cells(gradebook, " in str(found["views"])


def test_other_tables_stay_as_they_are() -> None:
    tables = [make_table("students", "id", id="whole", line1="text")]
    assert turn_sheets(tables) == (tables, {})
