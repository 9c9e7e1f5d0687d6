"""Data profiling for a database that has no description: tables, keys, types and kinds of values.

A profile keeps the kind of a column's values and never a value, so that a draft made from it may be
shown to anyone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.onboarding.synonyms import CODES

# Rows read of each table: enough to tell kinds of values apart, and a light load for the server.
SAMPLE = 500
# The share of a column's values that must be known words. Colleges have words nobody thought of.
KNOWN = 0.8
# Unix times from 1979 to 2096. An id of ten digits may lie between them as well: `writing` converts
# only a column that is matched with a date.
SECONDS, MILLISECONDS = (3e8, 4e9), (3e11, 4e12)
# The separators must be equal (\2): "05/01-2026" is no date.
DAY = re.compile(r"^(\d{2})([/.-])(\d{2})\2(\d{4})$")
ISO = re.compile(r"^\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class SourceColumn:
    """A column of the college's database, as data profiling describes it.

    Attributes:
        name: the name of the column.
        type: the type that the database reports, in lower case.
        key: whether the column alone is the primary key.
        target: the table and column that a foreign key points to; None without a foreign key.
        look: the kind of the values: whole, number, fraction, percent sign, seconds, milliseconds,
            date, day first, month first, day or month first, address, text, bytes, empty; or
            `words of NAME`, where NAME is one of `vocabulary.CODES`.
    """

    name: str
    type: str
    key: bool
    target: tuple[str, str] | None
    look: str


@dataclass(frozen=True)
class SourceTable:
    """A table or view of the default schema, with its columns (none if it cannot be read)."""

    name: str
    columns: tuple[SourceColumn, ...]


def describe_tables(connection: Connection) -> list[SourceTable]:
    """Return every table and view, sorted by name; one that cannot be read has no columns."""
    inspector = sa.inspect(connection)
    names = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
    return [_try_to_describe(connection, inspector, name) for name in names]


def _try_to_describe(connection: Connection, inspector: sa.Inspector, name: str) -> SourceTable:
    try:
        # A savepoint: on PostgreSQL one failed read would end the whole transaction.
        with connection.begin_nested():
            return _describe_table(connection, inspector, name)
    except sa.exc.DBAPIError:
        # The role may not read it, or it is a view of a table that no longer exists. The draft
        # still names it.
        return SourceTable(name, ())


def _describe_table(connection: Connection, inspector: sa.Inspector, name: str) -> SourceTable:
    described = inspector.get_columns(name)
    keys = inspector.get_pk_constraint(name)["constrained_columns"]
    targets = {
        entry["constrained_columns"][0]: (entry["referred_table"], entry["referred_columns"][0])
        for entry in inspector.get_foreign_keys(name)
        # A foreign key of several columns does not say where each column points.
        if len(entry["constrained_columns"]) == 1
    }
    source = sa.table(name, *(sa.column(column["name"]) for column in described))
    rows = connection.execute(sa.select(source).limit(SAMPLE)).all()
    sample = pd.DataFrame(
        [tuple(row) for row in rows], columns=[column["name"] for column in described]
    )
    columns = tuple(
        SourceColumn(
            name=str(column["name"]),
            type=str(column["type"]).lower(),
            key=keys == [column["name"]],
            target=targets.get(str(column["name"])),
            look=classify_values(sample.iloc[:, place]),
        )
        for place, column in enumerate(described)
    )
    return SourceTable(name, columns)


def classify_values(values: pd.Series) -> str:
    """Return the kind of a column's values: one of those that `SourceColumn` lists."""
    known = values.dropna()
    # Before the conversion to text, which would make words of bytes.
    if known.map(lambda value: isinstance(value, bytes | memoryview)).any():
        return "bytes"
    texts = known.astype("str").str.strip()
    texts = texts[texts != ""]
    if texts.empty:
        return "empty"
    words = texts.str.lower()
    for name, codes in CODES.items():
        known_words = words.isin([word for group in codes.values() for word in group])
        # A column of a single letter, as "p" or "a", is too little to go by: the letter may mean
        # anything. Two different words, or one longer word, are enough.
        telling = words[known_words].nunique() >= 2 or words[known_words].str.len().max() > 1
        # Zeros and ones are numbers first: a count may hold nothing else.
        if known_words.mean() >= KNOWN and telling and not words.isin(["0", "1"]).all():
            return f"words of {name}"
    numbers = pd.to_numeric(texts, errors="coerce")
    return _classify_numbers(numbers) if numbers.notna().all() else _classify_texts(texts)


def _classify_texts(texts: pd.Series) -> str:
    """Return the kind of texts that are not all numbers."""
    if texts.str.match(ISO).all():
        return "date"
    days = texts.str.extract(DAY)
    if days[0].notna().all():
        # Only a number above 12 tells the day from the month.
        first, second = days[0].astype(int).max(), days[2].astype(int).max()
        return "day first" if first > 12 else "month first" if second > 12 else "day or month first"
    if texts.str.match(r"^-?\d+(\.\d+)?\s*%$").all():
        return "percent sign"
    # More than half: a column of addresses may hold remarks such as "none".
    return "address" if texts.str.contains("@").mean() > 0.5 else "text"


def _classify_numbers(numbers: pd.Series) -> str:
    whole = (numbers % 1 == 0).all()
    # Moodle, for one, writes 0 for a time that is not set.
    above = numbers[numbers > 0]
    for name, (low, high) in (("seconds", SECONDS), ("milliseconds", MILLISECONDS)):
        if whole and len(above) and above.between(low, high).all():
            return name
    if not whole and numbers.between(0, 1).all():
        return "fraction"
    return "whole" if whole else "number"
