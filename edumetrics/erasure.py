"""Erase one student (article 17 GDPR), and erase again whom a restored backup brings back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import database, settings
from edumetrics.analysis import run_log
from edumetrics.analysis.restored import ERASE, ERASURES, PERSONAL, find_restored
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.marks import Marks
from edumetrics.mentions import (
    build_id_pattern,
    build_sure_pattern,
    find_left,
    find_mentions,
    find_notebooks,
    read_names,
    read_student_rows,
)
from edumetrics.privacy import Removal
from edumetrics.workspace import Workspace

# This text replaces an example id in data_health. The finding stays: its count is still true.
ERASED = "erased"
CHECKPOINTS = ".ipynb_checkpoints"


def erase_student(workspace: Workspace, student: str) -> Removal:
    """Remove one student from every table, report, mail and executed notebook.

    A file that mentions the student is deleted whole. The college's own database is never written.
    The next run therefore scores the student again, unless the college no longer lists the student
    or the id is among the `exclusions`.

    Args:
        workspace: the settings, the parameters and both databases.
        student: the student's id.

    Returns:
        The number of rows changed by table, and the files deleted.

    Raises:
        Locked: a run is at work.
        SettingsError: nothing is held on such a student.
    """
    with workspace.store.require_lock():
        run_log.end_stale(workspace.store)
        # An excluded student has no row that others read; here all of them count.
        whole = replace(workspace, store=workspace.store.show_all())
        files, notebooks = find_mentions(whole, student), find_notebooks(whole, student)
        if not (files or notebooks or read_student_rows(whole, student)):
            # An earlier erasure may have been killed after its commit and before its scrub.
            # Its rows are then gone, but their bytes may still be in the database's files.
            database.release_space(workspace.store.engine)
            raise SettingsError("Nothing is held on a student with this id: check it.")
        return _erase(whole, student, files, notebooks)


def repeat_erasures(workspace: Workspace) -> None:
    """Erase again whom a restored backup has brought back; the caller must hold the lock.

    An erasure whose run the ledger does not have was done after the backup was made.
    """
    whole = replace(workspace, store=workspace.store.show_all())
    for student in find_restored(whole.store, whole.settings.home):
        _erase(whole, student, find_mentions(whole, student), find_notebooks(whole, student))


def has_restored(workspace: Workspace) -> bool:
    """Return whether the analysis has students who were erased after a backup of it was made."""
    return bool(find_restored(workspace.store, workspace.settings.home))


def _erase(workspace: Workspace, student: str, files: list[Path], notebooks: list[Path]) -> Removal:
    """Remove a student's rows and files, and remember that this was done."""
    store, pattern = workspace.store, build_sure_pattern(*read_names(workspace, student))
    with run_log.watch_run(store, workspace.params, ERASE, "", 0) as entry:
        # Remembered in the home, where no backup of the database takes it back.
        Marks(workspace.settings.home, ERASURES).add((student,), entry.run_id)
        # Files come first. The rows say which pages belong to the student, so that an erasure that
        # is killed here can be run again.
        for path in files:
            path.unlink(missing_ok=True)
        for path in notebooks:
            clean_notebook(path, pattern)
        workspace.files.forget(files)
        settings.remove_database(workspace.settings.beside)
        with store.start_transaction() as connection:
            rows = {name: _delete_rows(connection, name, student_id=student) for name in PERSONAL}
            rows["data_health"] = _redact_examples(connection, student)
            run_log.mark_done(connection, entry, sum(rows.values()))
    # A database keeps the bytes of deleted rows until their space is given back.
    database.release_space(store.engine)
    # The proof: whatever still names the student was not written by EduMetrics.
    left = find_left(workspace, student)
    return Removal(rows, tuple(files), tuple(notebooks), left=tuple(left))


def clean_notebook(path: Path, pattern: re.Pattern[str]) -> None:
    """Take what a notebook shows out of it, and a student out of what is written in it.

    The copy that JupyterLab keeps of its last state is removed.
    """
    if path.parent.name == CHECKPOINTS:
        path.unlink()
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        # It only has the name of a notebook.
        path.unlink()
        return
    for cell in content.get("cells", []):
        cell.pop("attachments", None)
        if "outputs" in cell:
            cell["outputs"], cell["execution_count"] = [], None
    text = pattern.sub(ERASED, json.dumps(content, ensure_ascii=False, indent=1))
    settings.write_private_file(path, f"{text}\n".encode())


def _delete_rows(connection: Connection, table: str, **equal: Any) -> int:
    sql = SQL_TABLES[table]
    return connection.execute(
        sa.delete(sql).where(*(sql.c[name] == value for name, value in equal.items()))
    ).rowcount


def _redact_examples(connection: Connection, student: str) -> int:
    """Blank the example ids of data-health findings that contain a student's id.

    A row id of the college may be built from a student's id.

    Returns:
        The number of findings that the SQL search matched.
    """
    sql = SQL_TABLES["data_health"]
    pattern, key = (
        re.compile(build_id_pattern(student)),
        [sql.c[name] for name in TABLES["data_health"].key],
    )
    # SQL can only search the JSON as text, which also finds longer numbers; the pattern decides.
    like = sa.cast(sql.c.examples, sa.Text).contains(student, autoescape=True)
    found = connection.execute(sa.select(*key, sql.c.examples).where(like)).all()
    for *values, examples in found:
        # Some drivers return a JSON column as text.
        listed = json.loads(examples) if isinstance(examples, str) else examples
        blanked = [ERASED if pattern.search(str(one)) else one for one in listed]
        this = sa.and_(*(column == value for column, value in zip(key, values, strict=True)))
        connection.execute(sa.update(sql).where(this).values(examples=blanked))
    return len(found)
