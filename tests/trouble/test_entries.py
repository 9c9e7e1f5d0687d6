"""Single entries that are made twice, too late, or under ids that nobody knows."""

from __future__ import annotations

import pytest

from tests.trouble.conftest import ENGINES, ENROLMENTS, Damage, without_key

METRICS = (
    "assn_avg_pct", "quiz_avg_pct", "submission_pct", "lectures_attended", "book_borrows",
    "effort_score", "risk_score",
)  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_what_changes_nothing(damage: Damage, engine: str) -> None:
    usual = damage()
    seen = damage(
        *ENROLMENTS,
        # A student's subjects under ids that the college does not have.
        "UPDATE enrolments SET subject_id = 'x' || subject_id WHERE student_id = 'S24000001'",
        # An item of no subject is for the whole class.
        "UPDATE assignment_definitions SET subject_id = NULL WHERE assignment_id = 'CS-2024-A-4-A22'",
        # A later entry without a day, whose mark is not known yet.
        *without_key("assignment_submissions"),
        "INSERT INTO assignment_submissions (id, assignment_id, student_id, class_id,"
        " marks_obtained, marked_on) SELECT 900001, assignment_id, student_id, class_id, 1,"
        " '2026-02-25' FROM assignment_submissions WHERE id = 1619",
        # No extension is written as 0, or as a week that no term has.
        "ALTER TABLE assignment_submissions ADD COLUMN due_week_override INTEGER DEFAULT 0",
        "UPDATE assignment_submissions SET due_week_override = 25 WHERE id = 1619",
        # Every loan was imported twice.
        *without_key("book_borrows"),
        "INSERT INTO book_borrows SELECT * FROM book_borrows",
        engine=engine,
    )  # fmt: skip
    for metric in METRICS:
        assert seen.of(metric) == pytest.approx(usual.of(metric), abs=1e-9), metric
    told = set(seen.findings["check"])
    assert {"enrolments: unknown subject", "book_borrows: duplicate"} <= told


@pytest.mark.parametrize("engine", ENGINES)
def test_an_attempt_without_a_day_is_known_from_when_its_mark_is(
    damage: Damage, engine: str
) -> None:
    seen = damage(
        "UPDATE quiz_submissions SET attempt_date = NULL, marked_on = '2026-02-25' WHERE id = 853",
        engine=engine,
    )
    assert seen.of("submission_pct") == 75
    soon = damage(
        "UPDATE quiz_submissions SET attempt_date = NULL, marked_on = '2026-02-20' WHERE id = 853",
        engine=engine,
    )
    assert soon.of("submission_pct") == 100


@pytest.mark.parametrize("engine", ENGINES)
def test_platform_rows_that_stand_twice_count_once(damage: Damage, engine: str) -> None:
    row = "SELECT 'S24000001', 'CS-2024-A', {}, 4, 7, '2026-02-16', {}, {}"
    rows = " UNION ALL ".join(
        row.format(subject, days, events)
        for subject, days, events in (("'A'", 2, 10), ("'A'", 2, 10), ("'B'", 3, 20), ("'A'", 1, 4))
    )
    seen = damage(
        "CREATE TABLE lms_activity (student_id TEXT, class_id TEXT, subject_id TEXT, semester INT,"
        " week INT, week_date TEXT, active_days INT, events INT)",
        f"INSERT INTO lms_activity {rows}",
        engine=engine,
    )
    assert (seen.of("lms_events"), seen.of("lms_active_days")) == (30, 3)


@pytest.mark.slow
def test_a_mark_without_an_attempt_and_an_excuse_without_a_day_are_told(damage: Damage) -> None:
    seen = damage(
        "UPDATE quiz_submissions SET attempted = 0 WHERE id = 853",
        'CREATE TABLE excuses (student_id TEXT, "from" TEXT, "to" TEXT)',
        "INSERT INTO excuses VALUES ('S24000001', NULL, '2026-02-20')",
    )
    told = {row["check"]: row["count"] for row in seen.findings.to_dict("records")}
    assert told["quiz_submissions: mark without an attempt"] == 1
    assert told["excuses: no first day"] == 1
