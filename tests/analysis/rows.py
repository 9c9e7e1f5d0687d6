"""An empty analysis database on SQLite, and rows that have every column they need."""

from __future__ import annotations

import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.fields import TABLES, Field
from edumetrics.params import Params
from edumetrics.settings import Settings
from edumetrics.workspace import Workspace
from tests.colleges import native_params

NOW = datetime(2026, 3, 15, 12, 0)
# A value of each kind, for the columns that a test says nothing about.
USUAL: dict[str, Any] = {
    "text": "x", "int": 1, "float": 1.0, "bool": True, "time": NOW, "date": NOW, "json": [],
}  # fmt: skip


@cache
def load_params() -> Params:
    """Return the shipped parameters, which take a moment to load."""
    return native_params()


@cache
def _migrate_once() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/empty.db")
        store.migrate()
        store.engine.dispose()
        return (Path(folder) / "empty.db").read_bytes()


def open_store(folder: Path) -> Store:
    """Return the store of an empty analysis database in a folder."""
    path = folder / "analysis.db"
    path.write_bytes(_migrate_once())
    return Store(f"sqlite:///{path}")


def open_small_workspace(home: Path) -> Workspace:
    """Return a workspace with an empty analysis database and, so far, no college."""
    home.mkdir()
    college = f"sqlite:///{home / 'college.db'}"
    store = open_store(home)
    settings = Settings(home, "native", college, f"sqlite:///{home / 'analysis.db'}")
    return Workspace(settings, load_params(), store)


def make_rows(table: str, *given: dict[str, Any]) -> pd.DataFrame:
    """Return complete rows of a table: columns not given are null where they may be."""
    fields = TABLES[table].fields
    return pd.DataFrame([{f.name: row.get(f.name, _choose(f)) for f in fields} for row in given])


def _choose(field: Field) -> Any:
    if field.null:
        return None
    return {} if field.shape == "record" else USUAL[field.kind]


def put(store: Store, table: str, *given: dict[str, Any]) -> None:
    """Add complete rows to a table."""
    with store.start_transaction() as connection:
        # A slice that no row is in: nothing is deleted.
        key = TABLES[table].key[0]
        kept = "-1" if TABLES[table][key].kind == "text" else -1
        store.replace_slice(connection, table, make_rows(table, *given), **{key: kept})
