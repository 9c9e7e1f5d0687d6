"""Engines, reading and bulk writing: the only file that tells one SQL dialect from another."""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.fields import Kind

CONNECT_SECONDS = 10
# An advisory lock is a number: this one is ours ("edumetri" in ASCII).
LOCK = 0x6564756D65747269
TYPES: dict[Kind, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "int": sa.Integer,
    "float": sa.Double,
    "bool": sa.Boolean,
    "date": sa.Date,
    "time": sa.DateTime,
    "json": sa.JSON,
}


# ---------------------------------------------------------------- engines


def college_engine(url: str, time_zone: str = "UTC") -> Engine:
    """An engine whose sessions are read-only, whatever the role could do.

    Args:
        url: a database URL; for SQLite the file must exist.
        time_zone: the college's time zone, in which timestamps with a zone are read.

    Raises:
        SettingsError: the URL cannot be understood, its driver is missing, or its SQLite file does not exist.
    """
    parsed = _parse(url, "CLIENT_DB_URL")
    name = parsed.get_backend_name()
    if name == "sqlite":
        path = Path(parsed.database or "").absolute()
        if not path.is_file():
            raise SettingsError(
                f"There is no college database at {path}: correct CLIENT_DB_URL, or run `edumetrics demo`."
            )
        engine = _engine(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true", "CLIENT_DB_URL")
        sa.event.listen(engine, "connect", _sqlite_query_only)
        return engine
    if name == "postgresql":
        # Every query here aggregates whole semesters: nested loops and compiled expressions only ever lose time.
        options = (
            f"-c default_transaction_read_only=on -c TimeZone={time_zone}"
            " -c enable_nestloop=off -c jit=off -c work_mem=64MB"
        )
        return _engine(parsed, "CLIENT_DB_URL", connect_args={"options": options, "connect_timeout": CONNECT_SECONDS})
    engine = _engine(parsed, "CLIENT_DB_URL")
    if name in ("mysql", "mariadb"):
        sa.event.listen(engine, "connect", _mysql_read_only)
    return engine


def writable_engine(url: str, setting: str = "DEFAULT_DB_URL") -> Engine:
    """An engine for a database that EduMetrics owns; a SQLite file's folder is created, private.

    Raises:
        SettingsError: the URL cannot be understood, its driver is missing, or the folder cannot be created.
    """
    parsed = _parse(url, setting)
    if parsed.get_backend_name() == "postgresql":
        return _engine(parsed, setting, connect_args={"connect_timeout": CONNECT_SECONDS})
    engine = _engine(parsed, setting)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        try:
            Path(parsed.database).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"Cannot create the folder of {parsed.database} ({error.strerror}): correct {setting}."
            ) from error
        sa.event.listen(engine, "connect", _sqlite_writer)
        sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def same_place(first: str, second: str) -> bool:
    """Whether two URLs name the same database, whoever logs in; False for what cannot be understood."""
    try:
        one, other = make_url(first), make_url(second)
    except sa.exc.ArgumentError:
        return False

    def place(url: URL) -> tuple[object, ...]:
        return url.get_backend_name(), url.host, url.port, url.database, tuple(sorted(url.query.items()))

    return place(one) == place(other)


@contextmanager
def connected(engine: Engine, what: str) -> Iterator[Connection]:
    """A connection, or one clear sentence about why there is none.

    Args:
        engine: where to.
        what: the setting that names it, for the message.

    Raises:
        SettingsError: the server cannot be reached or refuses the login.
    """
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        where = engine.url.host or engine.url.database or "the server"
        raise SettingsError(
            f"Cannot connect to {engine.dialect.name} at {where} ({reason(error)}): check {what}."
        ) from error
    with connection:
        yield connection


@contextmanager
def transaction(engine: Engine, what: str) -> Iterator[Connection]:
    """As `connected`, in one transaction that is committed at the end and rolled back on any error."""
    with connected(engine, what) as connection, connection.begin():
        yield connection


@contextmanager
def exclusive(engine: Engine, what: str) -> Iterator[bool]:
    """Hold the one lock of a database that EduMetrics owns; says False when another process holds it.

    It dies with the process that holds it: on PostgreSQL with its session, for SQLite with a file beside the database.
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
    with connected(engine, what) as connection:
        # Nothing is ever read through it: without a transaction it keeps no snapshot.
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901
        yield bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar())


def could_write(connection: Connection) -> bool:
    """Whether the role behind a connection could write if its session were not read-only."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("PRAGMA database_list").all()
        return any(path and os.access(path, os.W_OK) for _, _, path in rows)
    if connection.dialect.name == "postgresql":
        return bool(connection.exec_driver_sql(_PG_COULD_WRITE).scalar())
    if connection.dialect.name in ("mysql", "mariadb"):
        grants = " ".join(str(row[0]).upper() for row in connection.exec_driver_sql("SHOW GRANTS"))
        return any(word in grants for word in ("ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE"))
    return True


_PG_COULD_WRITE = """
SELECT coalesce(bool_or(has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE')
                        OR has_table_privilege(c.oid, 'DELETE')), false)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
"""


def _parse(url: str, setting: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise SettingsError(
            f"{setting} is not a database URL: it looks like postgresql://user@host/name or sqlite:///file.db."
        ) from None
    if parsed.drivername == "postgresql":
        # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3; we ship psycopg2.
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername in ("mysql", "mariadb"):
        parsed = parsed.set(drivername=f"{parsed.drivername}+pymysql")
    return parsed


def _engine(url: URL | str, setting: str, **options: Any) -> Engine:
    try:
        return sa.create_engine(url, hide_parameters=True, **options)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise SettingsError(
            f"{setting} cannot be used ({reason(error)}): check the URL and that its driver is installed."
        ) from error


def _sqlite_query_only(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA cache_size=-200000")


def _sqlite_writer(connection: Any, _: Any) -> None:
    # The driver would leave CREATE TABLE outside the transaction: transactions are begun by hand.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=10000")


def _sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _mysql_read_only(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")


def reason(error: Exception) -> str:
    """The reason a driver gives, on one line; never the statement or its values."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")


def query_error(error: sa.exc.SQLAlchemyError, what: str) -> EduMetricsError:
    """An error of one sentence for a statement that the college's database refused."""
    return SettingsError(f"The college database cannot answer for {what} ({reason(error)}): correct its mapping.")


# ---------------------------------------------------------------- values of any type, read alike


class canonical(FunctionElement[Any]):  # noqa: N801 - it reads as a SQL function
    """A college's column as the kind that its field says, whatever the database stores it as.

    `stored` is the type that the database declares, where that is known: what needs no conversion gets none.
    """

    inherit_cache = False
    name = "canonical"

    def __init__(
        self, column: sa.ColumnElement[Any], kind: Kind, stored: sa.types.TypeEngine[Any] | None = None
    ) -> None:
        self.type = TYPES[kind]()
        self.stored = stored
        super().__init__(column)


def _operand(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(next(iter(element.clauses)), **kw)


@compiles(canonical, "sqlite")
def _canonical_sqlite(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    x = _operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        return f"NULLIF(substr({x}, 1, 10), '')"
    if isinstance(element.type, sa.Boolean):
        return f"CASE WHEN {x} IS NOT NULL THEN lower(CAST({x} AS TEXT)) IN ('1', '1.0', 'true', 't', 'yes', 'y') END"
    if isinstance(element.type, sa.Integer | sa.Double):
        kind = "REAL" if isinstance(element.type, sa.Double) else "INTEGER"
        # SQLite stores what it is given: an empty text is a missing number, not a zero.
        return f"CASE WHEN typeof({x}) <> 'text' OR trim({x}) GLOB '*[0-9]*' THEN CAST({x} AS {kind}) END"
    return f"CAST({x} AS TEXT)"


@compiles(canonical, "postgresql")
def _canonical_postgresql(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    x = _operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        if isinstance(element.stored, sa.Date | sa.DateTime):
            return x if isinstance(element.stored, sa.Date) else f"CAST({x} AS date)"
        return f"CAST(CAST({x} AS timestamp) AS date)"
    if isinstance(element.type, sa.Boolean):
        return x if isinstance(element.stored, sa.Boolean) else f"CAST(CAST({x} AS text) AS boolean)"
    if isinstance(element.type, sa.Double):
        return f"CAST({x} AS double precision)"
    return f"CAST({x} AS {'integer' if isinstance(element.type, sa.Integer) else 'text'})"


@compiles(canonical, "mysql", "mariadb")
def _canonical_mysql(element: canonical, compiler: SQLCompiler, **kw: Any) -> str:
    x = _operand(element, compiler, **kw)
    if isinstance(element.type, sa.Date):
        return f"DATE({x})"
    if isinstance(element.type, sa.Boolean):
        return f"CASE WHEN {x} IS NOT NULL THEN lower(CAST({x} AS CHAR)) IN ('1', 'true', 't', 'yes', 'y') END"
    if isinstance(element.type, sa.Double):
        return f"({x} + 0e0)"
    return f"CAST({x} AS {'SIGNED' if isinstance(element.type, sa.Integer) else 'CHAR'})"


class byte_order(FunctionElement[str]):  # noqa: N801 - it reads as a SQL function
    """Text compared byte by byte, whatever the database's collation."""

    inherit_cache = True
    name = "byte_order"
    type = sa.Text()


@compiles(byte_order)
def _byte_order(element: byte_order, compiler: SQLCompiler, **kw: Any) -> str:
    collation = {"postgresql": ' COLLATE "C"', "mysql": " COLLATE utf8mb4_bin"}.get(compiler.dialect.name, "")
    return compiler.process(next(iter(element.clauses)), **kw) + collation


def materialized(select: sa.Select[Any], name: str) -> sa.CTE:
    """A small part of a query to be computed once; SQLite would otherwise compute it for every row it is joined to."""
    return select.cte(name).prefix_with("MATERIALIZED", dialect="sqlite")


def highest_first(column: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    """Descending order of ids as a person reads them (10 comes before 9), the same on every database."""
    return (sa.func.length(column).desc(), byte_order(column).desc())


# ---------------------------------------------------------------- reading and writing frames


def read(connection: Connection, select: sa.Select[Any]) -> pd.DataFrame:
    """Run a query and return a frame whose dtypes follow the query's column types, the same on every database.

    Text is `str`, numbers float64 (int64 where never null), dates datetime64, booleans `boolean`; null is NA.
    """
    kinds = {column.name: _kind(column.type) for column in select.selected_columns}
    frame = _copy_out(connection, select) if connection.dialect.name == "postgresql" else _fetch(connection, select)
    return pd.DataFrame({name: _coerce(frame[name], kind) for name, kind in kinds.items()}, columns=list(kinds))


def write(connection: Connection, table: sa.Table, frame: pd.DataFrame) -> int:
    """Insert a frame's rows in bulk, within the connection's transaction; returns how many."""
    columns = [column.name for column in table.columns if column.name in frame.columns]
    if frame.empty:
        return 0
    # Whole numbers with nulls are floats in a frame; the database wants them whole.
    whole = [name for name in columns if _kind(table.c[name].type) == "int" and frame[name].dtype.kind == "f"]
    frame = frame.astype(dict.fromkeys(whole, "Int64"))
    if connection.dialect.name == "postgresql":
        _copy_in(connection, table, frame[columns])
    else:
        values = zip(*(_python_values(frame[name]) for name in columns), strict=True)
        marks = ", ".join("?" if connection.dialect.paramstyle == "qmark" else "%s" for _ in columns)
        quoted = connection.dialect.identifier_preparer.quote
        names = ", ".join(quoted(name) for name in columns)
        connection.exec_driver_sql(f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})", list(values))
    return len(frame)


@contextmanager
def _driver_errors(connection: Connection) -> Iterator[None]:
    """What the driver raises, as SQLAlchemy would; without the statement, which holds values."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError("(hidden)", None, error) from error


def _kind(type_: sa.types.TypeEngine[Any]) -> Kind:
    for kind in ("bool", "date", "time", "int"):
        if isinstance(type_, TYPES[kind]):
            return kind
    return "float" if isinstance(type_, sa.Numeric | sa.Float) else "text"


def _copy_out(connection: Connection, select: sa.Select[Any]) -> pd.DataFrame:
    compiled = select.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    buffer = io.BytesIO()
    with closing(connection.connection.cursor()) as cursor:
        statement = cursor.mogrify(str(compiled), compiled.params).decode()
        with _driver_errors(connection):
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv, HEADER, NULL '\\N')", buffer)
    buffer.seek(0)
    text = {c.name: "str" for c in select.selected_columns if _kind(c.type) in ("text", "date", "time", "bool")}
    return pd.read_csv(buffer, dtype=text, na_values=["\\N"], keep_default_na=False)


def _fetch(connection: Connection, select: sa.Select[Any]) -> pd.DataFrame:
    # Values come as the driver gives them: SQLAlchemy's own date parsing would be slow, and strict about text dates.
    compiled = select.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    result = connection.exec_driver_sql(str(compiled), _driver_parameters(compiled))
    return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def _driver_parameters(compiled: Any) -> Any:
    values = {
        key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in compiled.params.items()
    }
    return tuple(values[name] for name in compiled.positiontup) if compiled.positional else values


def _coerce(column: pd.Series, kind: Kind) -> pd.Series:
    if kind in ("date", "time"):
        return pd.to_datetime(column, errors="coerce", format="ISO8601").astype("datetime64[us]")
    if kind == "bool":
        return column.map({"t": True, "f": False, True: True, False: False}).astype("boolean")
    if kind in ("int", "float"):
        numbers = pd.to_numeric(column).astype("float64")
        return numbers.astype("int64") if kind == "int" and not numbers.isna().any() else numbers
    return column.astype("str")


def _copy_in(connection: Connection, table: sa.Table, frame: pd.DataFrame) -> None:
    buffer = io.StringIO()
    frame.to_csv(buffer, index=False, header=False, na_rep="\\N")
    buffer.seek(0)
    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(quoted(name) for name in frame.columns)
    with closing(connection.connection.cursor()) as cursor, _driver_errors(connection):
        cursor.copy_expert(f"COPY {quoted(table.name)} ({names}) FROM STDIN WITH (FORMAT csv, NULL '\\N')", buffer)


def _python_values(column: pd.Series) -> list[Any]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        texts = column.dt.strftime("%Y-%m-%d %H:%M:%S.%f" if (column.dt.normalize() != column).any() else "%Y-%m-%d")
        return _python_values(texts)
    return list(column.astype("object").where(column.notna(), None))
