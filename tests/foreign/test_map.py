"""`edumetrics map`: a draft that is right where it is sure, holds nobody's data, and a contract that is enough."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner, Result

from edumetrics import database
from edumetrics.cli import main
from edumetrics.onboarding import match, write
from edumetrics.onboarding.profile import SourceColumn, SourceTable, classify_values
from edumetrics.params import CollegeFile, Params
from edumetrics.settings import PROJECT
from tests.colleges import native_params, same, score
from tests.foreign import facultad, native, test_same_college
from tests.foreign.test_same_college import MAPPINGS

Url = Callable[[], str]


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def drafted(url: str) -> tuple[str, Params]:
    result = edumetrics("map", url)
    assert (result.exit_code, result.stderr) == (0, "")
    own = CollegeFile.model_validate(yaml.safe_load(result.output))
    return result.output, native_params().model_copy(update={"college": own})


@pytest.mark.slow
def test_the_native_schema_drafts_to_itself(simulated: str) -> None:
    text, params = drafted(simulated)
    assert "guess" not in text.split("relations:")[1]
    assert params.college.relations["attendance"] == "attendance"
    same(score(simulated, 10, params), score(simulated, 10))


@pytest.mark.slow
def test_a_schema_in_spanish_needs_no_correction(simulated: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'facultad.db'}"
    native.put(url, facultad.tables(native.records(simulated)))
    text, params = drafted(url)
    assert "MISSING:" not in text
    same(score(url, 10, params), score(simulated, 10))


HINDI = {
    "classes": ("varg", {"class_id": "varg_id", "odd_sem": "odd_sem", "even_sem": "even_sem", "name": "varg_naam"}),
    "advisors": ("margdarshak", {"advisor_id": "margdarshak_id", "name": "naam", "email": "email"}),
    "students": ("vidyarthi", {"student_id": "vidyarthi_id", "class_id": "varg_id", "advisor_id": "margdarshak_id",
                               "name": "naam", "roll_number": "anukramank"}),
    "attendance": ("upasthiti", {"id": "id", "student_id": "vidyarthi_id", "class_id": "varg_id", "subject_id": "vishay_id",
                                 "semester": "satra", "week": "saptah", "week_date": "saptah_arambh",
                                 "lectures_held": "kul_vyakhyan", "present": "upasthit"}),
}  # fmt: skip


def test_the_smallest_college_in_hindi(simulated: str, tmp_path: Path) -> None:
    url, records = f"sqlite:///{tmp_path / 'hindi.db'}", native.records(simulated)
    native.put(
        url,
        {
            table: records[name][list(columns)].rename(columns=columns)
            for name, (table, columns) in HINDI.items()
        },
    )
    text, params = drafted(url)
    assert {name for name, source in params.college.relations.items() if source} == set(HINDI)
    assert "MISSING:" not in text
    for name, (table, columns) in HINDI.items():
        for wanted, column in columns.items():
            if wanted != column or name != "classes":
                assert f't."{column}" AS "{wanted}"' in text, (table, column)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MAPPINGS, "native"])
def test_no_value_of_anyone_is_in_a_draft(
    name: str, simulated: str, postgres_url: Url, tmp_path: Path
) -> None:
    records = native.records(simulated)
    url = (
        simulated
        if name == "native"
        else test_same_college.database(name, records, tmp_path, postgres_url)
    )
    text, _ = drafted(url)
    people = pd.concat([records["students"], records["advisors"]])
    values = {
        str(value)
        for column in ("student_id", "name", "roll_number", "email", "advisor_id")
        for value in people[column].dropna()
    }
    words = values | {part for value in records["students"]["name"] for part in value.split()}
    assert len(words) > 300
    # Marks and days of anyone are none of its business either.
    marks = {
        f"{value:g}"
        for value in records["assignment_submissions"]["marks_obtained"].dropna()
        if value % 1
    }
    days = set(records["assignment_submissions"]["submission_date"].dt.strftime("%Y-%m-%d"))
    # The first days of both halves are calendar.yml's, not the records'.
    days -= {"2025-07-14", "2026-01-05"}
    for word in words | marks | days:
        assert not re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text), word


@pytest.mark.slow
def test_a_platform_is_drafted_with_its_seconds(
    simulated: str, postgres_url: Url, tmp_path: Path
) -> None:
    url = test_same_college.database("campus", native.records(simulated), tmp_path, postgres_url)
    text, _ = drafted(url)
    assert '{day(t."timemodified")} AS "submission_date"' in text
    assert "# guess: a name for it, holds seconds" in text.replace("--", "#")
    assert "-- MISSING: semester (which semester of the degree)" in text


def test_sheets_are_drafted_with_their_days_first_and_joined_by_roll_number(
    simulated: str, postgres_url: Url, tmp_path: Path
) -> None:
    url = test_same_college.database(
        "northfield", native.records(simulated), tmp_path, postgres_url
    )
    text, _ = drafted(url)
    assert (
        """substr(t."Submitted", 7, 4) || '-' || substr(t."Submitted", 4, 2) || '-' || substr(t."Submitted", 1, 2)"""
        in text
    )
    assert 'JOIN "Student Master" s ON s."Roll No" = t."Roll No"' in text
    assert """REPLACE(t."Quality", '%', '') AS "quality_pct",""" in text


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["05/01/2026", "31/01/2026"], "day first"),
        (["01/05/2026", "01/31/2026"], "month first"),
        (["01/05/2026"], "day or month first"),
        (["2026-01-05", None], "date"),
        ([1767571200, 1767657600], "seconds"),
        ([1767571200000], "milliseconds"),
        ([0.25, 0.9], "fraction"),
        (["66.7%", "5 %"], "percent sign"),
        ([1, 2, 3], "whole"),
        ([1.5, 30], "number"),
        (["P", "A", "L"], "words of present"),
        (["aprobado", "reprobado"], "words of pass_fail"),
        (["a@b.example"], "address"),
        ([None, ""], "empty"),
        (["Aarav"], "text"),
    ],
)
def test_kinds_of_values(values: list[object], kind: str) -> None:
    assert classify_values(pd.Series(values, dtype="object")) == kind


def test_a_row_a_lecture_becomes_a_row_a_week() -> None:
    def columns(**looks: str) -> tuple[SourceColumn, ...]:
        return tuple(
            SourceColumn(name, "text", name == "id", None, look) for name, look in looks.items()
        )

    tables = [SourceTable("attendance", columns(id="whole", student_id="text", class_id="text", subject_id="text",
                                          semester="whole", lecture_date="date", status="words of present"))]  # fmt: skip
    text = write.format_yaml(
        match.find_tables(tables), tables, "postgresql", [("even", "2026-01-05")]
    )
    select = yaml.safe_load(text)["relations"]["attendance"]
    assert 'COUNT(*) AS "lectures_held"' in select
    assert 'SUM(CASE WHEN lower(t."status") IN (' in select
    assert "GROUP BY" in select
    assert "half_year" in yaml.safe_load(text)["views"]


def test_an_id_of_ten_digits_is_no_date_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "prn.db") as connection:
        connection.executescript("""
            CREATE TABLE students (student_id INTEGER, name TEXT, class_id TEXT, joined_on INTEGER, photo BLOB);
            INSERT INTO students VALUES (1032240001, 'X', 'C', 1767571200, x'ff00fe');
            CREATE TABLE gone (x TEXT); CREATE VIEW broken AS SELECT x FROM gone; DROP TABLE gone;
        """)
    connection.close()
    result = edumetrics("map", f"sqlite:///{tmp_path / 'prn.db'}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert 't."student_id" AS "student_id"' in result.output
    assert '{day(t."joined_on")}' in result.output
    assert '-- not used: "photo" (bytes)' in result.output
    assert "# Could not be read: broken." in result.output


def test_an_empty_database_and_a_wrong_url_are_told(tmp_path: Path) -> None:
    sa.create_engine(f"sqlite:///{tmp_path / 'empty.db'}").connect().close()
    (tmp_path / "empty.db").touch()
    for url, said in ((f"sqlite:///{tmp_path / 'empty.db'}", "has no table"), ("nonsense", "is not a database URL"),
                      ("postgresql://x@127.0.0.1:1/y", "Cannot connect")):  # fmt: skip
        result = edumetrics("map", url)
        assert (result.exit_code, result.output if result.exit_code == 0 else "") == (2, "")
        assert said in result.stderr


@pytest.mark.slow
def test_the_grants_of_the_contract_are_enough_and_no_more(
    simulated: str, postgres_url: Url, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = test_same_college.database("campus", native.records(simulated), tmp_path, postgres_url)
    for folder in ("params", "params/colleges"):
        (tmp_path / folder).mkdir()
    for file in [*PROJECT.glob("params/**/*.*"), MAPPINGS["campus"]]:
        place = (
            file.relative_to(PROJECT)
            if "params" in file.parts
            else Path("params/colleges") / file.name
        )
        (tmp_path / place).write_bytes(file.read_bytes())
    monkeypatch.setenv("EDUMETRICS_HOME", str(tmp_path))
    monkeypatch.setenv("EDUMETRICS_COLLEGE", "campus")
    monkeypatch.setenv("CLIENT_DB_URL", url)
    asked = edumetrics("map", "--explain", "--as-of", "2026-03-15")
    assert (asked.exit_code, asked.stderr) == (0, "")
    grants = re.findall(r"^(?:GRANT|CREATE ROLE) [^;]*", asked.output, flags=re.MULTILINE)
    # Roles belong to the whole server, which other tests use as well.
    reader = f"reader_{tmp_path.name}"
    grants = [grant.replace("edumetrics_reader", reader) for grant in grants]
    with database.create_writable_engine(url).begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS {reader}")
        for grant in grants:
            connection.exec_driver_sql(grant)
    monkeypatch.setenv("CLIENT_DB_URL", url.replace("postgres:@", f"{reader}:@"))
    result = edumetrics("check", "--as-of", "2026-03-15")
    assert (result.exit_code, result.stderr) == (0, ""), result.output[-500:]
    assert "Its role cannot write" in result.output
    # No more: a column that nobody needs is not among them, and without any one of them something cannot be read.
    assert "mdl_course_categories" not in asked.output
    with database.create_writable_engine(url).begin() as connection:
        connection.exec_driver_sql(
            f"REVOKE SELECT (sessdate) ON mdl_attendance_sessions FROM {reader}"
        )
    assert "permission denied" in edumetrics("check", "--as-of", "2026-03-15").stderr
    with database.create_writable_engine(url).begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {reader}")
        connection.exec_driver_sql(f"DROP ROLE {reader}")
    for line in ("## Load", "| together |", "## What is selected"):
        assert line in asked.output
