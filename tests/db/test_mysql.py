"""A college on MySQL or MariaDB is read as one on SQLite is; skipped, with a reason, where there is no server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics import database
from edumetrics.college import checks
from edumetrics.college.terms import College
from edumetrics.inputs.terms import find_term
from edumetrics.workspace import Workspace
from tests.colleges import native_params, same, score
from tests.foreign import facultad, native
from tests.foreign.test_same_college import AS_OF, mapped
from tests.independent import generator

Url = Callable[[], str]
REFUSED = ("DELETE FROM students", "CREATE TABLE t (x int)", "UPDATE students SET name = 'x'")


@pytest.mark.slow
@pytest.mark.parametrize("variant", [pytest.param("dirty", marks=pytest.mark.prove), "all"])
def test_dirty_colleges_with_every_option_give_the_same_metrics(
    variant: str, mysql_url: Url, tmp_path: Path
) -> None:
    path = tmp_path / "college.db"
    generator.build(path, 5, variant)
    there = mysql_url()
    native.put(there, native.records(f"sqlite:///{path}"))
    week = max(score(f"sqlite:///{path}", 12))
    same(score(there, week), score(f"sqlite:///{path}", week))


@pytest.mark.prove
def test_a_foreign_schema_on_mariadb(simulated: str, mysql_url: Url) -> None:
    there = mysql_url()
    native.put(there, facultad.tables(native.records(simulated)))
    same(score(there, 10, mapped("facultad")), score(simulated, 10))


@pytest.mark.slow
def test_what_a_wrong_mapping_looks_like_is_asked_there_too(simulated: str, mysql_url: Url) -> None:
    there, params = mysql_url(), mapped("facultad")
    native.put(there, facultad.tables(native.records(simulated)))
    swapped = (
        params.college.relations["attendance"]
        .replace("AS lectures_held", "AS x")
        .replace("AS present", "AS lectures_held")
    )
    wrong = params.college.relations | {"attendance": swapped.replace("AS x", "AS present")}
    for relations, found in ((params.college.relations, []), (wrong, ["attendance: present"])):
        chosen = params.model_copy(
            update={"college": params.college.model_copy(update={"relations": relations})}
        )
        with database.open_connection(
            database.create_college_engine(there), "CLIENT_DB_URL"
        ) as connection:
            college = College(connection, chosen)
            term = find_term(college, "", college.find_college_week(AS_OF))
            assert checks.check_mapping(college, term, 10)["check"].tolist()[:1] == found


def test_it_cannot_be_written(demo: Workspace, mysql_url: Url) -> None:
    url = mysql_url()
    native.put(url, {"students": native.records(demo.settings.client_db_url)["students"]})
    engine = database.create_college_engine(url)
    for statement in REFUSED:
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="READ ONLY"):
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        assert database.has_write_access(connection), "root could; check warns of it"


def test_a_role_that_may_only_select_is_recognised(mysql_url: Url) -> None:
    url = sa.make_url(mysql_url())
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (`update` INT, other INT)")
        connection.exec_driver_sql("CREATE OR REPLACE USER reader@localhost")
        connection.exec_driver_sql(
            f"GRANT SELECT (`update`) ON {url.database}.notes TO reader@localhost"
        )
    reader = database.create_college_engine(
        url.set(username="reader").render_as_string(hide_password=False)
    )
    with reader.connect() as connection:
        assert not database.has_write_access(connection)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"GRANT INSERT ON {url.database}.notes TO reader@localhost")
    with reader.connect() as connection:
        assert database.has_write_access(connection)


def test_ids_that_differ_in_case_or_accents_are_two(mysql_url: Url) -> None:
    url = mysql_url()
    ids = ["a1", "A1", "é1", "e1"]
    people = pd.DataFrame({"student_id": ids, "class_id": "C", "name": ids})
    others = {
        "classes": pd.DataFrame({"class_id": ["C"], "even_sem": [2]}),
        "advisors": pd.DataFrame({"advisor_id": ["A"]}),
    }
    registers = pd.DataFrame(
        {
            "id": range(1, 5),
            "student_id": ids,
            "class_id": "C",
            "subject_id": "S",
            "semester": 2,
            "week": 1,
            "week_date": pd.Timestamp("2026-01-05"),
            "lectures_held": 4,
            "present": 3,
        }
    )
    native.put(url, {**others, "students": people, "attendance": registers})
    none = dict.fromkeys(native_params().college.relations)
    relations = {
        **none,
        **{name: name for name in ("classes", "advisors", "students", "attendance")},
    }
    with database.open_connection(
        database.create_college_engine(url), "CLIENT_DB_URL"
    ) as connection:
        college = College(connection, native_params(**relations))
        term = find_term(college, "", college.find_college_week(pd.Timestamp("2026-01-11").date()))
        assert sorted(college.students["student_id"]) == sorted(ids)
        assert len(college.read_registers(term.class_semesters, 1)) == 4


def test_moments_are_read_in_the_colleges_time_zone(mysql_url: Url) -> None:
    url = mysql_url()
    for zone, hours in (("Asia/Kolkata", "05:30"), ("America/Caracas", "20:00")):
        with database.create_college_engine(url, zone).connect() as connection:
            assert (
                str(connection.exec_driver_sql("SELECT TIME(FROM_UNIXTIME(0))").scalar()).zfill(8)
                == f"{hours}:00"
            )
