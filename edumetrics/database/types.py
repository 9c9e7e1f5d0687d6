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
# A text that is part of a key: MySQL has no keys of unbounded length.
KEY_TEXT = sa.Text().with_variant(sa.String(100), "mysql", "mariadb")


class canonical(FunctionElement[Any]):  # noqa: N801 - it reads as a SQL function
    """A column of the college, converted to the kind of its field from any stored type.

    `stored` is the type that the database declares, or None if that is not known. A column that
    already has the right type is not converted.
    """

    # The SQL depends on `kind` and `stored`, which a cache key would not contain.
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


def _compile_operand(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(next(iter(element.clauses)), **kw)


@compiles(canonical)
def _compile_canonical(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    """Return a plain CAST, for databases without a rule of their own."""
    operand = _compile_operand(element, compiler, **kw)
    return f"CAST({operand} AS {element.type.compile(compiler.dialect)})"


@compiles(canonical, "sqlite")
def _compile_sqlite(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    """Return the conversion on SQLite, where a column may hold values of any type."""
    x = _compile_operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        # Dates are text: the first ten characters are the day, and empty text is no date.
        return f"NULLIF(substr({x}, 1, 10), '')"
    if isinstance(element.type, sa.Boolean):
        return (
            f"CASE WHEN {x} IS NOT NULL THEN lower(CAST({x} AS TEXT))"
            " IN ('1', '1.0', 'true', 't', 'yes', 'y') END"
        )
    if isinstance(element.type, sa.Integer | sa.Double):
        kind = "REAL" if isinstance(element.type, sa.Double) else "INTEGER"
        # A numeric column of SQLite may hold text. CAST reads the number a text begins with; a
        # comparison converts a text only if all of it is a number, and other texts become null.
        number = f"CAST(trim({x}) AS NUMERIC)"
        return (
            f"CASE WHEN typeof({x}) <> 'text' THEN CAST({x} AS {kind})"
            f" WHEN {number} = trim({x}) THEN CAST({number} AS {kind}) END"
        )
    return f"CAST({x} AS TEXT)"


@compiles(canonical, "postgresql")
def _compile_postgresql(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    """Return the conversion on PostgreSQL, which refuses values that it cannot convert."""
    x = _compile_operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        if isinstance(element.stored, sa.Date | sa.DateTime):
            return x if isinstance(element.stored, sa.Date) else f"CAST({x} AS date)"

        return f"CAST(CAST({x} AS timestamp) AS date)"
    if isinstance(element.type, sa.Boolean):
        return (
            # PostgreSQL casts to boolean from text, but not from every type of number.
            x if isinstance(element.stored, sa.Boolean) else f"CAST(CAST({x} AS text) AS boolean)"
        )
    if isinstance(element.type, sa.Double):
        return f"CAST({x} AS double precision)"
    return f"CAST({x} AS {'integer' if isinstance(element.type, sa.Integer) else 'text'})"


@compiles(canonical, "mysql", "mariadb")
def _compile_mysql(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    """Return the conversion on MySQL and MariaDB, which read the number a text begins with."""
    x = _compile_operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        return f"DATE({x})"
    if isinstance(element.type, sa.Boolean):
        return (
            f"CASE WHEN {x} IS NOT NULL THEN lower(CAST({x} AS CHAR))"
            " IN ('1', 'true', 't', 'yes', 'y') END"
        )
    if isinstance(element.type, sa.Integer | sa.Double):
        # Adding a float makes a double on all versions; old ones do not have CAST AS DOUBLE.
        number = f"({x} + 0e0)" if isinstance(element.type, sa.Double) else f"CAST({x} AS SIGNED)"
        # As on SQLite, a text that is not a number becomes null.
        numeric = isinstance(element.stored, sa.Integer | sa.Float | sa.Numeric)
        like_one = f"TRIM(CAST({x} AS CHAR)) REGEXP '^[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?$'"
        return number if numeric else f"CASE WHEN {like_one} THEN {number} END"
    # The usual collations of MySQL treat 'a1' and 'A1' as one id; other databases do not.
    return f"CONVERT({x} USING utf8mb4) COLLATE utf8mb4_bin"


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


def build_materialized_cte(select: sa.Select[Any], name: str) -> sa.CTE:
    """Return a small part of a query as a CTE that is computed once.

    Without this, SQLite would compute it again for every row that it is joined to.
    """
    return select.cte(name).prefix_with("MATERIALIZED", dialect="sqlite")


def order_highest_first(column: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    """Return an ORDER BY that puts the highest id first, the same on every database.

    Ids compare as a person reads numbers: 10 is higher than 9.
    """
    # Of two texts of digits the longer one is the higher number.
    return (sa.func.length(column).desc(), byte_order(column).desc())


def clip_percent(percent: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a percentage within 0 to 100."""
    return sa.case((percent < 0, 0.0), (percent > 100, 100.0), else_=percent)


def compute_percent(
    marks: sa.ColumnElement[Any], out_of: sa.ColumnElement[Any]
) -> sa.ColumnElement[Any]:
    """Return marks as percent, at most 100; null if they are negative or the maximum is not > 0."""
    # Bonus marks must not push a score above 100.
    percent = sa.case((marks >= out_of, 100.0), else_=marks * 100.0 / out_of)
    return sa.case((sa.and_(marks >= 0, out_of > 0), percent))
