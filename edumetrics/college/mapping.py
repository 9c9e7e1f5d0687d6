"""Schema matching: each canonical relation of a college, as typed SQL with canonical columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
import sqlglot
from sqlalchemy.engine import Connection
from sqlglot.tokenizer_core import Token

from edumetrics.database import (
    TYPES,
    build_query_error,
    can_be_unreadable,
    canonical,
    describe_columns,
    expand_functions,
    parse_query,
    raw_text,
    stood,
)
from edumetrics.errors import MissingColumn, SettingsError
from edumetrics.fields import RELATIONS, RelationRecord

# Signs that no name of a table has.
BROKEN = {"(", ")", "*", ";", "="}
# Without these, nothing can be scored or mailed. Every other relation may be mapped to null, but
# not both that say what a student did.
ESSENTIAL = tuple(name for name, record in RELATIONS.items() if record.essential)
EITHER = ("attendance", "assignment_definitions")


@dataclass(frozen=True)
class Relation:
    """A canonical relation as this college has it.

    Attributes:
        table: what the relation should hold.
        source: the college's table, or the SELECT, that it comes from.
        rows: a subquery with every canonical column, typed; a column that the college does not have
            is null in every row. Of each column in `doubtful` it also has what stood there (see
            `find_raw`, `find_stood` and `is_unreadable`).
        present: the canonical columns that the college has.
        doubtful: those of which a value may be of another kind; it is then null.
        unique: whether the database itself guarantees that the natural key does not repeat.
    """

    table: RelationRecord
    source: str
    rows: sa.Subquery
    present: frozenset[str]
    doubtful: frozenset[str]
    unique: bool

    @property
    def c(self) -> sa.ColumnCollection[str, sa.ColumnElement[Any]]:
        """The columns of `rows`."""
        return self.rows.c

    @property
    def week(self) -> sa.ColumnElement[Any]:
        """The column with a row's semester week; for a loan, the week in which it began."""
        return self.c[self.table.week]

    def find_raw(self, column: str) -> sa.ColumnElement[Any]:
        """Return what stands in a doubtful column, as a text; it belongs into no message."""
        return self.c[f"raw {column}"]

    def find_stood(self, column: str) -> sa.ColumnElement[Any]:
        """Return 1 where a value stands in a doubtful column, else 0; an open end is none."""
        return self.c[f"stood {column}"]

    def is_unreadable(self, column: str) -> sa.ColumnElement[bool]:
        """Return the condition that a value stands in a doubtful column, and none of its kind."""
        # Nearly all values are read: of these the database looks no further.
        return sa.and_(self.c[column].is_(None), self.find_stood(column) == 1)

    def is_any_unreadable(self, *columns: str) -> sa.ColumnElement[bool]:
        """Return the condition that this is so of any of some columns; others are never."""
        each = [self.is_unreadable(name) for name in columns if name in self.doubtful]
        return sa.or_(sa.false(), *each)


def resolve_relations(
    connection: Connection,
    sources: Mapping[str, str | None],
    views: Mapping[str, str] | None = None,
    time_zone: str = "UTC",
) -> dict[str, Relation | None]:
    """Match every canonical relation with the college's database.

    Args:
        connection: to the college's database.
        sources: for each relation a table name, a SELECT, or None. A relation that is not named
            counts as None.
        views: for each name a SELECT. The SELECTs of relations and of later views may use the name
            like a table.
        time_zone: the college's zone: a moment with another one is read as its day here.

    Returns:
        Every canonical relation; None where the college does not have it.

    Raises:
        SettingsError: an unknown relation, an essential relation without a source, a missing table,
            a SELECT that fails, or a column of a SELECT that is not canonical.
        MissingColumn: a required column is missing.
    """
    _check_sources(sources)
    dialect = connection.dialect.name
    composed = {
        name: expand_functions(text, dialect, time_zone)
        for name, text in build_sources(sources, views or {}).items()
    }
    # All tables are looked up at once: one query for each would be slow on a distant database.
    catalogue = Catalogue(
        connection, [source for source in composed.values() if "\n" not in source]
    )
    for name, text in composed.items():
        # A broken SELECT is not the name of a table. Without this check the message would say that
        # the database has no such table.
        if not (text in catalogue.columns or is_select(text) or _is_table_name(text)):
            raise SettingsError(
                f"The mapping of {name} is neither a table name nor a SELECT: correct it."
            )
    resolved: dict[str, Relation | None] = {}
    for name, table in RELATIONS.items():
        source = composed.get(name)
        if source is None:
            resolved[name] = None
        elif is_select(source) and source not in catalogue.columns:
            # A table may be called "Select list".
            resolved[name] = _build_from_select(connection, table, source, time_zone)
        else:
            resolved[name] = _build_from_table(catalogue, table, source, time_zone)
    return resolved


def _check_sources(sources: Mapping[str, str | None]) -> None:
    """Raise SettingsError where a relation is not known, or one without a source is needed."""
    unknown = sorted(set(sources) - set(RELATIONS))
    if unknown:
        raise SettingsError(
            f"The mapping names {unknown[0]}, which is not a canonical relation: "
            f"use one of {', '.join(RELATIONS)}."
        )
    missing = [name for name in ESSENTIAL if not sources.get(name)]
    if missing:
        raise SettingsError(
            f"The mapping has no source for {missing[0]}: "
            f"add one; every college needs {', '.join(ESSENTIAL)}."
        )
    if not any(sources.get(name) for name in EITHER):
        raise SettingsError(
            f"The mapping has no source for {' nor for '.join(EITHER)}: every college needs one."
        )


def build_sources(sources: Mapping[str, str | None], views: Mapping[str, str]) -> dict[str, str]:
    """Return each relation's table name, or its SELECT with the views that it needs before it."""
    return {name: _add_views(source.strip(), views) for name, source in sources.items() if source}


def is_select(source: str) -> bool:
    """Return whether a source is a SELECT, and not the name of a table."""
    tokens = _tokenize(source)
    return bool(tokens) and tokens[0].text.upper() in ("SELECT", "WITH")


def _is_table_name(source: str) -> bool:
    """Return whether a source could be the name of a table, and is no broken SELECT."""
    return "\n" not in source and not BROKEN & {token.text for token in _tokenize(source)}


@cache
def _tokenize(source: str) -> tuple[Token, ...]:
    """Return the words and signs of a source, without its comments; none where it is no SQL."""
    try:
        return tuple(sqlglot.tokenize(source))
    except sqlglot.errors.TokenError:
        return ()


def _add_views(source: str, views: Mapping[str, str]) -> str:
    """Return a source with the views that it names, directly or through other views, as CTEs."""
    text, needed = source.rstrip(";"), dict[str, str]()
    if text in views:
        # The source is only the name of a view: as a SELECT it can have a CTE before it.
        text = f"SELECT * FROM {text}"
    # A view may need earlier views. So the loop goes from the last view to the first, and looks for
    # each name in everything that is needed so far.
    for name, view in reversed(list(views.items())):
        words = {t.text.lower() for part in (text, *needed.values()) for t in _tokenize(part)}
        if is_select(text) and name.lower() in words:
            needed[name] = view.strip().rstrip(";")
    if not needed:
        return text
    # A CTE must come before the CTEs that use it: `needed` is filled in the opposite order.
    parts = ",\n".join(f"{name} AS (\n{view}\n)" for name, view in reversed(needed.items()))
    # A statement has only one WITH: if the source has its own, the views become part of it.
    first, second = _tokenize(text)[:2]
    if first.text.upper() != "WITH":
        return f"WITH {parts}\n{text}"
    head = second if second.text.upper() == "RECURSIVE" else first
    own = text[head.end + 1 :].lstrip()
    return f"{text[first.start : head.end + 1]} {parts},\n{own}"


class Catalogue:
    """The columns and unique keys of some tables and views, read in one pass per schema.

    Attributes:
        dialect: the name of the database's dialect.
        columns: for each source, the type of each column.
        places: for each source, its schema (empty for the default one) and name.
        unique: for each source, the sets of columns that the database keeps unique.
    """

    def __init__(self, connection: Connection, sources: list[str]) -> None:
        self.dialect = connection.dialect.name
        inspector = sa.inspect(connection)
        self.columns: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {}
        self.places: dict[str, tuple[str, str]] = {}
        self.unique: dict[str, list[set[str | None]]] = {}
        # A name with a point may be that of a schema and a table, or of a table.
        split = [one for one in sources if one.count(".") == 1 and not is_select(one)]
        places = {source.rpartition(".")[::2] for source in split}
        places |= {("", source) for source in sources}
        for schema in sorted({schema for schema, _ in places}):
            names = [name for place, name in places if place == schema]
            asked: dict[str, Any] = {
                "schema": schema or None,  # None is the default schema
                "filter_names": names,
                "kind": sa.engine.reflection.ObjectKind.ANY,  # tables and views
            }
            for (_, name), columns in inspector.get_multi_columns(**asked).items():
                self.places[self._join_name(schema, name)] = schema, name
                self.columns[self._join_name(schema, name)] = {
                    column["name"]: column["type"] for column in columns
                }
            for (_, name), key in inspector.get_multi_pk_constraint(**asked).items():
                self.unique.setdefault(self._join_name(schema, name), []).append(
                    set(key["constrained_columns"])
                )
            for (_, name), constraints in inspector.get_multi_unique_constraints(**asked).items():
                self.unique[self._join_name(schema, name)] += [
                    set(entry["column_names"]) for entry in constraints
                ]
            # A unique index need not be a constraint, so indexes are looked at, too.
            for (_, name), indexes in inspector.get_multi_indexes(**asked).items():
                self.unique[self._join_name(schema, name)] += [
                    set(entry["column_names"]) for entry in indexes if _is_full_index(entry)
                ]

    def has_unique_key(self, source: str, natural: tuple[str, ...]) -> bool:
        """Return whether a unique key of the table lies within a natural key.

        If it does, the natural key cannot repeat.
        """
        # None stands for an expression in an index. It says nothing about the column itself.
        return any(
            key and None not in key and key <= set(natural) for key in self.unique.get(source, [])
        )

    @staticmethod
    def _join_name(schema: str, name: str) -> str:
        return f"{schema}.{name}" if schema else name


def _is_full_index(index: Any) -> bool:
    """Return whether an index is unique over all rows, and not only over some of them."""
    # A partial index has its condition in the options of the dialect. Any option rules the index
    # out: a wrong "not unique" costs time, a wrong "unique" lets duplicates through.
    return bool(index["unique"]) and not any(index.get("dialect_options", {}).values())


def _build_from_table(
    catalogue: Catalogue, table: RelationRecord, source: str, time_zone: str
) -> Relation | None:
    """Return a relation from a table; None if it is optional and the database does not have it.

    Raises:
        SettingsError: the database does not have the table, or a required column is missing.
    """
    found = catalogue.columns.get(source)
    if found is None:
        # Under its canonical name an optional relation is used where it exists. Another name was
        # written by a person, so it must exist.
        if table.optional and source == table.name:
            return None
        raise SettingsError(
            f"The college database has no table {source} for {table.name}: "
            + (
                "correct the mapping."
                if table.essential
                else "correct the mapping, or map it to null if the college has no such records."
            )
        )
    schema, name = catalogue.places[source]
    columns = _check_columns(table, list(found), f"table {source}")
    origin = sa.table(name, *(sa.column(column) for column in found), schema=schema or None)
    unique = catalogue.has_unique_key(source, table.natural)
    return _build_relation(
        table, source, _Origin(origin, columns, found, catalogue.dialect, time_zone), unique=unique
    )


def _build_from_select(
    connection: Connection, table: RelationRecord, source: str, time_zone: str
) -> Relation:
    """Return a relation from a SELECT.

    Raises:
        SettingsError: the SELECT fails, a required column is missing, or a column is not canonical.
    """
    text = parse_query(source, connection.dialect.name, table.name)
    try:
        # In PostgreSQL a failed statement ends the transaction: the savepoint limits the damage.
        with connection.begin_nested():
            stored = describe_columns(connection, text)
    except sa.exc.DBAPIError as error:
        raise build_query_error(error, table.name) from error
    columns = _check_columns(table, list(stored), f"SELECT for {table.name}")
    # A misspelt name of an optional column would otherwise be read as null, without a word.
    strangers = sorted(set(stored) - set(table.names) - set(table.unread))
    if strangers:
        raise SettingsError(
            f"The SELECT for {table.name} returns {strangers[0]}, which is not a canonical column: "
            f"remove it, or rename it to one of {', '.join(table.names)}."
        )
    # `sa.text` takes ':name' for a bound parameter, so the colon is escaped. 'value::type' is a
    # cast and stays as it is.
    literal = sa.text(re.sub(r"(?<!:):(?=[\w$])", r"\\:", text))
    origin = literal.columns(*(sa.column(column) for column in stored)).subquery(
        f"{table.name}_source"
    )
    found = _Origin(origin, columns, stored, connection.dialect.name, time_zone)
    return _build_relation(table, source, found, unique=False)


def _check_columns(table: RelationRecord, found: list[str], where: str) -> frozenset[str]:
    """Return the canonical columns among those found.

    Raises:
        MissingColumn: a column that is never null is not there.
    """
    # A field that says what null means may be missing: it is then null in every row.
    missing = [field.name for field in table.fields if not field.null and field.name not in found]
    if missing:
        raise MissingColumn(
            f"The {where} has no column {missing[0]}, which {table.name} needs; "
            f"it has {', '.join(found)}."
        )
    return frozenset(found) & frozenset(table.names)


class _Origin(NamedTuple):
    """Where the rows of a relation come from.

    `present` are its canonical columns, `stored` the types that the database declares.
    """

    rows: sa.FromClause
    present: frozenset[str]
    stored: Mapping[str, sa.types.TypeEngine[Any] | None]
    dialect: str
    time_zone: str


def _build_relation(
    table: RelationRecord, source: str, origin: _Origin, *, unique: bool
) -> Relation:
    """Return a relation with every canonical column, converted to its canonical type."""
    columns: list[sa.ColumnElement[Any]] = []
    doubtful = set()
    for field in table.fields:
        if field.name not in origin.present:
            columns.append(sa.cast(sa.null(), TYPES[field.kind]()).label(field.name))
            continue
        column, stored = origin.rows.c[field.name], origin.stored.get(field.name)
        columns.append(canonical(column, field, stored, origin.time_zone).label(field.name))
        if can_be_unreadable(field, stored, origin.dialect):
            doubtful.add(field.name)
            # A query that does not ask for them does not compute them.
            columns.append(raw_text(column, field, stored).label(f"raw {field.name}"))
            columns.append(stood(column, field, stored).label(f"stood {field.name}"))
    rows = sa.select(*columns).select_from(origin.rows).subquery(table.name)
    return Relation(table, source, rows, origin.present, frozenset(doubtful), unique)
