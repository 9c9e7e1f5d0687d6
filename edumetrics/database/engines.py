"""Engines: sessions on the college's database are read-only, and no statement waits without end."""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from edumetrics.database.cancelling import SqliteConnection, watch_connections
from edumetrics.database.moments import convert_to_moment, convert_to_seconds, read_college_day
from edumetrics.database.refusals import extract_reason
from edumetrics.database.urls import MYSQL, is_on_this_machine, parse_url
from edumetrics.errors import SettingsError

# A server that cannot be reached must not stop a run for minutes.
CONNECT_SECONDS = 10
# Where a connection remembers its server's own offset: seconds east of UTC, today.
OFFSET = "offset"
# How long a statement may take, and may wait for a lock of somebody else, where nobody says.
STATEMENT_SECONDS, LOCK_SECONDS = 600, 10
# A wait of SQLite for whoever writes the file is cut into attempts of so long.
ATTEMPT_SECONDS = 0.2
# A migration of a large analysis, or the release of its space, may take longer.
OWN_SECONDS = 3600
# A server that has gone without a word is noticed after about a minute.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def create_college_engine(
    url: str,
    time_zone: str = "UTC",
    *,
    alone: bool = True,
    setting: str = "CLIENT_DB_URL",
    statement_seconds: int = STATEMENT_SECONDS,
    lock_seconds: int = LOCK_SECONDS,
) -> Engine:
    """Return an engine whose sessions are read-only, even if the role could write.

    Args:
        url: a database URL; for SQLite the file must exist.
        time_zone: the college's time zone: timestamps with a zone are read in it.
        alone: whether a query may use several cores of the server.
        setting: the setting that names the URL, for messages.
        statement_seconds: how long a statement may take.
        lock_seconds: how long it may wait for what someone else has locked.

    Raises:
        SettingsError: the URL is not valid, its driver is missing, or its SQLite file does not
            exist.
    """
    parsed = parse_url(url, setting)
    name = parsed.get_backend_name()
    if name == "sqlite":
        return _create_sqlite_reader(parsed, setting, time_zone, lock_seconds)
    if name == "postgresql":
        # Every query here aggregates whole semesters: nested loops and compiled expressions only
        # make it slower. Where several processes read at once, each query keeps to one core.
        options = (
            "-c default_transaction_read_only=on"
            # The text of a mapping is read by the server as it was read by the parser.
            " -c standard_conforming_strings=on"
            f" -c statement_timeout={1000 * statement_seconds}"
            f" -c lock_timeout={1000 * lock_seconds}"
            " -c enable_nestloop=off -c jit=off -c work_mem=64MB"
            + ("" if alone else " -c max_parallel_workers_per_gather=0")
        )
        engine = _create_engine(
            parsed, setting, connect_args={"options": options, **_build_pg_arguments(parsed)}
        )
        sa.event.listen(engine, "connect", partial(_configure_postgresql, time_zone))
        return engine
    # The socket waits a little longer than the server, whose own answer says more.
    arguments = {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": statement_seconds + CONNECT_SECONDS,
        **_require_mysql_encryption(parsed),
    }
    engine = _create_engine(parsed, setting, connect_args=arguments)
    sa.event.listen(
        engine, "connect", partial(_configure_mysql, time_zone, statement_seconds, lock_seconds)
    )
    return engine


def _create_sqlite_reader(url: URL, setting: str, time_zone: str, lock_seconds: int) -> Engine:
    """Return an engine that reads a file, which must exist."""
    path = Path(url.database or "").absolute()
    if not path.is_file():
        raise SettingsError(
            f"There is no college database at {path}: correct {setting}, or run `edumetrics demo`."
        )
    # With a plain path SQLite would create a missing file; `mode=ro` also protects the file. A
    # URL that is made, and not parsed, keeps the quotes of the path.
    read_only = {"mode": "ro", "uri": "true"}
    place = URL.create("sqlite", database=f"file:{quote(str(path))}", query=read_only)
    arguments = {"factory": SqliteConnection, "timeout": ATTEMPT_SECONDS}
    engine = _create_engine(place, setting, connect_args=arguments)
    sa.event.listen(engine, "connect", partial(configure_sqlite_reader, time_zone))
    # One transaction from the first statement on: what others write meanwhile is not read.
    sa.event.listen(engine, "begin", partial(_begin_reading, lock_seconds))
    return engine


def create_analysis_engine(url: str, setting: str = "DEFAULT_DB_URL") -> Engine:
    """Return an engine for the database in which the analysis is kept.

    Raises:
        SettingsError: as `create_writable_engine`, or the analysis cannot be kept there.
    """
    kind = parse_url(url, setting).get_backend_name()
    if kind in MYSQL:
        raise SettingsError(
            f"{setting} names a database of the kind {kind}: "
            "the analysis is kept in PostgreSQL or SQLite."
        )
    return create_writable_engine(url, setting)


def create_writable_engine(url: str, setting: str = "DEFAULT_DB_URL") -> Engine:
    """Return an engine for a database that EduMetrics owns.

    The folder of a SQLite file is created if needed, readable by its owner only.

    Raises:
        SettingsError: the URL is not valid, its driver is missing, or the folder cannot be created.
    """
    parsed = parse_url(url, setting)
    name = parsed.get_backend_name()
    if name == "postgresql":
        options = f"-c lock_timeout={1000 * LOCK_SECONDS} -c statement_timeout={1000 * OWN_SECONDS}"
        # A server that was restarted is noticed before a connection of the pool is used.
        return _create_engine(
            parsed,
            setting,
            connect_args={"options": options, **_build_pg_arguments(parsed)},
            pool_pre_ping=True,
        )
    if name in MYSQL:
        return _create_engine(parsed, setting, connect_args=_require_mysql_encryption(parsed))
    engine = _create_engine(parsed, setting, connect_args={"factory": SqliteConnection})
    if parsed.database:
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


def create_scratch_engine() -> Engine:
    """Return an engine for a database in the memory of this process, which ends with it."""
    inside = {"factory": SqliteConnection}
    return _create_engine("sqlite://", "SQLite", poolclass=sa.StaticPool, connect_args=inside)


def _build_pg_arguments(url: URL) -> dict[str, Any]:
    """Return connection arguments of PostgreSQL: UTF-8, and encryption over a network.

    An `sslmode` in the URL has priority.
    """
    here = is_on_this_machine(str(url.query.get("host") or url.host or ""))
    encrypted = {} if here or "sslmode" in url.query else {"sslmode": "require"}
    return {
        "connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8", **KEEPALIVES, **encrypted
    }  # fmt: skip


def _require_mysql_encryption(url: URL) -> dict[str, Any]:
    """Return connection arguments of MySQL and MariaDB: over a network nothing goes in clear.

    Options of the URL that begin with `ssl` have priority, and may also verify the server.
    """
    chosen = any(name.startswith("ssl") for name in url.query)
    if chosen or is_on_this_machine(url.host) or "unix_socket" in url.query:
        return {}
    # As `sslmode=require` of PostgreSQL: encrypted, whoever signed the certificate.
    return {"ssl": {"check_hostname": False, "verify_mode": False}}


def _create_engine(url: URL | str, setting: str, **options: Any) -> Engine:
    """Return an engine whose errors and logs never show the values of parameters."""
    try:
        engine = sa.create_engine(url, hide_parameters=True, **options)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise SettingsError(
            f"{setting} cannot be used ({extract_reason(error)}): "
            "check the URL and that its driver is installed."
        ) from error
    watch_connections(engine)
    return engine


def configure_sqlite_reader(time_zone: str, connection: Any, _: Any) -> None:
    """Make a session read-only, and teach it what the canonical columns need."""
    zone = ZoneInfo(time_zone)
    connection.create_function(
        "college_day", 1, lambda value: read_college_day(value, zone), deterministic=True
    )
    connection.create_function(
        "college_day",
        2,
        lambda value, there: read_college_day(value, zone, ZoneInfo(there)),
        deterministic=True,
    )
    connection.create_function("college_seconds", 2, convert_to_seconds, deterministic=True)
    connection.create_function(
        "college_moment", 1, lambda value: convert_to_moment(value, zone), deterministic=True
    )
    # The driver begins no transaction itself: `_begin_reading` does.
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")


def _configure_sqlite_writer(connection: Any, _: Any) -> None:
    # The driver would run CREATE TABLE outside of the transaction. With None it begins none itself:
    # `_begin_sqlite` does.
    connection.isolation_level = None
    # Milliseconds to wait for a write of another process, instead of an error at once.
    # Within this wait no signal is answered.
    connection.execute("PRAGMA busy_timeout=3000")


def _begin_reading(lock_seconds: int, connection: Connection) -> None:
    """Begin a transaction that reads, waiting for whoever is writing the file."""
    driver: Any = connection.connection.driver_connection
    ends = time.monotonic() + lock_seconds
    while True:
        driver.execute("BEGIN")
        try:
            # The first read takes the lock of readers, and from then on nobody writes.
            driver.execute("SELECT 1 FROM sqlite_master LIMIT 1").close()
            # Negative means kibibytes: about 200 MB, so that joins over a semester stay in memory.
            driver.execute("PRAGMA cache_size=-200000")
            return
        except sqlite3.OperationalError as error:
            driver.execute("ROLLBACK")
            # Between short attempts a signal is answered; within one long wait it is not.
            if time.monotonic() >= ends:
                raise sa.exc.OperationalError("BEGIN", None, error) from error


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _configure_postgresql(time_zone: str, connection: Any, record: Any) -> None:
    """Set the college's time zone, and remember that of the server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(timezone FROM now())")
        record.info[OFFSET] = int(cursor.fetchone()[0])
        cursor.execute("SELECT set_config('TimeZone', %s, false)", (time_zone,))
    connection.commit()


def _configure_mysql(
    time_zone: str, statement_seconds: int, lock_seconds: int, connection: Any, record: Any
) -> None:
    """Make a session read-only, limit its waits, and set the college's time zone.

    The zone is set by name if the server has it.
    """
    # The two have the same limit under other names: of seconds, and of milliseconds.
    maria = "mariadb" in str(connection.get_server_info()).lower()
    limit = (
        f"max_statement_time = {statement_seconds}"
        if maria
        else f"max_execution_time = {1000 * statement_seconds}"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())")
        record.info[OFFSET] = int(cursor.fetchone()[0])
        try:
            cursor.execute("SET time_zone = %s", (time_zone,))
        except connection.Error:
            # A server without time zone tables accepts offsets only, so this is the one of today.
            offset = datetime.now(ZoneInfo(time_zone)).strftime("%z")
            cursor.execute("SET time_zone = %s", (f"{offset[:3]}:{offset[3:]}",))
        # Joins of many views are planned for minutes otherwise; the depth is enough for good plans.
        for value in (limit, "optimizer_search_depth = 4", f"lock_wait_timeout = {lock_seconds}",
                      f"innodb_lock_wait_timeout = {lock_seconds}"):  # fmt: skip
            cursor.execute(f"SET SESSION {value}")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
