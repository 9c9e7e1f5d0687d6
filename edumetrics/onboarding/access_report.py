"""The contract for an IT department: what a mapping reads, with which grants, and at what load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
import sqlalchemy as sa
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from edumetrics import database, gate
from edumetrics.college.mapping import Relation
from edumetrics.college.terms import College
from edumetrics.database.views import is_select
from edumetrics.errors import SettingsError
from edumetrics.params import ONLY, Params
from edumetrics.stages.weekly import read_week
from edumetrics.workspace import Workspace, open_workspace

# Columns by table; the inner dict is a set that keeps its order.
Reads = dict[str, dict[str, None]]


@dataclass(frozen=True)
class Statement:
    """A statement that a weekly run sent: its relation, the rows that came back, and seconds."""

    relation: str
    rows: int
    seconds: float


class MeasuredCollege(College):
    """A college that records the statements that were sent to it."""

    def __init__(self, connections: Mapping[str, sa.Connection], params: Params) -> None:
        super().__init__(connections, params)
        self.said: list[Statement] = []

    def read_frame(
        self, select: sa.Select[Any], what: str, categories: frozenset[str] = frozenset()
    ) -> pd.DataFrame:
        """Run a query as `Reader.read_frame` does, and record it."""
        began = perf_counter()
        frame = super().read_frame(select, what, categories)
        self.said.append(Statement(what, len(frame), perf_counter() - began))
        return frame


def build_contract(as_of: date | None = None) -> Iterator[str]:
    """Yield the contract of the current mapping line by line, and measure the load of one week.

    Args:
        as_of: the day for a college without a week counter; today when None.

    Yields:
        Lines of Markdown.

    Raises:
        SettingsError: a setting is wrong, the database cannot be reached, or the mapping does not
            fit.
    """
    workspace = open_workspace()
    with workspace.open_college() as opened:
        college = MeasuredCollege(opened.sources.connections, workspace.params)
        # One contract a database: each may have an owner of its own.
        for name, connection in college.sources.connections.items():
            yield from _describe_source(workspace, college, name, connection)
        yield from _measure_load(workspace, college, as_of)


def _describe_source(
    workspace: Workspace, college: MeasuredCollege, name: str, connection: sa.Connection
) -> Iterator[str]:
    """Yield what is read of one database, the grants that this needs, and the SELECTs."""
    reads = _collect_all_reads(college, name, connection)
    whose = "" if name == ONLY else f", there called {name}"
    yield f"# What EduMetrics reads of {_name_database(connection)}"
    yield ""
    yield (
        f"Mapping: {workspace.settings.college}{whose}. EduMetrics only reads: its session is "
        "read-only, it has no"
    )
    yield "statement that writes, and it needs no grant but SELECT on the columns below."
    yield from _format_columns(reads)
    yield from _format_grants(connection, merge_reads(reads.values()))
    yield from _format_selects(college, name)
    if name != ONLY:
        yield ""


def _collect_all_reads(
    college: MeasuredCollege, home: str, connection: sa.Connection
) -> dict[str, Reads]:
    """Return what each relation and crosswalk of a source reads."""
    known = _read_columns(connection)
    reads = {
        name: collect_reads(connection, relation, known)
        for name, relation in college.relations.items()
        if relation is not None and relation.home == home
    }
    for name, crosswalk in college.sources.crosswalks.items():
        if crosswalk.home == home:
            reads[name] = parse_reads(connection, name, crosswalk.source, known)
    return reads


def collect_reads(
    connection: sa.Connection, relation: Relation, known: dict[str, list[str]]
) -> Reads:
    """Return the columns that a relation reads, by table.

    Args:
        connection: to its database.
        relation: the relation to read.
        known: the columns of every table and view of the database.

    Raises:
        SettingsError: the SELECT of the relation cannot be parsed.
    """
    if not is_select(relation.source):
        schema, _, name = relation.source.rpartition(".")
        return {f"{schema}.{name}" if schema else name: dict.fromkeys(sorted(relation.present))}
    return parse_reads(connection, relation.table.name, relation.source, known)


def parse_reads(
    connection: sa.Connection, what: str, select: str, known: dict[str, list[str]]
) -> Reads:
    """Return the columns that a SELECT reads, by table; arguments as of `collect_reads`."""
    sql = database.Sql(connection.dialect.name)
    # Names are compared without case; the contract writes them as the database does.
    lower = {
        table.lower(): (table, {column.lower(): column for column in columns})
        for table, columns in known.items()
    }
    try:
        parsed = sqlglot.parse_one(select, dialect=sql.parser_name)
        # A table may have a column that is not listed.
        hidden = [sql.row_number] if sql.row_number else []
        # The types do not matter here; sqlglot only needs the names, to expand "*".
        schema_of: dict[str, object] = {
            table: dict.fromkeys([*columns, *hidden], "TEXT") for table, columns in known.items()
        }
        # Not validated: a column that sqlglot cannot place is no reason to refuse.
        whole = qualify(
            parsed, schema=schema_of, dialect=sql.parser_name, validate_qualify_columns=False
        )
    except sqlglot.errors.SqlglotError as error:
        said = str(error).splitlines()[0]
        raise SettingsError(f"The SELECT for {what} cannot be parsed ({said}).") from error
    found: Reads = {}
    # Every scope, so that subqueries and the mapping's views count. They are sources, too: what is
    # no known table is one of them.
    for scope in traverse_scope(whole):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and source.name.lower() in lower:
                # A table may be read without any column, as by COUNT(*).
                found.setdefault(lower[source.name.lower()][0], {})
        for column in scope.columns:
            origin = scope.sources.get(column.table)
            if isinstance(origin, exp.Table) and origin.name.lower() in lower:
                table, columns = lower[origin.name.lower()]
                if column.name.lower() in columns:
                    found.setdefault(table, {})[columns[column.name.lower()]] = None
    return found


def merge_reads(parts: Any) -> Reads:
    """Return what several relations read together, by table, sorted by name."""
    found: Reads = {}
    for part in parts:
        for table, columns in part.items():
            found.setdefault(table, {}).update(columns)
    return dict(sorted(found.items()))


def _read_columns(connection: sa.Connection) -> dict[str, list[str]]:
    """Return the columns of every table and view of the default schema."""
    inspector = sa.inspect(connection)
    found = inspector.get_multi_columns(kind=sa.engine.reflection.ObjectKind.ANY)
    return {name: [column["name"] for column in columns] for (_, name), columns in found.items()}


def _name_database(connection: sa.Connection) -> str:
    """Return the words for the database: its kind, name and host."""
    url = connection.engine.url
    host = f" at {url.host}" if url.host else ""
    # The name alone: a contract needs no path, and a URL may hold a password.
    return (
        f"the {connection.dialect.name} database {Path(str(url.database)).name.split('?')[0]}{host}"
    )


def _format_columns(reads: dict[str, Reads]) -> Iterator[str]:
    """Yield the table of what is read, and for which relations."""
    yield from ("", "## Tables and columns", "", "| table | columns | for |", "|---|---|---|")
    for table, columns in merge_reads(reads.values()).items():
        users = ", ".join(name for name, part in reads.items() if table in part)
        yield f"| {table} | {', '.join(sorted(columns))} | {users} |"


def _format_grants(connection: sa.Connection, reads: Reads) -> Iterator[str]:
    """Yield the statements that create a role with just enough rights."""
    grants = list(database.format_grants(connection, reads))
    yield from ("", "## Grants", "")
    if grants:
        yield from ("```sql", *grants, "```")
        return
    yield (
        "The database is a file: give the user that runs EduMetrics permission to read it, "
        "and none to write it."
    )


def _format_selects(college: MeasuredCollege, home: str) -> Iterator[str]:
    """Yield the SELECT of each relation; for a plain table, the SELECT that reads it."""
    yield from (
        "",
        "## What is selected",
        "",
        "Every statement reads one of these, or sums and counts its rows.",
    )
    for name, relation in college.relations.items():
        if relation is None or relation.home != home:
            continue
        text = relation.source
        if not is_select(text):
            text = f"SELECT {', '.join(sorted(relation.present))}\nFROM {text}"
        yield from ("", f"### {name}", "", "```sql", text.strip(), "```")
    for name, crosswalk in college.sources.crosswalks.items():
        if crosswalk.home == home:
            yield from ("", f"### {name}", "", "```sql", crosswalk.source.strip(), "```")


def _measure_load(
    workspace: Workspace, college: MeasuredCollege, as_of: date | None
) -> Iterator[str]:
    """Yield the load of one week, read as a weekly run and its gate read it; stores nothing."""
    only = list(college.sources.connections) == [ONLY]
    yield from ("", "## Load" if only else "# Load of all of them together", "")
    position = college.find_college_week(as_of or workspace.today)
    term = college.find_current_term(position)
    weeks = workspace.params.calendar.get_last_teaching_weeks(
        position.compute_week(workspace.params.calendar), 1
    )
    if term is None or not weeks:
        yield "No term is in session, so no week was measured: give another day with --as-of."
        return
    read_week(workspace, college, term, weeks[0], Path(), replay=False)
    # The gate of a run reads the same database: its statements are part of the load.
    gate.check_week(workspace, college, term, weeks[0])
    # Counted by a query outside `frame`, so that the measuring is not itself measured.
    sizes = {
        name: {
            relation: sum(_count_rows(connection, table) for table in tables)
            for relation, tables in _collect_all_reads(college, name, connection).items()
        }
        for name, connection in college.sources.connections.items()
    }
    yield (
        f"This is the load of week {weeks[0]}. A run reads one week, once a week, in one read-only "
        "transaction. A statement reads"
    )
    yield "at most the rows of its tables (fewer where an index helps) and returns sums and counts."
    yield ""
    yield "| relation | statements | rows read at most | rows sent back |"
    yield "|---|---:|---:|---:|"
    total = [0, 0, 0]
    for name, size in {k: v for part in sizes.values() for k, v in part.items()}.items():
        said = [one for one in college.said if one.relation == name]
        numbers = [len(said), len(said) * size, sum(one.rows for one in said)]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        if said:
            yield f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |"
    yield f"| together | {' | '.join(f'{number:,}' for number in total)} |"
    yield ""
    yield (
        f"This took {sum(one.seconds for one in college.said):.1f} seconds "
        "of the database and the network."
    )


def _count_rows(connection: sa.Connection, table: str) -> int:
    """Return the number of rows of a table, which may be named with its schema."""
    schema, _, name = table.rpartition(".")
    place = sa.table(name, schema=schema or None)
    return int(connection.execute(sa.select(sa.func.count()).select_from(place)).scalar_one())
