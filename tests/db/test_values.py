"""The same values come out of the same rows on every database, whatever stands in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.database import (
    canonical,
    create_college_engine,
    describe_columns,
    open_connection,
    read_frame,
    stood,
)
from edumetrics.database.canonical import find_last_day
from edumetrics.fields import Field
from edumetrics.fields.record import day, flag, integer, number, text

Url = Callable[[], str]
ENGINES = ("sqlite", "postgresql", "mysql")
ZONE = "America/Los_Angeles"
N = sa.column("n", sa.Integer())
WHOLE, SCORE, YES, DAY = integer("x", "", wide=1000), number("x", ""), flag("x", ""), day("x", "")
END, FAR_END = (day("x", "", ends=ends) for ends in ("null", "last day"))
# What stands in a column, and what it says as a whole number, a number, yes or no, and a day.
TEXTS: list[tuple[str | None, Any, Any, Any, Any]] = [
    ("7", 7, 7, True, None),
    (" 12 ", 12, 12, True, None),
    ("7.0", 7, 7, True, None),
    ("-3", -3, -3, True, None),
    ("+4", 4, 4, True, None),
    ("007", 7, 7, True, None),
    ("0", 0, 0, False, None),
    ("7.5", None, 7.5, None, None),
    (".5", None, 0.5, None, None),
    ("5.", 5, 5, True, None),
    ("1e2", 100, 100, True, None),
    ("1e-5", None, 1e-5, None, None),
    ("1e999", None, None, None, None),
    ("99999", None, 99999, True, None),
    ("1" * 61, None, None, None, None),
    ("13,5", None, None, None, None),
    ("13.5/20", None, None, None, None),
    ("55%", None, None, None, None),
    ("NaN", None, None, None, None),
    ("inf", None, None, None, None),
    ("infinity", None, None, None, None),
    ("0x10", None, None, None, None),
    ("１２", None, None, None, None),
    ("7\n", None, None, None, None),
    ("1-2", None, None, None, None),
    ("1.2.3", None, None, None, None),
    ("e", None, None, None, None),
    (".", None, None, None, None),
    ("EX", None, None, None, None),
    ("Yes", None, None, True, None),
    ("T", None, None, True, None),
    ("off", None, None, False, None),
    ("n", None, None, False, None),
    ("", None, None, None, None),
    ("-", None, None, None, None),
    ("N/A", None, None, None, None),
    (None, None, None, None, None),
    ("2026-02-16", None, None, None, "2026-02-16"),
    ("2026-02-16 23:59:59.25", None, None, None, "2026-02-16"),
    ("2026-02-16T10:00", None, None, None, "2026-02-16"),
    ("2000-02-29", None, None, None, "2000-02-29"),
    ("2026-02-29", None, None, None, None),
    ("2026-2-16", None, None, None, None),
    ("2026-02-16\n", None, None, None, None),
    ("2026-02-16T25:00:00", None, None, None, None),
    ("23/10/2025", None, None, None, None),
    ("16 Feb 2026", None, None, None, None),
    ("2026-02-23T01:00:00Z", None, None, None, "2026-02-22"),
    ("2026-02-23 12:00:00+05:30", None, None, None, "2026-02-22"),
    ("2026-07-13T06:59:59Z", None, None, None, "2026-07-12"),
    ("2026-07-13T07:00:00+00", None, None, None, "2026-07-13"),
    ("2026-02-22T23:00:00-0800", None, None, None, "2026-02-22"),
    ("0000-00-00", None, None, None, None),
    ("1970-01-01 00:00:00", None, None, None, None),
    ("1900-01-01", None, None, None, None),
    ("1066-10-14", None, None, None, None),
    ("2999-12-31", None, None, None, None),
]
NOTHING = (None, "", "-", "N/A")
NO_DAY = (*NOTHING, "0", "0000-00-00", "1970-01-01 00:00:00", "1969-12-31 19:00:00", "1900-01-01")


@pytest.fixture(params=ENGINES)
def create_url(request: pytest.FixtureRequest, tmp_path: Path) -> Url:
    """A function that returns the URL of an empty database."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'values.db'}"
    found: Url = request.getfixturevalue(f"{request.param}_url".replace("postgresql", "postgres"))
    return found


def put(url: str, kind: str, values: list[Any]) -> str:
    """Write values into a column of a table `raw`, in their order."""
    url = url.replace("postgresql:", "postgresql+psycopg2:")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        if "mysql" in url:  # as in old school systems
            connection.exec_driver_sql("SET sql_mode = ''")
        connection.exec_driver_sql(f"CREATE TABLE raw (n INTEGER, x {kind})")
        for place, value in enumerate(values):
            connection.execute(sa.text("INSERT INTO raw VALUES (:n, :x)"), {"n": place, "x": value})
    engine.dispose()
    return url


def read(url: str, field: Field, zone: str = ZONE) -> list[tuple[Any, bool]]:
    """What is read of a column, and whether something stood there."""
    source = "SELECT n, x FROM raw"
    engine = create_college_engine(url, zone)
    with open_connection(engine, "the test") as connection:
        stored = describe_columns(connection, source)["x"]
        rows = sa.text(source).columns(N, sa.column("x")).subquery("source")
        wanted = sa.select(
            rows.c.n,
            canonical(rows.c.x, field, stored, zone).label("value"),
            stood(rows.c.x, field, stored).label("stood"),
        )
        frame = read_frame(connection, wanted).sort_values("n")
    engine.dispose()
    values = [
        None if pd.isna(one) else one.date().isoformat() if isinstance(one, pd.Timestamp) else one
        for one in frame["value"]
    ]
    return list(zip(values, frame["stood"] == 1, strict=True))


def test_texts_say_the_same_on_every_database(create_url: Url) -> None:
    url = put(create_url(), "VARCHAR(80)", [row[0] for row in TEXTS])
    for place, field in enumerate((WHOLE, SCORE, YES, DAY), start=1):
        nothing = NO_DAY if field is DAY else NOTHING
        found = dict(zip((row[0] for row in TEXTS), read(url, field), strict=True))
        wanted = {row[0]: (row[place], row[0] not in nothing) for row in TEXTS}
        assert found == wanted, field.kind


def test_an_end_far_ahead_is_open(create_url: Url) -> None:
    url = put(create_url(), "VARCHAR(80)", ["9999-12-31", "infinity", "2999-01-01", "1066-10-14"])
    assert read(url, END) == [(None, False), (None, False), (None, False), (None, True)]
    last = find_last_day()
    assert read(url, FAR_END) == [(last, False), (last, False), (last, False), (None, True)]
    assert [there for _, there in read(url, DAY)] == [True] * 4


def test_a_day_two_years_from_now_is_the_last_one(create_url: Url) -> None:
    url = put(create_url(), "VARCHAR(80)", [find_last_day()])
    assert read(url, DAY) == [(find_last_day(), True)]


@pytest.mark.parametrize("kind", ["DOUBLE PRECISION", "NUMERIC(10, 2)"])
def test_columns_of_numbers_keep_halves_and_bounds(kind: str, create_url: Url) -> None:
    url = put(create_url(), kind, [0.5, 3, -2, 5000, None])
    assert [value for value, _ in read(url, SCORE)] == [0.5, 3, -2, 5000, None]
    assert [value for value, _ in read(url, WHOLE)] == [None, 3, -2, None, None]
    assert [value for value, _ in read(url, YES)] == [None, True, True, True, None]


def test_whole_numbers_wider_than_their_column_are_none(create_url: Url) -> None:
    url = put(create_url(), "BIGINT", [5, 2**40, None])
    assert [value for value, _ in read(url, integer("x", ""))] == [5, None, None]


def test_not_a_number_and_infinity_are_none(postgres_url: Url) -> None:
    url = put(postgres_url(), "DOUBLE PRECISION", ["NaN", "Infinity", 1.5])
    assert read(url, SCORE) == [(None, True), (None, True), (1.5, True)]


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP"])
def test_days_of_their_own_type(kind: str, postgres_url: Url) -> None:
    url = put(postgres_url(), kind, ["2026-02-16", "infinity", "1066-10-14", None])
    assert read(url, END) == [("2026-02-16", True), (None, False), (None, True), (None, False)]


@pytest.mark.parametrize("kind", ["DATE", "DATETIME"])
def test_zero_dates_of_mariadb_are_nothing(kind: str, mysql_url: Url) -> None:
    url = put(mysql_url(), kind, ["2026-02-16", "0000-00-00", "9999-12-31"])
    assert read(url, END) == [("2026-02-16", True), (None, False), (None, False)]


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_moments_are_the_days_of_the_college_by_its_own_transitions(
    engine: str, request: pytest.FixtureRequest
) -> None:
    """A server without zone tables knows only today's offset, which is wrong for half the year."""
    kind = {"postgres": "TIMESTAMP WITH TIME ZONE", "mysql": "VARCHAR(40)"}[engine]
    moments = ["2026-01-12 07:59:59+00:00", "2026-01-12 08:00:00+00:00",
               "2026-07-13 06:59:59+00:00", "2026-07-13 07:00:00+00:00"]  # fmt: skip
    url = put(request.getfixturevalue(f"{engine}_url")(), kind, moments)
    days = ["2026-01-11", "2026-01-12", "2026-07-12", "2026-07-13"]
    assert [value for value, _ in read(url, DAY)] == days


def test_timestamps_of_mariadb_are_the_days_of_the_college(mysql_url: Url) -> None:
    url = mysql_url()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET time_zone = '+00:00'")
        connection.exec_driver_sql("CREATE TABLE raw (n INTEGER, x TIMESTAMP)")
        for place, moment in enumerate(("2026-01-12 07:59:59", "2026-07-13 06:59:59")):
            connection.exec_driver_sql(f"INSERT INTO raw VALUES ({place}, '{moment}')")
    engine.dispose()
    assert [value for value, _ in read(url, DAY)] == ["2026-01-11", "2026-07-12"]


def test_bytes_that_are_no_text_end_no_statement(tmp_path: Path) -> None:
    url = put(f"sqlite:///{tmp_path / 'values.db'}", "TEXT", ["plain", b"\xff\xfe"])
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO raw VALUES (2, CAST(x'C3' AS TEXT))")
    engine.dispose()
    assert [value for value, _ in read(url, text("x", ""))] == ["plain", "��", "�"]
    assert [value for value, _ in read(url, SCORE)] == [None] * 3
