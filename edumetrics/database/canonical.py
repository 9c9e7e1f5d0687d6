"""Reading a college's columns: whatever stands there, the same values come out on every database.

A value that is none of its column's kind becomes null, and can be counted: each column has a
condition that something stood there, and one that nothing came out of it. No statement fails
because of a value. The grammar is the same everywhere:

* A number is written with digits, at most one point, and at most two digits of exponent. A whole
  number may have zeros behind the point. Values outside the field's bounds are none.
* A day is written as 2026-01-31, with or without a time. With a zone or an offset it is the day in
  the college's zone. It lies between 1990 and two years from today.
* Yes and no are words, or whole numbers of which 0 is no.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from edumetrics.database.moments import FIRST_DAY, LOCAL_DAY, ZONED_DAY, find_last_day
from edumetrics.database.types import TYPES
from edumetrics.database.zones import build_mysql_day, build_mysql_day_from
from edumetrics.fields.record import Field

Stored = sa.types.TypeEngine[Any] | None
# What colleges write where nothing is, in lower case; and dates that mean none.
NOTHING = ("", "-", "n/a")
# West of Greenwich the first second of 1970 is shown as the last day of 1969.
ZERO_DATES = ("0000-00-00", "1970-01-01", "1969-12-31", "1900-01-01")
YES, NO = ("true", "t", "yes", "y", "on"), ("false", "f", "no", "n", "off")
# The most characters of a number; longer texts are none, on every database.
DIGITS = 60
NUMBER = "^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9][0-9]?)?$"
# An end that lies in no year of ours is open.
ANY_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"


class _Reading(FunctionElement[Any]):
    """A column of the college, with how the field that it stands for is read.

    `stored` is the type that the database declares, or None if that is not known. `zone` is the
    college's, `there` that of moments without a zone where it is another one.
    """

    # The SQL depends on the arguments, which a cache key would not contain.
    inherit_cache = False

    def __init__(
        self,
        column: sa.ColumnElement[Any],
        field: Field,
        stored: Stored = None,
        zone: str = "UTC",
        there: str = "",
    ) -> None:
        self.field, self.stored, self.zone, self.there = field, stored, zone, there
        self.type = self.choose_type()
        super().__init__(column)

    def choose_type(self) -> sa.types.TypeEngine[Any]:
        """Return the type of what is read."""
        return self.type

    def compile_operand(self, compiler: SQLCompiler, **kw: Any) -> str:
        return compiler.process(next(iter(self.clauses)), **kw)


class canonical(_Reading):  # noqa: N801 - it reads as a SQL function
    """The value of the field's kind; null where nothing of the kind stands there."""

    name = "canonical"
    inherit_cache = False

    def choose_type(self) -> sa.types.TypeEngine[Any]:
        """Return the type of the field's kind."""
        return TYPES[self.field.kind]()


class stood(_Reading):  # noqa: N801 - it reads as a SQL function
    """1 where a value stands there, else 0; an open end is none."""

    name = "stood"
    inherit_cache = False
    type = sa.Integer()


class raw_text(_Reading):  # noqa: N801 - it reads as a SQL function
    """The value as a text, as it stands."""

    name = "raw_text"
    inherit_cache = False
    type = sa.Text()


def can_be_unreadable(field: Field, stored: Stored, dialect: str) -> bool:
    """Return whether a column may hold what is none of the field's kind."""
    if field.kind == "text":
        return False
    # The type of a column of SQLite promises nothing.
    if dialect == "sqlite" or stored is None:
        return True
    plain = {"int": sa.Integer, "bool": sa.Boolean}.get(field.kind)
    bounded = field.wide is not None or isinstance(stored, sa.BigInteger)
    return not (plain and isinstance(stored, plain) and not bounded)


def is_clock(stored: Stored, dialect: str) -> bool:
    """Return whether a column holds moments of a clock whose zone the database does not know."""
    # A TIMESTAMP of MySQL is a moment of the world, in whatever zone it is shown.
    known = dialect in ("mysql", "mariadb") and isinstance(stored, sa.TIMESTAMP)
    return isinstance(stored, sa.DateTime) and not stored.timezone and not known


@dataclass(frozen=True)
class _Values(ABC):
    """The SQL that reads the values of one column."""

    x: str
    stored: Stored
    zone: str
    there: str
    whole: ClassVar[str] = "integer"

    @property
    def numeric(self) -> bool:
        return isinstance(self.stored, sa.Integer | sa.Float | sa.Numeric)

    @abstractmethod
    def write_text(self) -> str:
        """Return the value as a text."""

    @abstractmethod
    def write_number(self) -> str:
        """Return the value as a number, null where it is none."""

    @abstractmethod
    def write_day(self) -> str:
        """Return the value as a day, null where it is none."""

    @abstractmethod
    def write_match(self, pattern: str, text: str) -> str:
        """Return the condition that a text matches a pattern."""

    def write_floor(self, number: str) -> str:
        """Return the whole part of a number."""
        return f"FLOOR({number})"

    def write_real(self, number: str) -> str:
        """Return a number in the type of fractions."""
        return number

    def write_literal(self, day: str) -> str:
        """Return the literal of an ISO date."""
        return f"DATE '{day}'"

    def write_within(self, field: Field) -> str:
        """Return the number if it lies in the field's bounds, as a whole one if it must be."""
        number = self.write_number()
        low, high = field.bounds
        within = f"{number} BETWEEN {low:.0f} AND {high:.0f}"
        if field.kind == "float":
            return f"CASE WHEN {within} THEN {self.write_real(number)} END"
        return (
            f"CASE WHEN {within} AND {number} = {self.write_floor(number)}"
            f" THEN CAST({number} AS {self.whole}) END"
        )

    def write_flag(self) -> str:
        """Return yes or no, null where it is neither."""
        word, number = f"lower(TRIM({self.write_text()}))", self.write_number()
        return (
            f"CASE WHEN {word} IN {YES} THEN 1 = 1 WHEN {word} IN {NO} THEN 1 = 0"
            f" WHEN {number} = {self.write_floor(number)} THEN {number} <> 0 END"
        )

    def write_canonical(self, field: Field) -> str:
        """Return the value of the field's kind."""
        if field.kind == "text":
            return self.write_text()
        if field.kind == "bool":
            return self.write_flag()
        if field.kind != "date":
            return self.write_within(field)
        day = self.write_day_within()
        if field.ends != "last day":
            return day
        # Null would mean that there is no end; far ahead it means that there is none yet.
        far, last = self.write_far_end(), self.write_literal(find_last_day())
        return f"CASE WHEN {far} THEN {last} ELSE {day} END"

    def write_far_end(self) -> str:
        """Return the condition that an end is open: infinity, or later than what is believed."""
        text = f"lower(TRIM({self.write_text()}))"
        # The order of ISO dates is that of their texts.
        later = f"substr({text}, 1, 10) > '{find_last_day()}'"
        return f"({text} = 'infinity' OR ({self.write_match(ANY_DAY, text)} AND {later}))"

    def write_day_within(self) -> str:
        """Return the value as a day, null where it is none or lies too far away."""
        day, first, last = self.write_day(), FIRST_DAY, find_last_day()
        between = f"BETWEEN {self.write_literal(first)} AND {self.write_literal(last)}"
        # The first day of 1970 is older than all that is believed.
        return f"CASE WHEN {day} {between} THEN {day} END"

    def write_stood(self, field: Field) -> str:
        """Return 1 where a value stands, else 0."""
        text = f"lower(TRIM({self.write_text()}))"
        there = [f"{self.x} IS NOT NULL", f"{text} NOT IN {NOTHING}"]
        if field.kind == "date":
            there.append(f"substr({text}, 1, 10) NOT IN {ZERO_DATES}")
            there.append(f"{text} NOT IN ('0', '0.0')")
        if field.ends:
            there.append(f"NOT {self.write_far_end()}")
        return f"CASE WHEN {' AND '.join(there)} THEN 1 ELSE 0 END"


class _SqliteValues(_Values):
    """SQLite, where any column may hold values of any type."""

    whole = "INTEGER"

    def write_day_within(self) -> str:
        return self.write_day()

    def write_text(self) -> str:
        return f"CAST({self.x} AS TEXT)"

    def write_literal(self, day: str) -> str:
        return f"'{day}'"

    def write_floor(self, number: str) -> str:
        # Not every SQLite has FLOOR.
        return f"CAST({number} AS INTEGER)"

    def write_real(self, number: str) -> str:
        return f"CAST({number} AS REAL)"

    def write_match(self, pattern: str, text: str) -> str:
        # Only days are looked for here, and SQLite has no regular expressions.
        return f"{text} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'"

    def write_number(self) -> str:
        text = f"trim({self.x})"
        # CAST reads the number that a text begins with; a comparison converts a text only if all
        # of it is a number. The other conditions keep to the grammar of the module.
        return (
            f"CASE typeof({self.x}) WHEN 'integer' THEN {self.x} WHEN 'real' THEN {self.x}"
            f" WHEN 'text' THEN CASE WHEN CAST({text} AS NUMERIC) = {text}"
            f" AND {text} NOT GLOB '*[^-+.0-9eE]*' AND {text} NOT GLOB '*[eE]*[0-9][0-9][0-9]*'"
            f" AND length({text}) <= {DIGITS} THEN CAST({text} AS NUMERIC) END END"
        )

    def write_within(self, field: Field) -> str:
        # Most numbers are stored as such: they need no look at a text.
        x, (low, high) = self.x, field.bounds
        real = field.kind == "float"
        kinds, value = ("'integer', 'real'", self.write_real(x)) if real else ("'integer'", x)
        return (
            f"CASE WHEN typeof({x}) IN ({kinds}) THEN"
            f" CASE WHEN {x} BETWEEN {low:.0f} AND {high:.0f} THEN {value} END"
            f" WHEN {x} IS NOT NULL THEN {super().write_within(field)} END"
        )

    def write_flag(self) -> str:
        return (
            f"CASE WHEN typeof({self.x}) = 'integer' THEN {self.x} <> 0"
            f" ELSE {super().write_flag()} END"
        )

    def write_day(self) -> str:
        # With its bounds, which a function of our own checks too: so each day is read once.
        x, first, last = self.x, FIRST_DAY, find_last_day()
        read = f"college_day({x}, '{self.there}')" if self.there else f"college_day({x})"
        return (
            f"CASE WHEN length({x}) = 10 THEN CASE WHEN {x} BETWEEN '{first}' AND '{last}'"
            f" AND date({x}) = {x} AND typeof({x}) = 'text' THEN {x} END"
            f" WHEN length({x}) > 10 AND typeof({x}) = 'text' THEN {read} END"
        )


class _PostgresqlValues(_Values):
    """PostgreSQL, which ends a statement at a value that it cannot convert."""

    def write_text(self) -> str:
        return f"CAST({self.x} AS text)"

    def write_match(self, pattern: str, text: str) -> str:
        return f"{text} ~ '{pattern}'"

    def write_number(self) -> str:
        if self.numeric:
            return self.x
        text = f"trim(CAST({self.x} AS text))"
        fits = f"length({text}) <= {DIGITS} AND {self.write_match(NUMBER, text)}"
        return f"CASE WHEN {fits} THEN CAST({text} AS double precision) END"

    def write_within(self, field: Field) -> str:
        if not can_be_unreadable(field, self.stored, "postgresql"):
            return f"CAST({self.x} AS integer)"
        # NaN is greater than every number here.
        return super().write_within(field)

    def write_real(self, number: str) -> str:
        return f"CAST({number} AS double precision)"

    def write_flag(self) -> str:
        return self.x if isinstance(self.stored, sa.Boolean) else super().write_flag()

    def write_day(self) -> str:
        if isinstance(self.stored, sa.Date):
            return self.x
        if isinstance(self.stored, sa.DateTime):
            # The session has the college's zone.
            local = f"{self.x} AT TIME ZONE '{self.there}'"
            moves = self.there and not self.stored.timezone
            return f"CAST({local if moves else self.x} AS date)"
        text = f"trim(CAST({self.x} AS text))"
        timed = f"{self.write_match(LOCAL_DAY, text)} AND length({text}) > 10"
        moved = f"CAST({text} AS timestamp) AT TIME ZONE '{self.there}'"
        return (
            f"CASE {f'WHEN {timed} THEN CAST({moved} AS date) ' if self.there else ''}"
            f"WHEN {self.write_match(LOCAL_DAY, text)}"
            f" THEN CAST(substr({text}, 1, 10) AS date)"
            f" WHEN {self.write_match(ZONED_DAY, text)}"
            f" THEN CAST(CAST({text} AS timestamp with time zone) AS date) END"
        )


class _MysqlValues(_Values):
    """MySQL and MariaDB, which read the number that a text begins with."""

    whole = "SIGNED"

    def write_text(self) -> str:
        # The usual collations take 'a1' and 'A1' for one id; other databases do not.
        return f"CONVERT({self.x} USING utf8mb4) COLLATE utf8mb4_bin"

    def write_match(self, pattern: str, text: str) -> str:
        # The sign for the end also matches before a last line break.
        return f"({text} REGEXP '{pattern}' AND INSTR({text}, CHAR(10)) = 0)"

    def write_number(self) -> str:
        # Adding a float makes a double on all versions; old ones do not have CAST AS DOUBLE.
        number = f"({self.x} + 0e0)"
        if self.numeric:
            return number
        text = f"TRIM({self.write_text()})"
        fits = f"CHAR_LENGTH({text}) <= {DIGITS} AND {self.write_match(NUMBER, text)}"
        return f"CASE WHEN {fits} THEN {number} END"

    def write_day(self) -> str:
        text = f"TRIM({self.write_text()})"
        if isinstance(self.stored, sa.TIMESTAMP):
            # It comes in the session's zone, which is an offset where the server knows no zones.
            offset = "IF(@@session.time_zone LIKE '___:__', @@session.time_zone, '')"
            text = f"CONCAT({text}, {offset})"
        moved = ""
        if self.there:
            timed = f"{self.write_match(LOCAL_DAY, text)} AND CHAR_LENGTH({text}) > 10"
            moved = f" WHEN {timed} THEN {build_mysql_day_from(text, self.there, self.zone)}"
        return (
            f"CASE{moved}"
            f" WHEN {self.write_match(LOCAL_DAY, text)} THEN CAST(LEFT({text}, 10) AS DATE)"
            f" WHEN {self.write_match(ZONED_DAY, text)} THEN {build_mysql_day(text, self.zone)} END"
        )


_DIALECTS: dict[str, type[_Values]] = {
    "sqlite": _SqliteValues,
    "postgresql": _PostgresqlValues,
    "mysql": _MysqlValues,
    "mariadb": _MysqlValues,
}


def _find_values(element: _Reading, compiler: SQLCompiler, **kw: Any) -> _Values:
    operand = element.compile_operand(compiler, **kw)
    return _DIALECTS[compiler.dialect.name](operand, element.stored, element.zone, element.there)


@compiles(canonical)
def _compile_canonical(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    return _find_values(element, compiler, **kw).write_canonical(element.field)


@compiles(stood)
def _compile_stood(element: stood, compiler: SQLCompiler, **kw: Any) -> str:
    return _find_values(element, compiler, **kw).write_stood(element.field)


@compiles(raw_text)
def _compile_raw_text(element: raw_text, compiler: SQLCompiler, **kw: Any) -> str:
    return _find_values(element, compiler, **kw).write_text()
