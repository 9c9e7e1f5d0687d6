"""A draft is YAML that can be read back, and its SELECTs return canonical rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

from edumetrics.onboarding import profile, write
from edumetrics.onboarding.match import find_tables
from edumetrics.onboarding.profile import SourceTable
from tests.onboarding.sources import make_table

HALVES = [("even", "2026-01-05")]
STUDENTS = make_table("students", "student_id", student_id="text", class_id="text", name="text")


def draft(*tables: SourceTable, dialect: str = "sqlite") -> str:
    return write.format_yaml(find_tables(tables), tables, dialect, HALVES)


def read_relation(text: str, name: str) -> Any:
    return yaml.safe_load(text)["relations"][name]


def draft_and_read(relation: str, *statements: str) -> list[dict[str, Any]]:
    """Return the rows that the drafted SELECT of a relation reads from a SQLite database."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        tables = profile.describe_tables(connection)
        mapping = yaml.safe_load(draft(*tables))
        views = ", ".join(f"{name} AS ({sql})" for name, sql in mapping.get("views", {}).items())
        select = f"{f'WITH {views} ' if views else ''}{mapping['relations'][relation]}"
        rows = connection.exec_driver_sql(select).mappings().all()
    engine.dispose()
    return [dict(row) for row in rows]


# ------------------------------------------------------------ the file


def test_a_canonical_table_is_named_and_needs_no_select() -> None:
    text = draft(STUDENTS)
    assert read_relation(text, "students") == "students"
    assert "  students: students  # sure: its columns have the canonical names\n" in text


def test_what_is_not_there_is_null_and_missing_only_where_no_college_can_do_without_it() -> None:
    text = draft(STUDENTS)
    for line in (
        "classes: null  # MISSING: every college has some",
        "library_visits: null\n",
        "excuses: null\n",
    ):
        assert f"  {line}" in text
    assert read_relation(text, "attendance") is None


def test_the_head_counts_the_marks() -> None:
    table = make_table("students", "prn", prn="whole", naam="text", sex="text")
    text = draft(table)
    # Sure of the key; a name and a gender are guessed. No class, and neither classes, advisors nor
    # attendance.
    assert "# Sure of 1, guessed 2, missing 4. Tables not used: none.\n" in text


def test_the_head_names_tables_that_are_not_used_or_cannot_be_read() -> None:
    text = draft(STUDENTS, make_table("canteen", meal="text"), SourceTable("secret", ()))
    assert "Tables not used: canteen.\n" in text
    assert "# Could not be read: secret.\n" in text
    assert "Could not be read" not in draft(STUDENTS)


def test_every_column_of_a_select_says_why_it_was_chosen() -> None:
    text = draft(make_table("students", "prn", prn="whole", naam="text", shoe_size="whole"))
    lines = [line.strip() for line in text.split("  students: |\n")[1].splitlines()]
    select = lines[: lines.index("subjects: null")]
    assert [line.split("--")[-1].strip() for line in select] == [
        "SELECT",
        "sure: the key",
        "guess: a name for it",
        'FROM "students" t',
        "MISSING: class_id (the class today)",
        'not used: "shoe_size" (whole)',
    ]


def test_a_table_that_is_not_a_plain_name_needs_a_select() -> None:
    table = make_table(
        'Students "2026"', "student_id", student_id="text", class_id="text", name="text"
    )
    select = read_relation(draft(table), "students")
    assert 'FROM "Students ""2026""" t' in select
    assert 'FROM `Students "2026"` t' in read_relation(draft(table, dialect="mysql"), "students")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mariadb"])
def test_every_dialect_gives_yaml_with_the_same_relations(dialect: str) -> None:
    tables = [
        STUDENTS,
        make_table(
            "registers",
            "id",
            id="whole",
            student="text",
            date="day first",
            status="words of present",
        ),
        make_table("quiz results", "id", id="whole", student="text", percentage="percent sign"),
    ]
    mapping = yaml.safe_load(draft(*tables, dialect=dialect))
    assert [name for name, source in mapping["relations"].items() if source] == [
        "students", "attendance", "quiz_submissions",
    ]  # fmt: skip
    assert list(mapping["views"]) == ["half_year"]


@pytest.mark.parametrize(
    ("dialect", "look", "sql"),
    [
        ("sqlite", "seconds", '{day(t."admitted")}'),
        ("sqlite", "milliseconds", '{day(t."admitted" / 1000)}'),
        ("postgresql", "seconds", '{day(t."admitted")}'),
        ("postgresql", "day first", "to_date(t.\"admitted\", 'DD/MM/YYYY')"),
        ("mysql", "month first", "STR_TO_DATE(t.`admitted`, '%m/%d/%Y')"),
        ("mariadb", "day or month first", "STR_TO_DATE(t.`admitted`, '%d/%m/%Y')"),
        ("postgresql", "date", 't."admitted"'),
    ],
)
def test_a_date_is_converted_in_the_dialect_of_the_database(
    dialect: str, look: str, sql: str
) -> None:
    text = draft(make_table("students", "id", id="whole", admitted=look), dialect=dialect)
    mark = "`" if dialect in ("mysql", "mariadb") else '"'
    assert f"  {sql} AS {mark}joined_on{mark}" in read_relation(text, "students")


def test_a_boolean_is_read_as_it_is() -> None:
    table = make_table(
        "attendance", "id", None, {"status": "boolean"}, id="whole", status="words of attempted",
        held="whole",
    )  # fmt: skip
    assert 't."status" AS "present"' in read_relation(draft(table), "attendance")


def test_weeks_need_the_view_of_the_halves_and_other_colleges_do_not_get_it() -> None:
    assert "views" not in yaml.safe_load(draft(STUDENTS))
    dated = make_table("library_visits", "id", id="whole", student_id="text", date="date")
    views = yaml.safe_load(draft(dated, dialect="postgresql"))["views"]
    assert views["half_year"].startswith("SELECT DATE '2026-01-05' AS starts")
    weekly = make_table("library_visits", "id", id="whole", student_id="text", week="whole")
    assert "views" not in yaml.safe_load(draft(weekly))


# ------------------------------------------------------------ what its SELECTs read


def test_days_fractions_and_words_become_canonical() -> None:
    rows = draft_and_read(
        "quiz_submissions",
        "CREATE TABLE quiz_attempts (id INTEGER PRIMARY KEY, quiz TEXT, student TEXT, class TEXT, "
        "appeared TEXT, attempted_on TEXT, percentage REAL)",
        "INSERT INTO quiz_attempts VALUES (1, 'Q1', 'asha', 'C', 'Yes', '31/01/2026', 0.85), "
        "(2, 'Q1', 'bala', 'C', 'AB', '01/02/2026', 0.5)",
    )
    assert [(r["student_id"], r["attempted"], r["attempt_date"], r["score_pct"]) for r in rows] == [
        ("asha", 1, "2026-01-31", 85.0),
        ("bala", 0, "2026-02-01", 50.0),
    ]


def test_a_percent_sign_is_taken_away_and_an_unknown_word_is_null() -> None:
    rows = draft_and_read(
        "exam_results",
        "CREATE TABLE results (id INTEGER PRIMARY KEY, exam TEXT, student TEXT, class TEXT, "
        "percentage TEXT, outcome TEXT, result TEXT)",
        "INSERT INTO results VALUES (1, 'E', 'asha', 'C', '66.5%', '', 'Pass'), "
        "(2, 'E', 'bala', 'C', '30%', '', 'fail'), (3, 'E', 'chen', 'C', '35%', '', 'FAIL'), "
        "(4, 'E', 'dev', 'C', '55%', '', 'pass'), (5, 'E', 'esha', 'C', '0%', '', 'withheld')",
    )
    assert [(float(r["score_pct"]), r["pass_fail"]) for r in rows] == [
        (66.5, "P"), (30.0, "F"), (35.0, "F"), (55.0, "P"), (0.0, None),
    ]  # fmt: skip


LECTURES = (
    "CREATE TABLE attendance (id INTEGER PRIMARY KEY, student_id TEXT, class_id TEXT, "
    "subject_id TEXT, semester INTEGER, lecture_date DATE, status TEXT)",
    "INSERT INTO attendance VALUES (1, 'asha', 'C', 'S', 2, '2026-01-05', 'P'), "
    "(2, 'asha', 'C', 'S', 2, '2026-01-11', 'A'), (3, 'asha', 'C', 'S', 2, '2026-01-12', 'L'), "
    "(4, 'asha', 'C', 'S', 2, '2026-01-04', 'P'), (5, 'asha', 'C', 'S', 2, '2026-05-11', 'P')",
)


def test_rows_of_lectures_are_summed_by_week() -> None:
    rows = draft_and_read("attendance", *LECTURES)
    found = [(r["week"], r["lectures_held"], r["present"], r["id"]) for r in rows]
    # The Sunday before the half and the Monday after its 18 weeks belong to no week.
    assert sorted(found) == [(1, 2, 1, 2), (2, 1, 1, 3)]


def test_a_week_of_lectures_has_its_first_day() -> None:
    rows = draft_and_read("attendance", *LECTURES)
    assert sorted(str(row["week_date"]) for row in rows) == ["2026-01-05", "2026-01-12"]


def test_a_class_comes_from_the_student_and_a_semester_from_the_subject() -> None:
    rows = draft_and_read(
        "library_visits",
        "CREATE TABLE students (student_id TEXT PRIMARY KEY, class_id TEXT, name TEXT)",
        "CREATE TABLE library_visits (id INTEGER PRIMARY KEY, student_id TEXT, semester INTEGER, "
        "week INTEGER, visits INTEGER)",
        "INSERT INTO students VALUES ('asha', 'C', 'Asha'), ('bala', 'D', 'Bala')",
        "INSERT INTO library_visits VALUES (1, 'bala', 2, 3, 4)",
    )
    assert rows == [
        {
            "id": 1,
            "student_id": "bala",
            "class_id": "D",
            "semester": 2,
            "week": 3,
            "physical_visits": 4,
        }
    ]
    rows = draft_and_read(
        "assignment_definitions",
        "CREATE TABLE subjects (subject_id TEXT PRIMARY KEY, name TEXT, semester INTEGER)",
        "CREATE TABLE homework (id TEXT PRIMARY KEY, class TEXT, subject TEXT, deadline_week INTEGER)",
        "INSERT INTO subjects VALUES ('S', 'Sanskrit', 4)",
        "INSERT INTO homework VALUES ('A1', 'C', 'S', 6)",
    )
    assert [(r["assignment_id"], r["semester"], r["due_week"]) for r in rows] == [("A1", 4, 6)]


def test_a_roll_number_is_joined_to_the_student_id() -> None:
    rows = draft_and_read(
        "library_visits",
        "CREATE TABLE students (student_id TEXT PRIMARY KEY, roll_no TEXT, class_id TEXT, name TEXT)",
        "CREATE TABLE library_visits (id INTEGER PRIMARY KEY, roll_no TEXT, semester INTEGER, "
        "week INTEGER, visits INTEGER)",
        "INSERT INTO students VALUES ('asha', '22CS01', 'C', 'Asha')",
        "INSERT INTO library_visits VALUES (1, '22CS01', 2, 3, 4), (2, 'unknown', 2, 3, 1)",
    )
    assert [(r["student_id"], r["class_id"], r["physical_visits"]) for r in rows] == [
        ("asha", "C", 4)
    ]


def test_a_row_without_a_key_gets_its_number_where_the_database_has_one() -> None:
    rows = draft_and_read(
        "library_visits",
        "CREATE TABLE library_visits (student_id TEXT, week INTEGER, visits INTEGER)",
        "INSERT INTO library_visits VALUES ('asha', 1, 2), ('bala', 1, 3)",
    )
    assert [row["id"] for row in rows] == [1, 2]
    table = make_table("library_visits", student_id="text", week="whole", visits="whole")
    assert "-- MISSING: id (row id)" in draft(table, dialect="postgresql")


def test_a_draft_made_of_a_profile_holds_no_value_of_anyone() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        pd.DataFrame({"prn": [4711], "naam": ["Asha Rao"], "mail": ["asha@home.example"]}).to_sql(
            "students", connection, index=False
        )
        text = draft(*profile.describe_tables(connection))
    engine.dispose()
    assert 't."mail" AS "email"' in text
    for value in ("4711", "Asha", "Rao", "home.example"):
        assert value not in text
