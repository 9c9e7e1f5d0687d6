"""Delete what was written about students in old terms, or replace their ids by pseudonyms.

The terms are those of the GDPR: storage limitation (article 5.1e), pseudonymisation (4.5).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import database
from edumetrics.analysis import run_log
from edumetrics.analysis.restored import PERSONAL
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.privacy import Removal
from edumetrics.weeks import YEARS, CollegeWeek, find_slot_start
from edumetrics.workspace import Workspace

# Training needs these tables of a past term; a college may keep them under pseudonyms.
KEPT = ("weekly_metrics", "weekly_features", "exam_review")


def prune_terms(workspace: Workspace, today: date, *, dry_run: bool = False) -> Removal:
    """Delete what was written about students in terms that are past the retention.

    With `keep_metrics`, weekly metrics, features and reviews stay under pseudonyms. The key of the
    pseudonyms is stored nowhere.

    Args:
        workspace: the settings, the parameters and both databases.
        today: the day to count from.
        dry_run: only count what would be removed.

    Returns:
        The number of rows by table, the files, and the files of that age that stay.

    Raises:
        Locked: a run is at work.
        SettingsError: the day is in no year of our time.
    """
    keeping = workspace.params.batch.retention
    if today.year not in YEARS:
        raise SettingsError(f"No term is that old: choose a day from {YEARS[0]} to {YEARS[-1]}.")
    # Retention counts from the end of a term, but a term is named by its first day. A term that
    # began on this day or earlier is past its retention.
    semester = pd.Timedelta(weeks=workspace.params.calendar.weeks_per_semester)
    limit = pd.Timestamp(today) - pd.DateOffset(months=keeping.months) - semester
    files, kept = _find_old_files(workspace, limit)
    with workspace.store.require_lock():
        run_log.end_stale(workspace.store)
        if dry_run:
            with workspace.store.connect() as connection:
                # Deleting and rolling back counts exactly what a real run would remove.
                rows = dict(
                    _remove_old_rows(
                        connection, limit.date().isoformat(), keep=keeping.keep_metrics
                    )
                )
                connection.rollback()
            return Removal(rows, tuple(files), kept=tuple(kept))
        with run_log.watch_run(workspace.store, workspace.params, "prune", "", 0) as entry:
            with workspace.store.start_transaction() as connection:
                rows = dict(
                    _remove_old_rows(
                        connection, limit.date().isoformat(), keep=keeping.keep_metrics
                    )
                )
                run_log.mark_done(connection, entry, sum(rows.values()))
            # A later run finds what a killed one left: the record goes last.
            for path in files:
                path.unlink(missing_ok=True)
                _remove_empty_folders(path.parent)
            workspace.files.forget(files)
        database.release_space(workspace.store.engine)
    return Removal(rows, tuple(files), kept=tuple(kept))


def _find_old_files(workspace: Workspace, limit: pd.Timestamp) -> tuple[list[Path], list[Path]]:
    """Return the recorded files of terms up to a day, and others that lie in folders of that age.

    Only the recorded ones are ours to delete.
    """
    recorded = workspace.store.read("written_files", ("path", "term"))
    old = recorded[(recorded["term"] != "") & (recorded["term"] <= limit.date().isoformat())]
    ours = {workspace.settings.home / path for path in old["path"]}
    there = {
        path
        for folder in _list_term_folders(workspace)
        if _parse_first_day(workspace, folder.name) <= limit
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(path for path in ours if path.exists()), sorted(there - ours)


def _remove_empty_folders(folder: Path) -> None:
    """Remove a folder, and those above it, as far as nothing is left in them."""
    while folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _list_term_folders(workspace: Workspace) -> list[Path]:
    """Return the folders of reports and of published pages, each about one term, sorted."""
    published = workspace.settings.pages_dir
    # Published pages have a folder for each advisor, and the terms below it.
    own = published.glob("*/*/") if published else ()
    return sorted([*workspace.settings.reports.glob("*/"), *own])


def _parse_first_day(workspace: Workspace, label: str) -> pd.Timestamp:
    """Return the first day of the term that a folder of reports is about.

    Args:
        workspace: its calendar has the slots and their first days.
        label: the folder's name: year and slot, such as `2025-even`, or the term's first day.

    Returns:
        The first day; the latest possible time for any other name.
    """
    year, _, slot = label.partition("-")
    slots = workspace.params.calendar.slots
    if year.isdigit() and slot in slots:
        position = CollegeWeek(int(year), slots[slot].offset + 1)
        return pd.Timestamp(find_slot_start(position, workspace.params.calendar))
    begun = pd.to_datetime(label, errors="coerce", format="%Y-%m-%d")
    # A folder with another name is the college's own: a date in the future keeps it for ever.
    return pd.Timestamp.max if pd.isna(begun) else pd.Timestamp(begun)


def _remove_old_rows(
    connection: Connection, limit: str, *, keep: bool
) -> Iterator[tuple[str, int]]:
    """Delete (or pseudonymise) the rows of old terms, and yield each table with its row count."""
    log = SQL_TABLES["run_log"].c
    # Terms are ISO dates, so texts and days have the same order. An erasure or a first release of
    # mail has no term, and is not part of an old one.
    old_runs = sa.select(log.run_id).where(log.term <= limit, log.term != "")
    findings = SQL_TABLES["data_health"]
    yield (
        "data_health",
        connection.execute(sa.delete(findings).where(findings.c.run_id.in_(old_runs))).rowcount,
    )
    # These two tables have no student_id, but they name advisors, addresses and classes.
    for name in (*PERSONAL, "delivery_log", "class_findings"):
        sql = SQL_TABLES[name]
        # The watchlist has no term of its own: it is kept as long as the term that it is about.
        of = sql.c["target_term" if "target_term" in sql.c else "term"]
        # What is about no term, such as an export, is not as old as one.
        old = sa.and_(of <= limit, of != "")
        if not keep or name not in KEPT:
            yield name, connection.execute(sa.delete(sql).where(old)).rowcount
    if keep:
        yield from _replace_student_ids(connection, limit)


def _replace_student_ids(connection: Connection, limit: str) -> Iterator[tuple[str, int]]:
    # One secret for all tables keeps a student's rows linked across them. It is never stored, so
    # nobody can compute the pseudonym of a known id.
    secret = secrets.token_hex(32)
    for name in KEPT:
        sql = SQL_TABLES[name]
        # An id that begins with ~ is a pseudonym already, from an earlier run.
        named = sa.and_(sql.c.term <= limit, sql.c.student_id.not_like("~%"))
        students = (
            connection.execute(sa.select(sql.c.student_id).where(named).distinct()).scalars().all()
        )
        rows = 0
        for student in students:
            pseudonym = f"~{hashlib.sha256((secret + student).encode()).hexdigest()[:24]}"
            values = {"student_id": pseudonym} | (
                {"advisor_id": None} if "advisor_id" in sql.c else {}
            )
            rows += connection.execute(
                sa.update(sql).where(named, sql.c.student_id == student).values(values)
            ).rowcount
        yield f"{name} (now under pseudonyms)", rows
