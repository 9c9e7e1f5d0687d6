"""Who is in a simulated college: as many as were asked for, in classes that come and leave."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from edumetrics.params import Calendar, SlotDates
from edumetrics.simulator import generate
from edumetrics.simulator.cohort import (
    SimulatedClass,
    SimulationPlan,
    build_class_tables,
    draw_traits,
    list_classes,
)
from edumetrics.weeks import CollegeWeek
from tests.simulator.colleges import plan

NOBODY_LEFT = np.full(60, np.datetime64("NaT", "D"))


def make_class(year: int = 2023, number: int = 0, size: int = 60, seed: int = 3) -> SimulatedClass:
    return SimulatedClass(plan(seed=seed), year, number, size)


# ------------------------------------------------------------ the plan


def test_a_demo_is_in_its_even_semester() -> None:
    assert plan(weeks=10).position == CollegeWeek(2025, 28)
    assert plan().term == 4051


@pytest.mark.parametrize(
    ("term", "start"),
    [
        (4050, date(2025, 7, 14)),  # a Monday already
        (4051, date(2026, 1, 5)),
        (4048, date(2024, 7, 15)),  # 14 July 2024 is a Sunday
        (4049, date(2025, 1, 6)),
    ],
)
def test_a_term_begins_on_a_monday_on_or_after_the_calendars_day(term: int, start: date) -> None:
    assert plan().compute_term_start(term) == start


def test_today_is_the_last_day_of_the_last_complete_week() -> None:
    assert plan(weeks=1).today == date(2026, 1, 11)
    assert plan(weeks=10).today == date(2026, 3, 15)


def test_another_calendar_begins_on_its_own_days() -> None:
    slots = {
        "odd": SlotDates(offset=0, starts="09-01"),
        "even": SlotDates(offset=18, starts="02-03"),
    }
    other = generate.plan_demo(60, 3, Calendar(slots=slots))
    assert other.compute_term_start(4050) == date(2025, 9, 1)
    assert other.compute_term_start(4051) == date(2026, 2, 9), "3 February 2026 is a Tuesday"


def test_a_term_that_ends_on_the_way_is_kept() -> None:
    later = generate.plan_weeks_later(plan(weeks=18, semesters=1), 1)
    assert (later.position, later.semesters) == (CollegeWeek(2026, 1), 2)
    same_term = generate.plan_weeks_later(plan(weeks=10, semesters=1), 8)
    assert (same_term.position, same_term.semesters) == (CollegeWeek(2025, 36), 1)
    year_later = generate.plan_weeks_later(plan(weeks=10, semesters=1), 36)
    assert (year_later.position, year_later.semesters) == (CollegeWeek(2026, 28), 3)


# ------------------------------------------------------------ classes


@pytest.mark.parametrize("students", [1, 59, 61, 240, 250, 1001])
def test_as_many_students_are_in_session_as_were_asked_for(students: int) -> None:
    chosen = plan(students)
    now = [one for one in list_classes(chosen) if 1 <= one.compute_semester(chosen.term) <= 8]
    assert sum(one.size for one in now) == students
    assert len({student for one in now for student in one.students}) == students
    assert max(one.size for one in now) <= 90, "a class has about sixty"


def test_four_intakes_share_the_classes_and_past_ones_are_listed_while_they_count() -> None:
    years = {one.year for one in list_classes(plan(240))}
    assert years == {2022, 2023, 2024, 2025}
    with_past = {one.year for one in list_classes(plan(240, semesters=3))}
    assert with_past == {2021, 2022, 2023, 2024, 2025}


def test_a_class_goes_from_its_first_to_its_eighth_semester() -> None:
    one = make_class(2023)
    assert [one.compute_semester(term) for term in (4045, 4046, 4047, 4053, 4054)] == [
        0, 1, 2, 8, 9,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "class_id", "advisor_id", "student"),
    [
        (0, "CS-2023-A", "ADV23001", "S23000001"),
        (1, "EC-2023-A", "ADV23002", "S23000101"),
        (4, "CS-2023-B", "ADV23005", "S23000401"),
        (103, "CE-2023-Z", "ADV23104", "S23010301"),
        (104, "CS-2023-104", "ADV23105", "S23010401"),
    ],
)
def test_ids_say_branch_intake_and_place(
    number: int, class_id: str, advisor_id: str, student: str
) -> None:
    one = make_class(number=number)
    assert (one.class_id, one.advisor_id, one.students[0]) == (class_id, advisor_id, student)
    assert len(set(one.students)) == 60


def test_ids_of_a_large_college_are_unique() -> None:
    classes = list_classes(plan(30_000, semesters=2))
    for ids in ([one.class_id for one in classes], [one.advisor_id for one in classes]):
        assert len(set(ids)) == len(ids) > 400


# ------------------------------------------------------------ people


def test_hidden_traits_are_those_of_the_class_and_the_seed() -> None:
    first, again = draw_traits(make_class()), draw_traits(make_class())
    assert np.array_equal(first.ability, again.ability)
    assert np.array_equal(first.diligence, again.diligence)
    for other in (make_class(number=1), make_class(2022), make_class(seed=4)):
        assert not np.array_equal(first.ability, draw_traits(other).ability)


def test_a_student_stays_the_same_person_however_long_the_past_is() -> None:
    longer = SimulatedClass(plan(semesters=5, weeks=3), 2023, 0, 60)
    assert np.array_equal(draw_traits(make_class()).ability, draw_traits(longer).ability)


def test_the_able_are_a_little_more_diligent() -> None:
    traits = draw_traits(make_class(size=20_000))
    assert np.corrcoef(traits.ability, traits.diligence)[0, 1] == pytest.approx(0.25, abs=0.03)
    assert traits.diligence.std() == pytest.approx(1, abs=0.03)
    assert traits.copier.mean() == pytest.approx(1, abs=0.05)
    assert (traits.copier >= 0).all()


def test_the_tables_of_a_class_name_its_semesters_and_people() -> None:
    tables = build_class_tables(make_class(2023), NOBODY_LEFT)
    (row,) = tables["classes"].to_dict("records")
    # In the even half of 2025 the class of 2023 is in its sixth semester, its third year.
    assert (row["odd_sem"], row["even_sem"], row["year_of_study"]) == (5, 6, 3)
    assert (row["total_students"], row["section"], row["branch"]) == (60, "A", "CS")
    students = tables["students"]
    assert set(students["advisor_id"]) == {"ADV23001"} == set(tables["advisors"]["advisor_id"])
    assert set(students["joined_on"]) == {np.datetime64("2023-07-17")}
    assert students["roll_number"].is_unique
    assert students["email"].str.endswith("@students.example").all(), "an address of nobody"
    assert len(tables["class_subjects"]) == 8 * 5


def test_a_class_that_has_finished_is_in_no_half_of_the_year() -> None:
    classes = build_class_tables(make_class(2021), NOBODY_LEFT)["classes"]
    assert classes[["odd_sem", "even_sem"]].isna().all(axis=None)


def test_the_same_plan_has_the_same_names() -> None:
    names = [
        build_class_tables(make_class(seed=seed), NOBODY_LEFT)["students"]["name"].tolist()
        for seed in (3, 3, 4)
    ]
    assert names[0] == names[1] != names[2]


def test_a_plan_is_equal_to_a_plan_of_the_same_values() -> None:
    again = SimulationPlan(60, 3, CollegeWeek(2025, 28), 0, Calendar())
    assert plan() == again != plan(seed=4)
