"""The record of files: what was written, where, about whom.

Files are erased, pruned and published by this record, and not by their names. All copies of a
report (page, mail, published page) are about the same people, who are recorded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import sqlalchemy as sa

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError

FILES, ABOUT = SQL_TABLES["written_files"], SQL_TABLES["written_about"]
FileKind = Literal["page", "mail", "published", "notebook", "export", "removed"]


class ChangedFile(SettingsError):
    """A page, or what it says, is not what was written and judged."""


@dataclass(frozen=True)
class Subject:
    """Whom files are about: one report, or one notebook.

    Attributes:
        term: the term; empty for none.
        week: the semester week; 0 for none.
        of: whose report it is, or what else identifies it.
    """

    term: str
    week: int
    of: str

    @property
    def key(self) -> str:
        """The text that files and people have in common."""
        return f"{self.term} {self.week} {self.of}"


class FileRecord:
    """The record of the files of one home."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._home = store, home

    def add(self, files: Mapping[Path, Subject], kind: FileKind) -> None:
        """Record files that were written; an earlier record of the same path is replaced."""
        rows = [
            {
                "path": self._shorten(path),
                "kind": kind,
                "about": about.key,
                "term": about.term,
                "sem_week": about.week,
                "sha256": hash_file(path),
                "written_at": get_utc_now(),
            }
            for path, about in files.items()
        ]
        # An insert with an empty list of rows would insert one row of defaults.
        if not rows:
            return
        with self._store.start_transaction() as connection:
            same = FILES.c.path.in_([row["path"] for row in rows])
            connection.execute(sa.delete(FILES).where(same))
            connection.execute(sa.insert(FILES), rows)

    def set_people(self, people: Mapping[Subject, Iterable[str]]) -> None:
        """Record whom reports are about, instead of whom they were about before."""
        rows = [
            (about.key, student, about.term)
            for about, students in people.items()
            for student in sorted(set(students))
        ]
        frame = pd.DataFrame(rows, columns=["about", "student_id", "term"])
        with self._store.start_transaction() as connection:
            for about in people:
                connection.execute(sa.delete(ABOUT).where(ABOUT.c.about == about.key))
            self._store.add_rows(connection, "written_about", frame)

    def read_unchanged(self, path: Path) -> bytes:
        """Return the content of a file as it was written.

        Where an earlier version wrote it, and kept no fingerprint, it is taken as it stands.

        Raises:
            ChangedFile: it is not what was written.
        """
        content, rows = (
            path.read_bytes(),
            self._store.read("written_files", ("sha256", "sem_week"), path=self._shorten(path)),
        )
        for row in rows.to_dict("records"):
            if row["sha256"] not in ("", hashlib.sha256(content).hexdigest()):
                # What is about a whole term has no week.
                again = f"run --week {row['sem_week']}" if row["sem_week"] else "run"
                raise ChangedFile(
                    "The page was changed after it was written, and is not shown: "
                    f"`edumetrics {again}` writes it anew."
                )
        return content

    def names_hidden(self, about: Subject) -> bool:
        """Return whether a report is about someone who was excluded after it was written."""
        hidden = self._store.hidden
        if not hidden:
            return False
        rows = self._store.show_all().read("written_about", ("student_id",), about=about.key)
        return not hidden.isdisjoint(rows["student_id"])

    def list_files(self, **equal: object) -> list[Path]:
        """Return the recorded files with column = value, sorted; some may be gone."""
        paths = self._store.read("written_files", ("path",), **equal)["path"]
        return sorted(self._home / path for path in paths)

    def list_about(self, student: str) -> list[Path]:
        """Return the recorded files that are about a student, sorted; some may be gone."""
        about = self._store.read("written_about", ("about",), student_id=student)["about"]
        return self.list_files(about=list(about)) if len(about) else []

    def forget(self, paths: Iterable[Path]) -> None:
        """Take files out of the record that are gone."""
        names = [self._shorten(path) for path in paths]
        with self._store.start_transaction() as connection:
            # Few at a time: a statement has a limited number of parameters.
            for n in range(0, len(names), 500):
                connection.execute(sa.delete(FILES).where(FILES.c.path.in_(names[n : n + 500])))

    def _shorten(self, path: Path) -> str:
        """Return a path below the home, so that a home can be moved; any other path whole."""
        whole = path.absolute()
        return str(whole.relative_to(self._home) if whole.is_relative_to(self._home) else whole)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
