"""Many entries at once: from a table, row by row, with a word on each that was refused."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import SAME, Desk, Intervention, complete, known, store
from edumetrics.stages.workspace import Workspace

NEEDED = {"student_id", "kind"}
KNOWN = NEEDED | {"notes", "outcome", "helpful", "until", "logged_by", "sem_week"}
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Refusal:
    """Something that was not entered: where it stands, and why."""

    where: str
    why: str


@dataclass
class Taken:
    """What became of many.

    Attributes:
        entered, completed: how many were entered, and to how many known ones something was added.
        passed: how many mails have no code, and are about something else.
        before: what had been entered before; refused: what was not entered.
    """

    entered: int = 0
    completed: int = 0
    passed: int = 0
    before: list[Refusal] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """It, line by line."""
        more = {"completed": self.completed, "passed over": self.passed}
        said = "".join(f", {count} {word}" for word, count in more.items() if count)
        yield f"{self.entered} entered{said}, {len(self.before)} entered before, {len(self.refused)} refused."
        yield from (f"{one.where}: {one.why}" for one in (*self.before, *self.refused))


def from_csv(path: Path, workspace: Workspace) -> Taken:
    """Enter the rows of a table that can be; the others are refused, each with the reason.

    Args:
        path: CSV in UTF-8 with the columns student_id and kind, and any of notes, outcome, helpful (yes or no), until
            (ISO date), logged_by, sem_week.
        workspace: where.

    Raises:
        SettingsError: it is no such table; nothing was entered.
    """
    taken, desk = Taken(), Desk(workspace)
    entries: dict[tuple[object, ...], Intervention] = {}
    for line, row in _rows(path):
        try:
            entry = _entry(desk, row)
        except SettingsError as error:
            taken.refused.append(Refusal(f"line {line}", str(error)))
            continue
        there = known(workspace.store, entry)
        key = (entry.student_id, *(getattr(entry, name) for name in SAME))
        if there is not None and complete(workspace.store, there, entry):
            taken.completed += 1
        elif there is not None or key in entries:
            taken.before.append(Refusal(f"line {line}", "The same was entered before."))
        else:
            entries[key] = entry
    taken.entered = store(workspace.store, entries.values())
    return taken


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Each row with the line that it ends on."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or []
            if not NEEDED <= set(names) <= KNOWN or len(set(names)) < len(names):
                must, may = _listed(NEEDED), _listed(KNOWN - NEEDED)
                raise SettingsError(
                    f"{path} must have the columns {must}, and may have {may}, each once."
                )
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} cannot be read as CSV in UTF-8 ({error}).") from error


def _entry(desk: Desk, row: dict[str, str]) -> Intervention:
    if None in row or None in row.values():
        raise SettingsError("It has more or fewer cells than there are columns.")
    return desk.entry(
        row["student_id"].strip(),
        row["kind"],
        notes=row.get("notes", ""),
        outcome=row.get("outcome", ""),
        helpful=_flag(row.get("helpful", "")),
        until=_day(row.get("until", "")),
        by=row.get("logged_by", "").strip(),
        week=_number(row.get("sem_week", "")),
    )


def _flag(text: str) -> bool | None:
    word = text.strip().lower()
    if word and word not in (*YES, *NO):
        raise SettingsError(f"helpful is {text!r}: yes, no, or empty.")
    return None if not word else word in YES


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise SettingsError(f"until is {text!r}: a day such as 2026-09-28, or empty.") from None


def _number(text: str) -> int | None:
    if text.strip() and not (text.strip().isascii() and text.strip().isdigit()):
        raise SettingsError(f"sem_week is {text!r}: a number, or empty.")
    return int(text) if text.strip() else None


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
