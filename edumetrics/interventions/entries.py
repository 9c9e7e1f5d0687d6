"""One entry of the log: checked, then stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import pandas as pd
import sqlalchemy as sa

from edumetrics.analysis.store import Store, now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.stages.workspace import Workspace, open_workspace

KINDS = ("talked", "emailed", "called", "referred", "no answer", "known reason", "wrong flag")
LOG = SQL_TABLES["intervention_log"]
LONGEST = timedelta(days=366)
# What says that two entries are the same, and what may be known later.
SAME = ("term", "sem_week", "kind", "notes", "logged_by")
LATER = ("outcome", "helpful", "until")


@dataclass(frozen=True)
class Intervention:
    """One contact, or one attempt.

    Attributes:
        student_id: whom it was about.
        term, sem_week: the week whose list it answers; it counts from the next week on.
        kind: one of `KINDS`.
        notes: they never leave the log; None for none.
        outcome: in a few words; None for none yet.
        helpful: whether it helped; None where nobody said.
        until: looked after until; None for two teaching weeks.
        logged_by: who; None where not known.
    """

    student_id: str
    term: str
    sem_week: int
    kind: str
    notes: str | None = None
    outcome: str | None = None
    helpful: bool | None = None
    until: date | None = None
    logged_by: str | None = None


def log(
    student: str,
    kind: str,
    *,
    notes: str = "",
    outcome: str = "",
    helpful: bool | None = None,
    until: date | None = None,
    by: str = "",
    week: int | None = None,
) -> Intervention:
    """Enter one contact into the log of the settings' analysis database, and return it.

    Args:
        student: student_id.
        kind: one of `KINDS`.
        notes: for whoever reads the log; they never enter a mail or a page.
        outcome: in a few words.
        helpful: whether it helped, where that can be said.
        until: the student is being looked after until then; two teaching weeks when None.
        by: who did it.
        week: the semester week whose list it answers; the newest analysed when None.

    Raises:
        SettingsError: there is no such student, kind or week, or `until` is in the past.

    >>> log("S22000002", "talked", notes="Bus strike; will catch up.").kind
    'talked'
    """
    workspace = open_workspace()
    made = Desk(workspace).entry(
        student, kind, notes=notes, outcome=outcome, helpful=helpful, until=until, by=by, week=week
    )
    store(workspace.store, [made])
    return made


class Desk:
    """Checks entries against what is known; made once for many of them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.term = str(workspace.store.highest("weekly_metrics", "term") or "")
        if not self.term:
            raise SettingsError("Nothing has been analysed yet: run `edumetrics run` first.")
        self.newest = int(workspace.store.highest("weekly_metrics", "sem_week", term=self.term))

    def entry(
        self,
        student: str,
        kind: str,
        *,
        notes: str = "",
        outcome: str = "",
        helpful: bool | None = None,
        until: date | None = None,
        by: str = "",
        week: int | None = None,
    ) -> Intervention:
        """What would be entered; arguments and errors as `log`."""
        kind = " ".join(kind.lower().split())
        if kind not in KINDS:
            raise SettingsError(f"There is no kind {kind!r}: the kinds are {', '.join(KINDS)}.")
        number = self.newest if week is None else week
        if not 1 <= number <= self.newest:
            raise SettingsError(
                f"Week {number} has not been analysed yet: the newest is week {self.newest}."
            )
        if number not in self.workspace.params.calendar.teaching_weeks:
            raise SettingsError(f"Week {number} is no teaching week, and had no list.")
        today = self.workspace.today
        if until is not None and not today <= until <= today + LONGEST:
            raise SettingsError(
                f"{until.isoformat()} is over, or more than a year ahead: `until` is a day to come."
            )
        if "\0" in notes + outcome + by:
            raise SettingsError("There is a character in it that cannot be stored.")
        if (
            self.workspace.store.highest(
                "weekly_metrics", "sem_week", term=self.term, student_id=student
            )
            is None
        ):
            raise SettingsError(
                f"There is no student {student} in the term of {self.term}: check the id."
            )
        return Intervention(
            student,
            self.term,
            number,
            kind,
            notes.strip() or None,
            outcome.strip() or None,
            helpful,
            until,
            by or None,
        )


def known(where: Store, entry: Intervention) -> int | None:
    """The id of the same entry in the log; None where there is none."""
    rows = where.read("intervention_log", ("id", *SAME), student_id=entry.student_id)
    for name in SAME:
        value = getattr(entry, name)
        rows = rows[rows[name].isna() if value is None else rows[name] == value]
    return None if rows.empty else int(rows["id"].iloc[0])


def complete(where: Store, row: int, entry: Intervention) -> bool:
    """Add to an entry what is known by now and was not then; whether there was anything to add."""
    before = where.read("intervention_log", ("id", *LATER), id=row).iloc[0]
    values = {name: getattr(entry, name) for name in LATER}
    new = {
        name: value for name, value in values.items() if value is not None and pd.isna(before[name])
    }
    if new:
        with where.transaction() as connection:
            connection.execute(sa.update(LOG).where(LOG.c.id == row).values(new))
    return bool(new)


def store(where: Store, entries: Iterable[Intervention]) -> int:
    """Enter checked contacts, all or none; returns how many."""
    rows = [{**asdict(entry), "logged_at": now()} for entry in entries]
    if rows:
        with where.transaction() as connection:
            connection.execute(sa.insert(LOG), rows)
    return len(rows)
