"""SQL that reads alike on every database: values of any stored type, the order of ids, parts computed once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from edumetrics.fields import Kind

TYPES: dict[Kind, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "int": sa.Integer,
    "float": sa.Double,
    "bool": sa.Boolean,
    "date": sa.Date,
    "time": sa.DateTime,
    "json": sa.JSON,
}


class canonical(FunctionElement[Any]):  # noqa: N801 - it reads as a SQL function
    """A college's column as the kind that its field says, whatever the database stores it as.

    `stored` is the type that the database declares, where that is known: what needs no conversion gets none.
    """

    inherit_cache = False
    name = "canonical"

    def __init__(
        self,
        column: sa.ColumnElement[Any],
        kind: Kind,
        stored: sa.types.TypeEngine[Any] | None = None,
    ) -> None:
        self.type = TYPES[kind]()
        self.stored = stored
        super().__init__(column)


def _operand(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(next(iter(element.clauses)), **kw)


@compiles(canonical)
def _canonical_elsewhere(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({_operand(element, compiler, **kw)} AS {element.type.compile(compiler.dialect)})"


@compiles(canonical, "sqlite")
def _canonical_sqlite(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    x = _operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        return f"NULLIF(substr({x}, 1, 10), '')"
    if isinstance(element.type, sa.Boolean):
        return f"CASE WHEN {x} IS NOT NULL THEN lower(CAST({x} AS TEXT)) IN ('1', '1.0', 'true', 't', 'yes', 'y') END"
    if isinstance(element.type, sa.Integer | sa.Double):
        kind = "REAL" if isinstance(element.type, sa.Double) else "INTEGER"
        # SQLite stores what it is given: a text that is no number is a missing one, not what it begins with.
        number = f"trim({x}) GLOB '*[0-9]*' AND trim({x}) NOT GLOB '*[^-+.0-9eE]*'"
        return f"CASE WHEN typeof({x}) <> 'text' OR ({number}) THEN CAST({x} AS {kind}) END"
    return f"CAST({x} AS TEXT)"


@compiles(canonical, "postgresql")
def _canonical_postgresql(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    x = _operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        if isinstance(element.stored, sa.Date | sa.DateTime):
            return x if isinstance(element.stored, sa.Date) else f"CAST({x} AS date)"
        return f"CAST(CAST({x} AS timestamp) AS date)"
    if isinstance(element.type, sa.Boolean):
        return (
            x if isinstance(element.stored, sa.Boolean) else f"CAST(CAST({x} AS text) AS boolean)"
        )
    if isinstance(element.type, sa.Double):
        return f"CAST({x} AS double precision)"
    return f"CAST({x} AS {'integer' if isinstance(element.type, sa.Integer) else 'text'})"


@compiles(canonical, "mysql", "mariadb")
def _canonical_mysql(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    x = _operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        return f"DATE({x})"
    if isinstance(element.type, sa.Boolean):
        return f"CASE WHEN {x} IS NOT NULL THEN lower(CAST({x} AS CHAR)) IN ('1', 'true', 't', 'yes', 'y') END"
    if isinstance(element.type, sa.Integer | sa.Double):
        number = f"({x} + 0e0)" if isinstance(element.type, sa.Double) else f"CAST({x} AS SIGNED)"
        # As on SQLite: a text that is no number is a missing one.
        numeric = isinstance(element.stored, sa.Integer | sa.Float | sa.Numeric)
        like_one = f"TRIM(CAST({x} AS CHAR)) REGEXP '^[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?$'"
        return number if numeric else f"CASE WHEN {like_one} THEN {number} END"
    # Its usual collations hold 'a1' and 'A1' for one id, other databases do not.
    return f"CONVERT({x} USING utf8mb4) COLLATE utf8mb4_bin"


class byte_order(FunctionElement[str]):  # noqa: N801 - it reads as a SQL function
    """Text compared byte by byte, whatever the database's collation."""

    inherit_cache = True
    name = "byte_order"
    type = sa.Text()


@compiles(byte_order)
def _byte_order(element: byte_order, compiler: SQLCompiler, **kw: Any) -> str:
    collation = ' COLLATE "C"' if compiler.dialect.name == "postgresql" else ""
    return compiler.process(next(iter(element.clauses)), **kw) + collation


def materialized(select: sa.Select[Any], name: str) -> sa.CTE:
    """A small part of a query to be computed once; SQLite would otherwise compute it for every row it is joined to."""
    return select.cte(name).prefix_with("MATERIALIZED", dialect="sqlite")


def highest_first(column: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    """Descending order of ids as a person reads them (10 comes before 9), the same on every database."""
    return (sa.func.length(column).desc(), byte_order(column).desc())
