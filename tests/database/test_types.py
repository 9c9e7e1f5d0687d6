"""Ids in order, percentages and parts computed once: the SQL of each database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.engine.default import DefaultDialect

from edumetrics.database import (
    build_materialized_cte,
    create_writable_engine,
    open_connection,
    order_highest_first,
)

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),
    "mysql": mysql.dialect(),
    "other": DefaultDialect(),
}
X: sa.ColumnClause[Any] = sa.column("x")


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database in memory."""
    with open_connection(create_writable_engine("sqlite://"), "the test") as opened:
        yield opened


def write(of: sa.ClauseElement, dialect: str) -> str:
    compiled = of.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True})
    return " ".join(str(compiled).split())


def compute(connection: Connection, of: sa.ColumnElement[Any]) -> Any:
    return connection.execute(sa.select(of)).scalar()


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


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql"])
def test_sqlite_is_told_to_compute_a_part_once(dialect: str, connection: Connection) -> None:
    part = build_materialized_cte(sa.select(sa.literal(7).label("x")), "part")
    query = sa.select(part.c.x)
    assert ("MATERIALIZED" in write(query, dialect)) == (dialect == "sqlite")
    assert connection.execute(query).scalar() == 7
