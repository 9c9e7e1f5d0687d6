"""Replies that advisors sent with one tap: the subject of each mail, and nothing else of it, is read."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from datetime import date, timedelta
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path

from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import KINDS, Intervention, known, store
from edumetrics.interventions.many import Refusal, Taken
from edumetrics.mail import tokens
from edumetrics.mail.tokens import About
from edumetrics.stages.workspace import Workspace

# A reply comes within weeks: to lists of older terms no code can be valid any more.
TERMS = 2
# What mail programs put before the subject of a reply.
PREFIX = re.compile(r"^(?:(?:re|aw|sv|antw|fwd?|wg)\s*:\s*)+")


def from_mail(path: Path, workspace: Workspace) -> Taken:
    """Enter the replies in a mailbox; what was entered before is not entered again, what is not valid is refused.

    Args:
        path: a Maildir, or an mbox file; it is only read.
        workspace: where; `SECRET_KEY` must be the one that signed the mails.

    Raises:
        SettingsError: there is no such mailbox, or no SECRET_KEY.
    """
    if not tokens.check(workspace.settings.secret_key):
        raise SettingsError(
            "SECRET_KEY is not set: it must be the one that the mails were signed with."
        )
    reader, taken, entries = _Reader(workspace, workspace.today), Taken(), list[Intervention]()
    for number, subject in enumerate(_subjects(path), start=1):
        if tokens.TOKEN.search(subject) is None:
            taken.passed += 1
            continue
        # What a mail says is nobody's business but its readers': only its place in the mailbox is told.
        where = f"message {number}"
        try:
            entry, last_day = reader.entry(subject)
        except SettingsError as error:
            taken.refused.append(Refusal(where, str(error)))
            continue
        if entry in entries or known(workspace.store, entry) is not None:
            taken.before.append(Refusal(where, "The code was used for this before."))
        elif workspace.today > last_day:
            taken.refused.append(Refusal(where, f"The code expired on {last_day.isoformat()}."))
        else:
            entries.append(entry)
    taken.entered = store(workspace.store, entries)
    return taken


class _Reader:
    """Finds what codes stand for; each day's codes are worked out once."""

    def __init__(self, workspace: Workspace, today: date) -> None:
        self.secret = workspace.settings.secret_key
        # No code is made for a later day, so none need be worked out; and of those of a year ago none.
        self.days = (
            today - timedelta(days=366),
            today + timedelta(days=workspace.params.mail.reply_days),
        )
        self.weeks = workspace.params.calendar.weeks_per_semester
        terms = workspace.store.terms()[-TERMS:]
        pairs = workspace.store.advised(terms)
        self.pairs = [tuple(map(str, pair)) for pair in pairs.itertuples(index=False)]
        self.codes: dict[tuple[int, date], dict[str, About]] = {}

    def entry(self, subject: str) -> tuple[Intervention, date]:
        """What a reply says, and the last day on which it is taken.

        Raises:
            SettingsError: its code was not made here, or says nothing that can be entered.
        """
        week, last_day, code = tokens.parse(subject)
        if not self.days[0] <= last_day <= self.days[1] or week > self.weeks:
            raise SettingsError("The code was not made here.")
        if (week, last_day) not in self.codes:
            every = (About(advisor, student, term, week) for student, advisor, term in self.pairs)
            self.codes[week, last_day] = tokens.codes(self.secret, every, last_day)
        about = self.codes[week, last_day].get(code)
        if about is None:
            raise SettingsError("The code was not made here.")
        return Intervention(
            about.student_id, about.term, week, _kind(subject), logged_by=about.advisor_id
        ), last_day


def _kind(subject: str) -> str:
    """The kind that stands before the code."""
    said = PREFIX.sub("", " ".join(subject.partition("[")[0].lower().split()))
    if said not in KINDS:
        raise SettingsError(f"Before the code there is none of: {', '.join(KINDS)}.")
    return said


def _subjects(path: Path) -> Iterator[str]:
    if all((path / name).is_dir() for name in ("cur", "new", "tmp")):
        box: mailbox.Mailbox[mailbox.Message] = mailbox.Maildir(path, create=False)
    elif path.is_file() and path.read_bytes()[:5] in (b"", b"From "):
        box = mailbox.mbox(path, create=False)
    else:
        raise SettingsError(f"{path} is neither a Maildir nor an mbox file.")
    for key in sorted(box.keys(), key=_in_order):
        yield _decoded(str(box[key]["Subject"] or ""))


def _in_order(key: object) -> list[int]:
    """By when they were delivered: the names of a Maildir begin with it, in numbers that are not padded."""
    return [int(digits) for digits in re.findall(r"\d+", str(key))]


def _decoded(header: str) -> str:
    try:
        return " ".join(str(make_header(decode_header(header))).split())
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return header
