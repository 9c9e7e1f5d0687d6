"""A college in several databases: where a statement runs, and what is carried to it from others.

A statement runs where the relation that it is about is. Of other sources it joins people, classes
or items, which are small: their rows go along as a parameter. A relation that is read once lives in
a table of this process from then on, and its statements run there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import visitors

from edumetrics.college.mapping import Relation, resolve_relations
from edumetrics.database import (
    OFFSET,
    TYPES,
    create_scratch_engine,
    insert_frame,
    read_frame,
    serialise_rows,
    write_rows_query,
)
from edumetrics.fields.record import Kind
from edumetrics.params.college import CollegeFile

# Reads a query about a relation.
Read = Callable[[sa.Select[Any], str], pd.DataFrame]
# Seconds since 1970 that hold everything.
ALWAYS = (0, 4_102_444_800)


class Federation:
    """The sources of a college.

    Attributes:
        connections: to each source by name.
        relations: every canonical relation by name; None where the college has none.
        opened: when they were opened, in UTC.
        crosswalks: the tables of ids that are carried from source to source.
    """

    def __init__(
        self, connections: Mapping[str, Connection], college: CollegeFile, zone: str, read: Read
    ) -> None:
        self.connections, self._read = dict(connections), read
        self.window, self._whole = ALWAYS, False
        self.opened = datetime.now(UTC)
        self.relations, self.crosswalks = resolve_relations(connections, college, zone, self._give)
        self._serialised: dict[object, str] = {}
        self._kept: dict[str, sa.Table] = {}
        self._scratch: Connection | None = None
        self._by_rows = {one.rows: one for one in self.relations.values() if one is not None}
        # A college in one database needs none of this.
        self._plain = len(self.connections) == 1 and not any(
            relation.once for relation in self._by_rows.values()
        )

    def find_connection(self, name: str) -> Connection:
        """Return the connection to the source that holds a relation; any where none does."""
        relation = self.relations.get(name)
        home = relation.home if relation is not None else next(iter(self.connections))
        return self.connections[home]

    def find_offset(self, source: str) -> timedelta | None:
        """Return how far east of UTC the clock of a source's server is; None for a file."""
        seconds = self.connections[source].info.get(OFFSET)
        return None if seconds is None else timedelta(seconds=seconds)

    def narrow_window(self, since: pd.Timestamp, until: pd.Timestamp) -> None:
        """Let logs be read between two days only, unless they were asked for as a whole."""
        if not self._whole:
            self._set_window(int(since.timestamp()), int(until.timestamp()))

    def widen_window(self) -> None:
        """Let logs be read as a whole from now on."""
        self._whole = True
        self._set_window(*ALWAYS)

    def _set_window(self, since: int, until: int) -> None:
        if (since, until) != self.window:
            self.window = since, until
            self._drop_kept()

    def place(self, select: sa.Select[Any], what: str) -> tuple[Connection, sa.Select[Any]]:
        """Return where a query about a relation runs, and the query as it runs there."""
        if self._plain:
            return self.find_connection(what), select
        named = {
            relation.table.name: relation
            for element in visitors.iterate(select)
            if isinstance(element, sa.Subquery) and (relation := self._by_rows.get(element))
        }
        about = named.get(what) or next(iter(named.values()), None)
        if about is None:
            return self.find_connection(what), select
        replaced: dict[sa.Subquery, sa.FromClause] = {}
        home = self._open_scratch() if about.once else self.connections[about.home]
        for name, relation in named.items():
            if relation is about and about.once:
                replaced[relation.rows] = self._keep(relation)
            elif relation is not about and (about.once or relation.home != about.home):
                columns = _find_columns(select, relation)
                replaced[relation.rows] = self._carry(name, columns, home.dialect.name)
        return home, _replace(select, replaced) if replaced else select

    def _give(self, name: str) -> Any:
        """Return what stands for a placeholder of a mapping's text in a statement."""
        if name in ("since", "until"):
            return self.window[name == "until"]
        crosswalk = name.removeprefix("rows_")
        if crosswalk not in self._serialised:
            found = self.crosswalks[crosswalk]
            frame = read_frame(self.connections[found.home], found.rows)
            self._serialised[crosswalk] = serialise_rows(frame)
        return self._serialised[crosswalk]

    def _carry(self, name: str, columns: tuple[str, ...], dialect: str) -> sa.FromClause:
        """Return the columns of a relation as rows that go along with a statement."""
        relation = self.relations[name]
        assert relation is not None
        chosen = [relation.c[column] for column in columns]
        if (name, columns) not in self._serialised:
            frame = self._read(sa.select(*chosen), name)
            self._serialised[name, columns] = serialise_rows(frame)
        kinds = {column: _find_kind(relation, column) for column in columns}
        text = write_rows_query(dialect, kinds, ":carried")
        rows = sa.bindparam("carried", self._serialised[name, columns], sa.Text, unique=True)
        return (
            sa.text(text)
            .bindparams(rows)
            .columns(*(sa.column(column, TYPES[kind]()) for column, kind in kinds.items()))
            .subquery(f"carried_{name}")
        )

    def _keep(self, relation: Relation) -> sa.FromClause:
        """Return the table of this process that holds a relation which is read once."""
        name = relation.table.name
        if name not in self._kept:
            columns = list(relation.rows.c)
            # Read where it is: the window bounds it.
            frame = read_frame(self.connections[relation.home], sa.select(*columns))
            table = sa.Table(
                name,
                sa.MetaData(),
                *(sa.Column(c.name, TYPES[_find_kind(relation, c.name)]()) for c in columns),
            )
            scratch = self._open_scratch()
            table.create(scratch)
            insert_frame(scratch, table, frame)
            self._kept[name] = table
        return self._kept[name]

    def _open_scratch(self) -> Connection:
        if self._scratch is None:
            self._scratch = create_scratch_engine().connect()
        return self._scratch

    def close(self) -> None:
        """Forget what was kept; the connections belong to whoever opened them."""
        if self._scratch is not None:
            self._scratch.close()
            self._scratch.engine.dispose()

    def _drop_kept(self) -> None:
        for table in self._kept.values():
            table.drop(self._open_scratch())
        self._kept.clear()


def _find_columns(select: sa.Select[Any], relation: Relation) -> tuple[str, ...]:
    """Return the columns of a relation that a statement names; its key where it names none."""
    found = {
        element.name: None
        for element in visitors.iterate(select)
        if isinstance(element, sa.ColumnClause) and element.table is relation.rows
    }
    return tuple(found) or relation.table.key[:1]


def _find_kind(relation: Relation, column: str) -> Kind:
    """Return the kind of a column of a relation's rows."""
    if column in relation.table.names:
        return relation.table[column].kind
    return "text" if column.startswith("raw ") else "int"


def _replace(
    select: sa.Select[Any], replaced: Mapping[sa.Subquery, sa.FromClause]
) -> sa.Select[Any]:
    """Return a statement that reads other rows in the place of some relations."""

    def find(element: visitors.ExternallyTraversible, **_: Any) -> Any:
        if isinstance(element, sa.Subquery):
            return replaced.get(element)
        if isinstance(element, sa.ColumnClause) and isinstance(element.table, sa.Subquery):
            rows = replaced.get(element.table)
            return None if rows is None else rows.c[element.name]
        return None

    rewritten = cast("sa.Select[Any]", visitors.replacement_traverse(select, {}, find))
    # Of two names for one column the first is taken for both: each gets its own name back.
    named = zip(select.selected_columns, rewritten.selected_columns, strict=True)
    columns = [new if new.name == old.name else new.label(old.name) for old, new in named]
    return rewritten.with_only_columns(*columns, maintain_column_froms=True)
