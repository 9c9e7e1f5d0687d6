"""Which term a college is in, and when its weeks begin, follows from its counter and its dated rows."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from edumetrics.college.terms import Term
from edumetrics.errors import SettingsError
from edumetrics.params import Calendar
from edumetrics.weeks import CollegeWeek
from tests import colleges as c
from tests.college.conftest import Open

EVEN_3 = CollegeWeek(2025, 21)
ODD = "2025-07-14"


def make_rows(*weeks: int) -> c.Rows:
    """Class C with asha at week 3 of its even semester, with registers of some weeks."""
    rows = c.people("asha", current_week=3)
    rows["attendance"] = [c.register(week, "asha", week, 4, 3) for week in weeks]
    return rows


def add_class(rows: c.Rows, name: str, *dated: tuple[int, str], semester: int = 2) -> None:
    """Add a class with one student, and registers on some (week, first day)."""
    rows["classes"].append({"class_id": name, "name": name, "odd_sem": 1, "even_sem": semester})
    student = f"student of {name}"
    rows["students"].append(
        {"student_id": student, "class_id": name, "advisor_id": "ADV", "name": name}
    )
    rows["attendance"] += [
        c.register(100 * len(rows["classes"]) + week, student, week, 4, 3, class_id=name,
                   semester=semester, week_date=day)
        for week, day in dated
    ]  # fmt: skip


def list_starts(term: Term | None) -> dict[str, str]:
    assert term is not None
    frame = term.class_semesters
    return {row.class_id: str(row.start)[:10] for row in frame.itertuples()}


def list_ends(term: Term, week: int) -> dict[str, str]:
    return {row.class_id: str(row.week_end)[:10] for row in term.list_week_ends(week).itertuples()}


# ------------------------------------------------------------ the college's week


def test_the_counter_decides_whatever_the_day_is(open_college: Open) -> None:
    college = open_college(make_rows(1))
    assert college.find_college_week(date(2031, 1, 1)) == EVEN_3


def test_without_a_counter_the_calendar_decides(open_college: Open) -> None:
    college = open_college(make_rows(1) | {"sim_state": []})
    assert college.find_college_week(date(2026, 1, 24)) == CollegeWeek(2025, 20)
    assert college.find_college_week(date(2026, 1, 25)) == EVEN_3, "a week ends on its Sunday"


@pytest.mark.parametrize("missing", ["current_week", "sim_year"])
def test_a_broken_counter_is_an_error_and_not_the_calendar(
    missing: str, open_college: Open
) -> None:
    rows = make_rows(1)
    rows["sim_state"][0][missing] = None
    with pytest.raises(SettingsError, match="sim_state has no current_week or no sim_year"):
        open_college(rows).find_college_week(date(2026, 1, 25))


@pytest.mark.parametrize(
    ("week", "weeks"), [(0, (1,)), (1, (1,)), (3, (3, 2, 1)), (9, (9, 7, 6, 5)), (8, (7, 6, 5, 4))]
)
def test_the_last_four_teaching_weeks_decide_whether_a_feed_is_there(
    week: int, weeks: tuple[int, ...], open_college: Open
) -> None:
    assert open_college(make_rows(1)).list_feed_weeks(week) == weeks


# ------------------------------------------------------------ the term in session


def test_a_term_is_named_after_the_first_day_of_its_first_week(open_college: Open) -> None:
    term = open_college(make_rows(1, 2, 3)).find_current_term(EVEN_3)
    assert term is not None
    assert (term.name, term.current, term.last_week, term.semesters) == (
        "2026-01-05",
        True,
        3,
        frozenset({2}),
    )
    assert list_ends(term, 1) == {"C": "2026-01-11"}
    assert list_ends(term, 18) == {"C": "2026-05-10"}, "weeks to come are counted on"


def test_a_first_week_without_a_date_is_counted_back(open_college: Open) -> None:
    assert list_starts(open_college(make_rows(3)).find_current_term(EVEN_3)) == {"C": "2026-01-05"}


def test_classes_may_begin_some_weeks_apart(open_college: Open) -> None:
    rows = make_rows(1, 2, 3)
    add_class(rows, "D", (1, "2026-01-19"))
    term = open_college(rows).find_current_term(EVEN_3)
    assert list_starts(term) == {"C": "2026-01-05", "D": "2026-01-19"}
    assert term is not None
    assert term.name == "2026-01-05", "the earliest start"
    assert list_ends(term, 2) == {"C": "2026-01-18", "D": "2026-02-01"}


def test_a_class_without_a_dated_row_begins_as_most_do(open_college: Open) -> None:
    rows = make_rows(1)
    add_class(rows, "D", (1, "2026-01-12"))
    add_class(rows, "E", (1, "2026-01-12"))
    add_class(rows, "F")
    term = open_college(rows).find_current_term(EVEN_3)
    assert list_starts(term)["F"] == "2026-01-12"
    assert term is not None
    assert term.class_semesters.set_index("class_id")["last_week"].to_dict() == {
        "C": 1,
        "D": 1,
        "E": 1,
        "F": 0,
    }
    assert list_ends(term, 3)["F"] == "2026-02-01"


def test_a_college_without_any_date_begins_as_the_calendar_says(open_college: Open) -> None:
    term = open_college(make_rows()).find_current_term(EVEN_3)
    assert list_starts(term) == {"C": "2026-01-05"}
    assert term is not None
    assert list_ends(term, 1) == {"C": "2026-01-11"}


@pytest.mark.parametrize("wrong", ["1926-01-05", "2226-01-05", "soon"])
def test_a_date_that_nobody_believes_does_not_move_a_semester(
    wrong: str, open_college: Open
) -> None:
    rows = make_rows(2, 3)
    rows["attendance"].append(c.register(90, "asha", 1, 4, 3, week_date=wrong))
    assert list_starts(open_college(rows).find_current_term(EVEN_3)) == {"C": "2026-01-05"}


def test_registers_date_a_week_before_the_library_does(open_college: Open) -> None:
    rows = make_rows(1)
    rows["library_visits"] = [
        c.visit(1, "asha", 1, 2) | {"week_date": "2026-01-12"},
        c.visit(2, "asha", 2, 2) | {"week_date": "2026-01-19"},
    ]
    term = open_college(rows).find_current_term(EVEN_3)
    assert term is not None
    assert list_ends(term, 1) == {"C": "2026-01-11"}
    assert list_ends(term, 2) == {"C": "2026-01-25"}, "where there is no register the library dates"


def test_a_class_that_is_not_in_session_is_in_no_term(open_college: Open) -> None:
    rows = make_rows(1)
    add_class(rows, "D", (1, "2026-01-05"))
    rows["classes"][1]["even_sem"] = None
    assert list_starts(open_college(rows).find_current_term(EVEN_3)) == {"C": "2026-01-05"}


def test_without_a_counter_a_term_that_did_not_begin_near_its_day_is_over(
    open_college: Open,
) -> None:
    late = open_college(make_rows(1, 2, 3) | {"sim_state": []})
    assert list_starts(late.find_current_term(EVEN_3)) == {"C": "2026-01-05"}
    assert late.find_current_term(CollegeWeek(2026, 21)) is None, "a year later nothing has begun"


def test_a_college_that_names_no_semesters_is_in_the_latest_dated_one(open_college: Open) -> None:
    rows = make_rows(1)
    rows["classes"] = [{"class_id": "C", "name": "C"}]
    rows["attendance"].append(c.register(90, "asha", 1, 4, 3, semester=1, week_date=ODD))
    running = open_college(rows).find_running_classes(EVEN_3)
    assert running.to_dict("records") == [{"class_id": "C", "semester": 2}]


# ------------------------------------------------------------ earlier terms


def test_terms_come_in_order_of_time_and_only_the_last_is_current(open_college: Open) -> None:
    rows = make_rows(1, 2, 3)
    rows["attendance"] += [
        c.register(90, "asha", 1, 4, 3, semester=1, week_date=ODD),
        c.register(91, "asha", 19, 4, 3, semester=1, week_date="2025-11-17"),
    ]
    college = open_college(rows)
    terms = college.list_terms(EVEN_3)
    assert [(term.name, term.current, term.last_week) for term in terms] == [
        (ODD, False, 18),  # week 19 is after the end of the semester
        ("2026-01-05", True, 3),
    ]
    assert [term.name for term in college.list_past_terms()] == [ODD, "2026-01-05"]
    # In the odd half the later term has not begun.
    assert [term.name for term in college.list_terms(CollegeWeek(2025, 3))] == [ODD]


def test_a_semester_has_the_weeks_of_its_calendar(open_college: Open) -> None:

    calendar = Calendar(weeks_per_semester=16, endterm_week=16)
    term = open_college(make_rows(1), calendar).find_current_term(EVEN_3)
    assert term is not None
    assert list_ends(term, 16) == {"C": "2026-04-26"}
    assert list_ends(term, 17) == {}


# ------------------------------------------------------------ parts and equality


def test_a_part_of_a_term_has_only_its_classes_and_is_another_term(open_college: Open) -> None:
    rows = make_rows(1)
    add_class(rows, "D", (1, "2026-01-05"), semester=4)
    term = open_college(rows).find_current_term(EVEN_3)
    assert term is not None
    part = term.select_classes(["D"])
    assert list_starts(part) == {"D": "2026-01-05"}
    assert list_ends(part, 1) == {"D": "2026-01-11"}
    assert part.semesters == frozenset({2, 4}), "also of the classes that were left out"
    assert part != term
    assert term.select_classes(["C", "D"]) == term
    assert len({term, term.select_classes(["D", "C"]), part}) == 2


def test_a_condition_selects_the_rows_of_the_term(open_college: Open) -> None:
    rows = make_rows(1, 2)
    rows["attendance"].append(c.register(90, "asha", 1, 4, 3, semester=1, week_date=ODD))
    college = open_college(rows)
    term = college.find_current_term(EVEN_3)
    assert term is not None
    relation = college.relation("attendance")
    wanted = relation.rows.select().where(term.build_condition(relation))
    found = college.read_frame(wanted, "attendance")
    assert sorted(found["week"]) == [1, 2]
    assert set(found["semester"]) == {2}
    assert isinstance(found["week_date"].iloc[0], pd.Timestamp)
