"""Take the analysis back to an earlier week where somebody asks; what goes is kept in files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from edumetrics import database
from edumetrics.analysis import rollback, run_log
from edumetrics.analysis.rollback import Rows
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.analysis.written import Subject
from edumetrics.batch.progress import Reporter
from edumetrics.errors import Refused
from edumetrics.inputs import terms
from edumetrics.plain import export_safe_csv
from edumetrics.settings import create_private_folder, write_private_file
from edumetrics.types import EXAMS
from edumetrics.workspace import Workspace

if TYPE_CHECKING:
    # Only its type is needed here.
    from edumetrics.batch.schedule import RunPlan

# The stage in the ledger, and the folder of the home for what was removed.
STAGE, FOLDER = "roll-back", "removed"


def take_back(workspace: Workspace, due: RunPlan, tell: Reporter, *, asked: bool) -> None:
    """Remove what was computed for weeks after the college's, and record its position.

    Raises:
        Refused: nobody asked for it: a clock may be wrong.
    """
    assert due.back_to is not None
    (term, week), calendar, store = due.back_to, workspace.params.calendar, workspace.store
    # Reviews of exams that are ahead again go as well; those of earlier exams stay.
    to_come = [exam for exam in EXAMS if week <= (terms.find_exam_week(calendar, exam) or week)]
    later = rollback.find_later(term, week, to_come)
    with store.connect() as connection:
        count = rollback.count_rows(connection, later)
    if not asked:
        raise Refused(
            f"The college is at week {week} of {due.position.format_label(calendar)}, which is"
            f" behind the analysis: {count} rows of later weeks would be removed. Where a clock is"
            " wrong, set it right; where the college went back, run `edumetrics run --roll-back`."
        )
    kept = _write_dump(workspace, later)
    with store.start_transaction() as connection:
        entry = run_log.enter_run(connection, workspace.params, STAGE, term, week)
        rows = rollback.delete_rows(connection, later)
        store.set_college_week(connection, due.position)
        run_log.mark_done(connection, entry, rows)
    tell(
        f"The college went back to week {week}: {rows} rows of later weeks were removed, and are"
        f" kept in {kept}.",
        rows=rows,
        week=week,
    )


def _write_dump(workspace: Workspace, rows: Rows) -> Path:
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
            path = write_private_file(folder / f"{table}.csv", export_safe_csv(frame).encode())
            about = Subject("", 0, f"removed {name}")
            workspace.files.add({path: about}, "removed")
    return folder
