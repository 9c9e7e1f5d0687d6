"""Posting: the newest week's reports into the outbox or by SMTP, each once, and their pages for the web server."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from edumetrics import settings
from edumetrics.analysis import deliveries, runs
from edumetrics.analysis.deliveries import FAILED, HELD, OUTBOX, SENT, SMTP, UNCONFIRMED, Delivery
from edumetrics.college.source import College
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.mail import tokens
from edumetrics.mail.due import Letter, letters
from edumetrics.mail.messages import Envelope, compose, stamp
from edumetrics.mail.smtp import NotSent, Server, Unconfirmed
from edumetrics.reports import render
from edumetrics.reports.model import Entry, Report
from edumetrics.reports.occasion import UNASSIGNED
from edumetrics.reports.weekly import held
from edumetrics.stages import gate
from edumetrics.stages.workspace import Workspace
from edumetrics.triage.situation import Row
from edumetrics.weeks import Position

LOCAL = "edumetrics@localhost"
AGAIN = "Unless it arrived, `edumetrics send --again --advisor {reader}` sends it once more."


@dataclass
class Posted:
    """What became of the mail.

    Attributes:
        letters: how many there were, those sent before included.
        sent, written, held: how many went out, were written to the outbox, were held back.
        failed: reader and reason.
        doubtful: readers whose mail the server has not confirmed.
        waiting: whether the first mail has yet to be released.
        leaves: whether mail goes out by SMTP.
    """

    letters: int = 0
    sent: int = 0
    written: int = 0
    held: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    waiting: bool = False
    leaves: bool = False

    @property
    def broken(self) -> bool:
        """Whether mail that was to leave did not; in an outbox a missing address is only told of."""
        return self.leaves and bool(self.failed)

    @property
    def all_held(self) -> bool:
        """Whether there was mail, and the gate holds all of it."""
        return 0 < self.held == self.letters

    def line(self) -> str:
        """It, in a sentence or a few."""
        counts = {"sent": self.sent, "in the outbox": self.written, "held": self.held, "failed": len(self.failed)}
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        told = [f"Mail: {said or 'nothing to send'}."]
        told += [f"{reader}: {why}" for reader, why in self.failed]
        told += [f"{reader}: {UNCONFIRMED} {AGAIN.format(reader=reader)}" for reader in self.doubtful]
        if self.waiting:
            told.append("A college's first mail waits to be released: `edumetrics send --approve`.")
        return " ".join(told)


def deliver(
    workspace: Workspace, position: Position, *, advisor: str = "", approve: bool = False, again: bool = False
) -> Posted:
    """Post the newest week's reports; whoever calls holds the database's lock.

    Args:
        workspace: where.
        position: where the college stands.
        advisor: only this one's.
        approve: release the college's first mail.
        again: also what was sent before.

    Raises:
        Refused: the newest week has not come to the gate.
        SettingsError: there is no such advisor, or the mail server cannot be used.
        Unreachable: the mail server cannot be reached; what was sent stays sent.
    """
    with workspace.college() as college:
        post = Post(workspace, college, again=again)
        chosen = _chosen(workspace, college, position, advisor)
    if advisor:
        return post.all(chosen, approve=approve)
    # Only a round for everyone settles the week.
    entry = runs.start(workspace.store, workspace.params, gate.MAIL, *(_when(chosen[0]) if chosen else ("", 0)))
    try:
        posted = post.all(chosen, approve=approve)
    except EduMetricsError as error:
        runs.failed(workspace.store, entry, error)
        raise
    if posted.broken:
        runs.failed(workspace.store, entry, EduMetricsError(f"{len(posted.failed)} of {len(chosen)} mails failed."))
        return posted
    with workspace.store.transaction() as connection:
        runs.done(connection, entry, posted.sent + posted.written)
    return posted


def described(workspace: Workspace, position: Position, advisor: str = "") -> Iterator[str]:
    """Who would be written to, line by line, and one mail as a sample; changes nothing.

    Raises:
        Refused: the newest week has not come to the gate.
        SettingsError: there is no such advisor.
    """
    with workspace.college() as college:
        post, chosen = Post(workspace, college), _chosen(workspace, college, position, advisor)
    for letter in chosen:
        subject = f"held: {letter.why_held}" if letter.why_held else letter.report.subject
        yield f"{letter.report.advisor_id}  {post.recipient(letter.report.advisor_id) or 'no address'}  {subject}"
    sample = next((letter for letter in chosen if not letter.why_held), None)
    if sample is not None:
        yield from ("", "A sample:", "", render.mail_text(sample.report, render.Mail()))


def _chosen(workspace: Workspace, college: College, position: Position, advisor: str) -> list[Letter]:
    found = [one for one in letters(workspace, college, position) if advisor in ("", one.report.advisor_id)]
    if advisor and not found:
        raise SettingsError(f"There is no report for {advisor}: check the advisor's id.")
    return found


class Post:
    """One round of the mail."""

    def __init__(self, workspace: Workspace, college: College, *, again: bool = False) -> None:
        self.workspace, self.again = workspace, again
        self.settings, self.mail = workspace.settings, workspace.params.mail
        known = college.advisors.dropna(subset=["email"])
        self.addresses = dict(zip(known["advisor_id"], known["email"], strict=True))
        self.posted = Posted()
        tokens.check(self.settings.secret_key)

    @property
    def by_smtp(self) -> bool:
        """Whether mail is to leave the house at all."""
        return self.mail.mode == "send" and bool(self.settings.smtp_url)

    @property
    def released(self) -> bool:
        """Whether a first mail of this college has gone out."""
        return bool(deliveries.entered(self.workspace.store, channel=SMTP, status=SENT))

    def all(self, chosen: list[Letter], *, approve: bool) -> Posted:
        """Post letters, and publish their pages; what went out before is left alone."""
        sends = self.by_smtp and (approve or self.released)
        self.posted.letters, self.posted.leaves = len(chosen), sends
        self.posted.waiting = self.by_smtp and not sends and bool(chosen)
        if sends and not self.settings.mail_from:
            raise SettingsError("MAIL_FROM is not set: name the address that advisors' mail comes from.")
        with Server(self.settings.smtp_url, self.mail) if sends else nullcontext() as server:
            for letter in chosen:
                self._one(letter, server)
        return self.posted

    def _one(self, letter: Letter, server: Server | None) -> None:
        """Post one letter. An advisor whose class is held is told why; where everyone's is held, that is only noted."""
        delivery = self._delivery(letter, SMTP if server else OUTBOX)
        before = deliveries.entered(self.workspace.store, **delivery.key)
        status = HELD if letter.why_held else SENT
        self.posted.held += status == HELD
        if server and not self.again and self._settled(letter, before, status):
            return
        if letter.everyone:
            deliveries.replace(self.workspace.store, delivery, HELD)
            return
        try:
            message, content = compose(self._told(letter), self._envelope(letter, delivery.recipient))
        except SettingsError as error:
            deliveries.enter(self.workspace.store, delivery, FAILED, str(error))
            self.posted.failed.append((letter.report.advisor_id, str(error)))
            return
        delivery = replace(delivery, content_sha256=content)
        stamp(message, datetime.now(UTC), _identity(delivery, sum(row["status"] == SENT for row in before)))
        self._write(letter, message)
        self._publish(letter)
        if server:
            self._send(server, message, delivery, status)
        else:
            deliveries.replace(self.workspace.store, delivery, status)
            self.posted.written += status == SENT

    def _settled(self, letter: Letter, before: list[Row], status: str) -> bool:
        """Whether it went out before; where the server never said so, that is told again."""
        last = next((row for row in reversed(before) if row["status"] == status), None)
        if last is not None and last["error"] == UNCONFIRMED:
            self.posted.doubtful.append(letter.report.advisor_id)
        return last is not None

    def _send(self, server: Server, message: EmailMessage, delivery: Delivery, status: str) -> None:
        entry = deliveries.Entry(self.workspace.store, delivery)
        try:
            server.send(message, delivery.recipient, lambda: entry.says(status, UNCONFIRMED))
        except Unconfirmed:
            self.posted.doubtful.append(delivery.advisor_id)
        except NotSent as error:
            entry.says(FAILED, str(error))
            self.posted.failed.append((delivery.advisor_id, str(error)))
        except EduMetricsError as error:
            entry.says(FAILED, str(error))
            raise
        else:
            entry.says(status)
            self.posted.sent += status == SENT

    # ------------------------------------------------------------ what a letter becomes

    def _delivery(self, letter: Letter, channel: str) -> Delivery:
        due, advisor = letter.due, letter.report.advisor_id
        return Delivery(advisor, due.stage, due.term, due.week, channel, self.recipient(advisor), "")

    def recipient(self, advisor: str) -> str:
        """Where an advisor's mail goes; that of students without one to whoever looks after them."""
        if advisor != UNASSIGNED:
            return str(self.addresses.get(advisor, ""))
        other = self.workspace.params.triage.unassigned_to
        return str(self.addresses.get(other or "", "")) or self.settings.operator_email

    def _told(self, letter: Letter) -> Report:
        return held(letter.report, letter.why_held) if letter.why_held else letter.report

    def _envelope(self, letter: Letter, to: str) -> Envelope:
        if not to:
            raise SettingsError("No mail address is known.")
        chosen, mail = self.settings, self.mail
        published = not letter.why_held and chosen.pages_dir is not None and chosen.pages_url
        return Envelope(
            sender=chosen.mail_from or LOCAL,
            to=to,
            name="" if letter.report.advisor_id == UNASSIGNED else letter.report.reader,
            reply_to=chosen.reply_to,
            page_url=f"{chosen.pages_url.rstrip('/')}/{self._place(letter).as_posix()}" if published else "",
            college=mail.college_name,
            level=mail.mail_detail,
            picture=mail.pictures,
            page=letter.page if mail.attach_page and not letter.why_held and letter.page.exists() else None,
            code=self._code(letter) if chosen.secret_key else None,
        )

    def _code(self, letter: Letter) -> Callable[[Entry], str]:
        """Signs replies about the entries of a report."""
        last_day = self.workspace.today + timedelta(days=self.mail.reply_days)

        def signed(entry: Entry) -> str:
            about = tokens.About(letter.report.advisor_id, entry.student_id, letter.due.term, letter.due.week)
            return tokens.token(self.settings.secret_key, about, last_day)

        return signed

    # ------------------------------------------------------------ files

    def _write(self, letter: Letter, message: EmailMessage) -> None:
        """Keep what is (or would be) mailed."""
        folder = settings.private_folder(letter.due.folder / OUTBOX)
        path = folder / f"{render.file_name(letter.report.advisor_id)}.eml"
        draft = path.with_suffix(".part")
        draft.write_bytes(message.as_bytes())
        draft.chmod(0o600)
        draft.replace(path)

    def _place(self, letter: Letter) -> Path:
        """A page's place below PAGES_DIR: a folder for each advisor, into which the web server lets no one else."""
        weeks = letter.due.folder.relative_to(self.settings.reports).parent
        return Path(render.file_name(letter.report.advisor_id)) / weeks / f"{letter.due.stage}.html"

    def _publish(self, letter: Letter) -> None:
        """Copy the page to where the college's web server finds it, readable by that server's group."""
        if self.settings.pages_dir is None or letter.why_held or not letter.page.exists():
            return
        path = self.settings.pages_dir / self._place(letter)
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            draft = path.with_suffix(".part")
            shutil.copyfile(letter.page, draft)
            draft.chmod(0o640)
            draft.replace(path)
        except OSError as error:
            raise SettingsError(f"Cannot write to PAGES_DIR ({error.strerror}): make it writable.") from error


def _when(letter: Letter) -> tuple[str, int]:
    return letter.due.term, letter.due.week


def _identity(delivery: Delivery, sents: int) -> str:
    """What makes a message itself: its reader and occasion, what it says, and how often it was sent before."""
    return hashlib.sha256(f"{delivery}{sents}".encode()).hexdigest()
