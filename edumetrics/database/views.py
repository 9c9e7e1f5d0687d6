"""The text of a mapping, put together: a relation's SELECT with the views that it names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import sqlglot
from sqlglot.tokenizer_core import Token

from edumetrics.database.dialects import Sql
from edumetrics.errors import SettingsError

# Signs that no name of a table has.
BROKEN = {"(", ")", "*", ";", "="}


def is_select(source: str) -> bool:
    """Return whether a source is a SELECT, and not the name of a table."""
    tokens = _tokenize(source)
    return bool(tokens) and tokens[0].text.upper() in ("SELECT", "WITH")


def is_table_name(source: str) -> bool:
    """Return whether a source could be the name of a table, and is no broken SELECT."""
    return "\n" not in source and not BROKEN & {token.text for token in _tokenize(source)}


@cache
def _tokenize(source: str) -> tuple[Token, ...]:
    """Return the words and signs of a source, without its comments; none where it is no SQL."""
    try:
        return tuple(sqlglot.tokenize(source))
    except sqlglot.errors.TokenError:
        return ()


@cache
def find_tables(source: str, dialect: str) -> frozenset[str]:
    """Return the names that a source reads like tables, in lower case."""
    try:
        parsed = sqlglot.parse_one(source, dialect=Sql(dialect).parser_name)
    except sqlglot.errors.SqlglotError:
        # What cannot be parsed is refused later, with a sentence; here any word may be a table.
        return frozenset(token.text.lower() for token in _tokenize(source))
    return frozenset(table.name.lower() for table in parsed.find_all(sqlglot.exp.Table))


def compose_source(source: str, views: Mapping[str, str], dialect: str) -> str:
    """Return a source with the views that it names, directly or through others, as CTEs.

    Args:
        source: a table, the name of a view, or a SELECT.
        views: SELECTs by name, in any order; one that names itself means a table of that name.
        dialect: sqlite, postgresql, mysql or mariadb.

    Raises:
        SettingsError: two views need each other.
    """
    text = source.strip().rstrip(";")
    if text in views:
        # The source is only the name of a view: as a SELECT it can have a CTE before it.
        text = f"SELECT * FROM {text}"
    if not is_select(text):
        return text
    needed: dict[str, str] = {}
    _collect_views(text, views, dialect, needed, ())
    if not needed:
        return text
    parts = ",\n".join(f"{name} AS (\n{view}\n)" for name, view in needed.items())
    # A statement has only one WITH: if the source has its own, the views become part of it.
    first, second = _tokenize(text)[:2]
    if first.text.upper() != "WITH":
        return f"WITH {parts}\n{text}"
    head = second if second.text.upper() == "RECURSIVE" else first
    own = text[head.end + 1 :].lstrip()
    return f"{text[first.start : head.end + 1]} {parts},\n{own}"


def _collect_views(
    text: str,
    views: Mapping[str, str],
    dialect: str,
    needed: dict[str, str],
    above: tuple[str, ...],
) -> None:
    """Add the views that a text names to `needed`, each after those that it needs itself."""
    tables = find_tables(text, dialect)
    for name, view in views.items():
        if name.lower() not in tables or name in needed or name in above[-1:]:
            continue
        if name in above:
            raise SettingsError(f"The view {name} of the mapping needs itself: correct it.")
        plain = view.strip().rstrip(";")
        _collect_views(plain, views, dialect, needed, (*above, name))
        needed[name] = plain
