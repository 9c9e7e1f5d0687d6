"""Keep what a command is about to remove from the analysis, as files in the home."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from edumetrics import database
from edumetrics.analysis.rollback import Rows
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.plain import export_safe_csv
from edumetrics.settings import create_private_folder, write_private_file
from edumetrics.workspace import Workspace

FOLDER = "removed"


def write_dump(workspace: Workspace, rows: Rows) -> Path:
    """Write rows of the analysis into a new folder of the home, a CSV file for each table.

    Args:
        workspace: the settings and the analysis.
        rows: a condition by table; a table without such rows has no file.

    Returns:
        The folder.

    Raises:
        SettingsError: the home cannot be written to; then nothing may be removed.
    """
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    folder = create_private_folder(workspace.settings.home / FOLDER / name)
    for table, condition in rows.items():
        with workspace.store.connect() as connection:
            frame = database.read_frame(connection, sa.select(SQL_TABLES[table]).where(condition))
        if len(frame):
            write_private_file(folder / f"{table}.csv", export_safe_csv(frame).encode())
    return folder
