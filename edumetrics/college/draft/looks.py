"""A look at a database that nobody described: its tables, keys, types, and what kind of values its columns hold.

What is kept of a value is its kind, never the value: a draft made from this may be shown to anyone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.college.draft.vocabulary import CODES

SAMPLE = 500
KNOWN = 0.8
SECONDS, MILLISECONDS = (3e8, 4e9), (3e11, 4e12)
DAY = re.compile(r"^(\d{2})([/.-])(\d{2})\2(\d{4})$")
ISO = re.compile(r"^\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Column:
    """A column: its name, its type as the database says it, whether it is (all of) the key, what it points to.

    `look` is the kind of its values: whole, number, fraction, percent sign, seconds, milliseconds, date, day first,
    month first, day or month first, address, text, bytes, empty; or `words of NAME`, where NAME is one of
    `vocabulary.CODES`.
    """

    name: str
    type: str
    key: bool
    target: tuple[str, str] | None
    look: str


@dataclass(frozen=True)
class Table:
    """A table or view, with its schema where that is not the default one."""

    name: str
    columns: tuple[Column, ...]


def tables(connection: Connection) -> list[Table]:
    """Every table and view, by name; those that cannot be read have no columns."""
    inspector = sa.inspect(connection)
    names = [*inspector.get_table_names(), *inspector.get_view_names()]
    found = []
    for name in sorted(names):
        try:
            with connection.begin_nested():
                found.append(_table(connection, inspector, name))
        except sa.exc.DBAPIError:
            # No right to read it, or a view of what is gone: it is named, without columns.
            found.append(Table(name, ()))
    return found


def _table(connection: Connection, inspector: sa.Inspector, name: str) -> Table:
    described = inspector.get_columns(name)
    keys = inspector.get_pk_constraint(name)["constrained_columns"]
    targets = {
        entry["constrained_columns"][0]: (entry["referred_table"], entry["referred_columns"][0])
        for entry in inspector.get_foreign_keys(name)
        if len(entry["constrained_columns"]) == 1
    }
    source = sa.table(name, *(sa.column(column["name"]) for column in described))
    rows = connection.execute(sa.select(source).limit(SAMPLE)).all()
    sample = pd.DataFrame(
        [tuple(row) for row in rows], columns=[column["name"] for column in described]
    )
    columns = tuple(
        Column(
            name=str(column["name"]),
            type=str(column["type"]).lower(),
            key=keys == [column["name"]],
            target=targets.get(str(column["name"])),
            look=look(sample.iloc[:, place]),
        )
        for place, column in enumerate(described)
    )
    return Table(name, columns)


def look(values: pd.Series) -> str:
    """The kind of a column's values; see `Column`."""
    known = values.dropna()
    if known.map(lambda value: isinstance(value, bytes | memoryview)).any():
        return "bytes"
    texts = known.astype("str").str.strip()
    texts = texts[texts != ""]
    if texts.empty:
        return "empty"
    words = texts.str.lower()
    for name, codes in CODES.items():
        known_words = words.isin([word for group in codes.values() for word in group])
        # A few words that nobody thought of do not make another column of it.
        telling = words[known_words].nunique() >= 2 or words[known_words].str.len().max() > 1
        if known_words.mean() >= KNOWN and telling and not words.isin(["0", "1"]).all():
            return f"words of {name}"
    numbers = pd.to_numeric(texts, errors="coerce")
    return _number(numbers) if numbers.notna().all() else _text(texts)


def _text(texts: pd.Series) -> str:
    if texts.str.match(ISO).all():
        return "date"
    days = texts.str.extract(DAY)
    if days[0].notna().all():
        first, second = days[0].astype(int).max(), days[2].astype(int).max()
        return "day first" if first > 12 else "month first" if second > 12 else "day or month first"
    if texts.str.match(r"^-?\d+(\.\d+)?\s*%$").all():
        return "percent sign"
    return "address" if texts.str.contains("@").mean() > 0.5 else "text"


def _number(numbers: pd.Series) -> str:
    whole = (numbers % 1 == 0).all()
    above = numbers[numbers > 0]
    for name, (low, high) in (("seconds", SECONDS), ("milliseconds", MILLISECONDS)):
        if whole and len(above) and above.between(low, high).all():
            return name
    if not whole and numbers.between(0, 1).all():
        return "fraction"
    return "whole" if whole else "number"
