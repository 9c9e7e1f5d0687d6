"""Engines, connections, and the privileges of a role.

Sessions on the college's database are read-only. The database of EduMetrics has one lock.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from edumetrics.database.moments import convert_to_moment, read_college_day
from edumetrics.database.refusals import extract_reason
from edumetrics.errors import EduMetricsError, SettingsError

# A server that cannot be reached must not stop a run for minutes.
CONNECT_SECONDS = 10
# SQLAlchemy names the two apart; here they behave alike.
MYSQL = ("mysql", "mariadb")
# PostgreSQL identifies an advisory lock by a number: this one is "edumetri" in ASCII.
LOCK = 0x6564756D65747269


def create_college_engine(
    url: str, time_zone: str = "UTC", *, alone: bool = True, setting: str = "CLIENT_DB_URL"
) -> Engine:
    """Return an engine whose sessions are read-only, even if the role could write.

    Args:
        url: a database URL; for SQLite the file must exist.
        time_zone: the college's time zone: timestamps with a zone are read in it.
        alone: whether a query may use several cores of the server.
        setting: the setting that names the URL, for messages.

    Raises:
        SettingsError: the URL is not valid, its driver is missing, or its SQLite file does not
            exist.
    """
    parsed = _parse_url(url, setting)
    name = parsed.get_backend_name()
    if name == "sqlite":
        path = Path(parsed.database or "").absolute()
        if not path.is_file():
            raise SettingsError(
                f"There is no college database at {path}: "
                f"correct {setting}, or run `edumetrics demo`."
            )
        # With a plain path SQLite would create a missing file; `mode=ro` also protects the file. A
        # URL that is made, and not parsed, keeps the quotes of the path.
        read_only = {"mode": "ro", "uri": "true"}
        place = URL.create("sqlite", database=f"file:{quote(str(path))}", query=read_only)
        engine = _create_engine(place, setting)
        sa.event.listen(engine, "connect", partial(configure_sqlite_reader, time_zone))
        return engine
    if name == "postgresql":
        # Every query here aggregates whole semesters: nested loops and compiled expressions only
        # make it slower. Where several processes read at once, each query keeps to one core.
        options = (
            f"-c default_transaction_read_only=on -c TimeZone={time_zone}"
            " -c enable_nestloop=off -c jit=off -c work_mem=64MB"
            + ("" if alone else " -c max_parallel_workers_per_gather=0")
        )
        return _create_engine(
            parsed, setting, connect_args={"options": options, **_build_pg_arguments(parsed)}
        )
    if name in MYSQL:
        arguments = {"connect_timeout": CONNECT_SECONDS, "charset": "utf8mb4"}
        engine = _create_engine(parsed, setting, connect_args=arguments)
        sa.event.listen(engine, "connect", partial(_configure_mysql, time_zone))
        return engine
    return _create_engine(parsed, setting)


def create_writable_engine(url: str, setting: str = "DEFAULT_DB_URL") -> Engine:
    """Return an engine for a database that EduMetrics owns.

    The folder of a SQLite file is created if needed, readable by its owner only.

    Raises:
        SettingsError: the URL is not valid, its driver is missing, or the folder cannot be created.
    """
    parsed = _parse_url(url, setting)
    if parsed.get_backend_name() == "postgresql":
        return _create_engine(parsed, setting, connect_args=_build_pg_arguments(parsed))
    engine = _create_engine(parsed, setting)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        try:
            Path(parsed.database).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"Cannot create the folder of {parsed.database} ({error.strerror}): "
                f"correct {setting}."
            ) from error
        sa.event.listen(engine, "connect", _configure_sqlite_writer)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def is_same_database(first: str, second: str) -> bool:
    """Return whether two URLs name the same database, with any login; False if one is not valid."""
    try:
        one, other = make_url(first), make_url(second)
    except sa.exc.ArgumentError:
        return False

    def describe_place(url: URL) -> tuple[object, ...]:
        return (
            url.get_backend_name(),
            url.host,
            url.port,
            url.database,
            tuple(sorted(url.query.items())),
        )

    return describe_place(one) == describe_place(other)


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
def try_lock(engine: Engine, what: str) -> Iterator[bool]:
    """Hold the one lock of a database that EduMetrics owns; yield False if another process has it.

    The lock ends with the process that holds it. On PostgreSQL it belongs to the session. For
    SQLite it belongs to a file beside the database.
    """
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        return
    with open_connection(engine, what) as connection:
        # No transaction: the connection stays open during the whole run and would keep a snapshot.
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901
        # A connection that returns to the pool would keep its session, and with it the lock.
        connection.detach()
        yield bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar())


def has_write_access(connection: Connection) -> bool:
    """Return whether the role of a connection could write if its session were not read-only."""
    if connection.dialect.name == "sqlite":
        # SQLite has no roles: the permissions of the file decide.
        rows = connection.exec_driver_sql("PRAGMA database_list").all()
        return any(path and os.access(path, os.W_OK) for _, _, path in rows)
    if connection.dialect.name == "postgresql":
        return bool(connection.exec_driver_sql(_PG_COULD_WRITE).scalar())
    if connection.dialect.name in MYSQL:
        grants = [
            re.match("GRANT (.*?) ON ", str(row[0]))
            for row in connection.exec_driver_sql("SHOW GRANTS")
        ]
        # Of a grant only the privileges count, not the tables they are for.
        # Privileges may name columns: SELECT (`a`, `b`).
        held = {
            word
            for grant in grants
            if grant
            for word in re.sub(r"\(.*?\)", "", grant[1]).upper().split(", ")
        }
        return not {word.strip() for word in held} <= {
            "USAGE",
            "SELECT",
            "SHOW VIEW",
            "SHOW DATABASES",
        }
    # An unknown dialect gives no proof that the role cannot write, so the answer is yes.
    return True


def list_extra_access(connection: Connection, own: Iterable[str]) -> list[str]:
    """Return what else the role of a connection could read on its server.

    These are other databases, and tables that are not in `own`. The list is empty if there are
    none, and for every dialect but PostgreSQL.
    """
    if connection.dialect.name != "postgresql":
        return []
    databases = [
        f"the database {name}" for name in connection.exec_driver_sql(_PG_DATABASES).scalars()
    ]
    tables = [
        str(name)
        for name in connection.exec_driver_sql(_PG_TABLES).scalars()
        if name not in set(own)
    ]
    return databases + [f"the table {name}" for name in tables]


# A percent sign is doubled, because the driver reads a single one as the start of a parameter.
_PG_OURS = (
    "c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'"
)
_PG_COULD_WRITE = f"""
SELECT coalesce(bool_or(has_table_privilege(c.oid, 'INSERT')
                        OR has_table_privilege(c.oid, 'UPDATE')
                        OR has_table_privilege(c.oid, 'DELETE')
                        OR has_table_privilege(c.oid, 'TRUNCATE')), false)
       OR EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\\_%%'
                  AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'CREATE'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_PG_OURS}
"""
_PG_DATABASES = """
SELECT datname FROM pg_database
WHERE datallowconn AND datname <> current_database()
      AND has_database_privilege(oid, 'CONNECT') ORDER BY datname
"""
_PG_TABLES = f"""
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_PG_OURS} AND has_table_privilege(c.oid, 'SELECT') ORDER BY c.relname
"""


def _parse_url(url: str, setting: str) -> URL:
    """Return a parsed URL that names its driver."""
    scheme, _, path = url.partition(":///")
    # The name of a file may have any sign, those of URLs too.
    if scheme == "sqlite" and path and ("?" not in path or Path(path).exists()):
        return URL.create(scheme, database=path)
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError(
            f"{setting} is not a database URL: "
            "write it like postgresql://user@host/name or sqlite:///file.db."
        ) from None
    if parsed.drivername == "postgresql":
        # SQLAlchemy 2.1 reads postgresql:// without a driver as psycopg 3; we ship psycopg2.
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername in MYSQL:
        parsed = parsed.set(drivername=f"{parsed.drivername}+pymysql")
    return parsed


def _build_pg_arguments(url: URL) -> dict[str, Any]:
    """Return connection arguments of PostgreSQL: UTF-8, and encryption over a network.

    An `sslmode` in the URL has priority.
    """
    # A host that is a path is a Unix socket on this machine.
    host = str(url.query.get("host") or url.host or "")
    here = host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/")
    encrypted = {} if here or "sslmode" in url.query else {"sslmode": "require"}
    return {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8", **encrypted}


def _create_engine(url: URL | str, setting: str, **options: Any) -> Engine:
    """Return an engine whose errors and logs never show the values of parameters."""
    try:
        return sa.create_engine(url, hide_parameters=True, **options)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise SettingsError(
            f"{setting} cannot be used ({extract_reason(error)}): "
            "check the URL and that its driver is installed."
        ) from error


def configure_sqlite_reader(time_zone: str, connection: Any, _: Any) -> None:
    """Make a session read-only, and teach it what the canonical columns need."""
    zone = ZoneInfo(time_zone)
    connection.create_function(
        "college_day", 1, lambda value: read_college_day(value, zone), deterministic=True
    )
    connection.create_function(
        "college_moment", 1, lambda value: convert_to_moment(value, zone), deterministic=True
    )
    connection.execute("PRAGMA query_only=ON")
    # Negative means kibibytes: about 200 MB, so that joins over a semester stay in memory.
    connection.execute("PRAGMA cache_size=-200000")


def _configure_sqlite_writer(connection: Any, _: Any) -> None:
    # The driver would run CREATE TABLE outside of the transaction. With None it begins none itself:
    # `_begin_sqlite` does.
    connection.isolation_level = None
    # Milliseconds to wait for a write of another process, instead of an error at once.
    connection.execute("PRAGMA busy_timeout=10000")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _configure_mysql(time_zone: str, connection: Any, _: Any) -> None:
    """Make a session read-only and set the college's time zone, by name if the server has it."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SET time_zone = %s", (time_zone,))
        except connection.Error:
            # A server without time zone tables accepts offsets only, so this is the one of today.
            offset = datetime.now(ZoneInfo(time_zone)).strftime("%z")
            cursor.execute("SET time_zone = %s", (f"{offset[:3]}:{offset[3:]}",))
        cursor.execute("SET SESSION TRANSACTION READ ONLY")


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
            # Without FULL, PostgreSQL marks the space as free but keeps the old bytes in the file.
            cursor.execute("VACUUM FULL" if engine.dialect.name == "postgresql" else "VACUUM")
    except engine.dialect.loaded_dbapi.Error as error:
        raise EduMetricsError(
            f"The database could not release the space of deleted rows ({extract_reason(error)}): "
            "try again when no other process uses it."
        ) from error
    finally:
        # Not back into the pool: its autocommit mode is not what other users of the pool expect.
        connection.detach()
        connection.close()
