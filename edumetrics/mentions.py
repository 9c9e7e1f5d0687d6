"""Find what is held on one student: rows by id, files by their record and by what they say."""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path

import pandas as pd
from markupsafe import escape

from edumetrics.analysis.restored import PERSONAL
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.reports.hand_over import READER as HANDED
from edumetrics.reports.render import escape_file_name
from edumetrics.workspace import Workspace

# Folders of code, where the home is a checkout of it; the files in which people are named.
CODE = frozenset({"benchmarks", "build", "docs", "edumetrics", "site", "tests"})
TEXTS = (".csv", ".eml", ".html", ".ipynb", ".json", ".log", ".md", ".tsv", ".txt")
# Folders of the home, beside the reports, with files about people; and of analysts' notebooks.
FOLDERS, NOTEBOOKS = ("outbox", "exports", "removed"), ("notebooks", "lab")


def read_student_rows(workspace: Workspace, student: str) -> dict[str, pd.DataFrame]:
    """Return the rows about one student by table name; tables without such a row are left out."""
    held = {name: workspace.store.read(name, student_id=student) for name in PERSONAL}
    return {name: frame for name, frame in held.items() if len(frame)}


def find_mentions(workspace: Workspace, student: str) -> list[Path]:
    """Return the files that mention a student by id, roll number or name.

    An id or roll number of digits only could be any number. It is searched for only in the
    notebooks of the weeks for which rows of the student are stored. Where the id has digits only,
    or no name is known, every page of the student's advisors in those weeks counts as mentioning
    the student. The advisors' mails of those weeks always count, because they may name students by
    initials; so does, in weeks in which nobody reached the student, the mail that tells of it.
    """
    ids, names = read_names(workspace, student)
    sure = build_sure_pattern(ids, names)
    numbers = _build_number_pattern(ids)
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
    # What was recorded when it was written is about the student whatever it is called there.
    recorded = {path for path in workspace.files.list_about(student) if path.exists()}
    if ids == [student] and not names and not read_student_rows(workspace, student):
        # An unknown id may be any word, and would match unrelated reports.
        return sorted(recorded)
    found: list[Path] = []
    for path in _list_files(workspace):
        text, there = _read_text(path), set(path.parts) & weeks
        notebook = path.suffix == ".ipynb" or path.name == "run.html"
        # A page is named after its advisor; a published page is in the advisor's folder.
        theirs = any((week, name) in pages for week in there for name in (path.stem, *path.parts))
        page = theirs and (path.suffix == ".eml" or not names or student.isdigit())
        told = bool(there & waited) and path.stem.startswith(escape_file_name(HANDED))
        if sure.search(text) or page or told or (notebook and there and numbers.search(text)):
            found.append(path)
    return sorted({*found, *recorded})


def read_names(workspace: Workspace, student: str) -> tuple[list[str], list[str]]:
    """Return the ids (the student_id first, then roll numbers) and the names of a student."""
    with workspace.open_college() as college:
        own = college.names[college.names["student_id"] == student]
    ids = [text for text in (student, *own["roll_number"].dropna()) if text]
    return ids, own["name"].dropna().tolist()


def build_sure_pattern(ids: list[str], names: list[str]) -> re.Pattern[str]:
    """Return the pattern of what can only be this student: an id of digits could be any number."""
    patterns = [build_name_pattern(text) for text in (*ids, *names) if text and not text.isdigit()]
    # The pattern (?!) matches nothing; an empty pattern would match every file.
    return re.compile("|".join(patterns) or r"(?!)")


def _build_number_pattern(ids: list[str]) -> re.Pattern[str]:
    """Return the pattern of those ids that could be any number."""
    return re.compile("|".join(build_id_pattern(text) for text in ids if text.isdigit()) or r"(?!)")


def find_notebooks(workspace: Workspace, student: str) -> list[Path]:
    """Return the notebooks of analysts in the home that show a student, sorted."""
    ids, names = read_names(workspace, student)
    sure, home = build_sure_pattern(ids, names), workspace.settings.home
    # A number may be another one: of a notebook only what it shows is lost by the mistake.
    numbers = _build_number_pattern(ids)
    found = [*home.glob("*.ipynb")]
    for folder in NOTEBOOKS:
        found += (home / folder).rglob("*.ipynb")
    texts = {path: _read_text(path) for path in found if path.is_file()}
    return sorted(path for path, text in texts.items() if sure.search(text) or numbers.search(text))


def find_left(workspace: Workspace, student: str) -> list[Path]:
    """Return the files of the home that name a student, whoever wrote them, sorted.

    Databases, models, parameters and hidden folders are left out, and so is the code where the home
    is a checkout of it. An id of digits only is not searched for: it could be any number.
    """
    sure, home = build_sure_pattern(*read_names(workspace, student)), workspace.settings.home
    code = CODE if (home / "pyproject.toml").exists() else frozenset()
    found = []
    for path in home.rglob("*"):
        parts = path.relative_to(home).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or parts[0] in ("params", "models", *code) or path.suffix not in TEXTS:
            continue
        if path.is_file() and sure.search(_read_text(path)):
            found.append(path)
    return sorted(found)


def build_id_pattern(text: str) -> str:
    """Return a pattern for an id, plain or escaped for HTML, but not within a longer number."""
    # Letters beside the id are allowed: a row id of the college may be built from the student's.
    before, after = (
        (r"(?<!\d)" if text[0].isdigit() else ""),
        (r"(?!\d)" if text[-1].isdigit() else ""),
    )
    return f"{before}(?:{re.escape(text)}|{re.escape(str(escape(text)))}){after}"


def build_name_pattern(text: str) -> str:
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
        *(chosen.home / name for name in FOLDERS),
        *([chosen.pages_dir] if chosen.pages_dir else []),
    ]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
