"""A profile says what kind of values a column holds, where its keys point, and nothing of anyone."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.onboarding.profile import SourceTable, classify_values, describe_tables


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def describe(connection: sa.Connection, *statements: str) -> dict[str, SourceTable]:
    for statement in statements:
        connection.exec_driver_sql(statement)
    return {table.name: table for table in describe_tables(connection)}


def classify(*values: object) -> str:
    return classify_values(pd.Series(values, dtype="object"))


# ------------------------------------------------------------ kinds of values


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("P", "A", "L", "A", "OD"), "words of present"),  # four of five are known
        (("P", "A", "OD", "ML"), "text"),  # two of four are not enough
        (("p", "p", "p"), "text"),  # a single letter may mean anything
        (("present", "present"), "words of present"),  # a longer word may not
        (("P", "F"), "words of pass_fail"),  # the first group of words that fits
        (("y", "n", "Y"), "words of attempted"),
        (("Mid", "End "), "words of exam_type"),  # capitals and spaces do not matter
        (("easy", "moderate", "difícil"), "words of difficulty"),
        (("0", "1", "1"), "whole"),  # a count may hold nothing but 0 and 1
        (("true", "false"), "words of attempted"),
    ],
)
def test_known_words_are_told_apart_from_other_texts(values: tuple[object, ...], kind: str) -> None:
    assert classify(*values) == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((0, 1), "whole"),  # no fraction: both are whole
        ((0.0, 0.5, 1.0), "fraction"),
        ((0.5, 1.01), "number"),
        ((-0.5, 0.5), "number"),
        (("12", "7.5"), "number"),  # numbers written as text
        ((12, "n/a"), "text"),
        ((299_999_999, 1_767_571_200), "whole"),  # one is before 1979
        ((0, 1_767_571_200), "seconds"),  # 0 is a time that is not set
        ((0, 0), "whole"),
        ((1_767_571_200.5,), "number"),
        ((299_999_999_999,), "whole"),  # too late for seconds, too early for milliseconds
        (("66%", "12.5 %", "-3%"), "percent sign"),
        (("66%", "66"), "text"),
    ],
)
def test_numbers_are_told_apart(values: tuple[object, ...], kind: str) -> None:
    assert classify(*values) == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("13-01-2026", "01-12-2026"), "day first"),
        (("01.13.2026",), "month first"),
        (("12/12/2026",), "day or month first"),
        (("05/01-2026",), "text"),  # the separators differ
        (("5/1/2026",), "text"),  # SQLite cuts a text apart by position: two digits are needed
        (("2026-01-05 10:30:00",), "date"),
        (("2026-01-05", "soon"), "text"),
        (("2026-01-05", "05/01/2026"), "text"),
    ],
)
def test_days_are_told_apart(values: tuple[object, ...], kind: str) -> None:
    assert classify(*values) == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("a@b.example", "none", "c@d.example"), "address"),
        (("a@b.example", "none"), "text"),  # half is not most
        ((None, float("nan"), "  "), "empty"),
        ((), "empty"),
        ((b"abc", "abc"), "bytes"),
        ((memoryview(b"abc"),), "bytes"),
        ((" 12 ", None, ""), "whole"),  # nulls, empty texts and spaces contradict nothing
    ],
)
def test_addresses_bytes_and_nothing_are_told_apart(values: tuple[object, ...], kind: str) -> None:
    assert classify(*values) == kind


# ------------------------------------------------------------ tables


def test_a_key_is_a_column_that_is_the_key_alone(connection: sa.Connection) -> None:
    tables = describe(
        connection,
        "CREATE TABLE one (a INTEGER PRIMARY KEY, b TEXT)",
        "CREATE TABLE two (a INTEGER, b TEXT, PRIMARY KEY (a, b))",
        "CREATE TABLE none (a INTEGER)",
    )
    keys = {name: [c.name for c in table.columns if c.key] for name, table in tables.items()}
    assert keys == {"one": ["a"], "two": [], "none": []}


def test_a_foreign_key_of_one_column_says_where_it_points(connection: sa.Connection) -> None:
    tables = describe(
        connection,
        "CREATE TABLE people (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, UNIQUE (x, y))",
        "CREATE TABLE marks (person INTEGER REFERENCES people (id), x INTEGER, y INTEGER, "
        "FOREIGN KEY (x, y) REFERENCES people (x, y))",
    )
    targets = {column.name: column.target for column in tables["marks"].columns}
    assert targets == {"person": ("people", "id"), "x": None, "y": None}


def test_tables_and_views_come_sorted_with_types_in_lower_case(connection: sa.Connection) -> None:
    tables = describe(
        connection,
        "CREATE TABLE zebra (mark NUMERIC(5, 2))",
        "CREATE TABLE apple (day DATE)",
        "CREATE VIEW middle AS SELECT mark FROM zebra",
    )
    assert list(tables) == ["apple", "middle", "zebra"]
    assert [table.columns[0].type for table in tables.values()] == [
        "date",
        "numeric(5, 2)",
        "numeric(5, 2)",
    ]


def test_a_view_that_cannot_be_read_is_named_and_ends_nothing(connection: sa.Connection) -> None:
    tables = describe(
        connection,
        "CREATE TABLE gone (x TEXT)",
        "CREATE VIEW broken AS SELECT x FROM gone",
        "CREATE TABLE last (x TEXT)",
        "DROP TABLE gone",
    )
    assert tables["broken"].columns == ()
    assert [column.name for column in tables["last"].columns] == ["x"]


def test_the_first_five_hundred_rows_decide(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE days (day TEXT)")
    rows = [("2026-01-05",)] * 500 + [("soon",)]
    connection.exec_driver_sql("INSERT INTO days VALUES (?)", rows)
    assert describe(connection)["days"].columns[0].look == "date"


def test_a_profile_holds_no_value_of_anyone(connection: sa.Connection) -> None:
    tables = describe(
        connection,
        "CREATE TABLE students (id INTEGER, name TEXT, email TEXT, joined TEXT, photo BLOB)",
        "INSERT INTO students VALUES (4711, 'Asha Rao', 'asha@home.example', '31/01/2026', x'ff')",
    )
    assert [column.look for column in tables["students"].columns] == [
        "whole",
        "text",
        "address",
        "day first",
        "bytes",
    ]
    for value in ("4711", "Asha", "asha@", "31/01", "2026"):
        assert value not in repr(tables)
