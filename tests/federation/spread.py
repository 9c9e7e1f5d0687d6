"""One college in several databases: its relations spread over them, with ids of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from edumetrics.settings import PROJECT, Settings
from edumetrics.workspace import Workspace, open_workspace
from tests.foreign import native

# Which source holds what; the platform has numbers of its own for students.
SOURCES = {
    "sis": ("classes", "advisors", "students", "subjects", "class_subjects", "sim_state",
            "exam_schedule", "exam_results"),
    "lms": ("assignment_definitions", "assignment_submissions", "quiz_definitions",
            "quiz_submissions"),
    "library": ("library_visits", "book_borrows"),
    "registers": ("attendance",),
}  # fmt: skip
CROSSWALK = {
    "from": "sis",
    "kind": "crosswalk",
    "select": "SELECT student_id, account FROM accounts",
}


def spread(simulated: str, urls: Mapping[str, str], *, at: str = "lms") -> dict[str, object]:
    """Write a simulated college into several databases and return its mapping.

    The students of the source `at` are known there by account numbers only.
    """
    records = native.records(simulated)
    ids = sorted(records["students"]["student_id"])
    accounts = {student: f"{900000 + number}" for number, student in enumerate(ids)}
    relations: dict[str, object] = {}
    for source, names in SOURCES.items():
        frames = {name: records[name] for name in names}
        for name, frame in frames.items():
            relations[name] = {"from": source, "select": name}
            if source == at and "student_id" in frame.columns:
                frames[name] = frame.assign(account=frame["student_id"].map(accounts)).drop(
                    columns="student_id"
                )
                columns = ", ".join(f"t.{c}" for c in frame.columns if c != "student_id")
                relations[name] = {
                    "from": source,
                    "select": f"SELECT a.student_id, {columns} FROM {name} t "
                    "JOIN accounts a ON a.account = t.account",
                }
        if source == "sis":
            frames["accounts"] = (
                records["students"][["student_id"]]
                .assign(account=lambda rows: rows["student_id"].map(accounts))
                .copy()
            )
        native.put(urls[source], frames)
    return {
        "sources": {name: {"url_env": f"{name.upper()}_DB_URL"} for name in SOURCES},
        "views": {"accounts": CROSSWALK},
        "relations": relations,
    }


def open_spread(home: Path, urls: Mapping[str, str], mapping: Mapping[str, object]) -> Workspace:
    """Return a workspace of a college in several databases."""
    shutil.copytree(PROJECT / "params", home / "params")
    text = yaml.safe_dump(dict(mapping), sort_keys=False)
    (home / "params" / "colleges" / "spread.yml").write_text(text)
    return open_workspace(
        Settings(
            home,
            "spread",
            "sqlite:///none.db",
            f"sqlite:///{home / 'analysis.db'}",
            database_urls={f"{name.upper()}_DB_URL": url for name, url in urls.items()},
        )
    )


def make_urls(
    folder: Path, postgres_url: Callable[[], str], mysql_url: Callable[[], str]
) -> dict[str, str]:
    """Return a database of each kind for each source; the registers are on the server of sis."""
    return {
        "sis": postgres_url(),
        "lms": mysql_url(),
        "library": f"sqlite:///{folder / 'library.db'}",
        "registers": postgres_url(),
    }
