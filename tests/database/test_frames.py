"""A frame goes into a table and comes out with the same values and dtypes, here on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.database import (
    create_writable_engine,
    describe_columns,
    insert_frame,
    open_connection,
    read_frame,
)

TABLE = sa.Table(
    "weeks",
    sa.MetaData(),
    sa.Column("name", sa.Text),
    sa.Column("number", sa.Integer),
    sa.Column("share", sa.Double),
    sa.Column("seen", sa.Boolean),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime),
)
FRAME = pd.DataFrame(
    {
        "name": ["asha", 'O\'Brien "x" 100%'],
        "number": [1, 2],
        "share": [0.5, 1 / 3],
        "seen": [True, False],
        "day": pd.to_datetime(["2026-01-05", "2026-02-28"]),
        "at": pd.to_datetime(["2026-01-05 10:11:12.5", "2026-02-28 00:00:00.0"]),
    }
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database in memory with an empty table."""
    with open_connection(create_writable_engine("sqlite://"), "the test") as opened:
        TABLE.create(opened)
        yield opened


def stored(connection: Connection, expression: str) -> list[Any]:
    return list(connection.exec_driver_sql(f"SELECT {expression} FROM weeks").scalars())


def test_values_come_back_as_they_went_in(connection: Connection) -> None:
    assert insert_frame(connection, TABLE, FRAME) == 2
    back = read_frame(connection, sa.select(TABLE))
    for name in FRAME:
        assert back[name].tolist() == FRAME[name].tolist(), name


def test_dtypes_follow_the_types_of_the_query(connection: Connection) -> None:
    insert_frame(connection, TABLE, FRAME)
    kinds = ["str", "int64", "float64", "boolean", "datetime64[us]", "datetime64[us]"]
    assert read_frame(connection, sa.select(TABLE)).dtypes.astype("str").tolist() == kinds


def test_without_a_row_there_are_columns(connection: Connection) -> None:
    assert insert_frame(connection, TABLE, FRAME.head(0)) == 0
    back = read_frame(connection, sa.select(TABLE))
    assert (len(back), list(back)) == (0, list(FRAME))


def test_null_stays_null_and_a_whole_number_whole(connection: Connection) -> None:
    empty = {"name": None, "number": None, "share": None, "seen": None, "day": None, "at": None}
    with_null = pd.concat([FRAME.head(1), pd.DataFrame([empty])], ignore_index=True)
    insert_frame(connection, TABLE, with_null.astype({"day": "datetime64[us]", "at": "datetime64[us]"}))  # fmt: skip
    back = read_frame(connection, sa.select(TABLE))
    assert back.isna().to_numpy().tolist() == [[False] * 6, [True] * 6]
    assert back["number"].dtype == "float64", "whole numbers with nulls have no plain dtype"
    assert stored(connection, "typeof(number)") == ["integer", "null"]


def test_a_day_is_stored_without_a_time(connection: Connection) -> None:
    insert_frame(connection, TABLE, FRAME)
    assert stored(connection, "day") == ["2026-01-05", "2026-02-28"]


def test_the_order_of_the_columns_does_not_matter_and_others_stay_null(
    connection: Connection,
) -> None:
    insert_frame(connection, TABLE, FRAME[["share", "name"]])
    assert stored(connection, "name") == FRAME["name"].tolist()
    assert stored(connection, "number") == [None, None]


def test_a_query_may_have_values(connection: Connection) -> None:
    insert_frame(connection, TABLE, FRAME)
    chosen = sa.select(TABLE.c.number).where(
        TABLE.c.day >= date(2026, 2, 1), TABLE.c.name.in_([*FRAME["name"], "bala"])
    )
    assert read_frame(connection, chosen)["number"].tolist() == [2]


def test_a_select_is_described_without_its_rows(connection: Connection) -> None:
    found = describe_columns(connection, "SELECT name, share AS part, '50%' AS half FROM weeks")
    assert found == {"name": None, "part": None, "half": None}
