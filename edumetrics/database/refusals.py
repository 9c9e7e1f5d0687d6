"""What a database refused, in one sentence without any value of a row."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa

from edumetrics.errors import EduMetricsError, SettingsError

# What drivers say of a statement and of a connection, which holds no value of a row: by the class
# of an error of PostgreSQL, by the number of one of MySQL, by the words of one of SQLite.
PG_SAID = ("08", "0A", "25", "28", "3D", "3F", "42", "53", "55", "57", "58")
MYSQL_SAID = frozenset({
    1044, 1045, 1046, 1049, 1054, 1064, 1142, 1143, 1146, 1205, 1213, 1227, 1305, 1317, 1370, 1698,
    1792, 1969, 2002, 2003, 2005, 2006, 2013, 2014, 2026, 3024,
})  # fmt: skip
SQLITE_SAID = (
    "no such", "near ", "unable to open", "database is", "database disk", "file is", "ambiguous",
    "attempt to write", "disk I/O", "too many", "wrong number", "unrecognized", "incomplete",
    "SELECTs to", "not authorized", "interrupted", "misuse", "no query", "cannot ", "malformed",
)  # fmt: skip
HIDDEN = "a value there cannot be read"


def extract_reason(error: Exception) -> str:
    """Return the reason that a driver gives, on one line, without the statement and its values.

    An error about a value quotes the value, which may be a person's: of such an error nothing is
    passed on but its kind.
    """
    cause = getattr(error, "orig", None) or error
    said = (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
    if isinstance(error, sa.exc.DBAPIError) and not _is_harmless(cause):
        return HIDDEN
    return said


def _is_harmless(cause: Any) -> bool:
    """Return whether the text of a driver's error can hold no value of a row."""
    code = getattr(cause, "pgcode", "")
    if code != "":
        # Without a code the connection failed.
        return code is None or code.startswith(PG_SAID)
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith(SQLITE_SAID)
    number = cause.args[0] if getattr(cause, "args", ()) else None
    return number in MYSQL_SAID


def build_query_error(error: sa.exc.SQLAlchemyError, what: str) -> EduMetricsError:
    """Return an error of one sentence for a statement that the college's database refused."""
    return SettingsError(
        f"The college database cannot answer for {what}"
        f" ({extract_reason(error)}): correct its mapping."
    )
