"""The output of `edumetrics map --like NAME`: a college's file on top of a ready mapping.

The ready mapping itself says by which tables a database of its kind is known (`tables`), and by
which SELECT a setting is found there (`find`). So this module knows of no system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
import yaml
from sqlalchemy.engine import Connection

from edumetrics import database, params, settings
from edumetrics.errors import SettingsError
from edumetrics.params import CollegeFile
from edumetrics.settings import Settings


def create_file(name: str, url: str | None) -> str:
    """Return the text of a college's file that is like a ready mapping.

    Args:
        name: the ready mapping.
        url: the database, or the setting that holds its URL; CLIENT_DB_URL when None.

    Raises:
        SettingsError: there is no such mapping, the database cannot be reached, or it is of another
            kind.
    """
    chosen = settings.load()
    ready = params.load_ready(chosen.params, name)
    where, setting = find_url(chosen, url)
    engine = database.create_college_engine(where, setting=setting)
    try:
        with database.open_snapshot(engine, setting) as connection:
            known = dict(ready.settings) | _find_prefix(connection, ready, name)
            found = dict(_find_settings(connection, ready, known))
    except sa.exc.DBAPIError as error:
        raise database.build_query_error(error, "its tables") from error
    finally:
        engine.dispose()
    comments = _read_comments(params.find_ready(chosen.params, name).read_text(encoding="utf-8"))
    return "\n".join(_format_file(name, ready, found, comments)) + "\n"


def find_url(chosen: Settings, url: str | None) -> tuple[str, str]:
    """Return a URL, and the setting that messages about it name.

    Args:
        chosen: the settings.
        url: a URL, or the name of a setting that holds one, so that no password need be typed.

    Raises:
        SettingsError: the setting is not set.
    """
    if url is None or settings.URL_NAME.fullmatch(url):
        setting = url or settings.CLIENT
        return chosen.find_url(setting), setting
    return url, "the URL"


def _find_prefix(connection: Connection, ready: CollegeFile, name: str) -> dict[str, Any]:
    """Return the setting that table names begin with, where the mapping has one.

    Raises:
        SettingsError: a table by which such a database is known is not there.
    """
    inspector = sa.inspect(connection)
    own = inspector.default_schema_name
    tables = [
        table if schema in (None, own) else f"{schema}.{table}"
        for schema in inspector.get_schema_names()
        for table in inspector.get_table_names(schema=schema)
    ]
    known: dict[str, Any] = {}
    for pattern in ready.tables:
        key, _, ending = pattern.removeprefix("{").rpartition("}")
        fits = [table for table in tables if table.endswith(ending)]
        if not fits:
            raise SettingsError(
                f"This is no database that {name} reads: it has no table {ending} that this role "
                "may read."
            )
        if key and key not in known:
            known[key] = min(fits, key=len).removesuffix(ending)
    return known


def _find_settings(
    connection: Connection, ready: CollegeFile, known: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield each setting that is found in the database, and its value."""
    for key, value in known.items():
        if value != ready.settings[key]:
            yield key, value
    dialect = connection.dialect.name

    def expand(text: str) -> str:
        plain = database.expand_settings(text.strip(), known, dialect)
        return database.expand_functions(plain, dialect, str(known.get("time_zone", "UTC")))

    for key, text in ready.find.items():
        views = {view: expand(entry) for view, entry in ready.list_views().items()}
        query = database.compose_source(expand(text), views, dialect)
        query = database.parse_query(query, dialect, f"the setting {key}")
        try:
            with connection.begin_nested():
                rows = database.run_query(connection, query).mappings().all()
        # A table that this role may not read: then the setting remains to be said.
        except sa.exc.DBAPIError:
            continue
        if rows:
            known[key] = _shape(ready.settings[key], [dict(row) for row in rows])
            yield key, known[key]


def _shape(like: object, rows: list[dict[str, Any]]) -> Any:
    """Return rows in the shape of a setting: rows, a list of their first column, or one value."""
    plain = [{key: _simplify(value) for key, value in row.items()} for row in rows]
    if isinstance(like, list) and like and isinstance(like[0], dict):
        return plain
    values = [next(iter(row.values())) for row in plain]
    return values if isinstance(like, list) else values[0]


def _simplify(value: object) -> object:
    """Return a value of a driver as YAML writes it."""
    if isinstance(value, Decimal | float) and value == int(value):
        return int(value)
    return value.date() if isinstance(value, datetime) else value


def _read_comments(text: str) -> dict[str, list[str]]:
    """Return what a ready mapping says of each setting, from its comments."""
    comments: dict[str, list[str]] = {}
    above: list[str] = []
    lines = text.partition("\nsettings:\n")[2].splitlines()
    for line in lines[: next((n for n, one in enumerate(lines) if one[:1] not in " "), len(lines))]:
        plain, _, comment = line.partition("# ")
        key = re.match(r"  (\w+):", plain)
        if key:
            comments[key[1]] = [*above, *([comment] if comment else [])]
            above = []
        elif not plain.strip():
            # A comment that goes on below its setting, or one that stands above the next.
            deep = len(plain) > 2
            (comments[next(reversed(comments))] if deep and comments else above).append(comment)
    return comments


def _format_file(
    name: str, ready: CollegeFile, found: dict[str, Any], comments: dict[str, list[str]]
) -> Iterator[str]:
    yield "# Drafted from the database: look at every value, also at those below that are comments."
    yield f"like: {name}"
    yield "settings:"
    for key, value in found.items():
        yield from (f"  # {comment}" for comment in comments.get(key, ()))
        yield from _format_setting(key, value)
    yield ""
    yield f"  # As {name}.yml has them: where it is otherwise here, take the `# ` of the line away."
    for key, value in ready.settings.items():
        if key not in found:
            yield from (f"  #   {comment}" for comment in comments.get(key, ()))
            yield from (f"  # {line[2:]}" for line in _format_setting(key, value))


def _format_setting(key: str, value: object) -> Iterator[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield f"  {key}:"
        for row in value:
            yield f"    - {_format_value(row)}"
    else:
        yield f"  {key}: {_format_value(value)}"


def _format_value(value: object) -> str:
    said = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return said.removesuffix("...\n").strip()
