"""SQL with the same result on every database: typed values, ids in order, parts computed once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from edumetrics.fields.record import Kind

# The column type for each kind of field. Double, because plain Float has single precision on MySQL.
TYPES: dict[Kind, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "int": sa.Integer,
    "float": sa.Double,
    "bool": sa.Boolean,
    "date": sa.Date,
    "time": sa.DateTime,
    "json": sa.JSON,
}
# MySQL and MariaDB merge a part of a query into the whole, but not one that has a limit.
KEPT_APART = "LIMIT 1000000000"
# A text that is part of a key: MySQL has no keys of unbounded length.
KEY_TEXT = sa.Text().with_variant(sa.String(100), "mysql", "mariadb")


class byte_order(FunctionElement[str]):  # noqa: N801 - it reads as a SQL function
    """A text that is compared byte by byte, whatever the collation of the database is."""

    inherit_cache = True
    name = "byte_order"
    type = sa.Text()


@compiles(byte_order)
def _compile_byte_order(element: byte_order, compiler: SQLCompiler, **kw: Any) -> str:
    """Return the SQL of the text, with the C collation on PostgreSQL."""
    # SQLite compares bytes by default, and `canonical` gives text on MySQL a binary collation.
    collation = ' COLLATE "C"' if compiler.dialect.name == "postgresql" else ""
    return compiler.process(next(iter(element.clauses)), **kw) + collation


class absent(FunctionElement[Any]):  # noqa: N801 - it reads as a SQL function
    """Null in the type of a kind of field, for a column that a college does not have."""

    inherit_cache = False
    name = "absent"

    def __init__(self, kind: Kind) -> None:
        self.type = TYPES[kind]()
        super().__init__()


@compiles(absent)
def _compile_absent(element: absent, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(sa.cast(sa.null(), element.type), **kw)


@compiles(absent, "mysql", "mariadb")
def _compile_absent_mysql(element: absent, compiler: SQLCompiler, **kw: Any) -> str:
    """Return a plain null for yes or no, which are no type there."""
    if isinstance(element.type, sa.Boolean):
        return "NULL"
    return _compile_absent(element, compiler, **kw)


def build_materialized_cte(select: sa.Select[Any], name: str) -> sa.CTE:
    """Return a small part of a query as a CTE that is computed once.

    Without this, SQLite would compute it again for every row that it is joined to, and MariaDB
    would compare every row of it with every other one: what it keeps apart gets an index.
    """
    for dialect in ("mysql", "mariadb"):
        select = select.suffix_with(KEPT_APART, dialect=dialect)
    return select.cte(name).prefix_with("MATERIALIZED", dialect="sqlite")


def order_highest_first(column: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    """Return an ORDER BY that puts the highest id first, the same on every database.

    Ids compare as a person reads numbers: 10 is higher than 9.
    """
    # Of two texts of digits the longer one is the higher number.
    return (sa.func.length(column).desc(), byte_order(column).desc())
