"""Many entries at once, from a table; every refused row is reported with its reason."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import (
    SAME,
    EntryChecker,
    Intervention,
    find_same_entry,
    store,
    update_entry,
)
from edumetrics.workspace import Workspace

# Another column is refused and not ignored: a misspelt heading would lose what people wrote.
NEEDED = {"student_id", "kind"}
KNOWN = NEEDED | {"notes", "outcome", "helpful", "until", "logged_by", "sem_week", "referral"}
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Refusal:
    """Something that was not entered: where it is (a line or a message), and why."""

    where: str
    why: str


@dataclass
class ImportResult:
    """The result of entering many contacts.

    Attributes:
        entered: how many were entered.
        completed: to how many stored entries something was added.
        passed: how many mails have no code; they are about something else.
        before: what had been entered before.
        corrected: which entries were corrected by a later answer, and how.
        refused: what was not entered because it is not valid.
    """

    entered: int = 0
    completed: int = 0
    passed: int = 0
    before: list[Refusal] = field(default_factory=list)
    corrected: list[Refusal] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def format_lines(self) -> Iterator[str]:
        """Yield the result line by line: the counts first, then each refusal."""
        more = {
            "completed": self.completed, "corrected": len(self.corrected), "skipped": self.passed
        }  # fmt: skip
        said = "".join(f", {count} {word}" for word, count in more.items() if count)
        yield (
            f"{self.entered} entered{said}, {len(self.before)} entered before,"
            f" {len(self.refused)} refused."
        )
        yield from (
            f"{one.where}: {one.why}" for one in (*self.before, *self.corrected, *self.refused)
        )


def import_csv(path: Path, workspace: Workspace) -> ImportResult:
    """Enter the valid rows of a table; refuse the others, each with its reason.

    A row that was entered before is not entered again, but an outcome known since then is added.

    Args:
        path: CSV in UTF-8 with the columns student_id and kind, and any of notes, outcome, helpful
            (yes or no), until (ISO date), logged_by, sem_week, referral.
        workspace: the workspace whose log is written.

    Returns:
        How many rows were entered and completed, and the rows that were not.

    Raises:
        SettingsError: the file is not such a table, or nothing has been analysed yet; nothing was
            entered.
    """
    taken, desk = ImportResult(), EntryChecker(workspace)
    # By what makes entries the same, because the table can have the same row twice. They are stored
    # at the end, all in one transaction.
    entries: dict[tuple[object, ...], Intervention] = {}
    for line, row in _read_rows(path):
        try:
            entry = _check_row(desk, row)
        except SettingsError as error:
            taken.refused.append(Refusal(f"line {line}", str(error)))
            continue
        there = find_same_entry(workspace.store, entry)
        key = (entry.student_id, *(getattr(entry, name) for name in SAME))
        if there is not None and update_entry(workspace.store, there, entry):
            taken.completed += 1
        elif there is not None or key in entries:
            taken.before.append(Refusal(f"line {line}", "The same contact was entered before."))
        else:
            entries[key] = entry
    taken.entered = store(workspace.store, entries.values())
    return taken


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return each row with the line that it ends on."""
    # "utf-8-sig", because Excel writes a byte order mark; `newline=""` leaves line breaks inside
    # cells to the reader.
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            # Two columns of one name would become one value, without notice.
            names = reader.fieldnames or []
            if not NEEDED <= set(names) <= KNOWN or len(set(names)) < len(names):
                must, may = _join_names(NEEDED), _join_names(KNOWN - NEEDED)
                raise SettingsError(
                    f"{path} must have the columns {must}, can also have {may},"
                    " and must have no column twice."
                )
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} cannot be read as CSV in UTF-8 ({error}).") from error


def _check_row(desk: EntryChecker, row: dict[str, str]) -> Intervention:
    """Return the checked entry of a row.

    Raises:
        SettingsError: the row has too many or too few cells, or a cell is not valid.
    """
    # `DictReader` files cells without a heading under None, and fills missing cells with None.
    if None in row or None in row.values():
        raise SettingsError("The row has more or fewer cells than the table has columns.")
    return desk.check_entry(
        row["student_id"].strip(),
        row["kind"],
        notes=row.get("notes", ""),
        outcome=row.get("outcome", ""),
        helpful=_parse_flag(row.get("helpful", "")),
        until=_parse_day(row.get("until", "")),
        by=row.get("logged_by", "").strip(),
        referral=row.get("referral", ""),
        week=_parse_week(row.get("sem_week", "")),
    )


def _parse_flag(text: str) -> bool | None:
    """Return yes or no as a bool; None for an empty cell."""
    word = text.strip().lower()
    if word and word not in (*YES, *NO):
        raise SettingsError("helpful is neither yes nor no: write one, or leave it empty.")
    return None if not word else word in YES


def _parse_day(text: str) -> date | None:
    """Return an ISO date; None for an empty cell."""
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise SettingsError(
            "until is no day: write one such as 2026-09-28, or leave it empty."
        ) from None


def _parse_week(text: str) -> int | None:
    if text.strip() and not re.fullmatch("[0-9]{1,4}", text.strip()):
        raise SettingsError("sem_week is no number: write a week's number, or leave it empty.")
    return int(text) if text.strip() else None


def _join_names(names: set[str]) -> str:
    # A set has no order: unsorted, the sentence would differ from run to run.
    return ", ".join(sorted(names))
