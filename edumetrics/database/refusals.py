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
    1044, 1045, 1046, 1049, 1054, 1064, 1111, 1142, 1143, 1146, 1205, 1213, 1227, 1305, 1317, 1370,
    1698, 1792, 1969, 2002, 2003, 2005, 2006, 2013, 2014, 2026, 3024,
})  # fmt: skip
SQLITE_SAID = (
    "no such", "near ", "unable to open", "database is", "database disk", "file is", "ambiguous",
    "attempt to write", "disk I/O", "too many", "wrong number", "unrecognized", "incomplete",
    "SELECTs to", "not authorized", "interrupted", "misuse", "no query", "cannot ", "malformed",
)  # fmt: skip
# Somebody else has a lock, or the statement took longer than it may.
PG_LATE, MYSQL_LATE = ("55P03", "57014"), frozenset({1205, 1213, 1969, 3024})
SQLITE_LATE = ("database is locked", "database table is locked", "interrupted")
# The server or the connection has gone.
PG_LOST = ("08", "57P01", "57P02", "57P03")
MYSQL_LOST = frozenset({2006, 2013, 2014, 1927, 1053})
SQLITE_DAMAGED = ("database disk image", "file is not a database", "malformed")
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
    reason = extract_reason(error)
    if _find_kind(error, PG_LATE, MYSQL_LATE, SQLITE_LATE):
        return EduMetricsError(
            f"The college database did not answer for {what} in time ({reason}): someone has locked"
            " it, or it is busy; run again later."
        )
    if _find_kind(error, PG_LOST, MYSQL_LOST, ()):
        return EduMetricsError(
            f"The connection to the college database was lost ({reason}): run again."
        )
    if _find_kind(error, (), frozenset(), SQLITE_DAMAGED):
        return SettingsError(
            f"The file of the college database is damaged ({reason}): restore it from a copy."
        )
    return SettingsError(
        f"The college database cannot answer for {what} ({reason}): correct its mapping."
    )


def build_own_error(error: sa.exc.DBAPIError, doing: str) -> EduMetricsError:
    """Return an error of one sentence for a statement that the analysis database refused.

    Args:
        error: what the database said.
        doing: what was to be done, such as "a read".
    """
    reason = extract_reason(error)
    if _find_kind(error, (), frozenset(), SQLITE_DAMAGED):
        what = f"The file of the analysis database is damaged ({reason}): restore it from a backup"
    elif _find_kind(error, PG_LATE, MYSQL_LATE, SQLITE_LATE):
        what = f"The analysis database is locked by someone else ({reason}): run again later"
    elif _find_kind(error, PG_LOST, MYSQL_LOST, ()):
        what = f"The connection to the analysis database was lost ({reason}): run again"
    else:
        return EduMetricsError(
            f"The analysis database refused {doing} ({reason}); nothing was changed."
        )
    return EduMetricsError(f"{what}; nothing was changed.")


def _find_kind(
    error: sa.exc.SQLAlchemyError,
    codes: tuple[str, ...],
    numbers: frozenset[int],
    words: tuple[str, ...],
) -> bool:
    """Return whether an error has one of some codes, numbers or beginnings of its text."""
    cause: Any = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith(words)
    code = getattr(cause, "pgcode", "")
    if code != "":
        # Of a connection that broke off the driver knows no code.
        return str(code or "08").startswith(codes)
    return (cause.args[0] if getattr(cause, "args", ()) else None) in numbers
