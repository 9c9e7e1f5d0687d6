"""What counts for whom: courses repeated, late joiners, exempt items, attempts, excuses, absent from exams."""

from __future__ import annotations

import pytest

from tests.trouble.conftest import ENGINES, Damage

S = "student_id = 'S24000001'"
JUNIORS = (
    "INSERT INTO attendance SELECT 900000 + id, 'S24000001', class_id, subject_id, semester, week, week_date,"
    " lectures_held, lectures_held{} FROM attendance WHERE class_id = 'CS-2025-A' AND semester = 2"
    " AND subject_id = 'CS201' AND student_id ="
    " (SELECT min(student_id) FROM students WHERE class_id = 'CS-2025-A')"
)
COLUMNS = "assignment_id LIKE '%-4-%'"


@pytest.mark.slow
def test_who_repeats_a_course_with_juniors_stays_in_the_own_class(damage: Damage) -> None:
    before = damage(college="two")
    seen = damage(JUNIORS.format(""), college="two")
    assert seen.metrics.loc["S24000001", "class_id"] == "CS-2024-A"
    assert (seen.of("lectures_attended"), seen.of("lectures_held")) == (102, 136)
    assert seen.of("assn_avg_pct") == before.of("assn_avg_pct")


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_of_the_time_before_joining_counts(damage: Damage, engine: str) -> None:
    seen = damage(
        f"UPDATE students SET joined_on = '2026-02-09' WHERE {S}",
        f"UPDATE attendance SET present = 0 WHERE {S} AND semester = 4 AND week < 6",
        f"UPDATE attendance SET present = lectures_held WHERE {S} AND semester = 4 AND week >= 6",
        f"DELETE FROM assignment_submissions WHERE {S} AND submission_date < '2026-02-09' AND {COLUMNS}",
        f"DELETE FROM quiz_submissions WHERE {S} AND attempt_date < '2026-02-09' AND quiz_id LIKE '%-4-%'",
        engine=engine,
    )
    assert (seen.of("lectures_attended"), seen.of("lectures_held")) == (32, 32)
    assert seen.of("academic_performance") == pytest.approx(47.5)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_exempt_item_is_left_out(damage: Damage, engine: str) -> None:
    seen = damage(
        "ALTER TABLE assignment_submissions ADD COLUMN exempt INTEGER",
        "UPDATE assignment_submissions SET marks_obtained = NULL, submission_date = NULL,"
        " quality_pct = NULL, plagiarism_pct = NULL, marked_on = NULL, exempt = 1 WHERE id = 1619",
        engine=engine,
    )
    assert seen.of("week_mark_pct") == pytest.approx(45)
    assert seen.of("submission_pct") == 100


@pytest.mark.parametrize("engine", ENGINES)
def test_a_finished_attempt_goes_before_a_later_unfinished_one(damage: Damage, engine: str) -> None:
    copy = "SELECT 900001, quiz_id, student_id, class_id, 0, NULL, NULL, NULL, NULL FROM quiz_submissions"
    seen = damage(f"INSERT INTO quiz_submissions {copy} WHERE id = 853", engine=engine)
    assert seen.of("quiz_avg_pct") == pytest.approx(42.857143)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_excuse_without_an_end_is_for_one_day(damage: Damage, engine: str) -> None:
    days = ", ".join(f"('S24000001', '2026-02-{day}', NULL)" for day in range(16, 21))
    seen = damage(
        'CREATE TABLE excuses (student_id TEXT, "from" TEXT, "to" TEXT)',
        f"INSERT INTO excuses VALUES {days}",
        engine=engine,
    )
    assert (seen.of("lectures_attended"), seen.of("lectures_held")) == (78, 93)


@pytest.mark.slow
def test_an_excuse_without_an_end_yet_goes_on(damage: Damage) -> None:
    seen = damage(
        'CREATE TABLE excuses (student_id TEXT, "from" TEXT, "to" TEXT)',
        "INSERT INTO excuses VALUES ('S24000001', '2026-02-16', '9999-12-31')",
    )
    assert seen.stops == []
    assert (seen.of("lectures_attended"), seen.of("lectures_held")) == (78, 93)


@pytest.mark.slow
def test_an_extension_of_a_quiz_moves_it(damage: Damage) -> None:
    quiz = "(SELECT max(quiz_id) FROM quiz_submissions WHERE id = 853)"
    seen = damage(
        "ALTER TABLE quiz_submissions ADD COLUMN due_week_override INTEGER",
        f"UPDATE quiz_submissions SET due_week_override = 17 WHERE {S} AND quiz_id = {quiz}",
    )
    before = damage()
    due_before = before.of("quiz_avg_pct")
    assert seen.of("quiz_avg_pct") != due_before, "it is not due yet"


@pytest.mark.slow
def test_a_row_of_the_platform_without_a_subject_is_the_union(damage: Damage) -> None:
    seen = damage(
        "CREATE TABLE lms_activity (student_id TEXT, subject_id TEXT, semester INTEGER, week INTEGER,"
        " class_id TEXT, week_date TEXT, active_days INTEGER, events INTEGER)",
        "INSERT INTO lms_activity VALUES ('S24000001', 'CS401', 4, 7, 'CS-2024-A', '2026-02-16', 2, 10),"
        " ('S24000001', 'CS402', 4, 7, 'CS-2024-A', '2026-02-16', 3, 20),"
        " ('S24000001', NULL, 4, 7, 'CS-2024-A', '2026-02-16', 5, 25),"
        " ('S24000002', 'CS401', 4, 7, 'CS-2024-A', '2026-02-16', 2, 10),"
        " ('S24000002', 'CS402', 4, 7, 'CS-2024-A', '2026-02-16', 3, 20)",
    )
    assert (seen.of("lms_active_days"), seen.of("lms_events")) == (5, 25)
    other = [seen.of(name, "S24000002") for name in ("lms_active_days", "lms_events")]
    assert other == [3, 30]


@pytest.mark.slow
def test_zeros_wait_for_the_first_mark_of_an_item(damage: Damage) -> None:
    """At the end of a week in which nothing is marked yet, nobody has a 0 for it."""
    seen = damage(
        "UPDATE assignment_submissions SET marks_obtained = NULL, quality_pct = NULL WHERE assignment_id IN"
        " (SELECT assignment_id FROM assignment_definitions WHERE semester = 4 AND due_week = 7)",
        "UPDATE quiz_submissions SET marks_obtained = NULL, score_pct = NULL WHERE quiz_id IN"
        " (SELECT quiz_id FROM quiz_definitions WHERE semester = 4 AND scheduled_week = 7)",
    )
    assert seen.metrics["week_mark_pct"].isna().all()
    assert seen.metrics["assn_quality_pct"].isna().all()
