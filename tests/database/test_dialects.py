"""The pieces of SQL of a drafted mapping: their words in each dialect, and their values on SQLite."""

from __future__ import annotations

from typing import Any

import pytest

from edumetrics.database import Sql, create_writable_engine, open_connection

SQLITE, POSTGRESQL, MYSQL = Sql("sqlite"), Sql("postgresql"), Sql("mysql")
STARTS = "'2026-01-05'"


def compute(expression: str) -> Any:
    with open_connection(create_writable_engine("sqlite://"), "the test") as connection:
        return connection.exec_driver_sql(f"SELECT {expression}").scalar()


@pytest.mark.parametrize(
    ("value", "look"),
    [
        ("'05/01/2026'", "day first"),
        ("'05-01-2026'", "day first"),
        ("'01/05/2026'", "month first"),
    ],
)
def test_the_fifth_of_january_has_many_forms(value: str, look: str) -> None:
    assert compute(SQLITE.convert_date(value, look)) == "2026-01-05"


WEEKS = [
    ("2026-01-05", 1, "2026-01-05"),
    ("2026-01-11", 1, "2026-01-05"),
    ("2026-01-12", 2, "2026-01-12"),
    ("2026-03-01", 8, "2026-02-23"),
]


@pytest.mark.parametrize(("day", "week"), [line[:2] for line in WEEKS])
def test_a_week_is_seven_days(day: str, week: int) -> None:
    assert compute(SQLITE.compute_week(f"'{day}'", STARTS)) == week


@pytest.mark.parametrize(("day", "first"), [line[::2] for line in WEEKS])
def test_a_week_has_a_first_day(day: str, first: str) -> None:
    assert compute(SQLITE.compute_first_day(f"'{day}'", STARTS)) == first


@pytest.mark.parametrize(("word", "value"), [("P", 1), ("late", 1), ("a", 0), ("?", None), ("", None)])  # fmt: skip
def test_words_are_translated_and_unknown_ones_are_null(word: str, value: int | None) -> None:
    codes = {"1": ["p", "late"], "0": ["a"]}
    assert compute(SQLITE.translate_words(f"'{word}'", codes)) == value


def test_words_may_become_words() -> None:
    assert compute(SQLITE.translate_words("'MID'", {"midterm": ["mid"]})) == "midterm"


@pytest.mark.parametrize("name", ["Roll No", 'a "b" c', "select", "naïve"])
def test_a_quoted_name_is_read_as_it_is_written(name: str) -> None:
    quoted = SQLITE.format_name(name)
    assert compute(f"{quoted} FROM (SELECT 7 AS {quoted})") == 7


@pytest.mark.parametrize(
    ("sql", "name", "day"),
    [
        (SQLITE, '"a""b`"', "'2026-01-05'"),
        (POSTGRESQL, '"a""b`"', "DATE '2026-01-05'"),
        (MYSQL, '`a"b```', "DATE '2026-01-05'"),
        (Sql("mariadb"), '`a"b```', "DATE '2026-01-05'"),
    ],
)
def test_names_and_days_are_quoted_as_each_database_has_it(sql: Sql, name: str, day: str) -> None:
    assert sql.format_name('a"b`') == name
    assert sql.format_day("2026-01-05") == day


@pytest.mark.parametrize(
    ("look", "postgresql", "mysql"),
    [
        ("seconds", "{day(x)}", "{day(x)}"),
        ("milliseconds", "{day(x / 1000)}", "{day(x / 1000)}"),
        ("day first", "to_date(x, 'DD/MM/YYYY')", "STR_TO_DATE(x, '%d/%m/%Y')"),
        ("month first", "to_date(x, 'MM/DD/YYYY')", "STR_TO_DATE(x, '%m/%d/%Y')"),
    ],
)
def test_servers_convert_dates_in_their_own_words(look: str, postgresql: str, mysql: str) -> None:
    assert POSTGRESQL.convert_date("x", look) == postgresql
    assert MYSQL.convert_date("x", look) == mysql


def test_servers_count_weeks_in_their_own_words() -> None:
    # A day before week 1 is in week 0 or less everywhere: a cut fraction would round it up.
    days = "(CAST(x AS date) - CAST(s AS date))"
    assert POSTGRESQL.compute_week("x", "s") == f"({days} + 7000) / 7 - 999"
    assert MYSQL.compute_week("x", "s") == "FLOOR(DATEDIFF(x, s) / 7) + 1"
    assert POSTGRESQL.compute_first_day("x", "s") == f"s + {days} / 7 * 7"
    first = "DATE_ADD(s, INTERVAL 7 * FLOOR(DATEDIFF(x, s) / 7) DAY)"
    assert MYSQL.compute_first_day("x", "s") == first


def test_only_sqlite_numbers_its_rows() -> None:
    assert [sql.row_number for sql in (SQLITE, POSTGRESQL, MYSQL)] == ["rowid", "", ""]
