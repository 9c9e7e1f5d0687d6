"""Bulk transfer: a query into a frame, and a frame into a table, with equal dtypes everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import csv
from sqlalchemy.engine import Connection

from edumetrics.database.types import TYPES
from edumetrics.fields.record import Kind

# What Arrow parses; integers as floats, because integers with nulls have no plain dtype.
ARROW = {"int": pa.float64(), "float": pa.float64(), "bool": pa.bool_(), "date": pa.date32()}
CATEGORY = pa.dictionary(pa.int32(), pa.string())
# The types that drivers tell of the columns of a SELECT: identifiers of PostgreSQL, codes of MySQL.
PG_TYPES: dict[int, sa.types.TypeEngine[Any]] = {
    16: sa.Boolean(), 20: sa.BigInteger(), 21: sa.Integer(), 23: sa.Integer(), 25: sa.Text(),
    700: sa.Double(), 701: sa.Double(), 1082: sa.Date(), 1114: sa.DateTime(),
    1184: sa.DateTime(timezone=True), 1700: sa.Numeric(),
}  # fmt: skip
MYSQL_TYPES: dict[int, sa.types.TypeEngine[Any]] = {
    1: sa.Integer(), 2: sa.Integer(), 3: sa.Integer(), 9: sa.Integer(), 8: sa.BigInteger(),
    4: sa.Double(), 5: sa.Double(), 246: sa.Numeric(), 16: sa.Numeric(), 7: sa.TIMESTAMP(),
    10: sa.Date(), 12: sa.DateTime(),
}  # fmt: skip
# How SQLite says that a text is none.
NOT_UTF8 = "Could not decode to UTF-8"
WITHOUT_HEADER = csv.WriteOptions(include_header=False)


def read_frame(
    connection: Connection, select: sa.Select[Any], categories: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """Run a query and return its rows as a frame with the same dtypes on every database.

    The dtypes follow the column types of the query: text is `str` (a category where `categories`
    names the column), numbers are float64 (integers without a null int64), dates and times
    datetime64, booleans `boolean`. Null is NA.
    """
    # COPY is much faster than fetching rows; of the supported databases only PostgreSQL has it.
    kinds = {column.name: _classify_type(column.type) for column in select.selected_columns}
    frame = (
        _copy_out(connection, select, categories)
        if connection.dialect.name == "postgresql"
        else _read_rows(connection, select)
    )
    for name, kind in kinds.items():
        column = frame[name]
        converted = _encode_column(column) if name in categories else _convert_column(column, kind)
        # Most columns are right as they come, and a frame that is built anew is copied.
        if converted is not column:
            frame[name] = converted
    return frame[list(kinds)]


def make_empty_frame(**kinds: str) -> pd.DataFrame:
    """Return a frame without rows, with a column of each dtype by name."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def run_query(connection: Connection, text: str) -> sa.CursorResult[Any]:
    """Run the text of a query, in which every sign stands for itself."""
    # With most parameter styles a driver gives the percent sign a meaning; doubled it is plain.
    plain = connection.dialect.paramstyle == "qmark"
    return connection.exec_driver_sql(text if plain else text.replace("%", "%%"))


def describe_columns(
    connection: Connection, select: str
) -> dict[str, sa.types.TypeEngine[Any] | None]:
    """Return the columns of a SELECT and their types, without reading a row.

    The type is None where the database does not tell it, or where values need a conversion.
    """
    cursor: Any = run_query(connection, f"SELECT * FROM ({select}) AS described WHERE 1 = 0").cursor
    types = {"postgresql": PG_TYPES, "mysql": MYSQL_TYPES, "mariadb": MYSQL_TYPES}.get(
        connection.dialect.name, {}
    )
    return {entry[0]: types.get(entry[1]) for entry in cursor.description}


def insert_frame(connection: Connection, table: sa.Table, frame: pd.DataFrame) -> int:
    """Insert the rows of a frame in bulk, within a transaction, and return their number."""
    # The order of the table, not that of the frame; columns that the frame lacks stay null.
    columns = [column.name for column in table.columns if column.name in frame.columns]
    if frame.empty:
        return 0
    # Integers with nulls are floats in a frame; the database expects integers.
    whole = [
        name
        for name in columns
        if _classify_type(table.c[name].type) == "int" and frame[name].dtype.kind == "f"
    ]
    frame = frame.astype(dict.fromkeys(whole, "Int64"))
    if connection.dialect.name == "postgresql":
        _copy_in(connection, table, frame[columns])
    else:
        # Without SQLAlchemy's own handling of each value, which is slow for many rows.
        values = zip(*(_convert_values(frame[name]) for name in columns), strict=True)
        marks = ", ".join(
            "?" if connection.dialect.paramstyle == "qmark" else "%s" for _ in columns
        )
        quoted = connection.dialect.identifier_preparer.quote
        names = ", ".join(quoted(name) for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})", list(values)
        )
    return len(frame)


@contextmanager
def _translate_driver_errors(connection: Connection) -> Iterator[None]:
    """Raise errors of the driver as SQLAlchemy does, but without the statement and its values."""
    # COPY uses the driver directly, so SQLAlchemy cannot translate its errors.
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError("(hidden)", None, error) from error


def _classify_type(type_: sa.types.TypeEngine[Any]) -> Kind:
    """Return the kind of field that a column type stands for; text for all other types."""
    for kind in ("bool", "date", "time", "int"):
        if isinstance(type_, TYPES[kind]):
            return kind
    return "float" if isinstance(type_, sa.Numeric | sa.Float) else "text"


def _copy_out(
    connection: Connection, select: sa.Select[Any], categories: frozenset[str]
) -> pd.DataFrame:
    """Run a query with COPY on PostgreSQL; times are still text in the frame."""
    compiled = select.compile(
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    buffer = io.BytesIO()
    with closing(connection.connection.cursor()) as cursor:
        # COPY takes no parameters: the driver writes their values into the statement, quoted.
        statement = cursor.mogrify(str(compiled), compiled.params).decode()
        with _translate_driver_errors(connection):
            cursor.copy_expert(
                f"COPY ({statement}) TO STDOUT WITH (FORMAT csv, HEADER, NULL '\\N')", buffer
            )
    buffer.seek(0)
    types = {
        c.name: CATEGORY if c.name in categories else ARROW.get(_classify_type(c.type), pa.string())
        for c in select.selected_columns
    }
    # PostgreSQL quotes a text that equals the null mark. So an unquoted mark is always null, and
    # empty text stays empty.
    nulls = csv.ConvertOptions(
        column_types=types,
        null_values=["\\N"],
        true_values=["t"],
        false_values=["f"],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    # A text may contain line breaks.
    lines = csv.ParseOptions(newlines_in_values=True)
    frame: pd.DataFrame = csv.read_csv(
        buffer, convert_options=nulls, parse_options=lines
    ).to_pandas(date_as_object=False, types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return frame


def _read_rows(connection: Connection, select: sa.Select[Any]) -> pd.DataFrame:
    """Run a query on a database without COPY; values are as the driver returns them."""
    # SQLAlchemy's own parsing of dates would be slow, and would refuse some dates stored as text.
    compiled = select.compile(
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    try:
        result = connection.exec_driver_sql(str(compiled), _convert_parameters(compiled))
        # Of SQLAlchemy's own rows pandas asks attributes that they do not have, which is slow.
        return pd.DataFrame([*map(tuple, result.fetchall())], columns=list(result.keys()))
    except sa.exc.OperationalError as error:
        driver: Any = connection.connection.driver_connection
        if NOT_UTF8 not in str(error.orig) or driver.text_factory is _decode:
            raise
    # Bytes that are no UTF-8 are read as signs that say so. This is slow, so it is for those only
    # who need it.
    driver.text_factory = _decode
    return _read_rows(connection, select)


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _convert_parameters(compiled: Any) -> Any:
    """Return the parameters of a compiled query in the driver's style, dates as ISO text."""
    values = {
        key: value.isoformat() if hasattr(value, "isoformat") else value
        for key, value in compiled.params.items()
    }
    return tuple(values[name] for name in compiled.positiontup) if compiled.positional else values


def _convert_column(column: pd.Series, kind: Kind) -> pd.Series:
    """Return a column with the dtype of its kind; an unreadable date becomes null."""
    if kind in ("date", "time"):
        # Microseconds on every database: drivers differ in the unit that pandas derives.
        known = column.dtype.kind == "M"
        dates = column if known else pd.to_datetime(column, errors="coerce", format="ISO8601")
        return dates.astype("datetime64[us]")
    if kind == "bool":
        return column if column.dtype == "boolean" else column.astype("boolean")
    if kind in ("int", "float"):
        return _convert_numbers(column, kind)
    return column if column.dtype == "str" else column.astype("str")


def _convert_numbers(column: pd.Series, kind: Kind) -> pd.Series:
    """Return a column as float64, or as int64 where all of it are whole numbers by their kind."""
    if column.dtype == "float64" and (kind == "float" or column.isna().any()):
        return column
    if column.dtype == "int64" and kind == "int":
        return column
    numbers = pd.to_numeric(column).astype("float64")
    return numbers.astype("int64") if kind == "int" and not numbers.isna().any() else numbers


def _encode_column(column: pd.Series) -> pd.Series:
    """Return a column of texts as categories."""
    return column if column.dtype == "category" else column.astype("str").astype("category")


def _copy_in(connection: Connection, table: sa.Table, frame: pd.DataFrame) -> None:
    """Insert the rows of a frame with COPY on PostgreSQL."""
    buffer = io.BytesIO()
    # Arrow guesses the type of object columns from their values; as text they are unambiguous.
    texts = {
        name: frame[name].astype("str") for name in frame.columns if frame[name].dtype == object
    }
    csv.write_csv(
        pa.Table.from_pandas(frame.assign(**texts), preserve_index=False), buffer, WITHOUT_HEADER
    )
    buffer.seek(0)
    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(quoted(name) for name in frame.columns)
    with closing(connection.connection.cursor()) as cursor, _translate_driver_errors(connection):
        cursor.copy_expert(
            # Arrow quotes all text and writes null as nothing: so empty text does not become null.
            f"COPY {quoted(table.name)} ({names}) FROM STDIN WITH (FORMAT csv, NULL '')",
            buffer,
        )


def _convert_values(column: pd.Series) -> list[Any]:
    """Return a column as Python values; null is None, and dates and times are ISO text."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        known = column.dropna()
        # SQLite stores the text as it is: a date must not get a time of day.
        days = (known.dt.normalize() == known).all()
        return _convert_values(column.dt.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S.%f"))
    values = column.to_numpy(dtype="object", copy=True)
    values[column.isna().to_numpy()] = None
    return list(values)
