"""What the college owes its students: everything held on one person, its erasure, and the end of keeping.

Terms follow the GDPR: access (article 15), erasure (17), storage limitation (5.1e), pseudonymisation (4.5).
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
from edumetrics.analysis import runs
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.reports.render import file_name, safe_csv
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position, slot_start

ERASED = "erased"
ABOUT = """What EduMetrics holds on the student {student}.

Each .csv file is one table of the analysis; columns.csv says what each column means, in which unit, and what an empty
cell means. reports.txt names the reports that mention the student. Scores and forecasts support an advisor's judgement;
by themselves they decide nothing.
"""
# Everything about one person is in the rows of these tables; the key of the person is student_id.
PERSONAL = tuple(name for name, table in TABLES.items() if "student_id" in table.names)
# What training needs of a past term, should the college choose to keep it under pseudonyms.
KEPT = ("weekly_metrics", "weekly_features", "exam_review")


@dataclass(frozen=True)
class Removed:
    """What was (or would be) removed: rows by table, and files."""

    rows: dict[str, int]
    files: tuple[Path, ...]

    def lines(self) -> Iterator[str]:
        """It, line by line."""
        for table, count in self.rows.items():
            if count:
                yield f"{count:>8,} rows of {table}"
        for path in self.files:
            yield f"    file {path}"
        if not self.files and not any(self.rows.values()):
            yield "    nothing"


# ---------------------------------------------------------------- one person


def export(workspace: Workspace, student: str, folder: Path) -> list[Path]:
    """Write everything held on one student into a folder that only its owner can open.

    Args:
        workspace: where.
        student: the student's id.
        folder: where to; created when it does not exist.

    Returns:
        The files written: one .csv for each table with a row, columns.csv, reports.txt, about.txt.

    Raises:
        SettingsError: nothing is held on such a student, or the folder is not empty or cannot be written to.
    """
    held = _held(workspace, student)
    mentions = _mentions(workspace, student)
    if not held and not mentions:
        raise SettingsError(f"Nothing is held on a student {student}: check the id.")
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(
            f"{folder} is not empty: choose a new folder, which only its owner will be able to open."
        )
    settings.private_folder(folder).chmod(0o700)
    texts = {f"{name}.csv": safe_csv(frame) for name, frame in held.items()}
    meanings = [
        {"table": name, "about": TABLES[name].meaning, "column": field.name, "meaning": field.meaning,
         "unit": field.unit, "empty means": field.null}
        for name in held for field in TABLES[name].fields
    ]  # fmt: skip
    texts["columns.csv"] = safe_csv(pd.DataFrame(meanings))
    texts["reports.txt"] = "".join(f"{path}\n" for path in mentions)
    texts["about.txt"] = ABOUT.format(student=student)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    return [folder / name for name in texts]


def erase(workspace: Workspace, student: str) -> Removed:
    """Remove one student from every table, report, mail and executed notebook.

    Files that mention the student are deleted whole. The college's own database is never written: a student who is
    still there, and not among the `exclusions`, is scored again by the next run.

    Raises:
        Locked: a run is at work.
        SettingsError: nothing is held on such a student.
    """
    with workspace.store.exclusive():
        runs.end_stale(workspace.store)
        files = _mentions(workspace, student)
        if not files and not _held(workspace, student):
            # Where an earlier erasure was killed, the space of its rows may still be there.
            database.scrub(workspace.store.engine)
            raise SettingsError(f"Nothing is held on a student {student}: check the id.")
        entry = runs.start(workspace.store, workspace.params, "erase", "", 0)
        # Files first: which pages they are is known from the rows.
        for path in files:
            path.unlink()
        with workspace.store.transaction() as connection:
            rows = {name: _delete(connection, name, student_id=student) for name in PERSONAL}
            rows["data_health"] = _blank_examples(connection, student)
            runs.done(connection, entry, sum(rows.values()))
        database.scrub(workspace.store.engine)
    return Removed(rows, tuple(files))


def scored_again(workspace: Workspace, student: str) -> bool:
    """Whether the next run would score a student: still on the college's roll, and not excluded."""
    with workspace.college() as college:
        return student in set(college.students["student_id"])


def _held(workspace: Workspace, student: str) -> dict[str, pd.DataFrame]:
    """The rows about one student, by table; only tables that have any."""
    held = {name: workspace.store.read(name, student_id=student) for name in PERSONAL}
    return {name: frame for name, frame in held.items() if len(frame)}


def _mentions(workspace: Workspace, student: str) -> list[Path]:
    """The files that mention a student by id, roll number or name.

    A number alone could be any number: it is looked for in the notebooks of the weeks for which something is stored of
    the student; the pages of the student's advisors in those weeks then count as mentioning the student, and they do as
    well where no name is known. So do the advisors' mails, which may call the student by initials.
    """
    with workspace.college() as college:
        own = college.names[college.names["student_id"] == student]
    names = own["name"].dropna().tolist()
    ids = [text for text in (student, *own["roll_number"].dropna()) if text]
    patterns = [_word(text) for text in (*ids, *names) if text and not text.isdigit()]
    sure = re.compile("|".join(patterns) or r"(?!)")
    numbers = re.compile("|".join(_whole(text) for text in ids if text.isdigit()) or r"(?!)")
    shown = workspace.store.read(
        "weekly_metrics", ("sem_week", "advisor_id"), student_id=student
    ).fillna(UNASSIGNED)
    pages = {
        (f"week-{week:02d}", file_name(str(advisor)))
        for week, advisor in zip(shown["sem_week"], shown["advisor_id"], strict=True)
    }
    weeks = {week for week, _ in pages}
    found: list[Path] = []
    if own.empty and not _held(workspace, student):
        return found  # an id that nobody has ever had may be any word
    for path in _files(workspace):
        text, there = _text(path), set(path.parts) & weeks
        notebook = path.suffix == ".ipynb" or path.name == "run.html"
        theirs = any((week, name) in pages for week in there for name in (path.stem, *path.parts))
        page = theirs and (path.suffix == ".eml" or not names or student.isdigit())
        if sure.search(text) or page or (notebook and there and numbers.search(text)):
            found.append(path)
    return found


def _whole(text: str) -> str:
    """A pattern for an id that is not part of a longer number, as it stands or escaped for HTML."""
    before, after = (
        (r"(?<!\d)" if text[0].isdigit() else ""),
        (r"(?!\d)" if text[-1].isdigit() else ""),
    )
    return f"{before}(?:{re.escape(text)}|{re.escape(str(escape(text)))}){after}"


def _word(text: str) -> str:
    """A pattern for a name that is not part of another, as it stands or escaped for HTML."""
    return rf"(?<!\w)(?:{re.escape(text)}|{re.escape(str(escape(text)))})(?!\w)"


def _text(path: Path) -> str:
    """What a file says; a mail, whose parts are encoded, as whoever receives it reads it."""
    if path.suffix != ".eml":
        return path.read_text(encoding="utf-8", errors="replace")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*map(str, message.values()), *texts])


def _files(workspace: Workspace) -> list[Path]:
    chosen = workspace.settings
    folders = [
        chosen.reports,
        chosen.home / "outbox",
        *([chosen.pages_dir] if chosen.pages_dir else []),
    ]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def _delete(connection: Connection, table: str, **equal: Any) -> int:
    sql = SQL_TABLES[table]
    return connection.execute(
        sa.delete(sql).where(*(sql.c[name] == value for name, value in equal.items()))
    ).rowcount


def _blank_examples(connection: Connection, student: str) -> int:
    """Row ids of the college may be made of a student's: blank those among examples; returns how many findings."""
    sql = SQL_TABLES["data_health"]
    pattern, key = re.compile(_whole(student)), [sql.c[name] for name in TABLES["data_health"].key]
    like = sa.cast(sql.c.examples, sa.Text).contains(student, autoescape=True)
    found = connection.execute(sa.select(*key, sql.c.examples).where(like)).all()
    for *values, examples in found:
        listed = json.loads(examples) if isinstance(examples, str) else examples
        blanked = [ERASED if pattern.search(str(one)) else one for one in listed]
        this = sa.and_(*(column == value for column, value in zip(key, values, strict=True)))
        connection.execute(sa.update(sql).where(this).values(examples=blanked))
    return len(found)


# ---------------------------------------------------------------- the end of keeping


def prune(workspace: Workspace, today: date, *, dry_run: bool = False) -> Removed:
    """Delete what was written about the students of terms that ended longer ago than the retention allows.

    With `keep_metrics` weekly metrics, features and reviews stay, under pseudonyms whose key is kept nowhere.

    Args:
        workspace: where.
        today: the day to count from.
        dry_run: only say what would go.

    Raises:
        Locked: a run is at work.
    """
    keeping = workspace.params.batch.retention
    # The day on which terms that began on it, or before, are no longer kept.
    limit = pd.Timestamp(today) - pd.DateOffset(months=keeping.months) - _semester(workspace)
    files = [path for path in _terms(workspace) if _begin(workspace, path.name) <= limit]
    with workspace.store.exclusive():
        runs.end_stale(workspace.store)
        if dry_run:
            with database.connected(workspace.store.engine, "DEFAULT_DB_URL") as connection:
                rows = dict(
                    _old_rows(connection, limit.date().isoformat(), keep=keeping.keep_metrics)
                )
                connection.rollback()
            return Removed(rows, tuple(files))
        entry = runs.start(workspace.store, workspace.params, "prune", "", 0)
        with workspace.store.transaction() as connection:
            rows = dict(_old_rows(connection, limit.date().isoformat(), keep=keeping.keep_metrics))
            runs.done(connection, entry, sum(rows.values()))
        for folder in files:
            shutil.rmtree(folder)
        database.scrub(workspace.store.engine)
    return Removed(rows, tuple(files))


def _terms(workspace: Workspace) -> list[Path]:
    """The folders of reports, and of published pages, that are about one term each."""
    published = workspace.settings.pages_dir
    own = published.glob("*/*/") if published else ()
    return sorted([*workspace.settings.reports.glob("*/"), *own])


def _semester(workspace: Workspace) -> pd.Timedelta:
    return pd.Timedelta(weeks=workspace.params.calendar.weeks_per_semester)


def _begin(workspace: Workspace, label: str) -> pd.Timestamp:
    """The first day of the term that a folder of reports is about: `2025-even`, or the term's own date."""
    year, _, slot = label.partition("-")
    slots = workspace.params.calendar.slots
    if year.isdigit() and slot in slots:
        position = Position(int(year), slots[slot].offset + 1)
        return pd.Timestamp(slot_start(position, workspace.params.calendar))
    begun = pd.to_datetime(label, errors="coerce", format="%Y-%m-%d")
    return pd.Timestamp.max if pd.isna(begun) else pd.Timestamp(begun)


def _old_rows(connection: Connection, limit: str, *, keep: bool) -> Iterator[tuple[str, int]]:
    """Delete (or rename) the rows of old terms; yields tables and rows."""
    log = SQL_TABLES["run_log"].c
    old_runs = sa.select(log.run_id).where(log.term <= limit, log.term != "")
    findings = SQL_TABLES["data_health"]
    yield (
        "data_health",
        connection.execute(sa.delete(findings).where(findings.c.run_id.in_(old_runs))).rowcount,
    )
    for name in (*PERSONAL, "delivery_log", "class_findings"):
        sql = SQL_TABLES[name]
        old = sql.c["target_term" if "target_term" in sql.c else "term"] <= limit
        if not keep or name not in KEPT:
            yield name, connection.execute(sa.delete(sql).where(old)).rowcount
    if keep:
        yield from _pseudonymised(connection, limit)


def _pseudonymised(connection: Connection, limit: str) -> Iterator[tuple[str, int]]:
    secret = secrets.token_hex(32)
    for name in KEPT:
        sql = SQL_TABLES[name]
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
