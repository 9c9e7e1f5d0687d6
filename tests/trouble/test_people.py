"""Who is who: rows that stand twice, empty ids, several advisors, people of whom nothing is known."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, open_connection
from tests.colleges import native_params
from tests.trouble.conftest import ENGINES, ENROLMENTS, Damage, without_key

TWICE = "INSERT INTO students SELECT student_id, class_id, {}, name, roll_number, gender, {}"


@pytest.fixture
def bare(damage: Damage) -> Damage:
    """A college whose students have no key of their own, as in a sheet."""

    def look(*statements: str, **more: str) -> object:
        return damage(*without_key("students"), *statements, **more)

    return look  # type: ignore[return-value]


@pytest.mark.parametrize("engine", ENGINES)
def test_two_rows_with_two_advisors_stop_the_mail_of_the_class(bare: Damage, engine: str) -> None:
    seen = bare(
        "INSERT INTO students SELECT * FROM students WHERE student_id = 'S24000001'",
        "UPDATE students SET advisor_id = 'ADVX' WHERE rowid = (SELECT max(rowid) FROM students)",
        engine=engine,
    )
    [row] = seen.findings[seen.findings["check"] == "students: twice"].to_dict("records")
    assert (row["status"], row["class_id"]) == ("block", "CS-2024-A")
    assert "another advisor_id" in row["message"]
    assert seen.metrics.loc["S24000001", "advisor_id"] == "ADVX", "the same on every engine"


@pytest.mark.slow
def test_two_rows_with_another_name_are_told(bare: Damage) -> None:
    seen = bare(
        "INSERT INTO students SELECT * FROM students WHERE student_id = 'S24000001'",
        "UPDATE students SET name = 'B' WHERE rowid = (SELECT max(rowid) FROM students)",
    )
    [row] = seen.findings[seen.findings["check"] == "students: twice"].to_dict("records")
    assert (row["status"], seen.stops) == ("warn", [])


@pytest.mark.slow
def test_a_row_that_is_repeated_as_it_stands_is_nothing(bare: Damage) -> None:
    seen = bare("INSERT INTO students SELECT * FROM students WHERE student_id = 'S24000001'")
    assert seen.find("twice") == []


@pytest.mark.slow
def test_two_addresses_of_an_advisor_stop_the_mail(damage: Damage) -> None:
    seen = damage(
        "ALTER TABLE advisors RENAME TO had", "CREATE TABLE advisors AS SELECT * FROM had",
        "INSERT INTO advisors SELECT advisor_id, name, 'new@college.example', class_id FROM had LIMIT 1",
    )  # fmt: skip
    assert [text for text in seen.stops if "another email" in text]


@pytest.mark.slow
@pytest.mark.parametrize("nobody", ["", " ", "-", "N/A"])
def test_an_empty_id_is_no_id(damage: Damage, nobody: str) -> None:
    seen = damage(f"INSERT INTO students (student_id, class_id) VALUES ('{nobody}', 'CS-2024-A')")
    assert len(seen.metrics) == 59


@pytest.mark.slow
def test_a_class_of_two_advisors_is_told(damage: Damage) -> None:
    seen = damage(
        "UPDATE students SET advisor_id = NULL",
        "INSERT INTO advisors VALUES ('ADV1', 'First', 'first@college.example', 'CS-2024-A')",
    )
    [said] = seen.find("advisors: several")
    assert "60 of this class name no advisor, and it has 2" in said


@pytest.mark.parametrize("name", ["a#1", "a%41", "a?b", "a b", "ä"])
def test_a_file_of_any_name_is_opened_and_nothing_is_made(
    colleges: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "college.db").write_bytes((colleges / "base.db").read_bytes())
    before = sorted(tmp_path.rglob("*"))
    engine = create_college_engine(f"sqlite:///{folder / 'college.db'}")
    with open_connection(engine, "CLIENT_DB_URL") as connection:
        assert len(College(connection, native_params()).students) == 60
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["Attendance (Jan)", "Select list", "a;b", "Größe", "order"])
def test_a_table_of_any_name_is_read(colleges: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "college.db"
    path.write_bytes((colleges / "base.db").read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute(f'ALTER TABLE attendance RENAME TO "{name}"')
    params = native_params(attendance=name)
    with open_connection(create_college_engine(f"sqlite:///{path}"), "CLIENT_DB_URL") as opened:
        assert College(opened, params).relation("attendance").source == name


def test_a_second_advisor_is_known_where_the_college_lists_both(
    colleges: Path, tmp_path: Path
) -> None:
    path = tmp_path / "college.db"
    path.write_bytes((colleges / "base.db").read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE students ADD COLUMN second_advisor_id TEXT")
        connection.execute(
            "INSERT INTO advisors VALUES ('ADV1', 'Second', 'second@college.example', NULL)"
        )
        for student, advisor in (("S24000001", "ADV1"), ("S24000002", "nobody"), ("S24000003", "")):
            connection.execute(
                "UPDATE students SET second_advisor_id = ? WHERE student_id = ?", (advisor, student)
            )
    with open_connection(create_college_engine(f"sqlite:///{path}"), "CLIENT_DB_URL") as opened:
        found = College(opened, native_params()).second_advisors
    assert found.to_dict("records") == [{"student_id": "S24000001", "advisor_id": "ADV1"}]


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_of_nobody_and_spans_that_end_before_they_begin_are_told(
    damage: Damage, engine: str
) -> None:
    seen = damage(
        "UPDATE students SET class_id = 'CS-2O24-A' WHERE student_id = 'S24000001'",
        "UPDATE students SET joined_on = '2026-03-01', withdrawn_on = '2026-02-01'"
        " WHERE student_id = 'S24000002'",
        "UPDATE exam_schedule SET class_id = 'X' WHERE semester = 4",
        *ENROLMENTS,
        # Of another term nothing is said: who has left long ago may be on no list any more.
        "INSERT INTO enrolments VALUES ('SX', 'CS401', 4, NULL, NULL), ('SX', 'CS301', 3, NULL, NULL),"
        " ('SX', 'CS402', 4, '2024-01-08', '2024-05-31')",
        "INSERT INTO exam_schedule (schedule_id, class_id, semester, exam_type, exam_date)"
        " VALUES ('old', 'CS-2020-A', 4, 'midterm', '2022-03-01')",
        'CREATE TABLE excuses (student_id TEXT, "from" TEXT, "to" TEXT)',
        "INSERT INTO excuses VALUES ('SX', '2026-02-01', NULL), ('SX', '2024-02-01', NULL),"
        " ('S24000001', '2026-02-05', '2026-02-03')",
        engine=engine,
    )  # fmt: skip
    told = seen.findings[seen.findings["status"] == "warn"]
    counts = dict(told.groupby("check")["count"].sum())
    exams = int(counts.pop("exam_schedule: unknown class"))
    assert exams > 0
    assert counts == {
        "students: unknown class": 1,
        "students: withdrawn_on before joined_on": 1,
        "enrolments: unknown student": 1,
        "excuses: unknown student": 1,
        "excuses: to before from": 1,
    }
    assert seen.metrics.loc["S24000001", "class_id"] == "CS-2024-A", "as its registers say"
