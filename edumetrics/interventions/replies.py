"""Replies that advisors send with one tap: only the subject of each mail is read."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from functools import partial
from pathlib import Path

from edumetrics.analysis.store import UNASSIGNED, Store
from edumetrics.boundaries import set_aside
from edumetrics.errors import SettingsError
from edumetrics.interventions.csv_import import ImportResult, Refusal
from edumetrics.interventions.entries import (
    KINDS,
    Intervention,
    change_kind,
    find_answer,
    find_same_entry,
    store_once,
)
from edumetrics.interventions.entries import store as store_entries
from edumetrics.mail import tokens
from edumetrics.mail.messages import REPLIES
from edumetrics.mail.student_page import SAYINGS
from edumetrics.mail.tokens import SELF, ReplyTarget
from edumetrics.marks import Marks
from edumetrics.triage.situation import STUDENT_SAYS
from edumetrics.workspace import Workspace

# The file of the home that remembers which messages were reported as not valid.
DEAD = "dead-letters.log"
# The file of the home that remembers which messages were entered.
ENTERED = "entered-replies.log"
# No header is longer; more of a message is not read.
MOST_BYTES = 64 * 1024
BEFORE = "The same reply was entered before."
# What one tap says, in the words of the log.
ANSWERS = tuple(kind.lower() for kind in REPLIES)
# A reply comes within weeks: codes of lists of older terms have all expired.
TERMS = 2
# What mail programs put before the subject of a reply or a forwarded mail, in several languages.
WORDS = (
    "re|aw|antw|antwort|sv|vs|vl|vb|fwd?|wg|tr|rif|i|r|rv|res|enc|odp|pd|doorst|ynt|ilt"
    "|回复|答复|转发|回覆|轉寄"
)
PREFIX = re.compile(rf"^(?:(?:{WORDS})\s*[:：]\s*)+")
# What gateways add: [EXTERNAL], *SPAM*; and the count of Re[2].
TAGS = re.compile(r"\[[^\]]*\]|\*+[^*]*\*+")


def import_mail(path: Path, workspace: Workspace) -> ImportResult:
    """Enter the replies in a mailbox; refuse the ones that are not valid, each with its reason.

    A code answers once: a later, different answer to the same card corrects the first. A reply that
    was entered before is not entered again, and what was refused is told once.

    Args:
        path: a Maildir, or an mbox file; it is only read.
        workspace: the workspace whose log is written. Its `SECRET_KEY` must be the one that signed
            the mails.

    Returns:
        How many replies were entered, how many mails have no code, and which replies correct others
        or are not valid.

    Raises:
        SettingsError: there is no such mailbox, or no SECRET_KEY.
    """
    if not tokens.check_secret(workspace.settings.secret_key):
        raise SettingsError(
            "SECRET_KEY is not set: set it to the key that the mails were signed with."
        )
    inbox = _Inbox(workspace)
    for number, read in enumerate(_open_box(path), start=1):
        # A mail is private: the report names only its place in the mailbox, never its subject.
        where = f"message {number}"
        set_aside(
            partial(inbox.take, where, read),
            partial(inbox.refuse, where),
            (SettingsError,),
        )
    inbox.store_answers()
    return inbox.taken


class _Inbox:
    """Takes the messages of a mailbox, one by one, and stores the answers at the end."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.taken = workspace, ImportResult()
        self.reader = ReplyReader(workspace, workspace.today)
        self.dead = Marks(workspace.settings.home, DEAD)
        self.entered = Marks(workspace.settings.home, ENTERED)
        # The header of the message in hand (empty where it cannot be read), and of those to enter.
        self.header, self.headers = b"", list[bytes]()
        # One answer for each card: the last message about it counts.
        self.answers: dict[tuple[object, ...], tuple[str, Intervention]] = {}
        self.superseded: dict[tuple[object, ...], list[str]] = {}

    def take(self, where: str, read: Callable[[], bytes]) -> None:
        """Take a message, whose header `read` returns.

        Raises:
            SettingsError: its code is not valid.
        """
        self.header = b""
        self.header = read()
        subject = _decode_subject(self.header)
        # A mailbox has other mails too: a mail without a code is not an invalid reply.
        if tokens.TOKEN.search(subject) is None:
            self.taken.passed += 1
            return
        entry, last_day = self.reader.read_reply(subject)
        # Before the expiry is checked: a mailbox that is read again later must not report replies
        # that were entered in time.
        if self.workspace.today > last_day:
            if find_same_entry(self.workspace.store, entry) is None:
                raise SettingsError(f"The code expired on {last_day.isoformat()}.")
            self.taken.before.append(Refusal(where, BEFORE))
            return
        # A mailbox is read again and again: what was answered since must not be undone.
        again = bool(self.entered.find((self.header,)))
        if again and find_answer(self.workspace.store, entry, ANSWERS) is not None:
            self.taken.before.append(Refusal(where, BEFORE))
            return
        card = (entry.student_id, entry.term, entry.sem_week, entry.logged_by,
                entry.outcome)  # fmt: skip
        earlier = self.answers.get(card)
        if earlier is not None and earlier[1] == entry:
            self.taken.before.append(Refusal(where, BEFORE))
            return
        if earlier is not None:
            self.superseded.setdefault(card, []).append(earlier[0])
        self.answers[card] = where, entry
        self.headers.append(self.header)

    def refuse(self, where: str, why: str) -> None:
        """Report a message that is not valid: once, not again at every reading of the mailbox."""
        if self.header and self.dead.find((self.header,)):
            self.taken.passed += 1
            return
        if self.header:
            self.dead.add((self.header,), "told")
        self.taken.refused.append(Refusal(where, why))

    def store_answers(self) -> None:
        """Enter the answers; one that differs from a stored answer to the same card corrects it."""
        for card, (where, entry) in self.answers.items():
            earlier, others = (
                store_answer(self.workspace.store, entry),
                self.superseded.get(card, []),
            )
            if earlier == entry.kind:
                self.taken.before += [Refusal(one, BEFORE) for one in (*others, where)]
                continue
            self.taken.corrected += [Refusal(one, f"{where} corrects it.") for one in others]
            if earlier is None:
                self.taken.entered += 1
                continue
            said = f"It corrects an earlier answer: {earlier} is now {entry.kind}."
            self.taken.corrected.append(Refusal(where, said))
        for header in self.headers:
            if not self.entered.find((header,)):
                self.entered.add((header,), "entered")


def store_answer(store: Store, entry: Intervention) -> str | None:
    """Enter the answer to a card, once; return the kind of the answer before it, None for none.

    A different answer corrects the one before.
    """
    # One answer a card: of two at the same time, the second finds the first.
    card = (entry.term, str(entry.sem_week), entry.student_id, str(entry.logged_by))
    if entry.kind == STUDENT_SAYS:
        # A student may say both things; each is one entry.
        said = replace(entry, entry_key="\x1f".join(("said", *card, str(entry.outcome))))
        return None if store_once(store, said) else entry.kind
    keyed = replace(entry, entry_key="\x1f".join(("card", *card)))
    earlier = find_answer(store, entry, ANSWERS)
    if earlier is None and not store_once(store, keyed):
        earlier = find_answer(store, entry, ANSWERS)
        if earlier is None:
            # Somebody made more of the answer by hand since: this is another one.
            store_entries(store, [entry])
    if earlier is None:
        return None
    if earlier[1] != entry.kind:
        change_kind(store, earlier[0], entry.kind)
    return earlier[1]


class ReplyReader:
    """Finds what codes stand for; the codes of each week and last day are computed once."""

    def __init__(self, workspace: Workspace, today: date) -> None:
        # A key that was changed lately still reads the codes that are out.
        self.secrets = (workspace.settings.secret_key, *workspace.settings.secret_key_fallbacks)
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
        # Every student has a page, whose codes are the student's own.
        self.pairs += sorted({(student, SELF, term) for student, _, term in self.pairs})
        self.advisors = dict[tuple[str, str], str]()
        for name in terms:
            week = workspace.store.find_highest("weekly_metrics", "sem_week", term=name)
            newest = workspace.store.read(
                "weekly_metrics", ("student_id", "advisor_id"), term=name, sem_week=week
            ).fillna(UNASSIGNED)
            for student, advisor in newest.itertuples(index=False):
                self.advisors[name, str(student)] = str(advisor)
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
            candidates = [
                ReplyTarget(advisor, student, term, week) for student, advisor, term in self.pairs
            ]
            self.codes[week, last_day] = {
                code: about
                for secret in self.secrets
                for code, about in tokens.compute_codes(secret, candidates, last_day).items()
            }
        about = self.codes[week, last_day].get(code)
        if about is None:
            raise SettingsError("The code was not made here.")
        said = _parse_words(subject)
        if about.advisor_id == SELF:
            if said not in SAYINGS:
                raise SettingsError(f"A student may say: {', or '.join(SAYINGS)}.")
            return Intervention(
                about.student_id, about.term, week, STUDENT_SAYS, outcome=said, logged_by=SELF
            ), last_day
        # Of a student who has left since, whoever advised last may still tell.
        now = self.advisors.get((about.term, about.student_id), about.advisor_id)
        if now != about.advisor_id:
            raise SettingsError("The code is of someone who no longer advises the student.")
        return Intervention(
            about.student_id, about.term, week, _check_kind(said), logged_by=about.advisor_id
        ), last_day


def _parse_words(subject: str) -> str:
    """Return the words before the code, without what mail programs and gateways put before them."""
    found = tokens.TOKEN.search(subject)
    before = TAGS.sub(" ", subject[: found.start()] if found else subject)
    return PREFIX.sub("", " ".join(before.lower().split()))


def _check_kind(said: str) -> str:
    """Return the words before a code where they are a kind.

    Raises:
        SettingsError: they are none.
    """
    # All the words before the code must be the kind: "Not talked" is not "talked".
    if said not in KINDS:
        raise SettingsError(
            f"There is no known kind before the code: the kinds are {', '.join(KINDS)}."
        )
    return said


def _open_box(path: Path) -> Iterator[Callable[[], bytes]]:
    """Yield for each mail, in the order of delivery, what reads its header.

    Raises:
        SettingsError: the path is neither a Maildir nor an mbox file.
    """
    # `mailbox` reads any file as an mbox, and finds no mail where it is none: the kind is checked
    # here.
    if all((path / name).is_dir() for name in ("cur", "new", "tmp")):
        box: mailbox.Maildir | mailbox.mbox = mailbox.Maildir(path, create=False)
    elif path.is_file() and _read_beginning(path) in (b"", b"From "):
        box = mailbox.mbox(path, create=False)
    else:
        raise SettingsError(f"{path} is neither a Maildir nor an mbox file: check the path.")
    for key in sorted(box.keys(), key=_get_delivery_key):
        yield partial(_read_header, box, key)


def _read_header(box: mailbox.Maildir | mailbox.mbox, key: str) -> bytes:
    """Return the header of a mail; of a huge one only its beginning."""
    # A body may have any size and any depth.
    with box.get_file(key) as file:
        return bytes(file.read(MOST_BYTES))


def _read_beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(5)


def _get_delivery_key(key: object) -> list[int]:
    # Names in a Maildir begin with the time of delivery, in numbers that are not padded: sorted as
    # text, 10 would come before 9. A longer number than any time is junk.
    return [int(digits[:20]) for digits in re.findall(r"\d+", str(key))]


def _decode_subject(header: bytes) -> str:
    """Return the subject of a mail as text on one line; as it is where it cannot be decoded."""
    message = BytesHeaderParser().parsebytes(header)
    raw = str(message["Subject"] or "")
    try:
        return " ".join(str(make_header(decode_header(raw))).split())
    # A subject names its charset, and nothing keeps it from naming none, or something odd.
    except (MessageError, LookupError, ValueError):
        return raw
