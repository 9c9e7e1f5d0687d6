"""Export the data held on one student: access, article 15 GDPR."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from edumetrics import settings
from edumetrics.analysis.written import Subject
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.mentions import find_mentions, read_student_rows
from edumetrics.plain import export_safe_csv
from edumetrics.workspace import Workspace

# The student reads this file. The backslashes break the source lines only, not the text.
ABOUT = """What EduMetrics holds on the student {student}.

Each .csv file is one table of the analysis; columns.csv says what each column means, \
in which unit, and what an empty
cell means. reports.txt names the reports that mention the student. \
Scores and forecasts support an advisor's judgement;
by themselves they decide nothing.
"""


@dataclass(frozen=True)
class Removal:
    """The rows (counted by table) and the files that were removed, or would be in a dry run.

    Of `notebooks`, which are somebody's work, only what was about the student was removed. Files
    that are `kept` are as old as those that went, and not recorded as ours. Those that are `left`
    still name the student, and were written by somebody else.
    """

    rows: dict[str, int]
    files: tuple[Path, ...]
    notebooks: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()

    def format_lines(self) -> Iterator[str]:
        """Yield one line for each table with removed rows and for each removed file."""
        for table, count in self.rows.items():
            if count:
                yield f"{count:>8,} rows of {table}"
        for path in self.files:
            yield f"    file {path}"
        for path in self.notebooks:
            yield f"    what notebook {path} showed"
        if not self.files and not self.notebooks and not any(self.rows.values()):
            yield "    nothing"
        for path in self.left:
            yield f"Still there, and not ours: {path} names the student."
        if self.kept:
            count, where = len(self.kept), self.kept[0].parent
            yield f"{count} files are as old, but not recorded as ours, and stay: look at {where}."


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
    whole = replace(workspace, store=workspace.store.show_all())
    held, mentions = read_student_rows(whole, student), find_mentions(whole, student)
    if not held and not mentions:
        raise SettingsError("Nothing is held on a student with this id: check it.")
    # An older export must not be mixed with this one; a folder in use must keep its mode.
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(
            f"{folder} is not empty: choose a new folder, "
            "which only its owner will be able to open."
        )
    texts = {f"{name}.csv": export_safe_csv(frame) for name, frame in held.items()}
    meanings = [
        {"table": name, "about": TABLES[name].meaning, "column": field.name,
         "meaning": field.meaning, "unit": field.unit, "empty means": field.null}
        for name in held for field in TABLES[name].fields
    ]  # fmt: skip
    texts["columns.csv"] = export_safe_csv(pd.DataFrame(meanings))
    texts["reports.txt"] = "".join(f"{path}\n" for path in mentions)
    texts["about.txt"] = ABOUT.format(student=student)
    _write_folder(folder, texts)
    about = Subject("", 0, f"export to {folder.name}")
    written = {folder / name: about for name in texts}
    workspace.files.add(written, "export")
    workspace.files.set_people({about: [student]})
    return list(written)


def _write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write a folder of files whole or not at all; only its owner can open it.

    Raises:
        SettingsError: it cannot be written.
    """
    settings.create_private_folder(folder.parent)
    draft = None
    try:
        # The folder of mkdtemp is private; a rename replaces an empty folder by a full one.
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".export-"))
        for name, text in texts.items():
            (draft / name).write_text(text, encoding="utf-8")
            (draft / name).chmod(0o600)
        draft.replace(folder)
    except OSError as error:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
        raise SettingsError(
            f"Cannot write {folder} ({error.strerror}): make room, or choose another folder."
        ) from error


def is_scored_again(workspace: Workspace, student: str) -> bool:
    """Return whether the next run would score a student: still on the roll, and not excluded."""
    with workspace.open_college() as college:
        return student in set(college.students["student_id"])
