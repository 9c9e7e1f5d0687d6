"""Typed values, ids in order and percentages: the SQL of each database, and what SQLite makes of values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.engine.default import DefaultDialect

from edumetrics.database import (
    TYPES,
    build_materialized_cte,
    canonical,
    clip_percent,
    compute_percent,
    create_writable_engine,
    open_connection,
    order_highest_first,
    read_frame,
)
from edumetrics.fields import Kind

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),
    "mysql": mysql.dialect(),
    "other": DefaultDialect(),
}
X: sa.ColumnClause[Any] = sa.column("x")
# As on SQLite, a text that is not a number as a whole is null on MySQL.
MYSQL_NUMBER = (
    "CASE WHEN TRIM(CAST(x AS CHAR)) REGEXP '^[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?$' THEN "
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database in memory."""
    with open_connection(create_writable_engine("sqlite://"), "the test") as opened:
        yield opened


def write(of: sa.ClauseElement, dialect: str) -> str:
    compiled = of.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True})
    return " ".join(str(compiled).split())


def read(connection: Connection, kind: Kind, *stored: Any) -> list[Any]:
    """What is read of values in a column without a type, which holds each as it is."""
    connection.exec_driver_sql("CREATE TABLE raw (x)")
    connection.exec_driver_sql("INSERT INTO raw VALUES (?)", [(value,) for value in stored])
    frame = read_frame(connection, sa.select(canonical(X, kind).label("x")).select_from(sa.table("raw")))  # fmt: skip
    return [None if pd.isna(value) else value for value in frame["x"]]


def compute(connection: Connection, of: sa.ColumnElement[Any]) -> Any:
    return connection.execute(sa.select(of)).scalar()


@pytest.mark.parametrize(
    ("dialect", "kind", "stored", "sql"),
    [
        ("sqlite", "text", None, "CAST(x AS TEXT)"),
        ("sqlite", "date", sa.Date(), "NULLIF(substr(x, 1, 10), '')"),
        ("postgresql", "text", None, "CAST(x AS text)"),
        ("postgresql", "int", None, "CAST(x AS integer)"),
        ("postgresql", "float", None, "CAST(x AS double precision)"),
        ("postgresql", "bool", None, "CAST(CAST(x AS text) AS boolean)"),
        ("postgresql", "bool", sa.Boolean(), "x"),
        ("postgresql", "date", None, "CAST(CAST(x AS timestamp) AS date)"),
        ("postgresql", "date", sa.Date(), "x"),
        ("postgresql", "date", sa.DateTime(), "CAST(x AS date)"),
        ("mysql", "text", None, "CONVERT(x USING utf8mb4) COLLATE utf8mb4_bin"),
        ("mysql", "date", None, "DATE(x)"),
        ("mysql", "int", sa.Integer(), "CAST(x AS SIGNED)"),
        ("mysql", "float", sa.Numeric(), "(x + 0e0)"),
        ("mysql", "int", None, f"{MYSQL_NUMBER}CAST(x AS SIGNED) END"),
        ("mysql", "float", sa.Text(), f"{MYSQL_NUMBER}(x + 0e0) END"),
        ("other", "text", None, "CAST(x AS TEXT)"),
        ("other", "int", None, "CAST(x AS INTEGER)"),
        ("other", "float", None, "CAST(x AS DOUBLE)"),
    ],
)
def test_a_column_is_converted_in_the_words_of_each_database(
    dialect: str, kind: Kind, stored: sa.types.TypeEngine[Any] | None, sql: str
) -> None:
    assert write(canonical(X, kind, stored), dialect) == sql


@pytest.mark.parametrize("kind", TYPES)
def test_a_converted_column_has_the_type_of_its_kind(kind: Kind) -> None:
    assert type(canonical(X, kind).type) is TYPES[kind]


def test_ids_are_text(connection: Connection) -> None:
    stored = ["a1", "A1", 7, 1.5, "", " x ", None]
    assert read(connection, "text", *stored) == ["a1", "A1", "7", "1.5", "", " x ", None]


def test_whole_numbers_may_be_stored_as_text(connection: Connection) -> None:
    assert read(connection, "int", 7, "7", " 12 ", "-3", "+4", "007") == [7, 7, 12, -3, 4, 7]


@pytest.mark.parametrize("kind", ["int", "float"])
def test_a_text_that_is_no_number_is_null(kind: Kind, connection: Connection) -> None:
    stored = ["7 items", "abc", "", "-", "12%", "1,5", "e", None]
    assert read(connection, kind, *stored) == [None] * len(stored)


@pytest.mark.parametrize("stored", ["2026-01-05", "1-2", "1.2.3"])
def test_a_text_of_digits_and_signs_may_be_no_number(stored: str, connection: Connection) -> None:
    assert read(connection, "float", stored) == [None]


def test_numbers_may_be_stored_as_text(connection: Connection) -> None:
    stored = [2, 2.5, "2.5", ".5", "-0.25", "1e3", " 4 "]
    assert read(connection, "float", *stored) == [2, 2.5, 2.5, 0.5, -0.25, 1000, 4]


def test_yes_has_many_forms_and_anything_else_is_no(connection: Connection) -> None:
    yes = [1, 1.0, "1", "1.0", "true", "TRUE", "t", "yes", "Y"]
    no = [0, 0.0, 2, "0", "false", "no", "n", ""]
    found = read(connection, "bool", *yes, *no, None)
    assert found == [True] * len(yes) + [False] * len(no) + [None]


def test_a_date_is_its_day(connection: Connection) -> None:
    stored = ["2026-01-05", "2026-01-05 23:59:59", "2026-01-05T10:00:00+05:30"]
    assert read(connection, "date", *stored) == [pd.Timestamp("2026-01-05")] * 3


def test_what_is_no_date_is_null(connection: Connection) -> None:
    assert read(connection, "date", "", "soon", "2026-02-30", None) == [None] * 4


def test_the_highest_id_is_the_highest_number(connection: Connection) -> None:
    ids = ["9", "10", "2", "100", "a", "B", "b1", "b2", "é"]
    connection.exec_driver_sql("CREATE TABLE raw (x)")
    connection.exec_driver_sql("INSERT INTO raw VALUES (?)", [(value,) for value in ids])
    ordered = sa.select(X).select_from(sa.table("raw")).order_by(*order_highest_first(X))
    found = connection.execute(ordered).scalars().all()
    assert found == ["100", "b2", "b1", "10", "é", "a", "B", "9", "2"]


@pytest.mark.parametrize(
    ("dialect", "collation"), [("sqlite", ""), ("mysql", ""), ("postgresql", ' COLLATE "C"')]
)
def test_ids_are_compared_byte_by_byte(dialect: str, collation: str) -> None:
    words = [write(part, dialect) for part in order_highest_first(X)]
    assert words == ["length(x) DESC", f"x{collation} DESC"]


@pytest.mark.parametrize(
    ("percent", "clipped"), [(-5, 0), (0, 0), (50.5, 50.5), (100, 100), (130, 100), (None, None)]
)
def test_a_percentage_is_within_0_and_100(
    percent: float | None, clipped: float | None, connection: Connection
) -> None:
    assert compute(connection, clip_percent(sa.literal(percent, sa.Double()))) == clipped


@pytest.mark.parametrize(
    ("marks", "out_of", "percent"),
    [(5, 10, 50), (0, 10, 0), (1, 3, 100 / 3), (10, 10, 100), (12, 10, 100), (-1, 10, None),
     (5, 0, None), (0, 0, None), (5, -10, None), (None, 10, None), (5, None, None)],
)  # fmt: skip
def test_marks_are_percent_of_what_could_be_had(
    marks: int | None, out_of: int | None, percent: float | None, connection: Connection
) -> None:
    found = compute(connection, compute_percent(sa.literal(marks, sa.Integer()), sa.literal(out_of, sa.Integer())))  # fmt: skip
    assert found == (None if percent is None else pytest.approx(percent))


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql"])
def test_sqlite_is_told_to_compute_a_part_once(dialect: str, connection: Connection) -> None:
    part = build_materialized_cte(sa.select(sa.literal(7).label("x")), "part")
    query = sa.select(part.c.x)
    assert ("MATERIALIZED" in write(query, dialect)) == (dialect == "sqlite")
    assert connection.execute(query).scalar() == 7
