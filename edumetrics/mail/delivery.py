"""Posting: the newest week's reports into the outbox or by SMTP, each once, and their pages for the web server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from edumetrics.analysis import deliveries, runs
from edumetrics.analysis.deliveries import FAILED, HELD, OUTBOX, SENT, SMTP, UNCONFIRMED, Delivery
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.college.source import College
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.mail import files, tokens
from edumetrics.mail.due import Letter, letters
from edumetrics.mail.messages import Envelope, compose, stamp
from edumetrics.mail.smtp import NotSent, Server, Unconfirmed
from edumetrics.reports.model import Entry
from edumetrics.reports.weekly import held
from edumetrics.stages import gate, weekly
from edumetrics.stages.workspace import Workspace
from edumetrics.triage.situation import Row
from edumetrics.weeks import Position

LOCAL = "edumetrics@localhost"
# The ledger's entry that says that someone has released a first mail.
RELEASE = "release"
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
        """Whether mail that was to leave did not, or may not have; in an outbox a missing address is only told of."""
        return self.leaves and bool(self.failed or self.doubtful)

    @property
    def all_held(self) -> bool:
        """Whether there was mail, and the gate holds all of it."""
        return 0 < self.held == self.letters

    def line(self) -> str:
        """It, in a sentence or a few."""
        counts = {"sent": self.sent, "in the outbox": self.written, "held": self.held, "failed": len(self.failed),
                  "not confirmed": len(self.doubtful)}  # fmt: skip
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        told = [f"Mail: {said or 'nothing to send'}."]
        told += [f"{reader}: {why}" for reader, why in self.failed]
        told += [
            f"{reader}: {UNCONFIRMED} {AGAIN.format(reader=reader)}" for reader in self.doubtful
        ]
        if self.waiting:
            told.append("A college's first mail waits to be released: `edumetrics send --approve`.")
        return " ".join(told)


def deliver(
    workspace: Workspace,
    position: Position,
    *,
    advisor: str = "",
    approve: bool = False,
    again: bool = False,
) -> Posted:
    """Post the newest week's reports; whoever calls holds the database's lock.

    Args:
        workspace: where.
        position: where the college stands.
        advisor: only this one's; the college's mail is then not released for the others.
        approve: release the college's first mail.
        again: also what was sent before; where the server never confirmed some of it, only that.

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
    store, params = workspace.store, workspace.params
    if approve and post.by_smtp and workspace.settings.mail_from:
        entry = runs.start(store, params, RELEASE, "", 0)
        with store.transaction() as connection:
            runs.done(connection, entry, 0)
    # Only a round for everyone settles the week.
    entry = runs.start(store, params, gate.MAIL, *(chosen[0].answers if chosen else ("", 0)))
    try:
        posted = post.all(chosen, approve=approve)
    except EduMetricsError as error:
        runs.failed(store, entry, error)
        raise
    if posted.broken:
        told = f"{len(posted.failed)} of {len(chosen)} mails failed, {len(posted.doubtful)} were not confirmed."
        runs.failed(store, entry, EduMetricsError(told))
        return posted
    with store.transaction() as connection:
        runs.done(connection, entry, posted.sent + posted.written)
    return posted


def described(workspace: Workspace, position: Position, advisor: str = "") -> Iterator[str]:
    """Who would be written to, line by line, and one mail as it would be sent; changes nothing.

    Raises:
        Refused: the newest week has not come to the gate.
        SettingsError: there is no such advisor.
    """
    with workspace.college() as college:
        post, chosen = Post(workspace, college), _chosen(workspace, college, position, advisor)
    for letter in chosen:
        to = post.recipient(letter.report.advisor_id)
        subject = f"held: {letter.why_held}" if letter.why_held else letter.report.subject
        mark = "  (sent before)" if post.sent_before(letter) else ""
        yield f"{letter.report.advisor_id}  {to or 'no address'}  {subject}{mark}"
    for letter in chosen:
        if letter.why_held or post.sent_before(letter):
            continue
        with suppress(SettingsError):  # whose address is none is told when it is sent
            message, _ = compose(letter.report, post.envelope(letter))
            body = message.get_body(("plain",))
            assert body is not None
            yield from (
                "",
                f"A sample, to {message['To']}:",
                "",
                body.get_content().replace("\r\n", "\n"),
            )
            return


def _chosen(
    workspace: Workspace, college: College, position: Position, advisor: str
) -> list[Letter]:
    found = [
        one
        for one in letters(workspace, college, position)
        if advisor in ("", one.report.advisor_id)
    ]
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
        """Whether someone has released a first mail of this college."""
        return self.workspace.store.holds("run_log", stage=RELEASE, status="done")

    def sent_before(self, letter: Letter) -> bool:
        """Whether a letter has gone out by SMTP."""
        return any(row["status"] == SENT for row in self._before(letter, SMTP))

    def recipient(self, advisor: str) -> str:
        """Where an advisor's mail goes; that of students without one to whoever looks after them."""
        if advisor != UNASSIGNED:
            return str(self.addresses.get(advisor, ""))
        other = self.workspace.params.triage.unassigned_to
        return str(self.addresses.get(other or "", "")) or self.settings.operator_email

    def all(self, chosen: list[Letter], *, approve: bool) -> Posted:
        """Post letters, and publish their pages; what went out before is left alone."""
        sends = self.by_smtp and (approve or self.released)
        self.posted.letters, self.posted.leaves = len(chosen), sends
        self.posted.waiting = self.by_smtp and not sends and bool(chosen)
        if sends and not self.settings.mail_from:
            raise SettingsError(
                "MAIL_FROM is not set: name the address that advisors' mail comes from."
            )
        doubtful = {id(letter) for letter in chosen if sends and self._in_doubt(letter)}
        with Server(self.settings.smtp_url, self.mail) if sends else nullcontext() as server:
            for letter in chosen:
                if sends and self.settings.pages_dir is not None:
                    files.publish(letter, self.settings.pages_dir)
                if letter.why_held:
                    self._hold(letter, server)
                elif server is None:
                    if not self.sent_before(letter):
                        self._write(letter)
                elif not self.sent_before(letter) or (
                    self.again and (not doubtful or id(letter) in doubtful)
                ):
                    self._send(letter, server, SENT)
                elif id(letter) in doubtful:
                    self.posted.doubtful.append(letter.report.advisor_id)
        return self.posted

    def _hold(self, letter: Letter, server: Server | None) -> None:
        """Note that a letter is held. An advisor whose own class is held is told why, once, unless the list is out."""
        self.posted.held += 1
        out = self.sent_before(letter)
        told = any(row["status"] == HELD for row in self._before(letter, SMTP))
        if server and letter.due.stage == weekly.STAGE and not (letter.everyone or out or told):
            self._send(letter, server, HELD)
            return
        if not out:
            files.outbox(letter).unlink(missing_ok=True)
        if not told:
            deliveries.replace(
                self.workspace.store, self._delivery(letter, SMTP if server else OUTBOX), HELD
            )

    def _write(self, letter: Letter) -> None:
        """Write a letter to the outbox, and no further."""
        delivery = self._delivery(letter, OUTBOX)
        composed = self._composed(letter, delivery)
        if composed is not None:
            message, content = composed
            files.keep(letter, message.as_bytes())
            deliveries.replace(
                self.workspace.store, replace(delivery, content_sha256=content), SENT
            )
            self.posted.written += 1

    def _send(self, letter: Letter, server: Server, status: str) -> None:
        """Mail a letter, or (`HELD`) the word that it is held."""
        delivery = self._delivery(letter, SMTP)
        composed = self._composed(letter, delivery)
        if composed is None:
            return
        message, content = composed
        files.keep(letter, message.as_bytes())
        entry = deliveries.Entry(self.workspace.store, replace(delivery, content_sha256=content))
        try:
            server.send(message, delivery.recipient, lambda: entry.says(status, UNCONFIRMED))
        except Unconfirmed:
            if status == SENT:
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

    def _composed(self, letter: Letter, delivery: Delivery) -> tuple[EmailMessage, str] | None:
        """A letter's message and fingerprint; None where it has no address, which is told of."""
        try:
            report = held(letter.report, letter.why_held) if letter.why_held else letter.report
            message, content = compose(report, self.envelope(letter))
        except SettingsError as error:
            deliveries.enter(self.workspace.store, delivery, FAILED, str(error))
            self.posted.failed.append((letter.report.advisor_id, str(error)))
            return None
        sents = sum(row["status"] == SENT for row in self._before(letter, delivery.channel))
        identity = hashlib.sha256(f"{delivery.key}{content}{sents}".encode()).hexdigest()
        stamp(message, datetime.now(UTC), identity)
        return message, content

    def envelope(self, letter: Letter) -> Envelope:
        """What the message of a letter says beside the report.

        Raises:
            SettingsError: no address is known.
        """
        to, chosen, mail = self.recipient(letter.report.advisor_id), self.settings, self.mail
        nobody = letter.report.advisor_id == UNASSIGNED
        if not to:
            hint = ": set unassigned_to in triage.yml, or OPERATOR_EMAIL." if nobody else "."
            raise SettingsError(f"No mail address is known{hint}")
        shown = not letter.why_held and letter.page.exists()
        linked = shown and chosen.pages_dir is not None and chosen.pages_url
        return Envelope(
            sender=chosen.mail_from or LOCAL,
            to=to,
            name="" if nobody else letter.report.reader,
            reply_to=chosen.reply_to,
            page_url=f"{chosen.pages_url.rstrip('/')}/{files.place(letter).as_posix()}"
            if linked
            else "",
            college=mail.college_name,
            level=mail.mail_detail,
            picture=mail.pictures,
            page=letter.page if mail.attach_page and shown else None,
            code=self._code(letter) if chosen.secret_key else None,
        )

    def _code(self, letter: Letter) -> Callable[[Entry], str]:
        """Signs replies about the entries of a report."""
        last_day = self.workspace.today + timedelta(days=self.mail.reply_days)

        def signed(entry: Entry) -> str:
            about = tokens.About(letter.report.advisor_id, entry.student_id, *letter.answers)
            return tokens.token(self.settings.secret_key, about, last_day)

        return signed

    def _delivery(self, letter: Letter, channel: str) -> Delivery:
        due, advisor = letter.due, letter.report.advisor_id
        return Delivery(
            advisor, due.stage, due.term, due.week, channel, self.recipient(advisor), ""
        )

    def _before(self, letter: Letter, channel: str) -> list[Row]:
        return deliveries.entered(self.workspace.store, **self._delivery(letter, channel).key)

    def _in_doubt(self, letter: Letter) -> bool:
        """Whether a letter's last sending was never confirmed."""
        sent = [row for row in self._before(letter, SMTP) if row["status"] == SENT]
        return bool(sent) and sent[-1]["error"] == UNCONFIRMED
