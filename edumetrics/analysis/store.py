"""Reading the analysis database, and replacing one slice of it in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from edumetrics import database
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import EduMetricsError, Locked, SettingsError
from edumetrics.fields import TABLES
from edumetrics.weeks import Position

SETTING = "DEFAULT_DB_URL"
HISTORY_COLUMNS = (
    "student_id",
    "sem_week",
    "effort_score",
    "academic_performance",
    "weekly_att_pct",
    "lms_active_days",
    "lms_events",
    "library_visits",
    "p_fail",
)
# Stands for an advisor where students have none: their list is one, for whoever looks after it.
UNASSIGNED = "unassigned"
# Only rows of these classes; of all where None.
Classes = Sequence[str] | None
# What is derived week by week: the rows that a rollback or a fresh start deletes.
WEEKLY_TABLES = tuple(
    name
    for name, table in TABLES.items()
    if {"term", "sem_week", "run_id"} <= set(table.names) and name != "run_log"
)
# What is derived once a term or exam.
TERM_TABLES = ("model_runs", "exam_review", "pre_sem_watchlist", "subject_difficulty")


class Store:
    """The analysis database behind one URL."""

    def __init__(self, url: str) -> None:
        self.engine = database.writable_engine(url, SETTING)

    # ------------------------------------------------------------ schema

    def migrate(self) -> None:
        """Bring the schema up to date; does nothing when it is.

        Raises:
            SettingsError: the database cannot be reached or written, or was made by a newer EduMetrics.
        """
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        script = ScriptDirectory.from_config(config)
        try:
            with database.transaction(self.engine, SETTING) as connection:
                revision = MigrationContext.configure(connection).get_current_revision()
                if revision == script.get_current_head():
                    return
                if revision is not None and revision not in {
                    entry.revision for entry in script.walk_revisions()
                }:
                    raise SettingsError(
                        "The analysis database was written by a newer EduMetrics: upgrade this installation."
                    )
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except sa.exc.DBAPIError as error:
            raise SettingsError(
                f"The analysis database cannot be set up ({database.reason(error)}): check {SETTING}."
            ) from error

    # ------------------------------------------------------------ reading

    def read(
        self, table: str, columns: tuple[str, ...] | None = None, **equal: Any
    ) -> pd.DataFrame:
        """Rows of a table, in key order.

        Args:
            table: its name.
            columns: which columns, all when None.
            equal: column = value, or a list of values.

        Returns:
            A frame with the table's columns, its dtypes following `fields`; no rows when nothing matches.
        """
        with database.connected(self.engine, SETTING) as connection:
            return _from_json(
                table, database.read(connection, self.select(table, columns, **equal))
            )

    def select(
        self, table: str, columns: tuple[str, ...] | None = None, **equal: Any
    ) -> sa.Select[Any]:
        """The statement that `read` runs."""
        sql = SQL_TABLES[table]
        chosen = [sql.c[name] for name in columns or TABLES[table].names]
        return (
            sa.select(*chosen)
            .order_by(*(sql.c[name] for name in TABLES[table].key))
            .where(*_equal(sql, equal))
        )

    def newest(self, table: str, by: str, count: int, **equal: Any) -> pd.DataFrame:
        """The `count` rows with the highest values of a column, highest first, among those with column = value."""
        sql = SQL_TABLES[table]
        select = (
            sa.select(*(sql.c[name] for name in TABLES[table].names))
            .order_by(sql.c[by].desc())
            .limit(count)
        )
        select = select.where(*(sql.c[name] == value for name, value in equal.items()))
        with database.connected(self.engine, SETTING) as connection:
            return _from_json(table, database.read(connection, select))

    def highest(self, table: str, column: str, **equal: Any) -> Any:
        """The highest value of a column among rows with column = value (or one of a list); None when there is none."""
        sql = SQL_TABLES[table]
        select = sa.select(sa.func.max(sql.c[column])).where(*_equal(sql, equal))
        with database.connected(self.engine, SETTING) as connection:
            return connection.execute(select).scalar()

    def holds(self, table: str, **equal: Any) -> bool:
        """Whether there is any row with column = value."""
        sql = SQL_TABLES[table]
        with database.connected(self.engine, SETTING) as connection:
            return (
                connection.execute(
                    sa.select(sa.literal(1)).where(*_equal(sql, equal)).limit(1)
                ).scalar()
                is not None
            )

    def distinct(self, table: str, column: str) -> list[str]:
        """The values of a text column, ascending."""
        select = (
            sa.select(SQL_TABLES[table].c[column]).distinct().order_by(SQL_TABLES[table].c[column])
        )
        with database.connected(self.engine, SETTING) as connection:
            return [str(value) for value in connection.execute(select).scalars()]

    def terms(self) -> list[str]:
        """The terms that are analysed, ascending: one look-up each, however many rows there are."""
        column = SQL_TABLES["weekly_metrics"].c.term
        found: list[str] = []
        with database.connected(self.engine, SETTING) as connection:
            while True:
                later = sa.select(sa.func.min(column)).where(
                    column > found[-1] if found else sa.true()
                )
                term = connection.execute(later).scalar()
                if term is None:
                    return found
                found.append(str(term))

    def advised(self, terms: Sequence[str]) -> pd.DataFrame:
        """student_id, advisor_id, term: who advised whom in any week of some terms ("unassigned" where nobody did)."""
        c = SQL_TABLES["weekly_metrics"].c
        advisor = sa.func.coalesce(c.advisor_id, UNASSIGNED).label("advisor_id")
        with database.connected(self.engine, SETTING) as connection:
            return database.read(
                connection,
                sa.select(c.student_id, advisor, c.term).where(c.term.in_(terms)).distinct(),
            )

    def history(self, term: str, weeks: tuple[int, ...], classes: Classes = None) -> pd.DataFrame:
        """What earlier weeks of a term stored of the metrics that baselines are made of, in no order."""
        c = SQL_TABLES["weekly_metrics"].c
        select = sa.select(*(c[name] for name in HISTORY_COLUMNS)).where(
            c.term == term, c.sem_week.in_(weeks), _in(c.class_id, classes)
        )
        with database.connected(self.engine, SETTING) as connection:
            return database.read(connection, select)

    def places(self, term: str, before: int, classes: Classes = None) -> pd.DataFrame:
        """student_id, sem_week: every place on a list of a term in the weeks before one, exclusive; in no order."""
        c = SQL_TABLES["weekly_flags"].c
        with database.connected(self.engine, SETTING) as connection:
            return database.read(
                connection,
                sa.select(c.student_id, c.sem_week).where(
                    c.term == term, c.sem_week < before, _in(c.class_id, classes)
                ),
            )

    def courses(self, term: str, week: int | None, columns: Sequence[str]) -> pd.DataFrame:
        """student_id, sem_week and some columns of the weeks so far of those on a week's lists, in no order.

        Where `week` is None, of every week of the term and of those who were ever listed.
        """
        c, listed = SQL_TABLES["weekly_metrics"].c, SQL_TABLES["weekly_flags"].c
        on = sa.select(listed.student_id).where(listed.term == term)
        select = sa.select(c.student_id, c.sem_week, *(c[name] for name in columns)).where(
            c.term == term
        )
        if week is not None:
            on, select = on.where(listed.sem_week == week), select.where(c.sem_week <= week)
        select = select.where(c.student_id.in_(on))
        with database.connected(self.engine, SETTING) as connection:
            return database.read(connection, select)

    def class_weeks(self, term: str, week: int, columns: Sequence[str]) -> pd.DataFrame:
        """class_id, sem_week, students and the means of some columns of weekly_metrics, of the weeks so far."""
        c = SQL_TABLES["weekly_metrics"].c
        means: list[sa.ColumnElement[Any]] = [
            sa.func.avg(c[name], type_=sa.Double()).label(name) for name in columns
        ]
        select = sa.select(c.class_id, c.sem_week, sa.func.count().label("students"), *means)
        select = select.where(c.term == term, c.sem_week <= week).group_by(c.class_id, c.sem_week)
        with database.connected(self.engine, SETTING) as connection:
            return database.read(connection, select.order_by(c.class_id, c.sem_week))

    def once_out_of_reach(self, term: str, before: int, classes: Classes = None) -> pd.Series:
        """Students for whom the attendance rule was out of reach in a week before one, exclusive."""
        c = SQL_TABLES["weekly_metrics"].c
        select = sa.select(c.student_id).distinct()
        select = select.where(
            c.term == term, c.sem_week < before, c.lectures_to_attend > c.lectures_left
        )
        select = select.where(_in(c.class_id, classes))
        with database.connected(self.engine, SETTING) as connection:
            return database.read(connection, select)["student_id"]

    def remembered(self, stage: str, prefix: str) -> dict[str, str]:
        """What the newest run of a stage that was done said in its findings whose check begins so, by check."""
        log, found = SQL_TABLES["run_log"].c, SQL_TABLES["data_health"].c
        newest = (
            sa.select(log.run_id)
            .where(log.stage == stage, log.status == "done")
            .order_by(log.started_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        select = sa.select(found.check, found.message).where(
            found.run_id == newest, found.check.startswith(prefix)
        )
        with database.connected(self.engine, SETTING) as connection:
            return {str(check): str(message) for check, message in connection.execute(select)}

    def classes_of(self, term: str, before: int) -> pd.DataFrame:
        """student_id, class_id: every class that weeks of a term before one stored for a student."""
        c = SQL_TABLES["weekly_metrics"].c
        select = (
            sa.select(c.student_id, c.class_id)
            .where(c.term == term, c.sem_week < before)
            .distinct()
        )
        with database.connected(self.engine, SETTING) as connection:
            return database.read(connection, select)

    def position(self) -> Position | None:
        """How far the analysis has come; None when it has not begun."""
        state = self.read("analysis_state")
        if state.empty:
            return None
        return Position(int(state["sim_year"].iloc[0]), int(state["global_week"].iloc[0]))

    # ------------------------------------------------------------ writing

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, committed at the end and rolled back on any error.

        Raises:
            EduMetricsError: the database refuses a statement.
        """
        try:
            with database.transaction(self.engine, SETTING) as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise EduMetricsError(
                f"The analysis database refused a write ({database.reason(error)}); nothing was changed."
            ) from error

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other run away from this database, whatever home it has; the lock dies with its process.

        Raises:
            Locked: another run is at work.
            SettingsError: the database cannot be reached.
        """
        with database.exclusive(self.engine, SETTING) as held:
            if not held:
                raise Locked(
                    "Another run is at work on this analysis: wait for it to end; a dead one holds no lock."
                )
            yield

    def replace(self, connection: Connection, table: str, frame: pd.DataFrame, **where: Any) -> int:
        """Within a transaction, replace the rows of a slice (column = value) by those of a frame; returns how many."""
        sql = SQL_TABLES[table]
        connection.execute(
            sa.delete(sql).where(*(sql.c[name] == value for name, value in where.items()))
        )
        return database.write(connection, sql, _as_json(table, frame))

    def set_position(self, connection: Connection, position: Position | None) -> None:
        """Within a transaction, record how far the analysis has come; None forgets it."""
        state = SQL_TABLES["analysis_state"]
        connection.execute(sa.delete(state))
        if position is not None:
            values = {
                "id": 1,
                "sim_year": position.year,
                "global_week": position.global_week,
                "updated_at": now(),
            }
            connection.execute(sa.insert(state).values(values))

    def forget_after(
        self, connection: Connection, term: str, week: int, exams: Sequence[str] = ()
    ) -> int:
        """Within a transaction, delete what was derived for later weeks of a term and for later terms; returns rows.

        Reviews of the named exams of that term go too. What people entered, the ledger of runs and its data-health
        findings stay.
        """
        deleted = 0
        for name in WEEKLY_TABLES:
            c = SQL_TABLES[name].c
            later = sa.or_(c.term > term, sa.and_(c.term == term, c.sem_week > week))
            deleted += connection.execute(sa.delete(SQL_TABLES[name]).where(later)).rowcount
        review, tried, watched = (
            SQL_TABLES[name] for name in ("exam_review", "model_runs", "pre_sem_watchlist")
        )
        here = sa.and_(review.c.term == term, review.c.exam_type.in_(exams))
        cards = [tried.c.model_id == f"review-{exam}-{term}" for exam in exams]
        cards.append(sa.and_(tried.c.task == "review", tried.c.tested_term > term))
        for statement in (
            sa.delete(review).where(sa.or_(review.c.term > term, here)),
            sa.delete(tried).where(sa.or_(*cards)),
            sa.delete(watched).where(watched.c.target_term > term),
        ):
            deleted += connection.execute(statement).rowcount
        return deleted

    def forget_all(self, connection: Connection) -> None:
        """Within a transaction, delete everything derived and every model; what people entered and the ledger stay."""
        for name in (*WEEKLY_TABLES, *TERM_TABLES):
            connection.execute(sa.delete(SQL_TABLES[name]))


def _equal(sql: sa.Table, equal: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """The conditions column = value, or one of a list of values."""
    return [
        sql.c[name].in_(value) if isinstance(value, list) else sql.c[name] == value
        for name, value in equal.items()
    ]


def _in(column: sa.ColumnElement[Any], classes: Classes) -> sa.ColumnElement[bool]:
    return sa.true() if classes is None else column.in_(classes)


def now() -> datetime:
    """The current time in UTC, without zone, as the tables store it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _from_json(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    decoded = {
        field.name: frame[field.name].map(json.loads, na_action="ignore").astype("object")
        for field in TABLES[table].fields
        if field.kind == "json" and field.name in frame.columns
    }
    return frame.assign(**decoded) if decoded else frame


def _as_json(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    encoded: Mapping[str, pd.Series] = {
        field.name: frame[field.name].map(lambda value: json.dumps(value, ensure_ascii=False))
        for field in TABLES[table].fields
        if field.kind == "json" and field.name in frame.columns
    }
    return frame.assign(**encoded) if encoded else frame
