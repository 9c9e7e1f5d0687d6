"""Sheets as relations: a wide one turned, so that a cell is a row, and alike ones read together.

A weekly export gets a new column for each assignment or day, and a new file for each term: what a
mapping says of them once holds for those to come.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.database.dialects import Sql
from edumetrics.errors import SettingsError

_CELLS = re.compile(r"\{cells\(([^{}]*)\)\}")
_ALIKE = re.compile(r"\b(FROM|JOIN)\s+(\w+_)\*(?!\w)", re.IGNORECASE)
_BARE = re.compile(r"\w+_\*")
# The columns of a turned sheet, beside those that it keeps.
HEADING, CELL, SHEET = "heading", "cell", "table_name"
# A statement of SQLite puts at most 500 parts together.
PARTS = 400


def expand_sheets(text: str, connection: Connection) -> str:
    """Return a source of a mapping in which turned and alike tables are written out.

    `{cells(TABLE, COLUMN, ...)}` yields the named columns, `heading`, `cell` and `table_name`, with
    a row for each cell that is not empty. `FROM NAME_*` yields the columns of all tables whose
    names begin so, and `table_name`; a column that one of them lacks is null there. `NAME_*` alone
    is the same without `table_name`.

    Args:
        text: a SELECT of a mapping.
        connection: to its database.

    Raises:
        SettingsError: a table or a column is not there.
    """
    bare = _BARE.fullmatch(text)
    if not (bare or _CELLS.search(text) or _ALIKE.search(text)):
        return text
    sheets = _Sheets(connection)
    if bare:
        columns = ", ".join(map(sheets.sql.format_name, sheets.list_columns(text)))
        return f"SELECT {columns} FROM {sheets.join_alike(text)} AS alike"
    text = _CELLS.sub(lambda found: sheets.turn(found[1]), text)
    return _ALIKE.sub(lambda found: f"{found[1]} {sheets.join_alike(found[2] + '*')}", text)


class _Sheets:
    """The tables of a database that were files."""

    def __init__(self, connection: Connection) -> None:
        self.sql, inspector = Sql(connection.dialect.name), sa.inspect(connection)
        self.names = sorted(inspector.get_table_names())
        found = inspector.get_multi_columns()
        self.columns = {name: [c["name"] for c in columns] for (_, name), columns in found.items()}

    def turn(self, arguments: str) -> str:
        """Return a subquery with a row for each cell of the columns that are not named."""
        # Names may have commas: then they stand in quotes, as in a file.
        (named,) = csv.reader([arguments], skipinitialspace=True)
        pattern, *kept = [name.strip() for name in named]
        parts = [part for table in self._find(pattern) for part in self._turn_table(table, kept)]
        return self._unite(parts)

    def _turn_table(self, table: str, kept: list[str]) -> Iterator[str]:
        columns, name = self.columns[table], self.sql.format_name
        missing = [column for column in kept if column not in columns]
        if missing:
            raise SettingsError(
                f"The table {table} has no column {missing[0]}: correct its {{cells(...)}}."
            )
        listed = "".join(f"{name(column)}, " for column in kept)
        for column in columns:
            if column not in kept:
                yield (
                    f"SELECT {listed}{_quote(column)} AS {HEADING}, {name(column)} AS {CELL}, "
                    f"{_quote(table)} AS {SHEET} FROM {name(table)} "
                    f"WHERE {name(column)} IS NOT NULL"
                )

    def join_alike(self, pattern: str) -> str:
        """Return a subquery with the rows of all tables whose names fit."""
        tables, columns = self._find(pattern), self.list_columns(pattern)
        name = self.sql.format_name
        parts = []
        for table in tables:
            own = self.columns[table]
            listed = [name(c) if c in own else f"NULL AS {name(c)}" for c in columns]
            parts.append(
                f"SELECT {_quote(table)} AS {SHEET}, {', '.join(listed)} FROM {name(table)}"
            )
        return self._unite(parts)

    def list_columns(self, pattern: str) -> list[str]:
        """Return the columns of all tables whose names fit, each once."""
        return list(dict.fromkeys(c for table in self._find(pattern) for c in self.columns[table]))

    def _find(self, pattern: str) -> list[str]:
        found = [name for name in self.names if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise SettingsError(
                f"The database has no table {pattern}: import the file, or correct the mapping."
            )
        return found

    @staticmethod
    def _unite(parts: list[str]) -> str:
        if len(parts) > PARTS:
            groups = [parts[at : at + PARTS] for at in range(0, len(parts), PARTS)]
            parts = [f"SELECT * FROM ({' UNION ALL '.join(group)}) AS part" for group in groups]
        return f"({' UNION ALL '.join(parts)})"


def _quote(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
