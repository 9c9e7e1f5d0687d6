"""Findings about rows are counted for each class, with examples, and parts of a term add up to it."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from edumetrics.college import health
from edumetrics.college.terms import College, Term
from edumetrics.params import Calendar
from tests import colleges as c
from tests.college.conftest import Open


def make_rows() -> c.Rows:
    """Two classes, C with asha and D with bala, at week 3, without a finding."""
    rows = c.people("asha", "bala", current_week=3, bala={"class_id": "D"})
    rows["classes"].append({"class_id": "D", "name": "D", "odd_sem": 1, "even_sem": 2})
    rows["attendance"] = [
        c.register(10 * n + week, student, week, 4, 3, class_id=class_id)
        for n, (student, class_id) in enumerate((("asha", "C"), ("bala", "D")), start=1)
        for week in (1, 2, 3)
    ]
    rows["library_visits"] = [c.visit(1, "asha", 1, 2)]
    return rows


def find_term(college: College) -> Term:
    term = college.find_current_term(college.find_college_week(date(2026, 3, 1)))
    assert term is not None
    return term


def check(college: College, week: int = 3) -> pd.DataFrame:
    return health.check_rows(college, find_term(college), week)


def list_counts(found: pd.DataFrame) -> list[tuple[str, str, int]]:
    return sorted(zip(found["check"], found["class_id"], found["count"], strict=True))


def test_a_college_without_a_fault_has_no_finding(open_college: Open) -> None:
    found = check(open_college(make_rows()))
    assert found.empty
    assert list(found.columns) == ["check", "class_id", "status", "count", "examples", "message"]


def test_each_class_has_its_own_count_and_examples(open_college: Open) -> None:
    rows = make_rows()
    rows["library_visits"] += [
        c.visit(90, "asha", 2, -1),
        c.visit(91, "bala", 2, -1) | {"class_id": "D"},
        c.visit(92, "bala", 3, -2) | {"class_id": "D"},
    ]
    found = check(open_college(rows))
    assert list_counts(found) == [
        ("library_visits: negative visits", "C", 1),
        ("library_visits: negative visits", "D", 2),
    ]
    assert found.set_index("class_id")["examples"].map(list).to_dict() == {
        "C": ["90"],
        "D": ["91", "92"],
    }
    assert set(found["status"]) == {"warn"}


def test_a_row_with_two_faults_is_in_two_findings(open_college: Open) -> None:
    rows = make_rows()
    rows["library_visits"].append(c.visit(90, "nobody", 2, -1))
    assert list_counts(check(open_college(rows))) == [
        ("library_visits: negative visits", "C", 1),
        ("library_visits: unknown student", "C", 1),
    ]


def test_a_feed_is_checked_up_to_the_week_and_work_from_the_first(open_college: Open) -> None:
    rows = make_rows()
    rows["library_visits"].append(c.visit(90, "asha", 3, -1))
    rows["assignment_definitions"] = [c.assignment("A1", 16, 0)]
    college = open_college(rows)
    work = ("assignment_definitions: no maximum marks", "C", 1)
    assert list_counts(check(college, 2)) == [work]
    assert list_counts(check(college, 3)) == [work, ("library_visits: negative visits", "C", 1)]


def test_rows_of_another_semester_are_none_of_this_term(open_college: Open) -> None:
    rows = make_rows()
    rows["library_visits"].append(c.visit(90, "asha", 2, -1) | {"semester": 1})
    assert check(open_college(rows)).empty


def test_rows_of_no_class_are_counted_for_the_college_and_once_for_all_parts(
    open_college: Open,
) -> None:
    rows = make_rows()
    rows["library_visits"] += [
        c.visit(90, "asha", 2, 1) | {"class_id": "X"},
        c.visit(91, "bala", 2, -1) | {"class_id": "D"},
    ]
    college = open_college(rows)
    whole = list_counts(check(college))
    assert whole == [
        ("library_visits: negative visits", "D", 1),
        ("library_visits: unknown class", "all", 1),
    ]
    term = find_term(college)
    parts = [
        health.check_rows(college, term.select_classes([class_id], strays=class_id == "C"), 3)
        for class_id in ("C", "D")
    ]
    assert sorted(entry for part in parts for entry in list_counts(part)) == whole


def test_a_submission_belongs_to_the_class_of_its_row_and_the_term_of_its_item(
    open_college: Open,
) -> None:
    rows = make_rows()
    rows["assignment_definitions"] = [
        c.assignment("NOW", 2),
        c.assignment("THEN", 2) | {"semester": 1},
    ]
    rows["assignment_submissions"] = [
        c.handed_in(1, "NOW", "asha", c.day(2, 1), -5),
        c.handed_in(2, "THEN", "asha", c.day(2, 1), -5),
        c.handed_in(3, "NEVER", "asha", c.day(2, 1), 5),
    ]
    assert list_counts(check(open_college(rows))) == [
        ("assignment_submissions: negative marks", "C", 1),
        ("assignment_submissions: unknown item", "C", 1),
    ]


def test_of_repeated_entries_all_but_one_are_counted(open_college: Open) -> None:
    rows = make_rows()
    rows["attendance"] += [c.register(number, "asha", 2, 4, 4) for number in (90, 91)]
    found = check(open_college(rows))
    assert list_counts(found) == [("attendance: duplicate", "C", 2)]
    assert found["examples"].map(list).tolist() == [["12", "90"]], "91 is the highest, and counts"


# ------------------------------------------------------------ exams


def make_exams(*scheduled: tuple[str, str, int]) -> c.Rows:
    rows = make_rows()
    rows["exam_schedule"] = [
        {"schedule_id": f"E{n}", "class_id": class_id, "semester": 2, "subject_id": f"S{n}",
         "exam_type": exam, "scheduled_week": week}
        for n, (class_id, exam, week) in enumerate(scheduled, start=1)
    ]  # fmt: skip
    return rows


def test_an_exam_in_another_week_than_the_calendars_is_told(open_college: Open) -> None:
    rows = make_exams(
        ("C", "Midterm", 9), ("C", "midterm", 9), ("C", "endterm", 18), ("D", "midterm", 8)
    )
    (found,) = check(open_college(rows)).to_dict("records")
    assert (found["check"], found["class_id"], found["count"], found["examples"]) == (
        "exam_schedule: midterm week",
        "C",
        2,
        ["E1", "E2"],
    )
    assert str(found["message"]).startswith(
        "The midterm of C is scheduled for week 9; the calendar has it in week 8."
    )


def test_exams_spread_over_weeks_are_one_finding_of_the_first(open_college: Open) -> None:
    rows = make_exams(("C", "endterm", 17), ("C", "endterm", 16), ("C", "endterm", 17))
    (found,) = check(open_college(rows)).to_dict("records")
    assert (found["count"], found["examples"]) == (1, ["E2"])


def test_without_exam_weeks_in_the_calendar_there_is_nothing_to_compare(open_college: Open) -> None:
    calendar = Calendar(midterm_week=None, endterm_week=None)
    rows = make_exams(("C", "midterm", 9), ("C", "endterm", 3))
    assert check(open_college(rows, calendar)).empty


# ------------------------------------------------------------ feeds


def test_a_feed_names_the_last_day_of_its_newest_week_or_is_absent(open_college: Open) -> None:
    college = open_college(make_rows())
    found = health.check_feeds(college, find_term(college), 3).set_index("check")
    assert found["status"].to_dict() == {
        "attendance: feed": "ok",
        "library_visits: feed": "ok",
        "book_borrows: feed": "warn",
    }
    assert found["message"].to_dict() == {
        "attendance: feed": "Attendance: recorded up to 2026-01-25 (week 3).",
        "library_visits: feed": "Library visits: recorded up to 2026-01-11 (week 1).",
        "book_borrows: feed": "Library loans: nothing recorded in the last 3 teaching weeks; "
        "treated as absent, not as zero.",
    }
    first = health.check_feeds(college, find_term(college), 1).set_index("check")
    assert "in the last week; treated" in str(first.loc["book_borrows: feed", "message"])


def test_work_and_marks_are_dated_by_their_newest_day_up_to_the_week(open_college: Open) -> None:
    rows = make_rows()
    rows["assignment_definitions"] = [c.assignment("A1", 1), c.assignment("A2", 3)]
    rows["assignment_submissions"] = [
        c.handed_in(1, "A1", "asha", "2026-01-09", 12, marked_on="2026-01-14"),
        c.handed_in(2, "A2", "asha", "2026-01-21"),
        c.handed_in(3, "A2", "bala", "2026-02-20", 15, class_id="D"),
    ]
    rows["quiz_definitions"] = [c.quiz("Q1", 2)]
    rows["quiz_submissions"] = [c.attempt(1, "Q1", "asha", "2026-01-15", 80)]
    college = open_college(rows)
    found = health.check_feeds(college, find_term(college), 3).set_index("check")["message"]
    assert found["work: feed"] == "Work handed in: recorded up to 2026-01-21."
    assert found["marks: feed"] == "Marks: recorded up to 2026-01-15."


def test_before_any_work_nothing_is_said_of_work_and_marks(open_college: Open) -> None:
    college = open_college(make_rows())
    found = health.check_feeds(college, find_term(college), 3)["check"].tolist()
    assert "work: feed" not in found
    assert "marks: feed" not in found


def test_feeds_come_before_rows_and_sentences_have_their_counts(open_college: Open) -> None:
    rows = make_rows()
    rows["library_visits"] += [c.visit(90, "asha", 2, -1), c.visit(91, "asha", 3, -1)]
    college = open_college(rows)
    found = health.check_health(college, find_term(college), 3)
    assert found["check"].str.endswith(": feed").tolist() == [True, True, True, False]
    assert (
        found["message"].iloc[-1]
        == "Library visits: 2 negative counts of visits were taken as none."
    )


# ------------------------------------------------------------ sentences and remedies


@pytest.mark.parametrize(
    ("count", "message"), [(1, "1 row of {CS} was left out."), (2, "2 rows of {CS} were left out.")]
)
def test_a_sentence_is_singular_or_plural_and_keeps_other_braces(count: int, message: str) -> None:
    found = pd.DataFrame({"message": ["{n} row{s} of {CS} {were} left out."], "count": [count]})
    assert health.format_messages(found)["message"].tolist() == [message]


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("attendance: feed", "Ask who imports it: without registers a week is not scored."),
        ("library_visits: feed", "Ask who imports it; map it to null"),
        ("quiz_submissions: score_pct out of range", "Correct the scale in the mapping"),
        ("lms_activity: days out of range", "Correct the scale in the mapping"),
        ("exam_schedule: endterm week", "Set endterm_week in calendar.yml"),
        ("something: else", ""),
    ],
)
def test_a_kind_of_finding_has_a_remedy(kind: str, start: str) -> None:
    remedy = health.get_remedy(kind)
    assert remedy.startswith(start)
    assert bool(remedy) == bool(start)


def test_a_warning_without_a_message_is_none() -> None:
    assert health.make_warning("map: drift", "").empty
    (found,) = health.make_warning("map: drift", "A column is gone.").to_dict("records")
    assert (found["class_id"], found["status"], found["message"]) == (
        "all",
        "warn",
        "A column is gone.",
    )
