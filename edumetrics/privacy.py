"""Export and erase the data held on one student, and delete terms that are past their retention.

Terms follow the GDPR: access (article 15), erasure (17), storage limitation (5.1e),
pseudonymisation (4.5).
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from markupsafe import escape
from sqlalchemy.engine import Connection

from edumetrics import database, settings
from edumetrics.analysis import run_log
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.reports.render import escape_file_name, export_safe_csv
from edumetrics.weeks import CollegeWeek, find_slot_start
from edumetrics.workspace import Workspace

# This text replaces an example id in data_health. The finding stays: its count is still true.
ERASED = "erased"
# The student reads this file. The backslashes break the source lines only, not the text.
ABOUT = """What EduMetrics holds on the student {student}.

Each .csv file is one table of the analysis; columns.csv says what each column means, \
in which unit, and what an empty
cell means. reports.txt names the reports that mention the student. \
Scores and forecasts support an advisor's judgement;
by themselves they decide nothing.
"""
# Every table with a student_id column is personal. The list comes from the field definitions,
# so that a new table cannot be forgotten here.
PERSONAL = tuple(name for name, table in TABLES.items() if "student_id" in table.names)
# Training needs these tables of a past term; a college may keep them under pseudonyms.
KEPT = ("weekly_metrics", "weekly_features", "exam_review")


@dataclass(frozen=True)
class Removal:
    """The rows (counted by table) and the files that were removed, or would be in a dry run."""

    rows: dict[str, int]
    files: tuple[Path, ...]

    def format_lines(self) -> Iterator[str]:
        """Yield one line for each table with removed rows and for each removed file."""
        for table, count in self.rows.items():
            if count:
                yield f"{count:>8,} rows of {table}"
        for path in self.files:
            yield f"    file {path}"
        if not self.files and not any(self.rows.values()):
            yield "    nothing"


# ---------------------------------------------------------------- one person


def export_student(workspace: Workspace, student: str, folder: Path) -> list[Path]:
    """Write everything held on one student into a folder that only its owner can open.

    Args:
        workspace: the settings, the parameters and both databases.
        student: the student's id.
        folder: the folder to write to; it is created when it does not exist.

    Returns:
        The files written: one .csv for each table with a row, columns.csv, reports.txt, about.txt.

    Raises:
        SettingsError: nothing is held on such a student, or the folder is not empty or cannot be
            written to.
    """
    held = _read_student_rows(workspace, student)
    mentions = _find_mentions(workspace, student)
    if not held and not mentions:
        raise SettingsError(f"Nothing is held on a student {student}: check the id.")
    # An older export must not be mixed with this one; a folder in use must keep its mode.
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(
            f"{folder} is not empty: choose a new folder, "
            "which only its owner will be able to open."
        )
    # An empty folder that existed before keeps its old mode until chmod.
    settings.create_private_folder(folder).chmod(0o700)
    texts = {f"{name}.csv": export_safe_csv(frame) for name, frame in held.items()}
    meanings = [
        {"table": name, "about": TABLES[name].meaning, "column": field.name,
         "meaning": field.meaning, "unit": field.unit, "empty means": field.null}
        for name in held for field in TABLES[name].fields
    ]  # fmt: skip
    texts["columns.csv"] = export_safe_csv(pd.DataFrame(meanings))
    texts["reports.txt"] = "".join(f"{path}\n" for path in mentions)
    texts["about.txt"] = ABOUT.format(student=student)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    return [folder / name for name in texts]


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
        files = _find_mentions(workspace, student)
        if not files and not _read_student_rows(workspace, student):
            # An earlier erasure may have been killed after its commit and before its scrub.
            # Its rows are then gone, but their bytes may still be in the database's files.
            database.release_space(workspace.store.engine)
            raise SettingsError(f"Nothing is held on a student {student}: check the id.")
        entry = run_log.start_run(workspace.store, workspace.params, "erase", "", 0)
        # Files come first. The rows say which pages belong to the student, so that an erasure that
        # is killed here can be run again.
        for path in files:
            path.unlink()
        with workspace.store.start_transaction() as connection:
            rows = {name: _delete_rows(connection, name, student_id=student) for name in PERSONAL}
            rows["data_health"] = _redact_examples(connection, student)
            run_log.mark_done(connection, entry, sum(rows.values()))
        # A database keeps the bytes of deleted rows until their space is given back.
        database.release_space(workspace.store.engine)
    return Removal(rows, tuple(files))


def is_scored_again(workspace: Workspace, student: str) -> bool:
    """Return whether the next run would score a student: still on the roll, and not excluded."""
    with workspace.open_college() as college:
        return student in set(college.students["student_id"])


def _read_student_rows(workspace: Workspace, student: str) -> dict[str, pd.DataFrame]:
    """Return the rows about one student by table name; tables without such a row are left out."""
    held = {name: workspace.store.read(name, student_id=student) for name in PERSONAL}
    return {name: frame for name, frame in held.items() if len(frame)}


def _find_mentions(workspace: Workspace, student: str) -> list[Path]:
    """Return the files that mention a student by id, roll number or name.

    An id or roll number of digits only could be any number. It is searched for only in the
    notebooks of the weeks for which rows of the student are stored. Where the id has digits only,
    or no name is known, every page of the student's advisors in those weeks counts as mentioning
    the student. The advisors' mails of those weeks always count, because they may name students by
    initials.
    """
    with workspace.open_college() as college:
        own = college.names[college.names["student_id"] == student]
    names = own["name"].dropna().tolist()
    ids = [text for text in (student, *own["roll_number"].dropna()) if text]
    patterns = [_build_name_pattern(text) for text in (*ids, *names) if text and not text.isdigit()]
    # The pattern (?!) matches nothing; an empty pattern would match every file.
    sure = re.compile("|".join(patterns) or r"(?!)")
    numbers = re.compile(
        "|".join(_build_id_pattern(text) for text in ids if text.isdigit()) or r"(?!)"
    )
    shown = workspace.store.read(
        "weekly_metrics", ("sem_week", "advisor_id"), student_id=student
    ).fillna(UNASSIGNED)  # students without an advisor share one page
    pages = {
        (f"week-{week:02d}", escape_file_name(str(advisor)))
        for week, advisor in zip(shown["sem_week"], shown["advisor_id"], strict=True)
    }
    weeks = {week for week, _ in pages}
    found: list[Path] = []
    if own.empty and not _read_student_rows(workspace, student):
        return found  # an unknown id may be any word, and would match unrelated reports
    for path in _list_files(workspace):
        text, there = _read_text(path), set(path.parts) & weeks
        notebook = path.suffix == ".ipynb" or path.name == "run.html"
        # A page is named after its advisor; a published page is in the advisor's folder.
        theirs = any((week, name) in pages for week in there for name in (path.stem, *path.parts))
        page = theirs and (path.suffix == ".eml" or not names or student.isdigit())
        if sure.search(text) or page or (notebook and there and numbers.search(text)):
            found.append(path)
    return found


def _build_id_pattern(text: str) -> str:
    """Return a pattern for an id, plain or escaped for HTML, but not within a longer number."""
    # Letters beside the id are allowed: a row id of the college may be built from the student's.
    before, after = (
        (r"(?<!\d)" if text[0].isdigit() else ""),
        (r"(?!\d)" if text[-1].isdigit() else ""),
    )
    return f"{before}(?:{re.escape(text)}|{re.escape(str(escape(text)))}){after}"


def _build_name_pattern(text: str) -> str:
    """Return a pattern for a name, plain or escaped for HTML, that is not part of a longer word."""
    return rf"(?<!\w)(?:{re.escape(text)}|{re.escape(str(escape(text)))})(?!\w)"


def _read_text(path: Path) -> str:
    """Return the text of a file; a mail is decoded, as its reader sees it."""
    if path.suffix != ".eml":
        # A folder of reports may hold a file that is no text; it must not stop an erasure.
        return path.read_text(encoding="utf-8", errors="replace")
    # Quoted-printable breaks names at line ends, so a search in the raw bytes would miss them.
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*map(str, message.values()), *texts])


def _list_files(workspace: Workspace) -> list[Path]:
    """Return every file of the reports, the home's outbox and the published pages, sorted."""
    chosen = workspace.settings
    folders = [
        chosen.reports,
        chosen.home / "outbox",
        *([chosen.pages_dir] if chosen.pages_dir else []),
    ]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def _delete_rows(connection: Connection, table: str, **equal: Any) -> int:
    """Delete the rows with column = value for every keyword; return how many they were."""
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
        re.compile(_build_id_pattern(student)),
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


# ---------------------------------------------------------------- the end of keeping


def prune_terms(workspace: Workspace, today: date, *, dry_run: bool = False) -> Removal:
    """Delete what was written about students in terms that are past the retention.

    With `keep_metrics`, weekly metrics, features and reviews stay under pseudonyms. The key of the
    pseudonyms is stored nowhere.

    Args:
        workspace: the settings, the parameters and both databases.
        today: the day to count from.
        dry_run: only count what would be removed.

    Returns:
        The number of rows by table, and the folders of reports.

    Raises:
        Locked: a run is at work.
    """
    keeping = workspace.params.batch.retention
    # Retention counts from the end of a term, but a term is named by its first day. A term that
    # began on this day or earlier is past its retention.
    limit = (
        pd.Timestamp(today) - pd.DateOffset(months=keeping.months) - _get_semester_length(workspace)
    )
    files = [
        path
        for path in _list_term_folders(workspace)
        if _parse_first_day(workspace, path.name) <= limit
    ]
    with workspace.store.require_lock():
        run_log.end_stale(workspace.store)
        if dry_run:
            with database.open_connection(workspace.store.engine, "DEFAULT_DB_URL") as connection:
                # Deleting and rolling back counts exactly what a real run would remove.
                rows = dict(
                    _remove_old_rows(
                        connection, limit.date().isoformat(), keep=keeping.keep_metrics
                    )
                )
                connection.rollback()
            return Removal(rows, tuple(files))
        entry = run_log.start_run(workspace.store, workspace.params, "prune", "", 0)
        with workspace.store.start_transaction() as connection:
            rows = dict(
                _remove_old_rows(connection, limit.date().isoformat(), keep=keeping.keep_metrics)
            )
            run_log.mark_done(connection, entry, sum(rows.values()))
        # The names of the folders say their age, so a later run can delete what a killed one left.
        for folder in files:
            shutil.rmtree(folder)
        database.release_space(workspace.store.engine)
    return Removal(rows, tuple(files))


def _list_term_folders(workspace: Workspace) -> list[Path]:
    """Return the folders of reports and of published pages, each about one term, sorted."""
    published = workspace.settings.pages_dir
    # Published pages have a folder for each advisor, and the terms below it.
    own = published.glob("*/*/") if published else ()
    return sorted([*workspace.settings.reports.glob("*/"), *own])


def _get_semester_length(workspace: Workspace) -> pd.Timedelta:
    """Return the length of a semester."""
    return pd.Timedelta(weeks=workspace.params.calendar.weeks_per_semester)


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
        old = sql.c["target_term" if "target_term" in sql.c else "term"] <= limit
        if not keep or name not in KEPT:
            yield name, connection.execute(sa.delete(sql).where(old)).rowcount
    if keep:
        yield from _replace_student_ids(connection, limit)


def _replace_student_ids(connection: Connection, limit: str) -> Iterator[tuple[str, int]]:
    """Replace student ids of old terms by pseudonyms; yield each table with its row count."""
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
