"""Export and erase the data held on one student: access and erasure, articles 15 and 17 GDPR."""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
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
from edumetrics.plain import export_safe_csv
from edumetrics.reports.hand_over import READER as HANDED
from edumetrics.reports.render import escape_file_name
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
        with run_log.watch_run(workspace.store, workspace.params, "erase", "", 0) as entry:
            # Files come first. The rows say which pages belong to the student, so that an erasure
            # that is killed here can be run again.
            for path in files:
                path.unlink()
            with workspace.store.start_transaction() as connection:
                rows = {
                    name: _delete_rows(connection, name, student_id=student) for name in PERSONAL
                }
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
    initials; so does, in weeks in which nobody reached the student, the mail that tells of it.
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
    flags = workspace.store.read("weekly_flags", ("sem_week",), student_id=student, hand_over=True)
    waited = {f"week-{week:02d}" for week in flags["sem_week"]}
    found: list[Path] = []
    if own.empty and not _read_student_rows(workspace, student):
        return found  # an unknown id may be any word, and would match unrelated reports
    for path in _list_files(workspace):
        text, there = _read_text(path), set(path.parts) & weeks
        notebook = path.suffix == ".ipynb" or path.name == "run.html"
        # A page is named after its advisor; a published page is in the advisor's folder.
        theirs = any((week, name) in pages for week in there for name in (path.stem, *path.parts))
        page = theirs and (path.suffix == ".eml" or not names or student.isdigit())
        told = bool(there & waited) and path.stem.startswith(escape_file_name(HANDED))
        if sure.search(text) or page or told or (notebook and there and numbers.search(text)):
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
