"""Connections, snapshots, transactions, and the one lock of a database that EduMetrics owns."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from edumetrics.database.refusals import extract_reason
from edumetrics.errors import EduMetricsError, SettingsError

# PostgreSQL identifies an advisory lock by a number: this one is "edumetri" in ASCII.
LOCK = 0x6564756D65747269
# How long the release of space waits for others.
RELEASE_SECONDS = 2


@contextmanager
def open_connection(engine: Engine, what: str) -> Iterator[Connection]:
    """Open a connection, or raise one clear sentence that says why there is none.

    Args:
        engine: the engine to connect with.
        what: the setting that names the database, for the message.

    Raises:
        SettingsError: the server cannot be reached or refuses the login.
    """
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        where = engine.url.host or engine.url.database or "the server"
        raise SettingsError(
            f"Cannot connect to {engine.dialect.name} at {where}"
            f" ({extract_reason(error)}): check {what}."
        ) from error
    # Outside of the `try`: an error of a query must not be reported as one of the connection.
    with connection:
        yield connection


@contextmanager
def open_snapshot(engine: Engine, what: str) -> Iterator[Connection]:
    """Open a connection as `open_connection` does; all its reads see the same rows."""
    with open_connection(engine, what) as connection:
        # PostgreSQL by default takes a new snapshot for each statement: rows that the college adds
        # in between would make the frames of one week disagree.
        if connection.dialect.name == "postgresql":
            yield connection.execution_options(isolation_level="REPEATABLE READ")
        else:
            yield connection


def has_file(engine: Engine) -> bool:
    """Return False for a database that is a file which does not exist; True for any server."""
    # To connect would create an empty file.
    return engine.dialect.name != "sqlite" or Path(engine.url.database or "").is_file()


@contextmanager
def open_transaction(engine: Engine, what: str) -> Iterator[Connection]:
    """Open a connection as `open_connection` does, in one transaction.

    The transaction is committed at the end and rolled back on any error.
    """
    with open_connection(engine, what) as connection, connection.begin():
        yield connection


@contextmanager
def try_lock(engine: Engine, what: str) -> Iterator[Callable[[], bool] | None]:
    """Hold the one lock of a database that EduMetrics owns; yield None if another process has it.

    What is yielded tells whether the lock is still held: a server may end the session that has it.
    The lock ends with the process that holds it. On PostgreSQL it belongs to the session. For
    SQLite it belongs to a file beside the database.
    """
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield lambda: True
        return
    with open_connection(engine, what) as connection:
        # No transaction: the connection stays open during the whole run and would keep a snapshot.
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901
        # A connection that returns to the pool would keep its session, and with it the lock.
        connection.detach()
        if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar():
            yield None
            return

        def is_held() -> bool:
            try:
                return connection.exec_driver_sql("SELECT 1").scalar() == 1
            except sa.exc.DBAPIError:
                return False

        yield is_held


def release_space(engine: Engine) -> None:
    """Release the space of deleted rows, so that nobody can read them in the database's files.

    Raises:
        EduMetricsError: the database refuses, for example because another process uses it.
    """
    connection = engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        # PostgreSQL refuses VACUUM within a transaction.
        if engine.dialect.name == "postgresql":
            driver.autocommit = True
        with closing(driver.cursor()) as cursor:
            # Whoever reads meanwhile is not waited for: all who come later would wait behind it.
            if engine.dialect.name == "postgresql":
                cursor.execute(f"SET lock_timeout = {1000 * RELEASE_SECONDS}")
            # Without FULL, PostgreSQL marks the space as free but keeps the old bytes in the file.
            cursor.execute("VACUUM FULL" if engine.dialect.name == "postgresql" else "VACUUM")
    except engine.dialect.loaded_dbapi.Error as error:
        raise EduMetricsError(
            "The rows are deleted, and their bytes are still in the database's files, because its "
            f"space could not be released ({extract_reason(error)}): repeat the command when no "
            "other process uses the database."
        ) from error
    finally:
        # Not back into the pool: its autocommit mode is not what other users of the pool expect.
        connection.detach()
        connection.close()
