"""Values that stand in a row without being of their column's kind: counted, and told by shape.

Such a value is null for every score. One is a finding; many of them, or any in a column that
decides who is on the roll, hold back the mail of the classes concerned. What stood there is told
as a shape (digits as d, letters as a), never as it stands.
"""

from __future__ import annotations

import re
import unicodedata

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.reader import Reader
from edumetrics.database import Sql
from edumetrics.fields import Field

# Percent of the values of a class with so many, or of the college, from which a run would mislead.
STOPS_AT, LEAST = 5, 20
# Here a single value changes who is on the roll, or what is asked of a student.
STRICT = frozenset({"students.joined_on", "students.withdrawn_on"})
STRICT_RELATIONS = frozenset({"excuses", "enrolments"})
# With a single comma these may be either.
THOUSANDS = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+")
# Distinct values that are looked at for their shapes, and shapes that are told.
LOOKED_AT, SHAPES = 200, 2
# The most signs of a shape.
LENGTH = 24
DAY_FIRST, MONTH_FIRST = "day first", "month first"


def find_stops(relation: Relation, column: str, counts: pd.DataFrame) -> pd.Series:
    """Return for each class whether its unreadable values hold back its mail.

    Args:
        relation: the relation.
        column: the column.
        counts: bad and there (counts of values), one row per class.
    """
    name = relation.table.name
    if name in STRICT_RELATIONS or f"{name}.{column}" in STRICT:
        return counts["bad"] > 0
    bad, there = counts["bad"].sum(), counts["there"].sum()
    many = (counts["there"] >= LEAST) & (100 * counts["bad"] >= STOPS_AT * counts["there"])
    # A share of the whole college concerns every class that has such values.
    whole = there >= LEAST and 100 * bad >= STOPS_AT * there
    return (counts["bad"] > 0) & (many | whole)


def describe_unreadable(college: Reader, relation: Relation, column: str) -> str:
    """Return the sentence about a column's unreadable values, with {n}, {s} and {were}.

    It begins with `relation.column` and ends with what to write into the mapping.
    """
    raw = relation.find_raw(column)
    wanted = sa.select(raw.label("raw")).where(relation.is_unreadable(column)).distinct()
    values = college.read_frame(wanted.limit(LOOKED_AT), relation.table.name)["raw"].dropna()
    shapes = values.map(describe_shape).value_counts().sort_index(kind="stable")
    told = list(shapes.sort_values(ascending=False, kind="stable").index[:SHAPES])
    field = relation.table[column]
    dialect = college.sources.find_connection(relation.table.name).dialect.name
    advice = _advise(field, [str(value) for value in values], dialect)
    looks = f" such as {' and '.join(told)}" if told else ""
    return (
        f"{relation.table.name}.{column}: {{n}} value{{s}}{looks} {{were}} none of its kind "
        f"and left out. In the mapping write {advice}."
    )


def describe_shape(value: object) -> str:
    """Return what a value looks like without saying it.

    >>> describe_shape("23/10/2025"), describe_shape("Asha Rao (ill)")
    ('dd/dd/dddd', 'Aaaa Aaa (aaa)')
    """
    signs = "".join(map(_describe_sign, str(value)[:LENGTH]))
    return signs + ("…" if len(str(value)) > LENGTH else "")


def _describe_sign(sign: str) -> str:
    kind = unicodedata.category(sign)
    if kind[0] == "N":
        return "d"
    if kind[0] in "LM":
        return "A" if kind == "Lu" else "a"
    return sign if sign in " .,:;/-+%()'" else "?"


def _advise(field: Field, values: list[str], dialect: str) -> str:
    """Return an expression that would read the values, or a way to say that they are none."""
    shapes = {describe_shape(value) for value in values}
    if field.kind == "date":
        if shapes and shapes <= {"dd/dd/dddd", "dd-dd-dddd", "dd.dd.dddd"}:
            look = MONTH_FIRST if any(int(value[3:5]) > 12 for value in values) else DAY_FIRST
            return Sql(dialect).convert_date(field.name, look)
        return f"a day such as 2026-01-31 into {field.name}, or null for those that are none"
    if field.kind in ("int", "float"):
        return _advise_number(field.name, values)
    return f"1 or 0 into {field.name}"


def _advise_number(name: str, values: list[str]) -> str:
    if values and all(THOUSANDS.fullmatch(value) for value in values):
        return (
            f"REPLACE({name}, ',', '') where the comma parts thousands, or "
            f"REPLACE({name}, ',', '.') where it is a decimal comma"
        )
    if values and all(_is_number(value.replace(",", ".")) for value in values):
        return f"REPLACE({name}, ',', '.')"
    if values and all(_is_number(value.rstrip(" %")) for value in values):
        return f"REPLACE({name}, '%', '')"
    return (
        f"a number into {name}, or null for those that are none "
        f"(CASE WHEN {name} = 'the word' THEN NULL ELSE {name} END)"
    )


def _is_number(text: str) -> bool:
    digits = text.replace(".", "", 1).lstrip("-")
    # Digits of other scripts are decimal, too, and no database reads them.
    return digits.isascii() and digits.isdecimal()
