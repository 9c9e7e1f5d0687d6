"""Replies that advisors send with one tap: only the subject of each mail is read."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from datetime import date, timedelta
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path

from edumetrics.errors import SettingsError
from edumetrics.interventions.csv_import import ImportResult, Refusal
from edumetrics.interventions.entries import KINDS, Intervention, find_same_entry, store
from edumetrics.mail import tokens
from edumetrics.mail.tokens import ReplyTarget
from edumetrics.workspace import Workspace

# A reply comes within weeks: codes of lists of older terms have all expired.
TERMS = 2
# What mail programs put before the subject of a reply or a forwarded mail, in several languages.
PREFIX = re.compile(r"^(?:(?:re|aw|sv|antw|fwd?|wg)\s*:\s*)+")


def import_mail(path: Path, workspace: Workspace) -> ImportResult:
    """Enter the replies in a mailbox; refuse the ones that are not valid, each with its reason.

    A reply that was entered before is not entered again.

    Args:
        path: a Maildir, or an mbox file; it is only read.
        workspace: the workspace whose log is written. Its `SECRET_KEY` must be the one that signed
            the mails.

    Returns:
        How many replies were entered, how many mails have no code, and the replies not entered.

    Raises:
        SettingsError: there is no such mailbox, or no SECRET_KEY.
    """
    if not tokens.check_secret(workspace.settings.secret_key):
        raise SettingsError(
            "SECRET_KEY is not set: set it to the key that the mails were signed with."
        )
    reader, taken, entries = (
        _ReplyReader(workspace, workspace.today),
        ImportResult(),
        list[Intervention](),
    )
    for number, subject in enumerate(_read_subjects(path), start=1):
        # A mailbox has other mails too: a mail without a code is not an invalid reply.
        if tokens.TOKEN.search(subject) is None:
            taken.passed += 1
            continue
        # A mail is private: the report names only its place in the mailbox, never its subject.
        where = f"message {number}"
        try:
            entry, last_day = reader.read_reply(subject)
        except SettingsError as error:
            taken.refused.append(Refusal(where, str(error)))
            continue
        # Before the expiry is checked: a mailbox that is read again later must not report replies
        # that were entered in time.
        if entry in entries or find_same_entry(workspace.store, entry) is not None:
            taken.before.append(Refusal(where, "The same reply was entered before."))
        elif workspace.today > last_day:
            taken.refused.append(Refusal(where, f"The code expired on {last_day.isoformat()}."))
        else:
            entries.append(entry)
    taken.entered = store(workspace.store, entries)
    return taken


class _ReplyReader:
    """Finds what codes stand for; the codes of each week and last day are computed once."""

    def __init__(self, workspace: Workspace, today: date) -> None:
        self.secret = workspace.settings.secret_key
        # Codes are only made for days up to `reply_days` ahead. The limits keep a made-up subject
        # from causing codes to be computed for any day.
        self.days = (
            today - timedelta(days=366),
            today + timedelta(days=workspace.params.mail.reply_days),
        )
        self.weeks = workspace.params.calendar.weeks_per_semester
        terms = workspace.store.list_terms()[-TERMS:]
        pairs = workspace.store.read_advisors(terms)
        self.pairs = [tuple(map(str, pair)) for pair in pairs.itertuples(index=False)]
        self.codes: dict[tuple[int, date], dict[str, ReplyTarget]] = {}

    def read_reply(self, subject: str) -> tuple[Intervention, date]:
        """Return the entry of a reply, and the last day on which its code is accepted.

        Raises:
            SettingsError: the code was not made here, or the subject names no kind.
        """
        week, last_day, code = tokens.parse_token(subject)
        if not self.days[0] <= last_day <= self.days[1] or week > self.weeks:
            raise SettingsError("The code was not made here.")
        # A code is a keyed hash and cannot be decoded: the codes of all candidates are computed,
        # and the one in the subject is looked up.
        if (week, last_day) not in self.codes:
            every = (
                ReplyTarget(advisor, student, term, week) for student, advisor, term in self.pairs
            )
            self.codes[week, last_day] = tokens.compute_codes(self.secret, every, last_day)
        about = self.codes[week, last_day].get(code)
        if about is None:
            raise SettingsError("The code was not made here.")
        return Intervention(
            about.student_id, about.term, week, _parse_kind(subject), logged_by=about.advisor_id
        ), last_day


def _parse_kind(subject: str) -> str:
    """Return the kind that is written before the code.

    Raises:
        SettingsError: the words before the code are no kind.
    """
    # All the words before the code must be the kind: "Not talked" is not "talked".
    said = PREFIX.sub("", " ".join(subject.partition("[")[0].lower().split()))
    if said not in KINDS:
        raise SettingsError(
            f"There is no known kind before the code: the kinds are {', '.join(KINDS)}."
        )
    return said


def _read_subjects(path: Path) -> Iterator[str]:
    """Yield the decoded subject of each mail, in the order of delivery.

    Raises:
        SettingsError: the path is neither a Maildir nor an mbox file.
    """
    # `mailbox` reads any file as an mbox, and finds no mail where it is none: the kind is checked
    # here.
    if all((path / name).is_dir() for name in ("cur", "new", "tmp")):
        box: mailbox.Mailbox[mailbox.Message] = mailbox.Maildir(path, create=False)
    elif path.is_file() and path.read_bytes()[:5] in (b"", b"From "):
        box = mailbox.mbox(path, create=False)
    else:
        raise SettingsError(f"{path} is neither a Maildir nor an mbox file: check the path.")
    for key in sorted(box.keys(), key=_get_delivery_key):
        yield _decode_subject(str(box[key]["Subject"] or ""))


def _get_delivery_key(key: object) -> list[int]:
    # Names in a Maildir begin with the time of delivery, in numbers that are not padded: sorted as
    # text, 10 would come before 9.
    return [int(digits) for digits in re.findall(r"\d+", str(key))]


def _decode_subject(header: str) -> str:
    """Return a header as text on one line; as it is where it cannot be decoded."""
    try:
        return " ".join(str(make_header(decode_header(header))).split())
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return header
