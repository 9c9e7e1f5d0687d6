"""The store: reads the analysis database, and replaces one slice of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from edumetrics import database
from edumetrics.analysis import schema
from edumetrics.analysis.json_columns import decode_columns, encode_columns
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import EduMetricsError, Locked
from edumetrics.fields import TABLES
from edumetrics.weeks import CollegeWeek

# The setting that names the database, for messages.
SETTING = "DEFAULT_DB_URL"
# What baselines and trends are computed from: a narrow read, because it covers many weeks.
HISTORY_COLUMNS = (
    "student_id", "sem_week", "effort_score", "academic_performance", "weekly_att_pct",
    "lms_active_days", "lms_events", "library_visits",
)  # fmt: skip
# The advisor of students without an advisor: all of them are on one list.
UNASSIGNED = "unassigned"
# A filter: only rows of these classes; None means all classes.
Classes = Sequence[str] | None


class Store:
    """The analysis database at one URL.

    Of students who are `hidden` no row is read: an exclusion holds from the moment it is entered.
    A store that is `limited` to some values of a column reads no row with another.
    """

    def __init__(self, url: str, hidden: Iterable[str] = ()) -> None:
        self.hidden = frozenset(hidden)
        self.limited: tuple[str, frozenset[str]] | None = None
        # How many rows could not be read, by table; the others went on without them.
        self.set_aside: dict[str, int] = {}
        self.engine = database.create_analysis_engine(url, SETTING)
        # Nothing to lose where no lock was taken: in a notebook the batch holds it.
        self._is_locked: Callable[[], bool] = lambda: True

    def migrate(self) -> None:
        """Bring the schema up to date; do nothing if it already is.

        Raises:
            SettingsError: the database cannot be reached or written, or a newer EduMetrics made it.
        """
        schema.migrate(self.engine, SETTING)

    # ------------------------------------------------------------ reading

    def read(
        self, table: str, columns: tuple[str, ...] | None = None, **equal: Any
    ) -> pd.DataFrame:
        """Return rows of a table, in key order.

        Args:
            table: the name of the table.
            columns: the columns to read; None means all.
            equal: column = value, or column = a list of values.

        Returns:
            A frame with these columns and the dtypes of `fields`; without rows if nothing matches.
        """
        return self._decode(table, self.read_frame(self.select(table, columns, **equal)))

    def select(
        self, table: str, columns: tuple[str, ...] | None = None, **equal: Any
    ) -> sa.Select[Any]:
        """Return the statement that `read` runs."""
        sql = SQL_TABLES[table]
        chosen = [sql.c[name] for name in columns or TABLES[table].names]
        key = [sql.c[name] for name in TABLES[table].key]
        select = sa.select(*chosen).order_by(*key).where(*match_values(sql, equal))
        if self.limited is None:
            return select
        column, values = self.limited
        return select.where(sql.c[column].in_(values))

    def read_newest(self, table: str, by: str, count: int, **equal: Any) -> pd.DataFrame:
        """Return the `count` rows with the highest values of column `by`, highest first.

        Only rows with column = value count.
        """
        sql = SQL_TABLES[table]
        select = (
            sa.select(*(sql.c[name] for name in TABLES[table].names))
            .order_by(sql.c[by].desc())
            .limit(count)
        )
        select = select.where(*match_values(sql, equal))
        return self._decode(table, self.read_frame(select))

    def find_highest(self, table: str, column: str, **equal: Any) -> Any:
        """Return the highest value of a column, or None if there is none.

        Only rows with column = value (or column = one of a list of values) count.
        """
        sql = SQL_TABLES[table]
        select = sa.select(sa.func.max(sql.c[column])).where(*match_values(sql, equal))
        with self.connect() as connection:
            return connection.execute(select).scalar()

    def has_rows(self, table: str, **equal: Any) -> bool:
        """Return whether there is any row with column = value."""
        sql = SQL_TABLES[table]
        select = sa.select(sa.literal(1)).select_from(sql).where(*match_values(sql, equal))
        with self.connect() as connection:
            return connection.execute(select.limit(1)).scalar() is not None

    def list_values(self, table: str, column: str) -> list[str]:
        """Return the distinct values of a text column, ascending."""
        own = SQL_TABLES[table].c[column]
        select = sa.select(own).distinct().order_by(own)
        with self.connect() as connection:
            return [str(value) for value in connection.execute(select).scalars()]

    def list_terms(self) -> list[str]:
        """Return the analysed terms, ascending, with one look-up per term."""
        # DISTINCT would read every row. Each MIN needs one step in the index that begins with term.
        column = SQL_TABLES["weekly_metrics"].c.term
        found: list[str] = []
        with self.connect() as connection:
            while True:
                later = sa.select(sa.func.min(column)).where(
                    column > found[-1] if found else sa.true()
                )
                term = connection.execute(later).scalar()
                if term is None:
                    return found
                found.append(str(term))

    def read_advisors(self, terms: Sequence[str]) -> pd.DataFrame:
        """Return student_id, advisor_id, term: who advised whom in any week of some terms.

        The advisor is "unassigned" where there was none.
        """
        c = SQL_TABLES["weekly_metrics"].c
        advisor = sa.func.coalesce(c.advisor_id, UNASSIGNED).label("advisor_id")
        return self.read_frame(
            sa.select(c.student_id, advisor, c.term).where(c.term.in_(terms)).distinct()
        )

    def read_history(
        self, term: str, weeks: tuple[int, ...], classes: Classes = None
    ) -> pd.DataFrame:
        """Return the `HISTORY_COLUMNS` stored for some weeks of a term, in no order."""
        c = SQL_TABLES["weekly_metrics"].c
        select = sa.select(*(c[name] for name in HISTORY_COLUMNS)).where(
            c.term == term, c.sem_week.in_(weeks), match_classes(c.class_id, classes)
        )
        return self.read_frame(select)

    def read_scores(self, term: str, before: int, classes: Classes = None) -> pd.DataFrame:
        """Return what lists were ranked by in every week of a term before another, in no order.

        Returns:
            student_id, sem_week, risk_score, p_fail.
        """
        c = SQL_TABLES["weekly_metrics"].c
        select = sa.select(c.student_id, c.sem_week, c.risk_score, c.p_fail).where(
            c.term == term, c.sem_week < before, match_classes(c.class_id, classes)
        )
        return self.read_frame(select)

    def read_list_entries(self, term: str, before: int, classes: Classes = None) -> pd.DataFrame:
        """Return every list entry of a term before a week, in no order.

        The week itself is not included.

        Returns:
            student_id, sem_week, within_capacity, looked_after.
        """
        c = SQL_TABLES["weekly_flags"].c
        columns = (c.student_id, c.sem_week, c.within_capacity, c.looked_after)
        select = sa.select(*columns).where(
            c.term == term, c.sem_week < before, match_classes(c.class_id, classes)
        )
        return self.read_frame(select)

    def read_listed_metrics(
        self, term: str, week: int | None, columns: Sequence[str]
    ) -> pd.DataFrame:
        """Return the weekly metrics so far of the students on a week's lists, in no order.

        Args:
            term: the term.
            week: the week of the lists, and the last week to return. None means every week of the
                term, and all students who were ever on a list in it.
            columns: the metrics.

        Returns:
            student_id, sem_week and the columns.
        """
        c, listed = SQL_TABLES["weekly_metrics"].c, SQL_TABLES["weekly_flags"].c
        on = sa.select(listed.student_id).where(listed.term == term)
        select = sa.select(c.student_id, c.sem_week, *(c[name] for name in columns)).where(
            c.term == term
        )
        if week is not None:
            on, select = on.where(listed.sem_week == week), select.where(c.sem_week <= week)
        select = select.where(c.student_id.in_(on))
        return self.read_frame(select)

    def compute_class_means(self, term: str, week: int, columns: Sequence[str]) -> pd.DataFrame:
        """Return class_id, sem_week, students (count) and means of weekly metrics, up to a week."""
        c = SQL_TABLES["weekly_metrics"].c
        # The dtypes of a frame follow these types: without one, a mean would be read as text.
        means: list[sa.ColumnElement[Any]] = [
            sa.func.avg(c[name], type_=sa.Double()).label(name) for name in columns
        ]
        select = sa.select(c.class_id, c.sem_week, sa.func.count().label("students"), *means)
        select = select.where(c.term == term, c.sem_week <= week).group_by(c.class_id, c.sem_week)
        return self.read_frame(select.order_by(c.class_id, c.sem_week))

    def read_classes(self, term: str, before: int) -> pd.DataFrame:
        """Return student_id, class_id: each class stored for a student in a term before a week."""
        c = SQL_TABLES["weekly_metrics"].c
        select = (
            sa.select(c.student_id, c.class_id)
            .where(c.term == term, c.sem_week < before)
            .distinct()
        )
        return self.read_frame(select)

    def read_college_week(self) -> CollegeWeek | None:
        """Return the last week analysed, or None if the analysis has not begun."""
        state = self.read("analysis_state")
        if state.empty:
            return None
        return CollegeWeek(int(state["sim_year"].iloc[0]), int(state["global_week"].iloc[0]))

    def read_frame(self, select: sa.Select[Any]) -> pd.DataFrame:
        """Return the rows of a statement on one table, without those of hidden students.

        Raises:
            EduMetricsError: the store is limited by a column that the statement does not have.
        """
        self.refuse_beyond_limit(select)
        with self.connect() as connection:
            frame = database.read_frame(connection, select)
        if self.hidden and "student_id" in frame:
            frame = frame[~frame["student_id"].isin(self.hidden)].reset_index(drop=True)
        return frame

    def refuse_beyond_limit(self, select: sa.Select[Any]) -> None:
        """Raise EduMetricsError if the store is limited by a column that the statement lacks."""
        if self.limited is not None and self.limited[0] not in select.selected_columns:
            raise EduMetricsError(f"This answer has no {self.limited[0]}: it is not for you.")

    def _decode(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with its JSON columns decoded; a row that has none is set aside."""
        found = decode_columns(table, frame)
        if broken := len(frame) - len(found):
            self.set_aside[table] = max(broken, self.set_aside.get(table, 0))
        return found

    def show_all(self) -> Store:
        """Return the same database with the rows of hidden students."""
        return self.hide(())

    def hide(self, students: Iterable[str]) -> Store:
        """Return the same database without the rows of these students, and of no others hidden."""
        other = copy(self)
        other.hidden = frozenset(students)
        return other

    def limit_to(self, column: str, values: Iterable[str]) -> Store:
        """Return the same database with the rows that have one of some values in a column.

        `read` gives no other row, and refuses a table or columns without this one.
        """
        some = copy(self)
        some.limited = column, frozenset(values)
        return some

    def connect(self) -> AbstractContextManager[Connection]:
        """Open a connection to read.

        Raises:
            SettingsError: the database cannot be reached.
            EduMetricsError: the database refuses a statement.
        """
        return self._open(database.open_connection, "a read")

    # ------------------------------------------------------------ writing

    def start_transaction(self) -> AbstractContextManager[Connection]:
        """Open one transaction: it is committed at the end and rolled back on any error.

        Raises:
            EduMetricsError: the database refuses a statement.
        """
        return self._open(database.open_transaction, "a write")

    @contextmanager
    def _open(
        self, how: Callable[[Engine, str], AbstractContextManager[Connection]], doing: str
    ) -> Iterator[Connection]:
        """Open a connection in one of two ways; what the database refuses is one sentence."""
        try:
            with how(self.engine, SETTING) as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise database.build_own_error(error, doing) from error

    @contextmanager
    def require_lock(self) -> Iterator[None]:
        """Keep every other run away from this database, also runs with another home.

        The lock ends with the process that holds it.

        Raises:
            Locked: another run holds the lock.
            SettingsError: the database cannot be reached.
        """
        with database.try_lock(self.engine, SETTING) as held:
            if held is None:
                raise Locked(
                    "Another run is at work on this analysis: "
                    "wait until it ends; a dead run holds no lock."
                )
            self._is_locked = held
            yield

    def confirm_lock(self) -> None:
        """Make sure that the lock is still held, before something that must happen only once.

        Raises:
            EduMetricsError: the server has ended the session that held it.
        """
        if not self._is_locked():
            raise EduMetricsError(
                "The analysis database ended the session that holds the lock of this run:"
                " nothing more was done; run again."
            )

    def replace_slice(
        self, connection: Connection, table: str, frame: pd.DataFrame, **where: Any
    ) -> int:
        """Replace the rows of a slice (column = value) within a transaction; return the new count.

        Args:
            connection: a connection in the transaction.
            table: the name of the table.
            frame: the new rows of the slice.
            where: column = value; the rows that match are deleted first.
        """
        # Delete and insert, not update: running a stage again then gives the same rows.
        sql = SQL_TABLES[table]
        connection.execute(
            sa.delete(sql).where(*(sql.c[name] == value for name, value in where.items()))
        )
        return self.add_rows(connection, table, frame)

    def add_rows(self, connection: Connection, table: str, frame: pd.DataFrame) -> int:
        """Add rows to a table within a transaction; return their number."""
        return database.insert_frame(connection, SQL_TABLES[table], encode_columns(table, frame))

    def set_college_week(self, connection: Connection, position: CollegeWeek | None) -> None:
        """Record the last week analysed, within a transaction; None deletes the record."""
        state = SQL_TABLES["analysis_state"]
        connection.execute(sa.delete(state))
        if position is not None:
            values = {
                # The table has one row.
                "id": 1,
                "sim_year": position.year,
                "global_week": position.global_week,
                "updated_at": get_utc_now(),
            }
            connection.execute(sa.insert(state).values(values))


def match_values(sql: sa.Table, equal: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions column = value, or column = one of a list of values."""
    return [
        sql.c[name].in_(value) if isinstance(value, list) else sql.c[name] == value
        for name, value in equal.items()
    ]


def match_classes(column: sa.ColumnElement[Any], classes: Classes) -> sa.ColumnElement[bool]:
    """Return the condition that a column is one of some classes; always true for None."""
    return sa.true() if classes is None else column.in_(classes)


def get_utc_now() -> datetime:
    """Return the current time in UTC, without a zone, as the tables store it."""
    return datetime.now(UTC).replace(tzinfo=None)
