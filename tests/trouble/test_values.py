"""Values that are none of their column's kind: read where that is certain, else null, counted and told."""

from __future__ import annotations

import re

import pytest

from edumetrics.params import Params
from tests.colleges import native_params
from tests.trouble.conftest import ENGINES, Damage

MARKS = "UPDATE assignment_submissions SET marks_obtained"
OF_TERM = "WHERE assignment_id LIKE '%-4-%'"
# The same on each engine, from the undamaged college.
ASSIGNMENTS, QUIZZES, RISK = 45.961538, 42.857143, 8.852842
ODD = "UPDATE {} SET {} = {} WHERE student_id = 'S24000001'"


def in_zone(zone: str) -> Params:
    params = native_params()
    calendar = params.calendar.model_copy(update={"time_zone": zone})
    return params.model_copy(update={"calendar": calendar})


@pytest.mark.parametrize("engine", ENGINES)
def test_an_undamaged_college_has_no_finding(damage: Damage, engine: str) -> None:
    seen = damage(engine=engine)
    assert seen.find("unreadable") == []
    assert seen.stops == []
    assert seen.of("lectures_attended") == 91
    assert seen.of("lectures_held") == 109
    assert seen.of("assn_avg_pct") == pytest.approx(ASSIGNMENTS)
    assert seen.of("quiz_avg_pct") == pytest.approx(QUIZZES)
    assert seen.of("risk_score") == pytest.approx(RISK)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("value", "shape", "advice"),
    [
        ("replace(CAST(marks_obtained AS TEXT), '.', ',')", "dd,d", "REPLACE(marks_obtained, ',', '.')"),
        ("marks_obtained || '/20'", "dd.d/dd", "CASE WHEN"),
        ("'B'", "A", "CASE WHEN"),
        ("marks_obtained || '%'", "dd.d%", "REPLACE(marks_obtained, '%', '')"),
    ],
)  # fmt: skip
def test_marks_that_are_no_numbers_stop_the_run(
    damage: Damage, engine: str, value: str, shape: str, advice: str
) -> None:
    seen = damage(f"{MARKS} = {value} {OF_TERM}", engine=engine)
    [said] = [text for text in seen.stops if "marks_obtained" in text]
    assert said.startswith("assignment_submissions.marks_obtained: ")
    assert shape in said
    assert advice in said


@pytest.mark.parametrize("engine", ENGINES)
def test_one_odd_cell_is_counted_and_the_run_goes_on(damage: Damage, engine: str) -> None:
    seen = damage(f"{MARKS} = 'EX' WHERE id = 1619", engine=engine)
    [said] = seen.find("unreadable")
    assert "1 value such as AA was none of its kind" in said
    assert seen.stops == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", ["''", "'-'", "'N/A'", "NULL"])
def test_what_means_nothing_is_not_told(damage: Damage, engine: str, value: str) -> None:
    assert damage(f"{MARKS} = {value} WHERE id = 1619", engine=engine).find("unreadable") == []


@pytest.mark.parametrize("engine", ENGINES)
def test_no_value_is_told(damage: Damage, engine: str) -> None:
    value = "'Asha Kumari (transferred, medical)'"
    seen = damage(ODD.format("students", "joined_on", value), engine=engine)
    [said] = seen.stops
    assert "students.joined_on" in said
    assert "Aaaa Aaaaaa (aaaaaaaaaa" in said
    assert not re.search("Asha|Kumari|medical", seen.findings.to_csv())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_zero_date_is_no_day(damage: Damage, engine: str) -> None:
    row = "(900001, 'CS-2024-A-4-A22', 'S24000001', 'CS-2024-A', '0000-00-00', NULL, NULL, NULL, NULL)"
    seen = damage(f"INSERT INTO assignment_submissions VALUES {row}", engine=engine)
    assert seen.of("assn_avg_pct") == pytest.approx(ASSIGNMENTS)
    assert seen.find("unreadable") == []


@pytest.mark.parametrize("engine", ENGINES)
def test_zero_dates_of_leaving_are_none(damage: Damage, engine: str) -> None:
    seen = damage("UPDATE students SET withdrawn_on = '0000-00-00'", engine=engine)
    assert seen.stops == []
    assert len(seen.metrics) == 60, "who had left is back"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("table", ["excuses", "enrolments"])
def test_a_day_that_decides_about_a_student_stops_at_the_first(
    damage: Damage, engine: str, table: str
) -> None:
    columns = {
        "excuses": "student_id TEXT",
        "enrolments": "student_id TEXT, subject_id TEXT, semester INTEGER",
    }
    rows = {"excuses": "'S24000001'", "enrolments": "'S24000001', 'CS401', 4"}
    seen = damage(
        f'CREATE TABLE {table} ({columns[table]}, "from" TEXT, "to" TEXT)',
        f"INSERT INTO {table} VALUES ({rows[table]}, '16/02/2026', '20/02/2026')",
        engine=engine,
    )  # fmt: skip
    own = [text for text in seen.stops if text.startswith(table)]
    assert [text.split(":")[0] for text in own] == [f"{table}.from", f"{table}.to"]
    assert "dd/dd/dddd" in own[0]


def test_a_day_of_leaving_in_another_order_stops_and_says_how_to_read_it(damage: Damage) -> None:
    seen = damage("UPDATE students SET withdrawn_on = '23/10/2025' WHERE student_id = 'S24000017'")
    [said] = seen.stops
    assert said.startswith("students.withdrawn_on: 1 value such as dd/dd/dddd")
    assert "substr(withdrawn_on, 7, 4)" in said


def test_far_ends_are_open(damage: Damage) -> None:
    far = damage("UPDATE students SET withdrawn_on = '9999-12-31'")
    assert far.stops == []
    assert len(far.metrics) == 60


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("moment", "handed_in"),
    [("2026-02-23T01:00:00Z", 2), ("2026-02-22T17:00:00-08:00", 2), ("2026-02-23T09:00:00Z", 1)],
)
def test_moments_are_days_of_the_college(
    damage: Damage, engine: str, moment: str, handed_in: int
) -> None:
    set_ = f"UPDATE assignment_submissions SET submission_date = '{moment}', marked_on = NULL"
    seen = damage(f"{set_} WHERE id = 1619", engine=engine, params=in_zone("America/Los_Angeles"))
    assert seen.of("assn_submit_rate") == 50 * handed_in


@pytest.mark.parametrize("engine", ENGINES)
def test_half_days_are_halves(damage: Damage, engine: str) -> None:
    own = "WHERE student_id = 'S24000001' AND semester = 4 AND present >= 1"
    seen = damage(f"UPDATE attendance SET present = present - 0.5 {own}", engine=engine)
    assert (seen.of("lectures_attended"), seen.of("lectures_held")) == (74.5, 109)
