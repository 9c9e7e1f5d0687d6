"""Weekly files in a database: each file a table, replaced as a whole or not at all.

The database is one that this module made. A table is never replaced by one that has lost columns or
half of its rows, because a cut file would be read as a quiet week.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import database
from edumetrics.errors import SettingsError
from edumetrics.onboarding.table_files import OPEN_END, Reading, read_tables

# Says which tables were imported, and when: so how old this copy of the college is.
IMPORTED = sa.Table(
    "imported_by_edumetrics",
    sa.MetaData(),
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("rows_read", sa.Integer, nullable=False),
    sa.Column("imported_at", sa.Text, nullable=False),
    # Whether the last line of its file has no end, as some programs write files.
    sa.Column("open_end", sa.Boolean, nullable=False),
)
WHAT = "the database of imported files"
# A table that has lost this share of its rows is one that was cut.
SHRUNK = 0.5


def import_tables(
    path: Path, url: str, reading: Reading | None = None, *, replace: bool = False
) -> Iterator[str]:
    """Load every file of a folder or zip into a database; yield a line about each table.

    All tables are replaced, or none.

    Args:
        path: a file, a folder or a zip of files.
        url: an empty database, or one into which files were imported before.
        reading: what is known about the files.
        replace: take a table too that lost columns or half of its rows, or may be cut off.

    Raises:
        SettingsError: a file cannot be read with certainty, a table has lost too much, or the
            database is another one.
    """
    engine = database.create_analysis_engine(url, "the URL")
    frames: dict[str, pd.DataFrame] = {}
    for name, frame in read_tables(path, reading or Reading()):
        if name.lower() in {other.lower() for other in frames}:
            raise SettingsError(f"Two files are named {name}: import them one after the other.")
        frames[name] = frame
    told = []
    try:
        with database.open_transaction(engine, WHAT) as connection:
            _check_owner(connection)
            for name, frame in frames.items():
                told.append(_replace_table(connection, name, frame, replace=replace))
    except sa.exc.DBAPIError as error:
        raise SettingsError(
            f"Cannot write {WHAT} ({database.extract_reason(error)}); nothing was changed."
        ) from error
    finally:
        engine.dispose()
    yield from told


def _check_owner(connection: Connection) -> None:
    """Create the list of imported tables in an empty database.

    Raises:
        SettingsError: the database holds tables that were not imported.
    """
    inspector = sa.inspect(connection)
    if inspector.has_table(IMPORTED.name):
        return
    if inspector.get_table_names():
        raise SettingsError(
            "That database already holds tables that were not imported: choose an empty one."
        )
    IMPORTED.create(connection)


def _replace_table(connection: Connection, name: str, frame: pd.DataFrame, *, replace: bool) -> str:
    """Replace a table by the rows of a file, and return the line that says so.

    Raises:
        SettingsError: it lost columns or half of its rows, and `replace` is not given.
    """
    known = connection.execute(sa.select(IMPORTED).where(IMPORTED.c.table_name == name)).first()
    before = None if known is None else known.rows_read
    open_end = bool(frame.attrs.get(OPEN_END))
    # A cut within the last value shows in nothing else.
    if open_end and not replace and (known is None or not known.open_end):
        raise SettingsError(
            f"The last line of {name} has no end, so it may be cut off: add --replace if its "
            "program always writes it so."
        )
    table = sa.Table(
        name, sa.MetaData(), *(sa.Column(str(column), sa.Text) for column in frame.columns)
    )
    if before is not None:
        if not replace:
            _check_loss(connection, name, frame, before)
        table.drop(connection)
        connection.execute(sa.delete(IMPORTED).where(IMPORTED.c.table_name == name))
    table.create(connection)
    database.insert_frame(connection, table, frame)
    entry = {
        "table_name": name,
        "rows_read": len(frame),
        "open_end": open_end,
        "imported_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    connection.execute(sa.insert(IMPORTED).values(entry))
    change = "" if before in (None, len(frame)) else f" ({before:,} before)"
    return f"{len(frame):>10,}  {name}{change}"


def _check_loss(connection: Connection, name: str, frame: pd.DataFrame, before: int) -> None:
    had = [column["name"] for column in sa.inspect(connection).get_columns(name)]
    gone = [column for column in had if column not in frame.columns]
    if gone:
        raise SettingsError(
            f"{name} has no column {gone[0]} any more: add --replace if that is right."
        )
    if len(frame) <= before * SHRUNK and before > 1:
        raise SettingsError(
            f"{name} has {len(frame)} rows and had {before}: it may be cut off; "
            "add --replace if that is right."
        )
