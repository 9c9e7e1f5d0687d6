"""Mappings: where a college keeps each canonical relation, as typed SQL with the canonical columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.database import canonical, described, query_error
from edumetrics.errors import MissingColumn, SettingsError
from edumetrics.fields import RELATIONS, Table

# What may stand before a SELECT: comments.
BEFORE = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
ESSENTIAL = ("classes", "students", "advisors", "attendance")


@dataclass(frozen=True)
class Relation:
    """A canonical relation as this college has it.

    Attributes:
        table: what the relation should hold.
        source: the college's table, or the SELECT, that it comes from.
        rows: a subquery with every canonical column, typed; columns that the college lacks are null.
        present: the canonical columns that the college has.
        unique: whether the database itself guarantees that the natural key does not repeat.
    """

    table: Table
    source: str
    rows: sa.Subquery
    present: frozenset[str]
    unique: bool

    @property
    def c(self) -> sa.ColumnCollection[str, sa.ColumnElement[Any]]:
        """The columns of `rows`."""
        return self.rows.c

    @property
    def week(self) -> sa.ColumnElement[Any]:
        """The semester week of a row of a weekly feed: of a loan, the week in which it began."""
        return self.c.borrow_week if self.table.name == "book_borrows" else self.c.week


def resolve(
    connection: Connection,
    sources: Mapping[str, str | None],
    views: Mapping[str, str] | None = None,
) -> dict[str, Relation | None]:
    """Look at the college's database and resolve every canonical relation.

    Args:
        connection: to the college's database.
        sources: relation to table name, SELECT, or None; an unnamed relation is None.
        views: name to SELECT: what the SELECTs of relations, and of later views, may name like tables.

    Returns:
        Every canonical relation; None where the college has none.

    Raises:
        SettingsError: an unknown relation, an essential one without a source, a missing table, a SELECT that fails, a
            missing required column, or a column of a SELECT that is not canonical.
    """
    unknown = sorted(set(sources) - set(RELATIONS))
    if unknown:
        raise SettingsError(
            f"The mapping names {unknown[0]}, which is no canonical relation: they are {', '.join(RELATIONS)}."
        )
    missing = [name for name in ESSENTIAL if not sources.get(name)]
    if missing:
        raise SettingsError(
            f"The mapping gives no source for {missing[0]}: every college needs {', '.join(ESSENTIAL)}."
        )
    composed = compose(sources, views or {})
    for name, text in composed.items():
        if not is_select(text) and re.search(r"[\n()*;=]", text):
            raise SettingsError(
                f"The mapping of {name} is neither the name of a table nor a SELECT: correct it."
            )
    catalogue = Catalogue(
        connection, [source for source in composed.values() if not is_select(source)]
    )
    resolved: dict[str, Relation | None] = {}
    for name, table in RELATIONS.items():
        source = composed.get(name)
        if source is None:
            resolved[name] = None
        elif is_select(source):
            resolved[name] = _from_select(connection, table, source)
        else:
            resolved[name] = _from_table(catalogue, table, source)
    return resolved


def compose(sources: Mapping[str, str | None], views: Mapping[str, str]) -> dict[str, str]:
    """Each relation's table name, or its SELECT with the views that it needs before it."""
    return {name: _with_views(source.strip(), views) for name, source in sources.items() if source}


def is_select(source: str) -> bool:
    """Whether a source is a SELECT, and not the name of a table."""
    return re.match(rf"{BEFORE}(?:select|with)\b", source, re.IGNORECASE) is not None


def _with_views(source: str, views: Mapping[str, str]) -> str:
    text, needed = source.rstrip(";"), dict[str, str]()
    if text in views:
        text = f"SELECT * FROM {text}"
    # A view may need earlier ones: from the last to the first, each is looked for in all that is needed so far.
    for name, view in reversed(list(views.items())):
        wanted = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
        if is_select(text) and any(wanted.search(part) for part in (text, *needed.values())):
            needed[name] = view.strip().rstrip(";")
    if not needed:
        return text
    parts = ",\n".join(f"{name} AS (\n{view}\n)" for name, view in reversed(needed.items()))
    start = re.match(rf"{BEFORE}with(\s+recursive)?\b", text, re.IGNORECASE)
    if start is None:
        return f"WITH {parts}\n{text}"
    return f"WITH{start[1] or ''} {parts},\n{text[start.end() :].lstrip()}"


class Catalogue:
    """The columns and unique keys of the tables and views named, asked for all at once; names may have a schema."""

    def __init__(self, connection: Connection, sources: list[str]) -> None:
        inspector = sa.inspect(connection)
        self.columns: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {}
        self.unique: dict[str, list[set[str | None]]] = {}
        for schema in {source.rpartition(".")[0] for source in sources}:
            names = [
                source.rpartition(".")[2]
                for source in sources
                if source.rpartition(".")[0] == schema
            ]
            asked: dict[str, Any] = {
                "schema": schema or None,
                "filter_names": names,
                "kind": sa.engine.reflection.ObjectKind.ANY,
            }
            for (_, name), columns in inspector.get_multi_columns(**asked).items():
                self.columns[self._key(schema, name)] = {
                    column["name"]: column["type"] for column in columns
                }
            for (_, name), key in inspector.get_multi_pk_constraint(**asked).items():
                self.unique.setdefault(self._key(schema, name), []).append(
                    set(key["constrained_columns"])
                )
            for (_, name), constraints in inspector.get_multi_unique_constraints(**asked).items():
                self.unique[self._key(schema, name)] += [
                    set(entry["column_names"]) for entry in constraints
                ]
            for (_, name), indexes in inspector.get_multi_indexes(**asked).items():
                self.unique[self._key(schema, name)] += [
                    set(entry["column_names"]) for entry in indexes if _whole(entry)
                ]

    def guarantees(self, source: str, natural: tuple[str, ...]) -> bool:
        """Whether a unique key of the table lies within a natural key, which then cannot repeat."""
        return any(
            key and None not in key and key <= set(natural) for key in self.unique.get(source, [])
        )

    @staticmethod
    def _key(schema: str, name: str) -> str:
        return f"{schema}.{name}" if schema else name


def _whole(index: Any) -> bool:
    """Whether an index is unique over all rows: a partial one guarantees nothing about the others."""
    return bool(index["unique"]) and not any(index.get("dialect_options", {}).values())


def _from_table(catalogue: Catalogue, table: Table, source: str) -> Relation | None:
    found = catalogue.columns.get(source)
    if found is None:
        if table.optional and source == table.name:
            return None
        raise SettingsError(
            f"The college database has no table {source} for {table.name}: "
            + (
                "correct the mapping."
                if table.name in ESSENTIAL
                else "correct the mapping, or map it to null if there is none."
            )
        )
    schema, _, name = source.rpartition(".")
    columns = _check_columns(table, list(found), f"table {source}")
    origin = sa.table(name, *(sa.column(column) for column in found), schema=schema or None)
    unique = catalogue.guarantees(source, table.natural)
    return Relation(table, source, _canonical_rows(table, origin, columns, found), columns, unique)


def _from_select(connection: Connection, table: Table, source: str) -> Relation:
    # A comment may end the SELECT: what is put around it goes on the next line.
    text = f"{source}\n"
    try:
        with connection.begin_nested():
            stored = described(connection, text)
    except sa.exc.DBAPIError as error:
        raise query_error(error, table.name) from error
    columns = _check_columns(table, list(stored), f"SELECT for {table.name}")
    strangers = sorted(set(stored) - set(table.names) - set(table.unread))
    if strangers:
        raise SettingsError(
            f"The SELECT for {table.name} yields {strangers[0]}, which is no canonical column of it: "
            f"they are {', '.join(table.names)}."
        )
    # What looks like a bound parameter is none: ':name', but not 'value::type'.
    literal = sa.text(re.sub(r"(?<!:):(?=[\w$])", r"\\:", text))
    origin = literal.columns(*(sa.column(column) for column in stored)).subquery(
        f"{table.name}_source"
    )
    return Relation(
        table, source, _canonical_rows(table, origin, columns, stored), columns, unique=False
    )


def _check_columns(table: Table, found: list[str], where: str) -> frozenset[str]:
    missing = [field.name for field in table.fields if not field.null and field.name not in found]
    if missing:
        raise MissingColumn(
            f"The {where} has no column {missing[0]}, which {table.name} needs; it has {', '.join(found)}."
        )
    return frozenset(found) & frozenset(table.names)


def _canonical_rows(
    table: Table,
    origin: sa.FromClause,
    present: frozenset[str],
    stored: Mapping[str, sa.types.TypeEngine[Any] | None],
) -> sa.Subquery:
    return sa.select(
        *(
            canonical(
                origin.c[f.name] if f.name in present else sa.null(), f.kind, stored.get(f.name)
            ).label(f.name)
            for f in table.fields
        )
    ).subquery(table.name)
