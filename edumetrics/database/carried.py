"""Rows that are carried into a statement: as one parameter, which a database reads like a table.

So rows of one database can be joined with those of another, without a right to write there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from edumetrics.database.types import KEPT_APART
from edumetrics.database.urls import MYSQL
from edumetrics.fields.record import Kind

# The type in which each database reads a value out of JSON; SQLite has none.
_POSTGRESQL = {
    "text": "text", "int": "bigint", "float": "double precision", "date": "date", "bool": "boolean",
}  # fmt: skip
_MYSQL = {
    "text": "VARCHAR(1000)", "int": "BIGINT", "float": "DOUBLE", "date": "DATE", "bool": "BOOLEAN",
}  # fmt: skip


def write_rows_query(dialect: str, columns: Mapping[str, Kind], rows: str) -> str:
    """Return a SELECT that yields the rows of a parameter.

    Args:
        dialect: sqlite, postgresql, mysql or mariadb (from 10.6 on).
        columns: the kind of each column, by name.
        rows: what stands for the parameter, whose value is that of `serialise_rows`.
    """
    names = list(enumerate(columns.items()))
    if dialect == "sqlite":
        listed = ", ".join(f"json_extract(value, '$[{i}]') AS \"{name}\"" for i, (name, _) in names)
        return f"SELECT {listed} FROM json_each({rows})"
    if dialect == "postgresql":
        listed = ", ".join(
            f'CAST(carried.value ->> {i} AS {_POSTGRESQL[kind]}) AS "{name}"'
            for i, (name, kind) in names
        )
        return f"SELECT {listed} FROM json_array_elements(CAST({rows} AS json)) AS carried"
    read = ", ".join(f"c{i} {_MYSQL[kind]} PATH '$[{i}]'" for i, (_, kind) in names)
    # Texts are compared as everywhere else: with case and accents.
    listed = ", ".join(
        f"c{i}{' COLLATE utf8mb4_bin' if kind == 'text' else ''} AS `{name}`"
        for i, (name, kind) in names
    )
    # Merged into the statement they would be read out of the JSON again for every row.
    table = f"JSON_TABLE({rows}, '$[*]' COLUMNS ({read})) AS carried"
    return f"SELECT {listed} FROM {table} {KEPT_APART}"


def keep_apart(select: str, dialect: str) -> str:
    """Return a SELECT with carried rows in it, as a part that no statement is merged with."""
    if dialect not in MYSQL:
        return select
    # The order of the joins is then that of the SELECT alone, which is small enough to guess well.
    return f"SELECT * FROM ({select}) AS apart {KEPT_APART}"


def serialise_rows(frame: pd.DataFrame) -> str:
    """Return rows as a JSON array of arrays; days are ISO texts, and null is null."""
    days = frame.select_dtypes("datetime").columns
    texts = frame.assign(**{name: frame[name].dt.strftime("%Y-%m-%d") for name in days})
    plain = texts.astype("object")
    return json.dumps(plain.where(plain.notna(), None).to_numpy().tolist())
