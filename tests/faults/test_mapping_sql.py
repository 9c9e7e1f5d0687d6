"""The text of a mapping reaches a real server, and never as anything but one query that reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from edumetrics.college.mapping import resolve_relations
from edumetrics.database import (
    create_college_engine,
    create_writable_engine,
    expand_functions,
    expand_settings,
    open_snapshot,
    parse_query,
)
from edumetrics.database.views import compose_source, is_select
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.params import ONLY, Calendar, CollegeFile
from edumetrics.settings import PROJECT
from edumetrics.simulator import generate, write
from tests.colleges import native_params

# Each would write, wait, lock or read a file, by the role's own rights.
ATTACKS = {
    "postgresql": (
        "SELECT * FROM students) AS d; COMMIT; BEGIN READ WRITE; DELETE FROM students; COMMIT; BEGIN; "
        "SAVEPOINT sa_savepoint_1; SELECT * FROM (SELECT * FROM students",
        "SELECT * FROM students; DELETE FROM students",
        "WITH gone AS (DELETE FROM students RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copied FROM students",
        "SELECT * FROM students FOR UPDATE",
        "SELECT * FROM (SELECT * FROM students FOR SHARE) AS held",
        "SELECT pg_read_file('/etc/passwd') AS student_id",
        "SELECT pg_catalog.pg_read_file('/etc/passwd') AS student_id",
        "SELECT \"pg_read_file\" ( '/etc/passwd' ) AS student_id",
        "SELECT U&\"pg\\005fread_file\"('/etc/passwd') AS student_id",
        "SELECT * FROM students WHERE dblink_exec('dbname=x', 'DELETE FROM students') = ''",
        "SELECT query_to_xml('DELETE FROM students', true, true, '') AS student_id",
        "SELECT lo_import('/etc/passwd') AS student_id",
        "SELECT set_config('transaction_read_only', 'off', true) AS student_id",
        "SELECT pg_sleep/* a comment */(60) AS student_id",
        "SELECT nextval('numbers') AS student_id",
        "SELECT 'a\\' AS student_id; DELETE FROM students; --'",
    ),
    "mysql": (
        "SELECT load_file('/etc/passwd') AS student_id",
        "SELECT * FROM students INTO OUTFILE '/tmp/students'",
        "SELECT * FROM students LOCK IN SHARE MODE",
        "SELECT sleep(60) AS student_id",
        "SELECT get_lock('all', 60) AS student_id",
        "SELECT benchmark(1000000000, 1) AS student_id",
        "SELECT * FROM students; DELETE FROM students",
    ),
    "sqlite": (
        "SELECT * FROM students; DELETE FROM students",
        "SELECT load_extension('/tmp/x') AS student_id",
        "SELECT writefile('/tmp/x', 'y') AS student_id",
        "WITH a AS (SELECT 1) INSERT INTO students SELECT * FROM a",
    ),
}
SHIPPED = {
    "params/colleges/oulad.yml": "sqlite",
    "docs/connect/northfield.yml": "sqlite",
    "params/colleges/moodle.yml": "mysql",
    "params/colleges/canvas.yml": "postgresql",
    "tests/foreign/campus.yml": "postgresql",
    "tests/foreign/facultad.yml": "sqlite",
}
# What colleges do write, in all the forms that they write it in.
HEALTHY = (
    "SELECT * FROM students",
    "SELECT * FROM students;  ",
    "SELECT * -- all of them; DELETE FROM students\nFROM students",
    "SELECT /* ; DROP TABLE students */ * FROM students -- the end",
    "WITH chosen AS (SELECT * FROM students) SELECT * FROM chosen",
    "SELECT * FROM students WHERE name IS NULL OR name <> 'a;b--c' OR name = 'it''s'",
    "SELECT student_id, class_id, name, advisor_id FROM students"
    " UNION ALL SELECT student_id, class_id, name, advisor_id FROM students WHERE 1 = 0",
)


@pytest.fixture
def college(request: pytest.FixtureRequest, tmp_path: Path) -> sa.Engine:
    """A simulated college on the engine that the test names, written by a role that may write."""
    kind = request.param
    url = (
        f"sqlite:///{tmp_path / 'college.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url" if kind == "postgresql" else "mysql_url")()
    )
    write.write_simulation(
        create_writable_engine(url), generate.plan_demo(20, 1, Calendar()), quiet=True
    )
    return create_writable_engine(url)


def read(engine: sa.Engine, students: str) -> int:
    """Read the students by a mapping; how many there are."""
    url = engine.url.render_as_string(hide_password=False)
    reader = create_college_engine(url, statement_seconds=5, lock_seconds=1)
    with open_snapshot(reader, "CLIENT_DB_URL") as connection:
        mapping = native_params(students=students).college
        found = resolve_relations({ONLY: connection}, mapping)[0]["students"]
        assert found is not None
        return len(connection.execute(sa.select(found.c.student_id)).all())


def count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM students").scalar_one())


@pytest.mark.parametrize("college", ATTACKS, indirect=True)
def test_a_mapping_can_only_read(college: sa.Engine, request: pytest.FixtureRequest) -> None:
    before = count(college)
    for text in ATTACKS[request.node.callspec.params["college"]]:
        with pytest.raises(SettingsError) as refused:
            read(college, text)
        assert "students" in str(refused.value)
        assert "passwd" not in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
    assert count(college) == before > 0


@pytest.mark.parametrize("college", ATTACKS, indirect=True)
def test_what_colleges_write_is_read(college: sa.Engine) -> None:
    whole = count(college)
    assert [read(college, text) for text in HEALTHY] == [whole] * len(HEALTHY)


def test_a_comment_that_mysql_executes_is_none() -> None:
    text = "SELECT student_id /*!50000 INTO OUTFILE '/tmp/x' */ FROM students # the end"
    assert parse_query(text, "mysql", "students") == "SELECT student_id FROM students"


@pytest.mark.slow
def test_all_shipped_mappings_are_queries() -> None:
    """As they stand, and as the tutorial and the tests have them."""
    for path, dialect in SHIPPED.items():
        said = yaml.safe_load((PROJECT / path).read_text())
        mapping = CollegeFile.model_validate(said)
        (only,) = mapping.list_sources()
        views, relations = (
            {
                name: expand_functions(
                    expand_settings(text, only.settings, dialect), dialect, "Asia/Kolkata"
                )
                for name, text in part.items()
            }
            for part in (only.views, only.relations)
        )
        sources = {name: compose_source(text, views, dialect) for name, text in relations.items()}
        selects = {name: text for name, text in sources.items() if is_select(text)}
        assert selects
        for name, text in selects.items():
            assert is_select(parse_query(text, dialect, name))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mssql+pyodbc://u@h/c", "of the kind mssql"),
        ("oracle://u@h/c", "of the kind oracle"),
        ("duckdb:///x.db", "of the kind duckdb"),
    ],
)
def test_other_engines_are_refused_with_both_ways_round(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        create_college_engine(url)
    assert "copy it to PostgreSQL, MariaDB or SQLite" in str(refused.value)
    assert "files" in str(refused.value)


def test_the_spelling_of_hosts_is_understood(postgres_url: Callable[[], str]) -> None:
    url = postgres_url().replace("postgresql://", "postgres://")
    with open_snapshot(create_college_engine(url), "CLIENT_DB_URL") as connection:
        assert connection.dialect.name == "postgresql"


@pytest.mark.parametrize("college", ["postgresql", "mysql"], indirect=True)
def test_a_locked_table_ends_the_wait_in_a_sentence(college: sa.Engine) -> None:
    with college.connect() as other:
        lock = (
            "LOCK TABLE students IN ACCESS EXCLUSIVE MODE"
            if college.dialect.name == "postgresql"
            else "LOCK TABLES students WRITE"
        )
        other.exec_driver_sql(lock)
        with pytest.raises(EduMetricsError, match="did not answer") as late:
            read(college, "SELECT * FROM students")
        # Back in the pool the session would keep its lock.
        other.invalidate()
    assert "locked" in str(late.value)
    assert read(college, "SELECT * FROM students") > 0


@pytest.mark.parametrize("college", ATTACKS, indirect=True)
def test_what_is_written_meanwhile_is_not_read(college: sa.Engine) -> None:
    url = college.url.render_as_string(hide_password=False)
    with open_snapshot(create_college_engine(url, lock_seconds=1), "CLIENT_DB_URL") as connection:
        ask = "SELECT count(*) FROM students"
        before = connection.exec_driver_sql(ask).scalar_one()
        try:
            with college.connect() as other:
                if college.dialect.name == "sqlite":
                    other.exec_driver_sql("PRAGMA busy_timeout=100")
                other.exec_driver_sql("DELETE FROM students")
                other.commit()
        except sa.exc.OperationalError:
            # A SQLite file that is read is not written: whoever writes it waits.
            assert college.dialect.name == "sqlite"
        assert connection.exec_driver_sql(ask).scalar_one() == before
