"""One entry of the intervention log: it is checked, then stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict, Unpack

import pandas as pd
import sqlalchemy as sa

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.workspace import Workspace, open_workspace

# The words that people choose from, in forms, tables and the subjects of replies.
KINDS = ("talked", "emailed", "called", "referred", "no answer", "known reason", "wrong flag")
LOG = SQL_TABLES["intervention_log"]
# A later date is taken for a typing error.
LONGEST = timedelta(days=366)
# Two entries of a student are the same when these fields agree; the fields of `LATER` may follow.
SAME = ("term", "sem_week", "kind", "notes", "logged_by")
LATER = ("outcome", "helpful", "until")


@dataclass(frozen=True)
class Intervention:
    """One contact with a student, or one attempt.

    Attributes:
        student_id: the student.
        term, sem_week: the week whose list it answers; it counts from the next week on.
        kind: one of `KINDS`, or `STUDENT_SAYS`.
        notes: notes, which never leave the log; None where there are none.
        outcome: the outcome in a few words; None where it is not known yet.
        helpful: whether it helped; None where nobody said.
        until: the day until which the student is looked after; None for two teaching weeks.
        logged_by: who had the contact; None where that is not known.
        entry_key: what keeps one form, sent twice, from being two entries; None for no form.
        referral: whom the student was referred to; None for nobody by name.
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
    entry_key: str | None = None
    referral: str | None = None


class Contact(TypedDict, total=False):
    """What may be said of a contact; all of it is optional.

    Attributes:
        notes: for people who read the log; they never appear in a mail or on a page.
        outcome: the outcome in a few words.
        helpful: whether it helped; None where that is not known.
        until: the student is looked after until this day; two teaching weeks when None.
        by: who had the contact.
        referral: whom the student was referred to: an office of `referrals.yml` if it has any.
        week: the semester week whose list it answers; the newest analysed week when None.
    """

    notes: str
    outcome: str
    helpful: bool | None
    until: date | None
    by: str
    referral: str
    week: int | None


def log(student: str, kind: str, **contact: Unpack[Contact]) -> Intervention:
    """Enter one contact into the log of the analysis database in the settings, and return it.

    Args:
        student: student_id.
        kind: one of `KINDS`, in any case.
        contact: see `Contact`.

    Raises:
        SettingsError: there is no such student, kind or week, the week is not a teaching week,
            `until` is in the past or more than a year ahead, or a text cannot be stored.

    >>> log("S22000002", "talked", notes="Bus strike; will catch up.").kind
    'talked'
    """
    workspace = open_workspace()
    made = EntryChecker(workspace).check_entry(student, kind, **contact)
    store(workspace.store, [made])
    return made


class EntryChecker:
    """Checks entries against the analysis database; one object serves many entries."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.offices = workspace, workspace.params.referrals.offices
        self.term = str(workspace.store.find_highest("weekly_metrics", "term") or "")
        if not self.term:
            raise SettingsError("Nothing has been analysed yet: run `edumetrics run` first.")
        self.newest = int(
            workspace.store.find_highest("weekly_metrics", "sem_week", term=self.term)
        )

    def check_entry(self, student: str, kind: str, **contact: Unpack[Contact]) -> Intervention:
        """Return the checked entry without storing it; arguments and errors as for `log`."""
        notes, outcome, by = (
            contact.get("notes", ""),
            contact.get("outcome", ""),
            contact.get("by", ""),
        )
        helpful, until, week = contact.get("helpful"), contact.get("until"), contact.get("week")
        # People write kinds by hand in tables: capitals and extra spaces are accepted.
        kind = " ".join(kind.lower().split())
        if kind not in KINDS:
            raise SettingsError(f"There is no such kind: the kinds are {', '.join(KINDS)}.")
        number = self.newest if week is None else week
        if not 1 <= number <= self.newest:
            raise SettingsError(
                f"Week {number} has not been analysed yet: choose a week from 1 to {self.newest}."
            )
        if number not in self.workspace.params.calendar.teaching_weeks:
            raise SettingsError(
                f"Week {number} is not a teaching week and has no list: choose a teaching week."
            )
        today = self.workspace.today
        if until is not None and not today <= until <= today + LONGEST:
            raise SettingsError(
                f"{until.isoformat()} is in the past or more than a year ahead:"
                " choose a day within the next year for `until`."
            )
        # PostgreSQL's text cannot hold this character, and would refuse it with an error of its
        # own.
        if "\0" in notes + outcome + by + contact.get("referral", ""):
            raise SettingsError("The text contains a null character: remove it and try again.")
        referral = self._check_referral(kind, contact.get("referral", ""))
        if (
            self.workspace.store.find_highest(
                "weekly_metrics", "sem_week", term=self.term, student_id=student
            )
            is None
        ):
            raise SettingsError(
                f"There is no student with this id in the term of {self.term}: check the id."
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
            referral=referral,
        )

    def _check_referral(self, kind: str, given: str) -> str | None:
        """Return the office that somebody was referred to, as referrals.yml writes it.

        Raises:
            SettingsError: the kind is another, or there is no such office.
        """
        if not given.strip():
            return None
        if kind != "referred":
            raise SettingsError("Only an entry of the kind referred has a referral.")
        names = {office.name.casefold(): office.name for office in self.offices}
        if names and given.strip().casefold() not in names:
            raise SettingsError(f"There is no such office: there are {', '.join(names.values())}.")
        return names.get(given.strip().casefold(), given.strip())


def find_same_entry(where: Store, entry: Intervention) -> int | None:
    """Return the id of the same entry in the log; None where there is none."""
    rows = where.read("intervention_log", ("id", *SAME), student_id=entry.student_id)
    for name in SAME:
        value = getattr(entry, name)
        # A missing value is equal to nothing, not even to another missing value.
        rows = rows[rows[name].isna() if value is None else rows[name] == value]
    return None if rows.empty else int(rows["id"].iloc[0])


def find_answer(
    where: Store, entry: Intervention, kinds: tuple[str, ...]
) -> tuple[int, str] | None:
    """Return id and kind of the answer to the card that an entry is about; None where none is.

    Of an entry that has notes someone has written more than an answer: it is none.
    """
    rows = where.read(
        "intervention_log", ("id", "kind", "notes"), student_id=entry.student_id, term=entry.term,
        sem_week=entry.sem_week, logged_by=entry.logged_by, kind=list(kinds),
    )  # fmt: skip
    rows = rows[rows["notes"].isna()]
    return None if rows.empty else (int(rows["id"].iloc[-1]), str(rows["kind"].iloc[-1]))


def change_kind(where: Store, row: int, kind: str) -> None:
    """Correct the kind of a stored entry."""
    with where.start_transaction() as connection:
        connection.execute(sa.update(LOG).where(LOG.c.id == row).values(kind=kind))


def update_entry(where: Store, row: int, entry: Intervention) -> bool:
    """Add to a stored entry what was not known then; return whether there was anything to add.

    Args:
        where: the analysis database.
        row: the id of the stored entry.
        entry: the same entry, with more known.
    """
    before = where.read("intervention_log", ("id", *LATER), id=row).iloc[0]
    values = {name: getattr(entry, name) for name in LATER}
    # A value that is stored already is kept: an import adds to an entry, and never changes it.
    new = {
        name: value for name, value in values.items() if value is not None and pd.isna(before[name])
    }
    if new:
        with where.start_transaction() as connection:
            connection.execute(sa.update(LOG).where(LOG.c.id == row).values(new))
    return bool(new)


def store_once(where: Store, entry: Intervention, moment: datetime | None = None) -> bool:
    """Enter a checked contact; return whether it was entered, and not there before by its key.

    Args:
        where: the analysis database.
        entry: the contact, with a key.
        moment: when it is entered, in UTC without a zone; now when None.
    """
    values = {**asdict(entry), "logged_at": moment or get_utc_now()}
    with where.start_transaction() as connection:
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(LOG).values(values))
        # The database alone knows what two requests entered at the same time.
        except sa.exc.IntegrityError:
            return False
    return True


def store(where: Store, entries: Iterable[Intervention], moment: datetime | None = None) -> int:
    """Enter checked contacts, all or none, and return how many.

    Args:
        where: the analysis database.
        entries: the contacts.
        moment: when they are entered, in UTC without a zone; now when None.
    """
    rows = [{**asdict(entry), "logged_at": moment or get_utc_now()} for entry in entries]
    # An insert with an empty list of rows would insert one row of defaults.
    if rows:
        with where.start_transaction() as connection:
            connection.execute(sa.insert(LOG), rows)
    return len(rows)
