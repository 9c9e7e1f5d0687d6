"""Schema matching: each canonical relation of a college, as typed SQL with canonical columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.database import (
    PLACEHOLDER,
    WINDOW,
    absent,
    build_query_error,
    can_be_unreadable,
    canonical,
    describe_columns,
    expand_functions,
    expand_settings,
    expand_sheets,
    is_clock,
    keep_apart,
    parse_query,
    raw_text,
    stood,
    write_rows_query,
)
from edumetrics.database.catalogue import Catalogue
from edumetrics.database.views import compose_source, is_select, is_table_name
from edumetrics.errors import MissingColumn, SettingsError
from edumetrics.fields import RELATIONS, RelationRecord
from edumetrics.fields.record import Kind
from edumetrics.fields.record import text as text_field
from edumetrics.params.college import ONLY, CollegeFile, SourceMapping

# Without these, nothing can be scored or mailed. Every other relation may be mapped to null, but
# not both that say what a student did.
ESSENTIAL = tuple(name for name, record in RELATIONS.items() if record.essential)
EITHER = ("attendance", "assignment_definitions")
# What is known only when a statement is sent: the window, and the rows of crosswalks.
_HELD = re.compile(rf"\b{PLACEHOLDER}(since|until|rows_\w+)\b")


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
        home: the name of the source that holds it.
        once: whether all of it is read once, and kept.
        clocked: the columns of days that hold moments of a clock whose zone nobody says.
    """

    table: RelationRecord
    source: str
    rows: sa.Subquery
    present: frozenset[str]
    doubtful: frozenset[str]
    unique: bool
    home: str = ONLY
    once: bool = False
    clocked: frozenset[str] = frozenset()

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


@dataclass(frozen=True)
class Crosswalk:
    """A small table of ids of one source, which SELECTs of the others may join.

    Attributes:
        home: the name of its source.
        source: its SELECT, with the views that it names.
        rows: the same with all columns as texts.
    """

    home: str
    source: str
    rows: sa.Select[Any]


def resolve_relations(
    connections: Mapping[str, Connection],
    college: CollegeFile,
    time_zone: str = "UTC",
    give: Callable[[str], Any] = str,
) -> tuple[dict[str, Relation | None], dict[str, Crosswalk]]:
    """Match every canonical relation with the college's databases.

    Args:
        connections: to each of the mapping's sources.
        college: the mapping.
        time_zone: the college's zone: a moment with another one is read as its day here.
        give: returns, when a statement is sent, what stands for `since`, `until`, or `rows_NAME`
            of a crosswalk.

    Returns:
        Every canonical relation; None where the college does not have it. And the crosswalks.

    Raises:
        SettingsError: an unknown relation, an essential relation without a source, a missing table,
            a SELECT that fails, or a column of a SELECT that is not canonical.
        MissingColumn: a required column is missing.
    """
    _check_sources(college.relations)
    sources = {
        mapping.name: _Source(connections[mapping.name], mapping, time_zone, give)
        for mapping in college.list_sources()
    }
    crosswalks = {
        name: sources[place.source].resolve_crosswalk(name, place.select or "")
        for name, place in college.crosswalks.items()
    }
    found: dict[str, Relation | None] = {}
    for source in sources.values():
        source.add_crosswalks(crosswalks)
        found |= source.resolve()
    return {name: found.get(name) for name in RELATIONS}, crosswalks


class _Source:
    """One database of a college, while its part of the mapping is resolved."""

    def __init__(
        self,
        connection: Connection,
        mapping: SourceMapping,
        time_zone: str,
        give: Callable[[str], Any],
    ) -> None:
        self.connection, self.mapping, self.give = connection, mapping, give
        self.dialect, self.zone = connection.dialect.name, time_zone
        self.views = {name: self._expand(text) for name, text in mapping.views.items()}

    def _expand(self, text: str) -> str:
        plain = expand_settings(text.strip(), self.mapping.settings, self.dialect)
        tables = expand_sheets(plain, self.connection)
        return expand_functions(tables, self.dialect, self.zone, self.mapping.source.time_zone)

    def resolve_crosswalk(self, name: str, text: str) -> Crosswalk:
        """Return a crosswalk that this source holds."""
        source = compose_source(self._expand(text), self.views, self.dialect)
        origin, _ = self._read_select(name, source)
        self.views[name] = self._expand(text)
        rows = [canonical(column, text_field(column.name, "an id")).label(column.name)
                for column in origin.c]  # fmt: skip
        return Crosswalk(self.mapping.name, source, sa.select(*rows))

    def add_crosswalks(self, crosswalks: Mapping[str, Crosswalk]) -> None:
        """Let SELECTs name the crosswalks of the other sources, whose rows are carried here."""
        for name, crosswalk in crosswalks.items():
            if crosswalk.home != self.mapping.name:
                columns: dict[str, Kind] = {c.name: "text" for c in crosswalk.rows.selected_columns}
                self.views[name] = write_rows_query(
                    self.dialect, columns, f"{PLACEHOLDER}rows_{name}"
                )

    def resolve(self) -> dict[str, Relation | None]:
        """Return the relations that this source holds."""
        composed = {
            name: compose_source(self._expand(text), self.views, self.dialect)
            for name, text in self.mapping.relations.items()
        }
        # All tables are looked up at once: one query each would be slow on a distant database.
        catalogue = Catalogue(
            self.connection, [source for source in composed.values() if "\n" not in source]
        )
        resolved: dict[str, Relation | None] = {}
        for name, source in composed.items():
            # A broken SELECT is not the name of a table. Without this check the message would say
            # that the database has no such table.
            if not (source in catalogue.columns or is_select(source) or is_table_name(source)):
                raise SettingsError(
                    f"The mapping of {name} is neither a table name nor a SELECT: correct it."
                )
            table = RELATIONS[name]
            if is_select(source) and source not in catalogue.columns:
                # A table may be called "Select list".
                resolved[name] = self._build_from_select(table, source)
            else:
                resolved[name] = self._build_from_table(catalogue, table, source)
        return resolved

    def _read_select(
        self, name: str, source: str
    ) -> tuple[sa.Subquery, Mapping[str, sa.types.TypeEngine[Any] | None]]:
        """Return a SELECT as a subquery, and its columns with the types that are declared.

        Raises:
            SettingsError: it is not one query that only reads, or it fails.
        """
        text = parse_query(source, self.dialect, name)
        if _HELD.search(text):
            text = keep_apart(text, self.dialect)
        try:
            # In PostgreSQL a failed statement ends the transaction: the savepoint limits the damage
            with self.connection.begin_nested():
                # Without rows, any value will do for what is carried.
                stored = describe_columns(self.connection, _HELD.sub(_write_nothing, text))
        except sa.exc.DBAPIError as error:
            raise build_query_error(error, name) from error
        # `sa.text` takes ':name' for a bound parameter, so the colon is escaped. 'value::type' is a
        # cast and stays as it is.
        escaped = re.sub(r"(?<!:):(?=[\w$])", r"\\:", text)
        literal = sa.text(_HELD.sub(lambda found: f":{found[0]}", escaped)).bindparams(
            *(
                sa.bindparam(
                    found[0],
                    callable_=partial(self.give, found[1]),
                    type_=sa.Integer() if found[1] in WINDOW else sa.Text(),
                )
                for found in {found[0]: found for found in _HELD.finditer(text)}.values()
            )
        )
        return literal.columns(*(sa.column(column) for column in stored)).subquery(
            f"{name}_source"
        ), stored

    def _build_from_table(
        self, catalogue: Catalogue, table: RelationRecord, source: str
    ) -> Relation | None:
        """Return a relation from a table; None if it is optional and there is no such table.

        Raises:
            SettingsError: there is no such table, or a required column is missing.
        """
        found = catalogue.columns.get(source)
        if found is None:
            # Under its canonical name an optional relation is used where it exists. Another name
            # was written by a person, so it must exist.
            if table.optional and source == table.name:
                return None
            raise SettingsError(
                f"The {self._name_database()} has no table {source} for {table.name}: "
                + (
                    "correct the mapping."
                    if table.essential
                    else "correct the mapping, or map it to null if the college has no such "
                    "records."
                )
            )
        schema, name = catalogue.places[source]
        columns = _check_columns(table, list(found), f"table {source}")
        origin = sa.table(name, *(sa.column(column) for column in found), schema=schema or None)
        unique = catalogue.has_unique_key(source, table.natural)
        return self._build_relation(table, source, _Origin(origin, columns, found), unique=unique)

    def _build_from_select(self, table: RelationRecord, source: str) -> Relation:
        """Return a relation from a SELECT.

        Raises:
            SettingsError: the SELECT fails, a required column is missing, or a column is not
                canonical.
        """
        origin, stored = self._read_select(table.name, source)
        columns = _check_columns(table, list(stored), f"SELECT for {table.name}")
        # A misspelt name of an optional column would otherwise be read as null, without a word.
        strangers = sorted(set(stored) - set(table.names) - set(table.unread))
        if strangers:
            raise SettingsError(
                f"The SELECT for {table.name} returns {strangers[0]}, which is not a canonical "
                f"column: remove it, or rename it to one of {', '.join(table.names)}."
            )
        return self._build_relation(table, source, _Origin(origin, columns, stored), unique=False)

    def _build_relation(
        self, table: RelationRecord, source: str, origin: _Origin, *, unique: bool
    ) -> Relation:
        """Return a relation with every canonical column, converted to its canonical type."""
        columns: list[sa.ColumnElement[Any]] = []
        doubtful, clocked = set(), set()
        there = self.mapping.source.time_zone
        for field in table.fields:
            if field.name not in origin.present:
                columns.append(absent(field.kind).label(field.name))
                continue
            column, stored = origin.rows.c[field.name], origin.stored.get(field.name)
            read = canonical(column, field, stored, self.zone, there)
            columns.append(read.label(field.name))
            if field.kind == "date" and not there and is_clock(stored, self.dialect):
                clocked.add(field.name)
            if can_be_unreadable(field, stored, self.dialect):
                doubtful.add(field.name)
                # A query that does not ask for them does not compute them.
                columns.append(raw_text(column, field, stored).label(f"raw {field.name}"))
                columns.append(stood(column, field, stored).label(f"stood {field.name}"))
        rows = sa.select(*columns).select_from(origin.rows).subquery(table.name)
        return Relation(
            table,
            source,
            rows,
            origin.present,
            frozenset(doubtful),
            unique,
            self.mapping.name,
            table.name in self.mapping.once,
            frozenset(clocked),
        )

    def _name_database(self) -> str:
        own = self.mapping.name
        return "college database" if own == ONLY else f"database of {own}"


def _check_sources(sources: Mapping[str, object]) -> None:
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


def _write_nothing(found: re.Match[str]) -> str:
    """Return the literal that stands for what is carried while only columns are looked at."""
    return "0" if found[1] in WINDOW else "'[]'"
