"""College databases that EduMetrics makes itself, for demonstrations and imports.

A database is created whole, or not at all. No other code writes to a database of the college's
shape, and this code refuses every database that it did not make.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from tqdm import tqdm

from edumetrics import database
from edumetrics.errors import SettingsError
from edumetrics.fields import RELATIONS, RelationRecord
from edumetrics.params import Calendar
from edumetrics.simulator import cohort, generate
from edumetrics.weeks import CollegeWeek

# Its presence says that EduMetrics made the database and may replace it. `settings` is the plan of
# a simulation, so that the college can be moved on.
MARK = sa.Table(
    "made_by_edumetrics", sa.MetaData(), sa.Column("what", sa.Text), sa.Column("settings", sa.Text)
)
# How messages name the database.
WHAT = "the new college database"
# The columns of relations that a simulated college fills only in part: it has no extensions,
# weights and so on. All other relations have all their columns.
SIMULATED = {
    "students": (
        "student_id",
        "class_id",
        "advisor_id",
        "name",
        "roll_number",
        "gender",
        "email",
        "parent_email",
        "joined_on",
        "withdrawn_on",
        "parent_contact_permitted",
    ),
    "advisors": ("advisor_id", "name", "email", "class_id"),
    "assignment_definitions": (
        "assignment_id",
        "class_id",
        "subject_id",
        "semester",
        "title",
        "assigned_week",
        "due_week",
        "max_marks",
    ),
    "assignment_submissions": (
        "id",
        "assignment_id",
        "student_id",
        "class_id",
        "submission_date",
        "marks_obtained",
        "quality_pct",
        "plagiarism_pct",
        "marked_on",
    ),
    "quiz_definitions": (
        "quiz_id",
        "class_id",
        "subject_id",
        "semester",
        "title",
        "scheduled_week",
        "max_marks",
    ),
    "quiz_submissions": (
        "id",
        "quiz_id",
        "student_id",
        "class_id",
        "attempted",
        "attempt_date",
        "marks_obtained",
        "score_pct",
        "marked_on",
    ),
}


def write_simulation(
    engine: Engine, plan: cohort.SimulationPlan, *, force: bool = False, quiet: bool = False
) -> dict[str, int]:
    """Write a simulated college into a database that is empty or that EduMetrics made.

    Args:
        engine: a writable engine.
        plan: what to simulate.
        force: replace a college that EduMetrics made here before.
        quiet: show no progress bar.

    Returns:
        The number of rows written, by relation.

    Raises:
        SettingsError: the database holds tables that EduMetrics did not make, or made by EduMetrics
            and `force` is not given; or it cannot be written.
    """
    tables = {
        name: _build_sql_table(table) for name, table in RELATIONS.items() if not table.optional
    }
    settings = {
        "students": plan.students,
        "seed": plan.seed,
        "semesters": plan.semesters,
        "year": plan.position.year,
        "global_week": plan.position.global_week,
    }
    # Only where it is true: the mark of every other college stays as earlier versions wrote it.
    settings |= {"demo": True} if plan.demo else {}
    # One step per class, and one for what belongs to no class. None: no bar without a terminal.
    parts = tqdm(
        generate.simulate_classes(plan),
        "simulating",
        len(cohort.list_classes(plan)) + 1,
        disable=quiet or None,
        leave=False,
    )
    return _create_college(engine, "simulation", settings, tables, _add_row_ids(parts), force=force)


def read_simulation_plan(engine: Engine, calendar: Calendar) -> cohort.SimulationPlan | None:
    """Return the plan of the simulation in a database; None if the database holds no simulation."""
    if not database.has_file(engine):
        return None
    with database.open_connection(engine, WHAT) as connection:
        if _read_mark(connection) != "simulation":
            return None
        settings = json.loads(connection.execute(sa.select(MARK.c.settings)).scalar_one())
    position = CollegeWeek(settings["year"], settings["global_week"])
    return cohort.SimulationPlan(
        settings["students"],
        settings["seed"],
        position,
        settings["semesters"],
        calendar,
        settings.get("demo", False),
    )


def write_tables(
    engine: Engine, what: str, frames: Mapping[str, pd.DataFrame], *, force: bool = False
) -> dict[str, int]:
    """Write frames as tables of the same names, with types from their dtypes.

    Args:
        engine: a writable engine.
        what: the word for the data set, kept in the mark of the database.
        frames: table name to rows.
        force: replace a college that EduMetrics made here before.

    Returns:
        The number of rows written, by table.

    Raises:
        SettingsError: as `write_simulation`.
    """
    metadata = sa.MetaData()
    tables = {
        name: sa.Table(
            name,
            metadata,
            *(sa.Column(str(column), _choose_sql_type(frame[column])) for column in frame.columns),
        )
        for name, frame in frames.items()
    }
    return _create_college(engine, what, {}, tables, [dict(frames)], force=force)


def _create_college(
    engine: Engine,
    what: str,
    settings: Mapping[str, Any],
    tables: Mapping[str, sa.Table],
    parts: Iterable[Mapping[str, pd.DataFrame]],
    *,
    force: bool,
) -> dict[str, int]:
    """Create the tables and fill them, part by part; return the number of rows by table."""
    written = dict.fromkeys(tables, 0)
    try:
        # One transaction: after an error the database holds what it held before.
        with database.open_transaction(engine, WHAT) as connection:
            _drop_made_tables(connection, force=force)
            MARK.create(connection)
            connection.execute(sa.insert(MARK).values(what=what, settings=json.dumps(settings)))
            for table in tables.values():
                table.create(connection)
            for part in parts:
                for name, frame in part.items():
                    written[name] += database.insert_frame(connection, tables[name], frame)
            # Indexes last: to fill a table that has one is much slower.
            for table in tables.values():
                _create_index(connection, table)
    except sa.exc.DBAPIError as error:
        raise SettingsError(
            f"Cannot write {WHAT} ({database.extract_reason(error)}); nothing was changed."
        ) from error
    return written


def _read_mark(connection: Connection) -> str | None:
    """Return what EduMetrics made here (`simulation`, or a data set); None if it made nothing."""
    if not sa.inspect(connection).has_table(MARK.name):
        return None
    return str(connection.execute(sa.select(MARK.c.what)).scalar_one())


def _drop_made_tables(connection: Connection, *, force: bool) -> None:
    """Drop the tables of a database that EduMetrics made; nothing to do in an empty one.

    Raises:
        SettingsError: the tables are not ours, or `force` is not given.
    """
    existing = sa.inspect(connection).get_table_names()
    if not existing:
        return
    if _read_mark(connection) is None:
        raise SettingsError(
            "That database already holds tables that EduMetrics did not make: choose an empty one."
        )
    if not force:
        raise SettingsError(
            "That database already holds a college made by EduMetrics: add --force to replace it."
        )
    for name in existing:
        sa.Table(name, sa.MetaData()).drop(connection)


def _build_sql_table(table: RelationRecord) -> sa.Table:
    names = SIMULATED.get(table.name, table.names)
    columns = []
    for name in names:
        # Row ids count rows; all other ids are text, whatever they look like.
        row_id = name in ("id", "borrow_id")
        keyed = name in (*table.key, *table.natural) and table[name].kind == "text"
        type_ = database.KEY_TEXT if keyed else database.TYPES[table[name].kind]()
        type_ = sa.BigInteger() if row_id else type_
        columns.append(sa.Column(name, type_, primary_key=name in table.key, autoincrement=False))
    return sa.Table(table.name, sa.MetaData(), *columns)


def _create_index(connection: Connection, table: sa.Table) -> None:
    """Create a unique index on the natural key: proof that no row repeats, and faster look-ups."""
    # An imported data set keeps its own tables, which are no relations.
    natural = RELATIONS[table.name].natural if table.name in RELATIONS else ()
    if natural:
        sa.Index(f"ux_{table.name}", *(table.c[name] for name in natural), unique=True).create(
            connection
        )


def _add_row_ids(parts: Iterable[cohort.Frames]) -> Iterable[cohort.Frames]:
    """Yield the parts with row ids added to the relations whose key is a row id, from 1 upwards."""
    # Kept over all parts, so that no id comes twice.
    last: dict[str, int] = {}
    for part in parts:
        numbered = {}
        for name, frame in part.items():
            key = RELATIONS[name].key[0]
            if key in ("id", "borrow_id") and key not in frame.columns:
                first = last.get(name, 0) + 1
                last[name] = first + len(frame) - 1
                frame = frame.assign(**{key: range(first, first + len(frame))})  # noqa: PLW2901
            numbered[name] = frame
        yield numbered


def _choose_sql_type(column: pd.Series) -> sa.types.TypeEngine[Any]:
    """Return the SQL type for a column of a frame; text for every dtype without its own type."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return sa.Date()
    if pd.api.types.is_integer_dtype(column):
        return sa.BigInteger()
    return sa.Double() if pd.api.types.is_float_dtype(column) else sa.Text()
