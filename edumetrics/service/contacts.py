"""Log what people did over HTTP: contacts with own students, and answers to cards."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

import pandas as pd

from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import Contact, EntryChecker, Intervention, store, store_once
from edumetrics.interventions.replies import ANSWERS, ReplyReader, store_answer
from edumetrics.mail import tokens
from edumetrics.reports import redaction
from edumetrics.service import access
from edumetrics.service.accounts import ADVISOR, Account, compute_fingerprint
from edumetrics.triage.situation import STUDENT_SAYS
from edumetrics.workspace import Workspace

# By which a contact that is sent again is known.
SAID = ("student_id", "kind", "notes", "outcome")


def log_contact(
    workspace: Workspace,
    account: Account,
    student: str,
    kind: str,
    key: str | None = None,
    **contact: Unpack[Contact],
) -> tuple[Intervention, bool]:
    """Enter a contact of an advisor with an own student.

    Args:
        workspace: the settings, the parameters and the analysis database.
        account: the advisor.
        student, kind, contact: as for `interventions.log`, which checks them.
        key: what a form, or a program that tries again, sends along each time; empty for nothing.

    Returns:
        The entry, and whether it was entered now, and not before with the same key.

    Raises:
        Forbidden: only advisors have students.
        UnknownStudent: the student is not among the advisor's.
        SettingsError: the entry is not valid, or its key was sent with another contact.
    """
    require_own(workspace, account, student)
    contact["by"] = account.person
    entry = EntryChecker(workspace).check_entry(student, kind, **contact)
    if not key:
        return entry, bool(store(workspace.store, [entry]))
    # Any text can be a key, of any person: what is stored is short, and its account's own.
    parts = "\x1f".join(("form", account.username, key))
    keyed = replace(entry, entry_key=compute_fingerprint(parts))
    entered = store_once(workspace.store, keyed)
    if not entered and not _is_same(workspace, keyed):
        raise SettingsError("This key stands for another contact: send a new one with each.")
    return entry, entered


def _is_same(workspace: Workspace, entry: Intervention) -> bool:
    """Return whether what was entered with the key of an entry is the same contact."""
    rows = workspace.store.read("intervention_log", (*SAID, "entry_key"), entry_key=entry.entry_key)
    said = [value if pd.notna(value) else None for value in rows[list(SAID)].iloc[0]]
    return said == [getattr(entry, name) for name in SAID]


def require_own(workspace: Workspace, account: Account, student: str) -> None:
    """Make sure that a student is one of an advisor's.

    Raises:
        Forbidden: only advisors have students.
        UnknownStudent: the student is not.
    """
    if account.role != ADVISOR:
        raise access.Forbidden
    access.require_student(access.limit_store(workspace, account), student)


def answer(
    workspace: Workspace, account: Account, student: str, week: int, kind: str
) -> tuple[str | None, str]:
    """Enter an advisor's answer to the card of an own student.

    Returns:
        The kind of the answer before it (None for none), and the kind entered.

    Raises:
        SettingsError: there is no such kind or week.
    """
    entry = EntryChecker(workspace).check_entry(student, kind, week=week, by=account.person)
    if entry.kind not in ANSWERS:
        raise SettingsError(f"An answer is one of {', '.join(ANSWERS)}.")
    return store_answer(workspace.store, entry), entry.kind


def read_code(workspace: Workspace, code: str, kind: str) -> Intervention:
    """Return what a link in a mail stands for.

    Raises:
        SettingsError: the code was not made here, has expired, or is of someone who no longer
            advises the student; or there is no such kind.
    """
    if kind not in ANSWERS:
        raise SettingsError(f"An answer is one of {', '.join(ANSWERS)}.")
    return _read_entry(workspace, code, kind, "mails")


def read_own_code(workspace: Workspace, code: str, said: str) -> Intervention:
    """Return what a link of a student's own page stands for.

    Raises:
        SettingsError: the code was not made here for a student, or has expired.
    """
    entry = _read_entry(workspace, code, said, "pages")
    if entry.kind != STUDENT_SAYS:
        raise SettingsError("The code was not made here.")
    return entry


def _read_entry(workspace: Workspace, code: str, words: str, where: str) -> Intervention:
    """Return the entry of a code with its words; `where` such links stand, for a refusal."""
    # Without a key of ours anyone could make a code.
    if not tokens.check_secret(workspace.settings.secret_key):
        raise SettingsError(f"Links of {where} are not taken here: SECRET_KEY is not set.")
    entry, last_day = ReplyReader(workspace, workspace.today).read_reply(f"{words} [{code}]")
    if workspace.today > last_day:
        raise SettingsError(f"The code expired on {last_day.isoformat()}.")
    return entry


def shorten_name(workspace: Workspace, name: str) -> str:
    """Return a name as the mail with the link has it."""
    if workspace.params.mail.mail_detail == redaction.FULL:
        return name
    return redaction.format_initials(name)
